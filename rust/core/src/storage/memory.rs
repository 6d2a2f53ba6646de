//! Stores in the memory of this process, found again by name.

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;
use std::sync::{Arc, PoisonError, Weak};

use async_trait::async_trait;
use bytes::Bytes;

use super::counters::Counters;
use super::error::{Reason, StorageError};
use super::incoming::{Body, Incoming};
use super::key::check_key_of_files;
use super::{Backend, Entry, Found, Result, Version};
use crate::engine::fork::{Mutex, RwLock};

type Objects = RwLock<BTreeMap<String, Bytes>>;

/// Every memory store that somebody still holds.
static STORES: Mutex<Option<HashMap<String, Weak<Objects>>>> = Mutex::new(None);

pub(super) struct MemoryStore {
    name: String,
    objects: Arc<Objects>,
    counters: Arc<Counters>,
}

impl MemoryStore {
    pub(super) fn open(name: &str, counters: Arc<Counters>) -> Self {
        let mut guard = STORES.lock().unwrap_or_else(PoisonError::into_inner);
        let stores = guard.get_or_insert_with(HashMap::new);
        stores.retain(|_, objects| objects.strong_count() > 0);
        let objects = stores.get(name).and_then(Weak::upgrade).unwrap_or_else(|| {
            let objects = Arc::<Objects>::default();
            stores.insert(name.to_owned(), Arc::downgrade(&objects));
            objects
        });
        Self { name: name.to_owned(), objects, counters }
    }

    fn read(&self, key: &str) -> Result<Bytes, StorageError> {
        self.counters.request();
        let objects = self.objects.read().unwrap_or_else(PoisonError::into_inner);
        objects.get(key).cloned().ok_or_else(|| {
            StorageError::new("read", self.display(key), Reason::ObjectNotFound).at_file(key)
        })
    }

    fn change<T>(&self, change: impl FnOnce(&mut BTreeMap<String, Bytes>) -> T) -> T {
        self.counters.request();
        change(&mut self.objects.write().unwrap_or_else(PoisonError::into_inner))
    }
}

/// The part of `bytes` that `range` covers.
pub(super) fn slice(bytes: &Bytes, range: &Range<u64>) -> Bytes {
    let clamp = |at: u64| usize::try_from(at).unwrap_or(usize::MAX).min(bytes.len());
    bytes.slice(clamp(range.start)..clamp(range.end))
}

#[async_trait]
impl Backend for MemoryStore {
    fn check(&self, key: &str) -> Result<(), &'static str> {
        check_key_of_files(key)
    }

    fn display(&self, key: &str) -> String {
        format!("mem://{}/{key}", self.name)
    }

    async fn open_read(&self, key: &str) -> Result<Incoming, StorageError> {
        let bytes = self.read(key)?;
        let size = bytes.len() as u64;
        Ok(Incoming::new(size, self.display(key), Some(key), Body::Ready(bytes)))
    }

    async fn get_range(&self, key: &str, range: Range<u64>) -> Result<Bytes, StorageError> {
        Ok(slice(&self.read(key)?, &range))
    }

    async fn size(&self, key: &str) -> Result<u64, StorageError> {
        Ok(self.read(key)?.len() as u64)
    }

    async fn put(&self, key: &str, bytes: Bytes) -> Result<(), StorageError> {
        self.change(|objects| objects.insert(key.to_owned(), bytes));
        Ok(())
    }

    async fn put_new(&self, key: &str, bytes: Bytes) -> Result<bool, StorageError> {
        Ok(self.change(|objects| {
            if objects.contains_key(key) {
                return false;
            }
            objects.insert(key.to_owned(), bytes);
            true
        }))
    }

    async fn put_if_unchanged(
        &self,
        key: &str,
        bytes: Bytes,
        was: &Version,
    ) -> Result<bool, StorageError> {
        Ok(self.change(|objects| match objects.get_mut(key) {
            Some(object) if *object == was.content => {
                *object = bytes;
                true
            }
            _ => false,
        }))
    }

    async fn delete(&self, keys: &[String]) -> Result<(), StorageError> {
        self.change(|objects| {
            for key in keys {
                objects.remove(key);
            }
        });
        Ok(())
    }

    async fn list(&self, prefix: &str, limit: usize) -> Result<Found, StorageError> {
        self.counters.request();
        let folder = if prefix.is_empty() { String::new() } else { format!("{prefix}/") };
        let objects = self.objects.read().unwrap_or_else(PoisonError::into_inner);
        Ok(objects
            .range(folder.clone()..)
            .take_while(|(key, _)| key.starts_with(&folder))
            .take(limit)
            .map(|(key, bytes)| Entry { key: key.clone(), size: bytes.len() as u64 })
            .collect::<Vec<_>>()
            .into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slices_stay_inside() {
        let bytes = Bytes::from_static(b"abc");
        assert_eq!(slice(&bytes, &(1..2)), "b");
        assert_eq!(slice(&bytes, &(1..u64::MAX)), "bc");
        assert_eq!(slice(&bytes, &(7..9)), "");
    }
}
