//! Named places at which a test makes a process die, fail or stall: the instants that a random kill seldom finds.
//!
//! ```text
//! SPT_FAILPOINTS='manifest.before-rename=kill@3; commit.rename=error@2; restore.state=sleep:50'
//!                  name                   action  at the how-manieth time, each time if not said
//! SPT_FAILPOINT_LOG=FILE       a line for each that acts, before it does: `kill manifest.before-rename`
//! ```
//!
//! `kill` is SIGKILL: nothing is dropped, flushed or cleaned up. Only builds with debug assertions, or with the
//! feature `failpoints`, know them; in all others a failpoint is nothing.

use std::io;

/// Acts, if a test has armed the place of this name.
///
/// # Errors
/// The error that the test asks for; or that what it asks for makes no sense.
#[cfg(any(debug_assertions, feature = "failpoints"))]
pub fn failpoint(name: &'static str) -> io::Result<()> {
    match &*armed::ARMED {
        Ok(armed) => armed.iter().filter(|armed| armed.name == name).try_for_each(armed::Armed::pass),
        Err(why) => Err(io::Error::new(io::ErrorKind::InvalidInput, why.as_str())),
    }
}

/// Nothing: this build knows no failpoints.
///
/// # Errors
/// None.
#[cfg(not(any(debug_assertions, feature = "failpoints")))]
#[inline(always)]
pub fn failpoint(_: &'static str) -> io::Result<()> {
    Ok(())
}

#[cfg(any(debug_assertions, feature = "failpoints"))]
mod armed {
    use std::fs::File;
    use std::io::{self, Write};
    use std::sync::LazyLock;
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::time::Duration;

    /// What this process was told; a text that makes no sense fails at the first place that is passed.
    pub(super) static ARMED: LazyLock<Result<Vec<Armed>, String>> =
        LazyLock::new(|| parse(&std::env::var("SPT_FAILPOINTS").unwrap_or_default()));

    /// A place at which something happens.
    #[derive(Debug)]
    pub(super) struct Armed {
        pub(super) name: String,
        action: Action,
        /// At this time only; each time, if not set.
        at: Option<u64>,
        passed: AtomicU64,
    }

    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    enum Action {
        Kill,
        Error,
        Sleep(Duration),
    }

    impl Armed {
        pub(super) fn pass(&self) -> io::Result<()> {
            let time = self.passed.fetch_add(1, Ordering::Relaxed) + 1;
            if self.at.is_some_and(|at| at != time) {
                return Ok(());
            }
            self.log()?;
            match self.action {
                Action::Kill => kill(),
                Action::Error => Err(io::Error::other(format!("failpoint {}", self.name))),
                Action::Sleep(time) => {
                    std::thread::sleep(time);
                    Ok(())
                }
            }
        }

        fn log(&self) -> io::Result<()> {
            let Some(path) = std::env::var_os("SPT_FAILPOINT_LOG") else { return Ok(()) };
            // One write of a short line is not torn, also if the process dies behind it.
            let action = match self.action {
                Action::Kill => "kill",
                Action::Error => "error",
                Action::Sleep(_) => "sleep",
            };
            let line = format!("{action} {}\n", self.name);
            File::options().append(true).create(true).open(path)?.write_all(line.as_bytes())
        }
    }

    fn kill() -> io::Result<()> {
        rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL)?;
        // The signal may reach another thread first; this one goes no further.
        loop {
            std::thread::park();
        }
    }

    fn parse(text: &str) -> Result<Vec<Armed>, String> {
        let parts = text.split(';').map(str::trim).filter(|part| !part.is_empty());
        let one =
            |part: &str| parse_one(part).ok_or_else(|| format!("SPT_FAILPOINTS: {part:?} makes no sense"));
        parts.map(one).collect()
    }

    fn parse_one(text: &str) -> Option<Armed> {
        let (name, rest) = text.split_once('=')?;
        let (action, at) = match rest.split_once('@') {
            Some((action, at)) => (action, Some(at.parse().ok()?)),
            None => (rest, None),
        };
        let action = match action.split_once(':') {
            None if action == "kill" => Action::Kill,
            None if action == "error" => Action::Error,
            Some(("sleep", ms)) => Action::Sleep(Duration::from_millis(ms.parse().ok()?)),
            _ => return None,
        };
        Some(Armed { name: name.to_owned(), action, at, passed: AtomicU64::new(0) })
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn what_makes_no_sense_is_said() {
            for text in ["a", "a=die", "a=sleep", "a=kill@x", "a=kill;b"] {
                assert!(parse(text).is_err(), "{text:?}");
            }
        }

        #[test]
        fn one_that_is_armed_for_the_second_time_acts_then_alone() {
            let armed = parse(" a=error@2 ; b=sleep:0").unwrap();
            let [a, b] = armed.as_slice() else { panic!("{armed:?}") };
            assert_eq!([(); 3].map(|()| a.pass().is_ok()), [true, false, true]);
            assert!(b.pass().is_ok() && b.action == Action::Sleep(Duration::ZERO));
        }
    }
}
