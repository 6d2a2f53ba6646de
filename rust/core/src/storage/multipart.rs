//! Large objects go in parts: one request carries 5 GiB at most, and one that breaks starts again.

use bytes::Bytes;
use futures::stream::{self, StreamExt, TryStreamExt};
use object_store::path::Path;
use object_store::{MultipartUpload, ObjectStore, PutMultipartOptions, PutPayload, Result};

use crate::engine::Engine;

/// The most bytes that go in one request: more than packed chunks have, and than most links.
pub(super) const MAX_WHOLE_BYTES: usize = 32 << 20;

/// Bytes of a part; S3 takes no less than 5 MiB, but for the last one.
pub(super) const PART_BYTES: usize = 8 << 20;

/// No object of S3 or Google Cloud Storage has more parts.
const MAX_PARTS: usize = 10_000;

/// Parts sent at the same time. All of them are in memory already.
const PARALLEL_PARTS: usize = 4;

/// An upload that is given up unless it is completed: stores keep its parts, and charge for them.
struct Upload(Option<Box<dyn MultipartUpload>>);

impl Upload {
    async fn give_up(mut self) {
        if let Some(upload) = self.0.take() {
            abort(upload).await;
        }
    }
}

impl Drop for Upload {
    /// Nobody waits for the upload any more.
    fn drop(&mut self) {
        if let (Some(upload), Ok(engine)) = (self.0.take(), Engine::current()) {
            engine.handle().spawn(abort(upload));
        }
    }
}

async fn abort(mut upload: Box<dyn MultipartUpload>) {
    if let Err(error) = upload.abort().await {
        tracing::warn!(%error, "the parts of an upload that failed could not be removed");
    }
}

/// Puts an object in place, which appears whole when its last part has come.
pub(super) async fn put(
    client: impl ObjectStore,
    path: Path,
    bytes: Bytes,
    part_bytes: usize,
) -> Result<()> {
    let size = part_bytes.max(bytes.len().div_ceil(MAX_PARTS)).max(1);
    let begun = client.put_multipart_opts(&path, PutMultipartOptions::default()).await?;
    let mut upload = Upload(Some(begun));
    let result = send(&mut upload, &bytes, size).await;
    if result.is_err() {
        upload.give_up().await;
    } else {
        upload.0 = None;
    }
    result
}

async fn send(upload: &mut Upload, bytes: &Bytes, size: usize) -> Result<()> {
    let Some(upload) = &mut upload.0 else { return Ok(()) };
    let starts = (0..bytes.len()).step_by(size);
    let parts: Vec<_> = starts
        .map(|start| bytes.slice(start..bytes.len().min(start.saturating_add(size))))
        .map(|part| upload.put_part(PutPayload::from_bytes(part)))
        .collect();
    stream::iter(parts).buffer_unordered(PARALLEL_PARTS).try_collect::<()>().await?;
    upload.complete().await.map(drop)
}

#[cfg(test)]
mod tests {
    use object_store::ObjectStoreExt;
    use object_store::memory::InMemory;

    use super::*;
    use crate::engine::NeverInterrupted;
    use crate::error::Error;

    #[test]
    fn parts_are_joined_in_order() {
        let all = Bytes::from((0..=255).cycle().take(25_001).collect::<Vec<u8>>());
        for (size, part_bytes) in [(1, 5), (5, 5), (6, 5), (251, 10), (25_001, 1)] {
            let (store, path) = (std::sync::Arc::new(InMemory::new()), Path::from("x"));
            let bytes = all.slice(..size);
            let put_and_get = async {
                let sent =
                    put(std::sync::Arc::clone(&store), path.clone(), bytes.clone(), part_bytes);
                sent.await.map_err(|error| Error::internal(error.to_string()))?;
                let got =
                    store.get(&path).await.map_err(|error| Error::internal(error.to_string()))?;
                got.bytes().await.map_err(|error| Error::internal(error.to_string()))
            };
            let got = Engine::current().unwrap().block_on(put_and_get, &NeverInterrupted);
            assert_eq!(got.unwrap(), bytes, "{size} bytes in parts of {part_bytes}");
        }
    }
}
