//! Two sinks of one job must not share a folder: each would remove what the other has pending.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use crate::error::{Error, Result};
use crate::job::Subtask;

/// Who writes to which folder in this process: job and folder to the operator, as long as it has a writer.
static CLAIMS: Mutex<BTreeMap<(String, PathBuf), Weak<String>>> = Mutex::new(BTreeMap::new());

/// A folder that belongs to an operator as long as this lives.
pub(super) type Claim = Arc<String>;

pub(super) fn claim(folder: &Path, subtask: &Subtask) -> Result<Claim> {
    let folder_as_found = std::fs::canonicalize(folder).unwrap_or_else(|_| folder.to_owned());
    let mut claims = CLAIMS.lock().unwrap_or_else(PoisonError::into_inner);
    claims.retain(|_, claim| claim.strong_count() > 0);
    let key = (subtask.job_id.clone(), folder_as_found);
    match claims.get(&key).and_then(Weak::upgrade) {
        Some(owner) if *owner == subtask.operator => Ok(owner),
        Some(owner) => Err(Error::refused(format!(
            "{}: both {owner} and {} write to this folder: give each sink its own",
            folder.display(),
            subtask.operator
        ))),
        None => {
            let claim = Arc::new(subtask.operator.clone());
            claims.insert(key, Arc::downgrade(&claim));
            Ok(claim)
        }
    }
}
