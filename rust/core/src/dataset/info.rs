//! The free JSON objects of users: `ds.info` and `tensor.info`.
//!
//! They pass through as bytes: what a user's JSON means is Python's business, so that NaN, huge
//! integers and lone surrogates survive.

use super::Dataset;
use crate::engine::{Engine, Interrupt};
use crate::error::Result;
use crate::format::{DatasetDiff, keys};

impl Dataset {
    /// The JSON object of the dataset, or of a tensor; `{}` when none was set.
    ///
    /// # Errors
    /// `TensorNotFound`, and those of the store.
    pub fn info(&self, tensor: Option<&str>, interrupt: &dyn Interrupt) -> Result<Vec<u8>> {
        self.check_open()?;
        let file = {
            let state = self.state();
            let Some(name) = tensor else { return Ok(or_empty(state.info.clone())) };
            let tensor = state.tensor(name)?;
            if let Some(info) = tensor.writing.as_ref().and_then(|writing| writing.info.clone()) {
                return Ok(info);
            }
            keys::tensor_info(&state.commit, &tensor.key)
        };
        let store = self.store().clone();
        let read = async move { store.get_optional(&file).await };
        let bytes = Engine::current()?.block_on(read, interrupt)?;
        Ok(or_empty(bytes.map_or_else(Vec::new, |bytes| bytes.to_vec())))
    }

    /// Replaces the JSON object of the dataset, or of a tensor.
    ///
    /// # Errors
    /// `ReadOnly`, `TensorNotFound`, and those of the store.
    pub fn set_info(
        &self,
        tensor: Option<&str>,
        info: Vec<u8>,
        interrupt: &dyn Interrupt,
    ) -> Result<()> {
        let _turn = self.start_change(interrupt)?;
        let Some(name) = tensor else {
            let mut state = self.state_mut();
            state.info = info;
            state.dirty.info = true;
            state.diff.get_or_insert_with(DatasetDiff::default).info_updated = true;
            return Ok(());
        };
        self.load_writing(name, interrupt)?;
        let mut state = self.state_mut();
        let key = state.key_of(name)?.to_owned();
        let writing = state.by_key_mut(&key)?.writing_mut()?;
        writing.info = Some(info);
        writing.diff.info_updated = true;
        writing.dirty.info = true;
        writing.dirty.data = true;
        Ok(())
    }
}

fn or_empty(info: Vec<u8>) -> Vec<u8> {
    if info.is_empty() { b"{}".to_vec() } else { info }
}
