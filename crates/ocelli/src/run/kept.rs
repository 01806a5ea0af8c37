//! What is kept in the data directory: events and stills, as long as each other.

use std::path::Path;

use ocelli_engine::clock;
use ocelli_sinks::{
    stills::{StillOptions, Stills},
    store::{Store, StoreError, StoreOptions},
};

use super::{RunError, STILLS_FOLDER, STORE_FOLDER};

/// Events and stills.
pub(super) struct Kept {
    pub(super) store: Store,
    pub(super) stills: Stills,
}

impl Kept {
    /// Opens both, and says what is damaged. Events take so many bytes at most.
    pub(super) fn open(data_dir: &Path, bytes_max: Option<u64>) -> Result<Self, RunError> {
        let failed = |dir: &Path| {
            let dir = dir.display().to_string();
            move |error: StoreError| RunError::Store { dir, error }
        };
        let dir = data_dir.join(STORE_FOLDER);
        let options = StoreOptions {
            bytes_max,
            ..StoreOptions::default()
        };
        let opened = Store::open(&dir, options);
        let (store, damage) = opened.map_err(failed(&dir))?;
        for damage in damage {
            tracing::error!("{} is damaged: {}", damage.file, damage.reason);
        }
        let dir = data_dir.join(STILLS_FOLDER);
        let opened = Stills::open(&dir, StillOptions::default());
        let (stills, damage) = opened.map_err(failed(&dir))?;
        for damage in damage {
            tracing::error!("{damage}");
        }
        Ok(Self { store, stills })
    }

    /// Removes what has expired.
    pub(super) async fn expire(&self) {
        match self.store.retain(clock::wall()).await {
            Ok(retained) => {
                for file in retained.expired.iter().chain(&retained.over_quota) {
                    tracing::info!(
                        "{file} is gone: its time had passed, or there was no more room"
                    );
                }
                for file in retained.failed {
                    tracing::warn!("{file} has expired and cannot be removed yet");
                }
            }
            Err(error) => tracing::error!("what has expired cannot be removed: {error}"),
        }
        match self.stills.retain(&self.store).await {
            Ok(retained) => {
                for period in retained.gone {
                    tracing::info!("the stills of {period} are gone with their events");
                }
                for period in retained.failed {
                    tracing::warn!("the stills of {period} cannot be removed yet");
                }
            }
            Err(error) => tracing::error!("stills that have expired cannot be removed: {error}"),
        }
    }
}
