//! `spt diff --format patch`: what leads from one savepoint to the other, for `spt patch`.

use std::io::Write;

use spt_format::patch::write_patch;
use spt_format::{Error, SavepointSource};

use crate::error::{Failure, Result};
use crate::exit::Exit;
use crate::render::text::counted;
use crate::ui::Ui;

/// Writes the patch to stdout. What cannot be read makes it end early, so that nobody takes it for whole.
pub(super) fn write(left: &dyn SavepointSource, right: &dyn SavepointSource, ui: &Ui) -> Result<Exit> {
    let mut out = ui.stdout();
    let mut trouble = None;
    let mut tell = |text: &[u8]| {
        out.write_all(text).map_err(|error| {
            trouble = Some(Failure::stdout(error));
            Error::bad_request("stdout is closed")
        })
    };
    let written = write_patch(left, right, &mut tell);
    match (written, trouble) {
        (_, Some(failure)) => Err(failure),
        (Err(error), None) => {
            Err(Failure::from(error).hint("the patch is not whole, and `spt patch` refuses it"))
        }
        (Ok(summary), None) => {
            out.flush().map_err(Failure::stdout)?;
            if summary.rows_opaque > 0 {
                let rows = counted(summary.rows_opaque, "row");
                ui.note(&format!("{rows} with values nobody here can decode: told by their bytes"));
            }
            if summary.is_empty() {
                ui.note("the states are the same");
            }
            Ok(if summary.is_empty() { Exit::Fine } else { Exit::No })
        }
    }
}
