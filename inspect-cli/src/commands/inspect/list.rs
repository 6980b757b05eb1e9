//! `spt inspect FOLDER`: the savepoints below a folder, one line each.

use std::path::Path;

use crate::error::Result;
use crate::exit::Exit;
use crate::locate::{Metadata, candidates, created_ms};
use crate::open::{Opening, open_found};
use crate::render;
use crate::report::list::{Entry, ListReport};
use crate::ui::Ui;

/// The savepoints below `path`, if it is a folder of such and no savepoint itself.
pub(super) fn below(path: &Path) -> Vec<Metadata> {
    match candidates(path) {
        found if found.iter().any(|candidate| candidate.folder() == path) || !path.is_dir() => Vec::new(),
        found => found,
    }
}

/// Shows them, the newest first, those that do not open last.
pub(super) fn show(found: &[Metadata], opening: &Opening, now_ms: i64, ui: &Ui) -> Result<Exit> {
    let entry = |candidate: &Metadata| {
        let path = candidate.folder().display().to_string();
        match open_found(candidate, opening) {
            Ok(source) => Entry::new(path, source.savepoint(), created_ms(candidate, source.as_ref())),
            Err(failure) => Entry::broken(path, failure.to_string()),
        }
    };
    let mut savepoints: Vec<Entry> = found.iter().map(entry).collect();
    savepoints.sort_by(|left, right| {
        right.created_at_ms.cmp(&left.created_at_ms).then_with(|| left.path.cmp(&right.path))
    });
    let report = ListReport { schema: "spt.savepoints/1", savepoints };
    if ui.json {
        ui.answer_json(&report)?
    } else {
        ui.answer(&render::list::list(&report, now_ms, ui))?
    }
    Ok(Exit::Fine)
}
