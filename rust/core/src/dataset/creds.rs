//! The creds keys of linked tensors: their names, which are stored, and what stands behind them.
//!
//! The file of names belongs to all branches, so other writers may change it at any time. A sample
//! stores the position of its key's name: positions are given out, and names changed, in the file
//! itself, under its lock, before anything uses them.

use super::Dataset;
use super::lock::while_locked;
use crate::engine::{Engine, Interrupt};
use crate::error::{Error, Kind, Result, quoted};
use crate::format::{LinkedCreds, check_creds_key, keys};
use crate::links::LinkCreds;
use crate::storage::Store;

impl Dataset {
    /// Names of the creds keys, in the order that gives them their numbers.
    #[must_use]
    pub fn creds_keys(&self) -> Vec<String> {
        self.state().creds.names()
    }

    /// Declares a creds key, at once.
    ///
    /// # Errors
    /// `CredsExist`, `ReadOnly`, `Locked`, and those of the store.
    pub fn add_creds_key(&self, creds_key: &str, interrupt: &dyn Interrupt) -> Result<()> {
        let _turn = self.start_change(interrupt)?;
        check_creds_key(creds_key)?;
        let known = |creds: &LinkedCreds| match creds.number_of(creds_key) {
            None => Ok(()),
            Some(_) => Err(Error::new(
                Kind::CredsExist,
                format!("the dataset has a creds key {} already", quoted(creds_key)),
            )),
        };
        known(&self.state().creds)?;
        self.change_creds(interrupt, |creds| {
            known(creds)?;
            creds.add(creds_key);
            Ok(())
        })
    }

    /// Gives a creds key another name, at once: all samples that use it use the new name. Its
    /// credentials go with it, unless there is a key of that name, with which it becomes one.
    ///
    /// # Errors
    /// `MissingCreds` when there is no such key; `ReadOnly`, `Locked`, and those of the store.
    pub fn rename_creds_key(&self, old: &str, new: &str, interrupt: &dyn Interrupt) -> Result<()> {
        let _turn = self.start_change(interrupt)?;
        check_creds_key(new)?;
        self.change_creds(interrupt, |creds| {
            if creds.rename(old, new) { Ok(()) } else { Err(unknown_key(old)) }
        })?;
        self.links().rename(old, new);
        Ok(())
    }

    /// Gives the credentials behind a creds key, for this handle only: nothing is stored.
    ///
    /// # Errors
    /// `MissingCreds` when the dataset has no such key.
    pub fn populate_creds(&self, creds_key: &str, creds: LinkCreds) -> Result<()> {
        self.check_open()?;
        if self.state().creds.number_of(creds_key).is_none() {
            return Err(unknown_key(creds_key));
        }
        self.links().populate(creds_key, creds);
        Ok(())
    }

    /// Changes the file of names, and takes over what it says.
    fn change_creds(
        &self,
        interrupt: &dyn Interrupt,
        change: impl Fn(&mut LinkedCreds) -> Result<()> + Send,
    ) -> Result<()> {
        let own = self.state().creds.clone();
        let save = save_creds(self.store(), own, self.inner.lock_enabled, change);
        let saved = Engine::current()?.block_on(save, interrupt)?;
        let mut state = self.state_mut();
        state.creds = saved;
        state.dirty.creds = false;
        Ok(())
    }
}

/// The error for a creds key that the dataset does not have.
pub(crate) fn unknown_key(creds_key: &str) -> Error {
    let key = quoted(creds_key);
    Error::new(Kind::MissingCreds, format!("the dataset has no creds key {key}"))
        .with_hint(format!("call ds.add_creds_key({key}) first"))
}

/// Brings together what is stored and what a handle knows, changes it and stores it: keys of other
/// writers stay (format 9.3). Returns what the file says then.
pub(crate) async fn save_creds(
    store: &Store,
    own: LinkedCreds,
    lock_enabled: bool,
    change: impl Fn(&mut LinkedCreds) -> Result<()> + Send,
) -> Result<LinkedCreds> {
    let save = async {
        let stored = store.get_optional(keys::LINKED_CREDS).await?;
        let stored = stored.map(|bytes| LinkedCreds::parse(&bytes)).transpose();
        let stored = stored.map_err(|error| Error::from(error).at_file(keys::LINKED_CREDS))?;
        let mut creds = own;
        if let Some(stored) = &stored {
            creds.merge(stored);
        }
        change(&mut creds)?;
        if stored.as_ref() != Some(&creds) {
            store.put(keys::LINKED_CREDS, creds.to_bytes().into()).await?;
        }
        Ok(creds)
    };
    if lock_enabled {
        while_locked(store, keys::VERSION_CONTROL_LOCK, save).await
    } else {
        save.await
    }
}
