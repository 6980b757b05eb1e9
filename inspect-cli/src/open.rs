//! Opens a savepoint, whoever wrote it. From here on nobody asks which engine that was.

use std::path::Path;

use spt_flink::FlinkSource;
use spt_format::{ColumnarReader, SavepointSource};

use crate::error::Result;
use crate::locate::{Metadata, locate};
use crate::ui::Ui;

/// The savepoint at a path as people name it, see [`locate`].
///
/// # Errors
/// If there is none, or it cannot be read.
pub(crate) fn open(path: &Path, ui: &Ui) -> Result<Box<dyn SavepointSource>> {
    let found = locate(path, ui)?;
    open_found(&found)
}

/// The savepoint whose metadata was found.
///
/// # Errors
/// If it cannot be read.
pub(crate) fn open_found(found: &Metadata) -> Result<Box<dyn SavepointSource>> {
    Ok(match found {
        Metadata::Columnar(folder) => Box::new(ColumnarReader::options().open(folder)?),
        Metadata::Flink(file) => Box::new(FlinkSource::open(file)?),
    })
}
