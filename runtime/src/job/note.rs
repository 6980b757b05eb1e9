//! What a person should know of a job, on its standard error.

use std::io::Write;

/// Says it. A closed stream is no reason to fail.
pub(crate) fn note(text: &str) {
    let _ = writeln!(std::io::stderr(), "note: {text}");
}
