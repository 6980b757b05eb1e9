//! How a process of the job ended, and why: an end that nobody asked for is told with all that is known of it.

use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;

const SIGKILL: i32 = 9;
/// What a test exits with that fails.
const TEST_FAILED: i32 = 101;

/// An end that was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// Killed from here, at a random instant.
    Shot,
    /// Killed by itself, at a failpoint.
    Killed,
    /// An error was asked for, and the job's first start ended with it.
    Failed,
    /// The job has read all there is to read.
    Finished,
}

/// What is known of a process that has ended.
#[derive(Debug)]
pub(super) struct Facts {
    pub(super) status: ExitStatus,
    /// It was killed from here.
    pub(super) was_shot: bool,
    /// The failpoints that acted, a line each.
    pub(super) failpoints: String,
    /// What it said.
    pub(super) log: String,
}

impl Facts {
    /// How it ended.
    ///
    /// # Errors
    /// Why nobody has asked for that.
    pub(super) fn end(&self) -> Result<End, String> {
        let acted = self.failpoints.lines().last().and_then(|line| line.split_once(' '));
        match (self.status.signal(), self.status.code(), acted) {
            (Some(SIGKILL), _, Some(("kill", _))) => Ok(End::Killed),
            (Some(SIGKILL), ..) if self.was_shot => Ok(End::Shot),
            (Some(SIGKILL), ..) => {
                Err("SIGKILL, which neither this test nor a failpoint sent: out of memory, or by hand"
                    .to_owned())
            }
            (_, Some(0), _) => Ok(End::Finished),
            (_, Some(TEST_FAILED), Some(("error", place))) if self.has_failed_at(place) => Ok(End::Failed),
            _ => Err(format!("{}, failpoints that acted: {:?}", self.status, self.failpoints)),
        }
    }

    /// The error it ended with is the one that was asked for.
    fn has_failed_at(&self, place: &str) -> bool {
        self.log.contains(&format!("failpoint {place}"))
    }

    /// The last of what it said.
    pub(super) fn last_words(&self) -> String {
        const LINES: usize = 30;
        let lines: Vec<_> = self.log.lines().collect();
        lines[lines.len().saturating_sub(LINES)..].join("\n")
    }
}

#[test]
fn an_end_that_nobody_asked_for_is_told_from_one_that_somebody_did() {
    let end = |raw: i32, was_shot: bool, failpoints: &str, log: &str| {
        let (failpoints, log) = (failpoints.to_owned(), log.to_owned());
        Facts { status: ExitStatus::from_raw(raw), was_shot, failpoints, log }.end()
    };
    let code = |code: i32| code << 8;
    assert_eq!(end(9, true, "", ""), Ok(End::Shot));
    assert_eq!(end(9, false, "error commit.after\nkill commit.before\n", ""), Ok(End::Killed));
    assert_eq!(end(code(0), true, "", ""), Ok(End::Finished));
    assert_eq!(end(code(101), false, "error restore.open\n", "why: failpoint restore.open"), Ok(End::Failed));
    // Nobody sent this signal, or this one; this failure is another than the one that was asked for.
    assert!(end(9, false, "", "").unwrap_err().contains("out of memory"));
    assert!(end(6, true, "kill commit.before\n", "").unwrap_err().contains("signal: 6"));
    assert!(end(code(101), false, "error restore.open\n", "index out of bounds").is_err());
    assert!(end(code(101), false, "", "failpoint restore.open").unwrap_err().contains("101"));
}
