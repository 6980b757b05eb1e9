//! Where values come from, and which of them wins.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use spt_format::{Error, ReadLimits, Result, ResultExt};

use super::environment::{self, NOT_OPTIONS, PREFIX};
use super::options::{self, AnyOption, ConfigOption};
use super::values::{RestartStrategy, RestartType};
use super::yaml;

/// A configuration file longer than this is none.
const MAX_FILE_BYTES: u64 = 1 << 20;

/// Where a value was set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// On the command line, `-D key=value`, or by the program.
    Flag,
    /// In this environment variable.
    Variable(String),
    /// In this file and line.
    File(PathBuf, usize),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag => f.write_str("command line"),
            Self::Variable(name) => write!(f, "variable {name}"),
            Self::File(file, line) => write!(f, "{}, line {line}", file.display()),
        }
    }
}

/// The layers a configuration is made of, strongest first.
#[derive(Debug, Clone, Default)]
pub struct Layers {
    /// Pairs of key and value from the command line.
    pub flags: Vec<(String, String)>,
    /// Pairs of name and value; those that do not begin with `SPT_` are passed over.
    pub environment: Vec<(String, String)>,
    /// A YAML file.
    pub file: Option<PathBuf>,
}

impl Layers {
    /// The environment of this process, and the file that `SPT_CONFIG` names.
    pub fn of_process() -> Self {
        let text = |text: std::ffi::OsString| text.into_string().ok();
        let environment: Vec<_> =
            std::env::vars_os().filter_map(|(name, value)| Some((text(name)?, text(value)?))).collect();
        let file = std::env::var_os("SPT_CONFIG").filter(|path| !path.is_empty()).map(PathBuf::from);
        Self { flags: Vec::new(), environment, file }
    }

    /// The configuration, and a sentence for each key nobody knows.
    ///
    /// # Errors
    /// A value that its option cannot take, a key set twice in the file, a file that cannot be read: each
    /// with its place.
    pub fn load(self) -> Result<(Configuration, Vec<String>)> {
        let mut loaded = Loaded::default();
        if let Some(file) = &self.file {
            loaded.file(file)?;
        }
        loaded.environment(&self.environment)?;
        for (key, value) in &self.flags {
            loaded.add(key, value, &Origin::Flag)?;
        }
        Ok((loaded.configuration, loaded.warnings))
    }
}

#[derive(Default)]
struct Loaded {
    configuration: Configuration,
    warnings: Vec<String>,
}

impl Loaded {
    fn file(&mut self, file: &Path) -> Result<()> {
        let place = || file.display().to_string();
        let bytes = std::fs::metadata(file).map_err(|error| Error::io("read", file, error))?.len();
        ReadLimits::check("size of the configuration", bytes, MAX_FILE_BYTES).in_file(place())?;
        let text = std::fs::read_to_string(file).map_err(|error| Error::io("read", file, error))?;
        for entry in yaml::entries(&text).in_file(place())? {
            self.refuse_second(file, &entry)?;
            self.add(&entry.key, &entry.value, &Origin::File(file.to_owned(), entry.line))?;
        }
        Ok(())
    }

    /// Which of two values of one file counts would be a guess.
    fn refuse_second(&self, file: &Path, entry: &yaml::Entry) -> Result<()> {
        let first =
            options::option_of(&entry.key).and_then(|option| self.configuration.values.get(option.key()));
        let Some(Value { origin: Origin::File(_, line), .. }) = first else { return Ok(()) };
        Err(Error::invalid(format!("{} is set already in line {line}", entry.key))
            .within(format!("line {}", entry.line))
            .in_file(file.display().to_string()))
    }

    fn environment(&mut self, variables: &[(String, String)]) -> Result<()> {
        let ours = variables.iter().filter(|(name, value)| name.starts_with(PREFIX) && !value.is_empty());
        let mut found = Vec::new();
        for (name, value) in ours.filter(|(name, _)| !NOT_OPTIONS.contains(&name.as_str())) {
            match environment::option_of(name) {
                Some(option) => found.push((strength(option, name), option, name, value)),
                None => self.warnings.push(format!("variable {name} is no option and has no effect")),
            }
        }
        // Several variables may set one option; the order in which a process has them means nothing.
        found.sort_by_key(|(strength, ..)| *strength);
        found
            .into_iter()
            .try_for_each(|(_, option, name, value)| self.set(option, value, &Origin::Variable(name.clone())))
    }

    fn add(&mut self, key: &str, value: &str, origin: &Origin) -> Result<()> {
        match options::option_of(key) {
            Some(option) => self.set(option, value, origin),
            None => {
                self.warnings.push(unknown(key, origin));
                Ok(())
            }
        }
    }

    fn set(&mut self, option: &'static dyn AnyOption, value: &str, origin: &Origin) -> Result<()> {
        self.configuration.set_text(option, value, origin.clone())
    }
}

/// Of the variables that set one option: the one named after its key wins, the short one is the weakest.
fn strength(option: &dyn AnyOption, name: &str) -> usize {
    let names = environment::variable_names(option.key());
    names.iter().position(|known| known == name).unwrap_or(0)
}

fn unknown(key: &str, origin: &Origin) -> String {
    let hint = options::nearest(key).map(|near| format!(" (did you mean {near}?)")).unwrap_or_default();
    format!("{origin}: key {key} is not known and has no effect{hint}")
}

#[derive(Debug, Clone)]
struct Value {
    text: String,
    origin: Origin,
}

/// The values that are set. Each has been parsed once, so reading one cannot fail.
#[derive(Debug, Clone, Default)]
pub struct Configuration {
    values: BTreeMap<&'static str, Value>,
}

impl Configuration {
    /// The value of this option, if it is set.
    pub fn get<T>(&self, option: &ConfigOption<T>) -> Option<T> {
        let value = self.values.get(option.key)?;
        // `set_text` lets nothing in that does not parse.
        (option.parse)(&value.text).ok()
    }

    /// Sets an option from the program, as a flag would.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`](spt_format::ErrorKind::Invalid) if the option cannot take this value.
    pub fn set<T: 'static>(&mut self, option: &'static ConfigOption<T>, text: impl AsRef<str>) -> Result<()> {
        self.set_text(option, text.as_ref(), Origin::Flag)
    }

    /// Where the value of this key was set.
    pub fn origin(&self, key: &str) -> Option<&Origin> {
        self.values.get(key).map(|value| &value.origin)
    }

    /// Every key that is set and its text, ordered by key.
    pub fn entries(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.values.iter().map(|(key, value)| (*key, value.text.as_str()))
    }

    /// What happens when the job fails. Not set: start again with growing pauses if there are checkpoints,
    /// none otherwise.
    ///
    /// # Source
    /// Flink 2, `restart-strategy.type`, and the defaults of its parameters.
    pub fn restart_strategy(&self) -> RestartStrategy {
        let fallback = match self.get(&options::CHECKPOINT_INTERVAL) {
            Some(_) => RestartType::ExponentialDelay,
            None => RestartType::None,
        };
        match self.get(&options::RESTART_TYPE).unwrap_or(fallback) {
            RestartType::None => RestartStrategy::None,
            RestartType::FixedDelay => RestartStrategy::FixedDelay {
                attempts: self.get(&options::RESTART_ATTEMPTS).unwrap_or(1),
                delay: self.get(&options::RESTART_DELAY).unwrap_or(Duration::from_secs(1)),
            },
            RestartType::ExponentialDelay => RestartStrategy::ExponentialDelay {
                initial: self.get(&options::RESTART_INITIAL).unwrap_or(Duration::from_secs(1)),
                max: self.get(&options::RESTART_MAX).unwrap_or(Duration::from_secs(60)),
                multiplier: self.get(&options::RESTART_MULTIPLIER).unwrap_or(1.5),
                reset_after: self.get(&options::RESTART_RESET).unwrap_or(Duration::from_secs(3600)),
                attempts: self.get(&options::RESTART_TOTAL),
                jitter: self.get(&options::RESTART_JITTER).unwrap_or(0.1),
            },
            RestartType::FailureRate => RestartStrategy::FailureRate {
                failures: self.get(&options::RATE_FAILURES).unwrap_or(1),
                interval: self.get(&options::RATE_INTERVAL).unwrap_or(Duration::from_secs(60)),
                delay: self.get(&options::RATE_DELAY).unwrap_or(Duration::from_secs(1)),
            },
        }
    }

    fn set_text(&mut self, option: &dyn AnyOption, text: &str, origin: Origin) -> Result<()> {
        option.check(text).map_err(|why| {
            let error = Error::invalid(format!("{}: {why}", option.key()));
            match &origin {
                Origin::Flag => error.within("command line"),
                Origin::Variable(name) => error.within(format!("variable {name}")),
                Origin::File(file, line) => {
                    error.within(format!("line {line}")).in_file(file.display().to_string())
                }
            }
        })?;
        self.values.insert(option.key(), Value { text: text.to_owned(), origin });
        Ok(())
    }
}
