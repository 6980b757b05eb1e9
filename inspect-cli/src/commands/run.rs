//! `spt run`: starts a program that is a job, and says what became of its start.

use std::ffi::OsString;
use std::fs::File;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::SignalsInfo;
use signal_hook::iterator::exfiltrator::WithOrigin;
use signal_hook::low_level::siginfo::Cause;
use spt_format::Error;
use spt_runtime::config::{Layers, nearest, variable_name, variable_names};
use spt_runtime::control::{Handshake, Outcome, Registry, new_id};

use crate::error::{Failure, Result};
use crate::exit::Exit;
use crate::locate::{Metadata, locate};
use crate::ui::Ui;

/// Between two looks at a job that is starting.
const PAUSE: Duration = Duration::from_millis(10);
/// Of the log of a job that did not start: lines shown.
const LOG_LINES: usize = 15;

/// Start a job, from nothing or from a savepoint
///
/// A job is a program that links the runtime. Options reach it by its environment; in the foreground its output
/// is that of this command. With -d the command returns once the job runs, its state restored, and prints its
/// id alone.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Exit codes: 0 the job finished (-d: runs), 1 it failed, 2 it was refused; 128 + n: signal n ended it.
SIGINT and SIGTERM end the job in good order; a second one ends it at once.

Examples:
  spt run -d -- target/release/examples/wordcount --host 127.0.0.1 --port 8888
  spt run -d -s /savepoints/savepoint-3f2a9c-0123456789ab -p 4 -- ./wordcount
  spt run -s /savepoints@latest -n -D execution.checkpointing.interval='10 s' -- ./wordcount")]
pub(crate) struct Args {
    /// Return once the job runs, and print its id
    #[arg(short, long)]
    detached: bool,
    /// The savepoint or checkpoint to start from
    #[arg(short = 's', long, value_name = "PATH")]
    from_savepoint: Option<PathBuf>,
    /// Leave behind state that the job has no operator for: all of it, or that of these uids
    #[arg(short = 'n', long, value_name = "UIDS", num_args = 0..=1, default_missing_value = "true")]
    allow_non_restored_state: Option<String>,
    /// Take the savepoint over: it is deleted once newer checkpoints have replaced it
    #[arg(long, requires = "from_savepoint")]
    claim: bool,
    /// Start from a savepoint that was taken with --drain
    #[arg(long, requires = "from_savepoint")]
    allow_drained: bool,
    /// What to do with output that is pending in the savepoint: commit or discard
    #[arg(long, value_name = "WHAT", requires = "from_savepoint")]
    pending: Option<String>,
    /// Subtasks of every operator whose author set none
    #[arg(short, long, value_name = "N")]
    parallelism: Option<u32>,
    /// A YAML file with configuration keys
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Set a configuration key
    #[arg(short = 'D', value_name = "KEY=VALUE", value_parser = pair)]
    define: Vec<(String, String)>,
    /// With -d: the file that the job's output is appended to
    #[arg(long, value_name = "FILE", requires = "detached")]
    log: Option<PathBuf>,
    /// The program and its arguments
    #[arg(last = true, required = true, value_name = "PROGRAM")]
    program: Vec<OsString>,
}

pub(crate) fn run(args: &Args, ui: &Ui) -> Result<Exit> {
    let start = Start::new(args, ui)?;
    for warning in start.check()?.iter().filter(|_| args.detached) {
        ui.warn(warning);
    }
    if args.detached { start.detached(args.log.as_deref(), ui) } else { start.foreground() }
}

/// Everything the program is told.
struct Start {
    program: Vec<OsString>,
    /// Keys and values, as flags.
    options: Vec<(String, String)>,
    config: Option<PathBuf>,
    handshake: PathBuf,
    id: String,
    registry: Registry,
}

impl Start {
    fn new(args: &Args, ui: &Ui) -> Result<Self> {
        let registry = Registry::of_user()?;
        let id = new_id()?;
        let handshake = registry.dir().join(format!("start-{id}"));
        let config = args.config.as_deref().map(absolute).transpose()?;
        if let Some(missing) = config.as_deref().filter(|config| !config.exists()) {
            return Err(Failure::new(format!("{}: no such file", missing.display()))
                .hint("`--config` names a YAML file with configuration keys"));
        }
        Ok(Self {
            program: args.program.clone(),
            options: options(args, ui)?,
            config,
            handshake,
            id,
            registry,
        })
    }

    /// Reads the configuration as the job will, so that a typo is found before anything is started.
    fn check(&self) -> Result<Vec<String>> {
        let process = Layers::of_process();
        let file = self.config.clone().or(process.file);
        let (_, warnings) =
            Layers { flags: self.options.clone(), environment: process.environment, file }.load()?;
        Ok(warnings)
    }

    fn command(&self) -> Result<Command> {
        let (program, arguments) = self.program.split_first().ok_or_else(|| Failure::new("no program"))?;
        let mut command = Command::new(program);
        command.args(arguments).env_remove("SPT_DETACHED").env_remove("SPT_LOG_FILE").env_remove("SPT_PLAN");
        for (key, value) in &self.options {
            for name in variable_names(key) {
                command.env_remove(name);
            }
            command.env(variable_name(key), value);
        }
        if let Some(config) = &self.config {
            command.env("SPT_CONFIG", config);
        }
        let (name, path) = Handshake::variable(&self.handshake);
        command.env(name, path);
        Ok(command)
    }

    fn foreground(&self) -> Result<Exit> {
        let signals = SignalsInfo::<WithOrigin>::new([SIGINT, SIGTERM])
            .map_err(|error| Failure::new(format!("signals cannot be waited for: {error}")))?;
        let mut child = self.spawn(&mut self.command()?)?;
        forward(signals, &child)?;
        let status = child.wait().map_err(|error| self.failed("wait for", error))?;
        // The program has said itself on stderr what there is to say.
        match (self.outcome()?, signal_of(status)) {
            (Some(Outcome::Refused { .. }), _) => Ok(Exit::Trouble),
            (_, Some(signal)) => Ok(Exit::Signal(signal)),
            _ if status.success() => Ok(Exit::Fine),
            (None, None) if refuses(status) => Ok(Exit::Trouble),
            _ => Ok(Exit::No),
        }
    }

    fn detached(&self, log: Option<&Path>, ui: &Ui) -> Result<Exit> {
        let (log, path) = self.log(log)?;
        let copy = log.try_clone().map_err(|error| Error::io("open", &path, error))?;
        let mut command = self.command()?;
        command.env("SPT_DETACHED", "1").env("SPT_LOG_FILE", &path);
        command.stdin(Stdio::null()).stdout(log).stderr(copy);
        let mut child = self.spawn(&mut command)?;
        match self.wait(&mut child)? {
            Ok(Outcome::Running { id, notes }) => {
                notes.iter().for_each(|note| ui.note(note));
                ui.note(&format!("process {}, its output goes to {}", child.id(), path.display()));
                ui.answer(&format!("{id}\n"))?;
                Ok(Exit::Fine)
            }
            Ok(Outcome::Refused { error }) => {
                // It has nothing more to do; it should not outlive the message by much.
                let _ = child.wait();
                Err(Failure::new(format!("the job was refused: {error}")))
            }
            Ok(Outcome::Failed { error }) => {
                let _ = child.wait();
                ui.failure(&Failure::new(format!("the job did not come to run: {error}")));
                Ok(Exit::No)
            }
            Err(status) => {
                ui.failure(&ended_early(status, &path));
                // A program that ends well and says nothing is no job: that is a wrong call.
                Ok(if status.success() || refuses(status) { Exit::Trouble } else { Exit::No })
            }
        }
    }

    /// What the job says of its start, or how it ended without a word.
    fn wait(&self, child: &mut Child) -> Result<Result<Outcome, ExitStatus>> {
        loop {
            let ended = child.try_wait().map_err(|error| self.failed("wait for", error))?;
            // Looked at after the end, so that its last word is not missed.
            match (self.outcome()?, ended) {
                (Some(outcome), _) => return Ok(Ok(outcome)),
                (None, Some(status)) => return Ok(Err(status)),
                (None, None) => std::thread::sleep(PAUSE),
            }
        }
    }

    fn outcome(&self) -> Result<Option<Outcome>> {
        Ok(Handshake::heard(&self.handshake)?)
    }

    fn spawn(&self, command: &mut Command) -> Result<Child> {
        command.spawn().map_err(|error| self.failed("start", error))
    }

    fn failed(&self, action: &str, error: std::io::Error) -> Failure {
        let program = self.program.first().map(|program| program.display().to_string()).unwrap_or_default();
        Failure::new(format!("{program}: {action} failed: {error}"))
    }

    /// The log file, open for appending, and its path.
    fn log(&self, given: Option<&Path>) -> Result<(File, PathBuf)> {
        let path = match given {
            Some(path) => absolute(path)?,
            None => self.default_log()?,
        };
        let file = File::options().append(true).create(true).open(&path);
        Ok((file.map_err(|error| Error::io("open", &path, error))?, path))
    }

    fn default_log(&self) -> Result<PathBuf> {
        let dir = log_dir(&self.registry);
        std::fs::create_dir_all(&dir).map_err(|error| Error::io("create", &dir, error))?;
        let program = self.program.first().map(Path::new).and_then(Path::file_stem);
        let name = program.map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        Ok(dir.join(format!("{name}-{}.log", self.id.get(..12).unwrap_or(&self.id))))
    }
}

impl Drop for Start {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.handshake);
    }
}

/// Logs grow, so they do not belong into the runtime folder, which lies in memory: `$SPT_RUN_DIR/log`, else
/// `$XDG_STATE_HOME/spt/log` or `~/.local/state/spt/log`, else beside the registry.
fn log_dir(registry: &Registry) -> PathBuf {
    let variable = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let dirs = [
        variable("SPT_RUN_DIR").map(|dir| dir.join("log")),
        variable("XDG_STATE_HOME").map(|dir| dir.join("spt/log")),
        variable("HOME").map(|dir| dir.join(".local/state/spt/log")),
    ];
    dirs.into_iter().flatten().next().unwrap_or_else(|| registry.dir().join("log"))
}

/// In the foreground a signal is for the job, which may need a while to end. What the terminal sends (Ctrl-C) reaches
/// both of us, so it is not passed on; what a process sends may have come here alone, and the job counts it once.
fn forward(mut signals: SignalsInfo<WithOrigin>, child: &Child) -> Result<()> {
    let failed = |error| Failure::new(format!("a thread could not be started: {error}"));
    let job = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    let forward = move || {
        for origin in signals.forever().filter(|origin| origin.cause != Cause::Kernel) {
            let signal = if origin.signal == SIGINT { Signal::INT } else { Signal::TERM };
            // It may have ended just now.
            let _ = job.map(|job| kill_process(job, signal));
        }
    };
    std::thread::Builder::new().name("signals".to_owned()).spawn(forward).map(drop).map_err(failed)
}

/// The signal that ended a process, or that it says has ended it.
fn signal_of(status: ExitStatus) -> Option<u8> {
    let told = status.code().filter(|code| (129..160).contains(code)).map(|code| code - 128);
    status.signal().or(told).and_then(|signal| u8::try_from(signal).ok())
}

/// What a program exits with that finds its own arguments wrong, before there is a job.
fn refuses(status: ExitStatus) -> bool {
    status.code() == Some(2)
}

fn ended_early(status: ExitStatus, log: &Path) -> Failure {
    let text = std::fs::read(log).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let lines: Vec<_> = text.lines().collect();
    let last = lines.get(lines.len().saturating_sub(LOG_LINES)..).unwrap_or_default().join("\n");
    let told = if last.is_empty() { "it said nothing".to_owned() } else { format!("it said:\n{last}") };
    Failure::new(format!("the program ended before the job ran ({status}), and {told}"))
        .hint(format!("its whole output is in {}", log.display()))
}

/// The flags as keys and values.
fn options(args: &Args, ui: &Ui) -> Result<Vec<(String, String)>> {
    let mut options = Vec::new();
    for (key, value) in &args.define {
        if variable_names(key).is_empty() {
            return Err(unknown_key(key));
        }
        options.push((key.clone(), value.clone()));
    }
    let mut set =
        |key: &str, value: Option<String>| options.extend(value.map(|value| (key.to_owned(), value)));
    set("parallelism.default", args.parallelism.map(|number| number.to_string()));
    let from = args.from_savepoint.as_deref().map(|path| savepoint(path, ui)).transpose()?;
    set("execution.state-recovery.path", from);
    set("execution.state-recovery.ignore-unclaimed-state", args.allow_non_restored_state.clone());
    set("execution.state-recovery.claim-mode", args.claim.then(|| "CLAIM".to_owned()));
    set("spt.restore.allow-drained", args.allow_drained.then(|| "true".to_owned()));
    set("spt.restore.pending-output", args.pending.clone());
    Ok(options)
}

fn unknown_key(key: &str) -> Failure {
    let failure = Failure::new(format!("-D {key}: there is no such key"));
    match nearest(key) {
        Some(near) => failure.hint(format!("did you mean {near}?")),
        None => failure,
    }
}

fn pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), value.to_owned())),
        _ => Err("expected KEY=VALUE".to_owned()),
    }
}

/// The program may change its working directory before it reads the path.
fn absolute(path: &Path) -> Result<PathBuf> {
    Ok(std::path::absolute(path).map_err(|error| Error::io("resolve", path, error))?)
}

/// What a path, or a folder and `@latest`, means: the savepoint's own folder.
fn savepoint(path: &Path, ui: &Ui) -> Result<String> {
    let found = locate(path, ui)?;
    if matches!(found, Metadata::Flink(_)) {
        return Err(Failure::new(format!(
            "{}: a snapshot of Flink's, which no job here can read",
            path.display()
        ))
        .hint("`spt convert IN OUT --to spt` makes one of our own of it"));
    }
    let folder = absolute(found.folder())?;
    let text = folder.to_str().map(str::to_owned);
    text.ok_or_else(|| {
        Failure::new(format!("{}: a path that is not UTF-8 cannot be passed on", folder.display()))
    })
}
