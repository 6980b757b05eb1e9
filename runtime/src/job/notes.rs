//! What a person should know of a start.

use std::sync::{Arc, Mutex, PoisonError};

use super::note;

/// What is said of a start: at once, and kept for whoever started the job. Copies mean the same.
#[derive(Debug, Clone, Default)]
pub(crate) struct Notes(Arc<Mutex<Vec<String>>>);

impl Notes {
    pub(crate) fn say(&self, text: String) {
        note(&text);
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(text);
    }

    /// What was said so far.
    pub(crate) fn said(&self) -> Vec<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
