//! Results as data: what `--json` prints and what `render` shows.

pub(crate) mod diff;
pub(crate) mod inspect;
pub(crate) mod list;
pub(crate) mod sizes;
pub(crate) mod start;
pub(crate) mod top;
pub(crate) mod validate;
