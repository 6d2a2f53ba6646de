//! Appending links: which creds key they use, and what the objects look like.

use std::borrow::Cow;
use std::sync::atomic::{AtomicU64, Ordering};

use super::Dataset;
use super::companions::FileInfo;
use super::creds::unknown_key;
use super::decode::linked_shape;
use super::link_read::{LinkedObject, distinct_jobs, link_error};
use super::output::EachSlots;
use super::prepare::{Row, Rows, SampleInput, Samples};
use super::state::State;
use crate::codec::image;
use crate::dtype::Dtype;
use crate::engine::{Engine, Interrupt};
use crate::error::{Context, Error, Kind, Result};
use crate::fetch::{self, Failures};
use crate::format::TensorMeta;
use crate::links;

/// Links that are ready to be packed.
#[derive(Debug)]
pub(crate) struct LinkRows<'a> {
    pub(crate) rows: Rows<'a>,
    /// Number of the creds key of each, 0 for none.
    pub(crate) numbers: Vec<u32>,
    /// Names of the creds keys in use.
    pub(crate) used: Vec<String>,
    /// Shapes of the linked objects; `None` where nothing was looked at or the link is empty.
    pub(crate) shapes: Vec<Option<Vec<u32>>>,
    /// Element type of the first object.
    pub(crate) dtype: Option<Dtype>,
}

/// Stores whose links are not read yet.
const LATER_PREFIXES: [&str; 3] = ["az://", "azure://", "gdrive://"];

impl Dataset {
    /// Checks links and, where the tensor verifies, the objects behind them.
    pub(crate) fn prepare_links<'a>(
        &self,
        meta: &TensorMeta,
        samples: Samples<'a>,
        interrupt: &dyn Interrupt,
    ) -> Result<LinkRows<'a>> {
        let Samples::Each(samples) = samples else { return Err(not_a_link(meta.length)) };
        let mut links: Vec<(&'a str, Option<&'a str>)> = Vec::with_capacity(samples.len());
        for (at, sample) in (meta.length..).zip(samples) {
            links.push(match sample {
                SampleInput::None => ("", None),
                SampleInput::Link { path, creds_key } => (path, creds_key),
                _ => return Err(not_a_link(at)),
            });
        }
        // A link that is refused unseen counts with those that turn out to be bad: the lowest wins.
        let (creds, refused) = self.creds_of(meta.length, &links);
        let looked_at: Vec<_> = if meta.verify {
            let usable = links.get(..creds.numbers.len()).unwrap_or(&links);
            self.look_at(meta, usable, interrupt)?
        } else {
            vec![None; links.len()]
        };
        if let Some(error) = refused {
            return Err(error);
        }
        let dtype = match &meta.dtype {
            Some(_) => None,
            None => Some(self.first_dtype(meta, &links, &looked_at, interrupt)?),
        };
        let mut rows = Vec::with_capacity(links.len());
        let mut shapes = Vec::with_capacity(links.len());
        let rank = rank_of(meta, &looked_at);
        for ((path, _), seen) in links.into_iter().zip(looked_at) {
            let file = seen.map(|(file, _)| file);
            let shape = file.as_ref().map(|file| linked_shape(file.shape.clone(), rank));
            let narrow = |dim: u64| u32::try_from(dim).unwrap_or(u32::MAX);
            shapes.push(shape.map(|shape| shape.into_iter().map(narrow).collect()));
            rows.push(Row {
                shape: Some(vec![1]),
                bytes: Cow::Borrowed(path.as_bytes()),
                is_none: path.is_empty(),
                file,
            });
        }
        Ok(LinkRows {
            rows: Rows::Each(rows),
            numbers: creds.numbers,
            used: creds.used,
            shapes,
            dtype,
        })
    }

    /// Numbers of the creds keys, up to the first link that cannot be stored, and why not.
    fn creds_of(&self, first: u64, links: &[(&str, Option<&str>)]) -> (CredsInUse, Option<Error>) {
        let state = self.state();
        let mut creds = CredsInUse::default();
        for (at, (path, creds_key)) in (first..).zip(links) {
            match number_of(&state, path, *creds_key) {
                Ok(number) => creds.numbers.push(number),
                Err(error) => return (creds, Some(error.at_index(at))),
            }
            if let Some(key) = creds_key
                && !creds.used.iter().any(|known| known == key)
            {
                creds.used.push((*key).to_owned());
            }
        }
        (creds, None)
    }

    /// Reads every distinct object once, and verifies it.
    fn look_at(
        &self,
        meta: &TensorMeta,
        links: &[(&str, Option<&str>)],
        interrupt: &dyn Interrupt,
    ) -> Result<Vec<Option<(FileInfo, Dtype)>>> {
        let limits = self.limits();
        let seen = EachSlots::new(links.len())?;
        let (jobs, empty) =
            distinct_jobs(self.links(), limits.max_sample_bytes, links.iter().copied());
        empty.iter().for_each(|slot| seen.put(*slot, None));
        let counted = CountLinks { interrupt, done: AtomicU64::new(empty.len() as u64) };
        let process = |object: LinkedObject, failures: &Failures| {
            let fail = |slot: u64, error: Error| {
                let error = bad_link(error, &object.place);
                failures.push(slot, error.at_index(meta.length + slot));
            };
            let first = object.slots.first().copied().unwrap_or(0);
            let (bytes, _permit) = match object.read {
                Ok(read) => read,
                Err(error) => return fail(first, error),
            };
            let looked = image::verify(&bytes).and_then(|()| image::info(&bytes));
            let info = match looked {
                Ok(info) => info,
                Err(error) => return fail(first, link_error(error.into(), &object.place)),
            };
            for slot in &object.slots {
                let path = usize::try_from(*slot).ok().and_then(|slot| links.get(slot));
                let file = FileInfo::of_image(&bytes, &info, path.map(|(path, _)| *path));
                seen.put(*slot, Some((file, info.dtype)));
            }
            counted.done.fetch_add(object.slots.len() as u64, Ordering::Relaxed);
        };
        fetch::run(&*Engine::current()?, jobs, &limits.fetch, &counted, process)?;
        seen.finish()
    }

    /// The dtype of the first object, which a new tensor takes; uint8 when it cannot be told
    /// (format 9.2).
    fn first_dtype(
        &self,
        meta: &TensorMeta,
        links: &[(&str, Option<&str>)],
        looked_at: &[Option<(FileInfo, Dtype)>],
        interrupt: &dyn Interrupt,
    ) -> Result<Dtype> {
        if let Some((_, dtype)) = looked_at.iter().flatten().next() {
            return Ok(*dtype);
        }
        let first: Vec<_> =
            links.iter().filter(|(path, _)| !path.is_empty()).take(1).copied().collect();
        match self.look_at(meta, &first, interrupt) {
            Ok(seen) => {
                Ok(seen.first().and_then(Option::as_ref).map_or(Dtype::UInt8, |(_, dtype)| *dtype))
            }
            Err(error) if error.kind() == Kind::Interrupted => Err(error),
            Err(error) => {
                tracing::debug!(%error, "the first link of an unverified tensor is not readable");
                Ok(Dtype::UInt8)
            }
        }
    }
}

/// The creds keys of new links.
#[derive(Debug, Default)]
struct CredsInUse {
    /// One for each link; 0 for none.
    numbers: Vec<u32>,
    used: Vec<String>,
}

fn number_of(state: &State, path: &str, creds_key: Option<&str>) -> Result<u32> {
    if let Some(prefix) = LATER_PREFIXES.iter().find(|prefix| path.starts_with(**prefix)) {
        return Err(Error::unsupported(format!("links to {prefix}")));
    }
    match creds_key {
        Some(key) => state.creds.number_of(key).ok_or_else(|| unknown_key(key)),
        // Cloud storage is never read anonymously by accident (format 9.2).
        None if links::is_in_cloud(path) => Err(Error::new(
            Kind::InvalidInput,
            format!(
                "the link {} needs a creds key, as all links to cloud storage do",
                links::display(path)
            ),
        )
        .with_hint("pass it as deeplake.link(path, creds_key=...)")),
        None => Ok(0),
    }
}

/// Tells the caller about links where the fetch counts objects: one may stand behind many links.
struct CountLinks<'a> {
    interrupt: &'a dyn Interrupt,
    done: AtomicU64,
}

impl Interrupt for CountLinks<'_> {
    fn stop_requested(&self) -> bool {
        self.interrupt.stop_requested()
    }

    fn progress(&self, _objects: u64) {
        self.interrupt.progress(self.done.load(Ordering::Relaxed));
    }
}

/// Images of a tensor are 3-d as soon as one of them is (format 3.3).
fn rank_of(meta: &TensorMeta, seen: &[Option<(FileInfo, Dtype)>]) -> Option<usize> {
    let known = Some(meta.max_shape.len()).filter(|rank| *rank > 0);
    let image = meta.htype.as_deref().is_some_and(|htype| htype.starts_with("image"));
    known.or_else(|| {
        let ranks = seen.iter().flatten().map(|(file, _)| file.shape.len());
        if image { ranks.map(|_| 3).next() } else { ranks.max() }
    })
}

fn bad_link(error: Error, place: &Context) -> Error {
    if error.kind() == Kind::Interrupted {
        return error;
    }
    let url = place.url.as_deref().unwrap_or("");
    let unseen = "create the tensor with verify=False to append links without looking at them";
    let hint = error.hint().unwrap_or(unseen).to_owned();
    error
        .wrap(Kind::BadLink, format_args!("the link {url} cannot be appended"))
        .with_context(place.clone())
        .with_hint(hint)
}

fn not_a_link(index: u64) -> Error {
    Error::new(Kind::InvalidInput, "a link tensor takes only links")
        .with_hint("wrap paths and URLs in deeplake.link(path, creds_key=...)")
        .at_index(index)
}
