//! What the flows need: a registry and folders of their own, a text server, the example programs.

use std::collections::BTreeMap;
use std::io::Write;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

/// Longer than anything takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// The id of a job that is started more than once.
pub(super) const JOB: &str = "0123456789abcdef0123456789abcdef";

/// What a command said.
#[derive(Debug)]
pub(super) struct Said {
    pub(super) code: i32,
    pub(super) out: String,
    pub(super) err: String,
}

impl Said {
    /// Stdout without its line end, of a command that did what it was asked.
    pub(super) fn line(&self) -> &str {
        assert_eq!(self.code, 0, "{self:?}");
        let line = self.out.strip_suffix('\n').unwrap_or_else(|| panic!("no line: {self:?}"));
        assert!(!line.contains('\n'), "more than a line: {self:?}");
        line
    }

    /// Stderr of a command that was refused, stdout being empty.
    pub(super) fn refusal(&self) -> &str {
        assert_eq!((self.code, self.out.as_str()), (2, ""), "{self:?}");
        &self.err
    }

    /// Stderr of a command whose job failed before it ran, stdout being empty.
    pub(super) fn failed_start(&self) -> &str {
        assert_eq!((self.code, self.out.as_str()), (1, ""), "{self:?}");
        &self.err
    }
}

/// A folder for everything. Jobs that still run when it is dropped are ended.
pub(super) struct Lab {
    pub(super) dir: TempDir,
}

impl Lab {
    pub(super) fn new() -> Self {
        Self { dir: TempDir::new().unwrap() }
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub(super) fn text(&self, name: &str) -> String {
        self.path(name).to_str().unwrap().to_owned()
    }

    /// `spt` with the registry of this lab; savepoints go to its folder `default` unless asked otherwise.
    pub(super) fn command(&self, args: &[&str]) -> Command {
        let mut command = crate::support::spt(args);
        command.env("PATH", "/usr/bin:/bin").env("SPT_RUN_DIR", self.path("run"));
        command.env("SPT_SAVEPOINT_DIR", self.path("default")).stdin(Stdio::null());
        command
    }

    pub(super) fn spt(&self, args: &[&str]) -> Said {
        self.say(&mut self.command(args))
    }

    /// Runs a command of this lab.
    pub(super) fn say(&self, command: &mut Command) -> Said {
        let output = command.output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        Said { code: output.status.code().unwrap(), out: text(output.stdout), err: text(output.stderr) }
    }

    /// Starts an example detached, behind these flags of `spt run`.
    pub(super) fn run(&self, flags: &[&str], program: &str, server: &TextServer) -> Said {
        let (example, port) = (example(program), server.port());
        let example = example.to_str().unwrap();
        self.spt(&[&["run", "-d"], flags, &["--", example, "--host", "127.0.0.1", "--port", &port]].concat())
    }

    /// The jobs that run, as `spt list --json` shows them.
    pub(super) fn jobs(&self) -> Vec<Value> {
        let listed: Value = serde_json::from_str(self.spt(&["list", "--json"]).line()).unwrap();
        listed["jobs"].as_array().unwrap().clone()
    }

    /// What a job has written to its log.
    pub(super) fn log(&self, id: &str) -> String {
        let jobs = self.jobs();
        let job =
            jobs.iter().find(|job| job["id"] == id).unwrap_or_else(|| panic!("{id} is not in {jobs:?}"));
        std::fs::read_to_string(job["log_file"].as_str().unwrap()).unwrap()
    }

    /// Waits until a job has printed these counts, and returns the last of each word.
    pub(super) fn await_counts(&self, id: &str, expected: &[(&str, i64)]) -> BTreeMap<String, i64> {
        until(|| {
            let counts = counts(&self.log(id));
            let reached = expected.iter().all(|(word, count)| counts.get(*word) == Some(count));
            if reached { Ok(counts) } else { Err(format!("{counts:?} instead of {expected:?}")) }
        })
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        let listed =
            self.command(&["list", "--json"]).output().map(|output| output.stdout).unwrap_or_default();
        let listed: Value = serde_json::from_slice(&listed).unwrap_or_default();
        for job in listed["jobs"].as_array().into_iter().flatten() {
            kill(job["pid"].as_u64().unwrap_or_default());
        }
    }
}

/// A child that does not outlive its test, however that ends.
pub(super) struct Ended(pub(super) Child);

impl Drop for Ended {
    fn drop(&mut self) {
        // Both fail if it has ended, which is what they are for.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// SIGKILL, for the process with this id.
pub(super) fn kill(pid: u64) {
    if pid > 1 {
        let _ = Command::new("kill").args(["-9", &pid.to_string()]).status();
    }
}

/// Tries until it works.
pub(super) fn until<T>(mut attempt: impl FnMut() -> Result<T, String>) -> T {
    let end = Instant::now() + PATIENCE;
    loop {
        match attempt() {
            Ok(done) => return done,
            Err(why) => assert!(Instant::now() < end, "waited in vain: {why}"),
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// The newest whole checkpoint of [`JOB`], whose checkpoints go to the folder `checkpoints` of the lab.
pub(super) fn latest(lab: &Lab) -> Option<String> {
    let said = lab.spt(&["latest", &lab.text(&format!("checkpoints/{JOB}"))]);
    (said.code == 0).then(|| said.line().to_owned())
}

/// The numbers in the visible files of a folder, sorted.
pub(super) fn visible(output: &Path) -> Vec<usize> {
    let files = std::fs::read_dir(output).unwrap().map(|file| file.unwrap().path());
    let parts = files.filter(|path| path.file_name().unwrap().to_str().unwrap().starts_with("part-"));
    let texts: Vec<_> = parts.map(|path| std::fs::read_to_string(path).unwrap()).collect();
    let mut numbers: Vec<_> =
        texts.iter().flat_map(|text| text.lines()).map(|line| line.parse().unwrap()).collect();
    numbers.sort_unstable();
    numbers
}

/// The last count of each word in what `print("result")` wrote: `result:2> (to,4)`.
pub(super) fn counts(log: &str) -> BTreeMap<String, i64> {
    let pair = |line: &str| {
        let (word, count) = line.split_once("> (")?.1.strip_suffix(')')?.rsplit_once(',')?;
        Some((word.to_owned(), count.parse().ok()?))
    };
    log.lines().filter(|line| line.starts_with("result")).filter_map(pair).collect()
}

/// What `nc -lk` is by hand: sends lines to whoever connected last.
pub(super) struct TextServer {
    listener: TcpListener,
    client: Option<TcpStream>,
}

impl TextServer {
    pub(super) fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        Self { listener, client: None }
    }

    pub(super) fn port(&self) -> String {
        self.listener.local_addr().unwrap().port().to_string()
    }

    pub(super) fn send(&mut self, text: &str) {
        let client = until(|| {
            while let Ok((stream, _)) = self.listener.accept() {
                stream.set_nonblocking(false).unwrap();
                self.client = Some(stream);
            }
            self.client
                .as_ref()
                .ok_or_else(|| "nobody has connected".to_owned())?
                .try_clone()
                .map_err(|e| e.to_string())
        });
        (&client).write_all(text.as_bytes()).unwrap();
    }
}

/// An example of the runtime: the one that `cargo test --workspace` has built beside this test, before it ran any
/// test. A run of this package's tests alone builds it if it was never built.
pub(super) fn example(name: &str) -> PathBuf {
    static BUILDING: Mutex<()> = Mutex::new(());
    let test = std::env::current_exe().unwrap();
    let profile = test.parent().and_then(Path::parent).unwrap();
    let example = profile.join("examples").join(name);
    let _one_at_a_time = BUILDING.lock().unwrap_or_else(PoisonError::into_inner);
    if !example.is_file() {
        build_examples(profile);
    }
    example
}

/// Cargo has let go of the folder it builds in before it runs the tests, so this waits for nobody who waits for it.
fn build_examples(profile: &Path) {
    let mut build = Command::new(env!("CARGO"));
    build.args(["build", "--quiet", "--package", "spt-runtime", "--examples", "--target-dir"]);
    build.arg(profile.parent().unwrap()).current_dir(env!("CARGO_MANIFEST_DIR"));
    let name = profile.file_name().unwrap().to_str().unwrap();
    build.args(["--profile", if name == "debug" { "dev" } else { name }]);
    assert!(build.status().unwrap().success(), "the examples were not built");
}
