//! What a command tells the shell.

use std::process::ExitCode;

/// The answers a script can act on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// 0: done; for a comparison: the same; for a check: no error.
    Fine,
    /// 1: done, and the answer is no: they differ, an error was found, there is none, it was refused.
    No,
    /// 2: no answer: bad usage, unreadable, or not everything could be seen.
    Trouble,
    /// 128 and its number: a signal ended what was run.
    Signal(u8),
}

impl Exit {
    /// The process's exit code.
    pub(crate) fn code(self) -> ExitCode {
        ExitCode::from(match self {
            Self::Fine => 0,
            Self::No => 1,
            Self::Trouble => 2,
            Self::Signal(signal) => 128_u8.saturating_add(signal),
        })
    }
}
