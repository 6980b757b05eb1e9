//! Long answers go through a pager, on terminals only.
//!
//! `SPT_PAGER`, then `PAGER`, then `less` if it is there; an empty one, or `cat`, means none. `less` is told to end
//! by itself when everything fits, and to show colours, unless `LESS` says otherwise.

use std::io::Write;
use std::process::{Command, Stdio};

/// The command line of the pager, if one is wanted for a text of so many lines.
pub(super) fn wanted(
    lines: usize,
    height: Option<u16>,
    variable: impl Fn(&str) -> Option<String>,
) -> Option<String> {
    if height.is_none_or(|height| lines < usize::from(height)) {
        return None;
    }
    let pager = variable("SPT_PAGER").or_else(|| variable("PAGER")).unwrap_or_else(|| "less".to_owned());
    let pager = pager.trim();
    (!pager.is_empty() && pager != "cat").then(|| pager.to_owned())
}

/// Shows a text in the pager; `false` if it could not be started.
pub(super) fn show(pager: &str, text: &str) -> bool {
    let mut command = Command::new("sh");
    // Where there is no such program nothing is shown, so that the text can be written as it is.
    let program = pager.split_whitespace().next().unwrap_or_default();
    let line = format!("command -v {program} >/dev/null || exit 127; exec {pager}");
    command.args(["-c", &line]).stdin(Stdio::piped());
    if std::env::var_os("LESS").is_none() {
        command.env("LESS", "FRX");
    }
    let Ok(mut child) = command.spawn() else { return false };
    if let Some(mut stdin) = child.stdin.take() {
        // Whoever quits the pager has seen enough.
        let _ = stdin.write_all(text.as_bytes());
    }
    !matches!(child.wait(), Ok(status) if status.code() == Some(127))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pager_is_for_long_answers_on_terminals_alone() {
        let none = |_: &str| None;
        let set = |name: &'static str, value: &'static str| {
            move |asked: &str| (asked == name).then(|| value.to_owned())
        };
        assert_eq!(wanted(100, None, none), None);
        assert_eq!(wanted(10, Some(24), none), None);
        assert_eq!(wanted(24, Some(24), none).as_deref(), Some("less"));
        assert_eq!(wanted(24, Some(24), set("PAGER", "more -d")).as_deref(), Some("more -d"));
        assert_eq!(wanted(24, Some(24), set("SPT_PAGER", "")), None);
        assert_eq!(wanted(24, Some(24), set("PAGER", "cat")), None);
    }
}
