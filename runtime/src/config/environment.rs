//! How a key is spelled as an environment variable: `parallelism.default` is `SPT_PARALLELISM_DEFAULT`.

use super::options::{self, AnyOption};

/// Every variable of ours begins so.
pub(super) const PREFIX: &str = "SPT_";

/// Variables that are ours and are no options: they say where things are, not what a job does.
pub(super) const NOT_OPTIONS: &[&str] = &[
    "SPT_CONFIG",
    "SPT_DETACHED",
    "SPT_FAILPOINTS",
    "SPT_FAILPOINT_LOG",
    "SPT_HANDSHAKE",
    "SPT_LOG",
    "SPT_LOG_FILE",
    "SPT_LOG_FORMAT",
    "SPT_PLAN",
    "SPT_RUN_DIR",
    "SPT_SEED",
    "SPT_TOKEN",
];

/// The variable that sets `key`.
pub fn variable_name(key: &str) -> String {
    let name = key.chars().map(|symbol| if symbol.is_ascii_alphanumeric() { symbol } else { '_' });
    PREFIX.chars().chain(name).collect::<String>().to_ascii_uppercase()
}

/// Every variable that sets the same option as `key`, the strongest last; none if nobody knows the key.
pub fn variable_names(key: &str) -> Vec<String> {
    let Some(option) = options::option_of(key) else { return Vec::new() };
    let mut names: Vec<_> = option.names().map(variable_name).collect();
    names.reverse();
    option.short().map(str::to_owned).into_iter().chain(names).collect()
}

/// The option that the variable `name` sets: by its short name, its key or an old name of its key.
pub(super) fn option_of(name: &str) -> Option<&'static dyn AnyOption> {
    options::all()
        .iter()
        .copied()
        .find(|option| option.short() == Some(name) || option.names().any(|key| variable_name(key) == name))
}
