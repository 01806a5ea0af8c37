//! Everything that the API serves from.

use std::sync::Arc;

use ocelli_core::WallTime;
use tokio::sync::watch;

use crate::{Configuration, Hub, token::TokenCheck};

/// One running ocelli: made by `run`, shared by everyone who serves.
pub struct Site {
    /// What happens now.
    pub hub: Hub,
    /// The configuration that is in force; it changes when the file does.
    pub configuration: watch::Receiver<Arc<Configuration>>,
    /// When it was started.
    pub started: WallTime,
    /// Who may ask.
    pub token: TokenCheck,
}

impl Site {
    /// The configuration that is in force now.
    pub fn configuration(&self) -> Arc<Configuration> {
        Arc::clone(&self.configuration.borrow())
    }
}
