//! Folders that are made as durably as what is put into them.

use std::fs::{self, File};
use std::io;
use std::path::Path;

/// Makes a folder and those above it that are missing. Each is a name in the one above, which is synced: or else a
/// power failure could take a folder away whose files are durable.
pub(crate) fn make(path: &Path) -> io::Result<()> {
    let path = std::path::absolute(path)?;
    let missing: Vec<_> = path.ancestors().take_while(|folder| !folder.exists()).collect();
    fs::create_dir_all(&path)?;
    let above = missing.iter().rev().filter_map(|folder| folder.parent());
    above.map(File::open).try_for_each(|folder| folder?.sync_all())
}
