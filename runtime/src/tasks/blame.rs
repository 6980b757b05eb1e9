//! Who failed: gives errors and panics of an operator its name.

use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use crate::error::{Error, ErrorKind, Result};

thread_local! {
    /// The innermost operator that this thread's panic came through.
    static PANICKED: RefCell<Option<Arc<str>>> = const { RefCell::new(None) };
}

/// An operator's name, to put on what goes wrong inside it.
#[derive(Debug, Clone)]
pub(crate) struct Blame(Arc<str>);

/// Notes the operator if it is dropped by a panic. On the way that does not panic it is forgotten and costs nothing.
struct Guard<'a>(&'a Arc<str>);

impl Drop for Guard<'_> {
    fn drop(&mut self) {
        PANICKED.with_borrow_mut(|first| {
            first.get_or_insert_with(|| Arc::clone(self.0));
        });
    }
}

impl Blame {
    /// Blames the operator with this label.
    pub(crate) fn new(operator: &str) -> Self {
        Self(operator.into())
    }

    /// Runs code of the operator's author.
    #[inline]
    pub(crate) fn on<R>(&self, run: impl FnOnce() -> R) -> R {
        let guard = Guard(&self.0);
        let result = run();
        std::mem::forget(guard);
        result
    }

    /// Runs code of the operator that may fail.
    ///
    /// # Errors
    /// [`ErrorKind::OperatorFailed`] with the cause, unless another operator is blamed already.
    #[inline]
    pub(crate) fn on_result<R>(&self, run: impl FnOnce() -> Result<R>) -> Result<R> {
        self.on(run).map_err(|error| self.error(error))
    }

    /// The error with the operator's name on it, unless there is one already.
    #[cold]
    pub(crate) fn error(&self, error: Error) -> Error {
        match error.kind() {
            ErrorKind::OperatorFailed { .. } | ErrorKind::Halted => error,
            _ => Error::new(ErrorKind::OperatorFailed { operator: self.0.to_string() }).caused_by(error),
        }
    }

    /// Runs code that may panic in a thread that others wait for: a panic is an error of what it does.
    ///
    /// # Errors
    /// Its own; or that it panicked.
    pub(crate) fn catch<R>(what: &str, run: impl FnOnce() -> Result<R>) -> Result<R> {
        let caught = catch_unwind(AssertUnwindSafe(run));
        caught.unwrap_or_else(|payload| Err(Self::of_panic(payload.as_ref(), what)))
    }

    /// The error of a panic that was caught in this thread. `chain` is blamed if it came through no operator.
    pub(crate) fn of_panic(payload: &(dyn std::any::Any + Send), chain: &str) -> Error {
        let operator = PANICKED.take().map_or_else(|| chain.to_owned(), |operator| operator.to_string());
        let text = payload.downcast_ref::<&str>().map(|text| (*text).to_owned());
        let text = text.or_else(|| payload.downcast_ref::<String>().cloned());
        let message = format!("panicked: {}", text.unwrap_or_else(|| "no message".to_owned()));
        Error::new(ErrorKind::OperatorFailed { operator }).caused_by(message)
    }
}
