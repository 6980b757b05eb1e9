//! One long run of a job: killed, started again, and in the end compared with a run that nobody disturbed.

use std::fs::File;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use super::dice::Dice;
use super::job::{OUTPUTS, VARIABLES};
use super::places::{Hits, is_of_start};

const JOB_ID: &str = "000102030405060708090a0b0c0d0e0f";
const SIGKILL: i32 = 9;
/// Numbers a second while the job is to be killed, and how many the job has for each kill.
const RATE: u64 = 1_000;
const NUMBERS_PER_KILL: u64 = 300;
/// No start takes longer, however busy the machine is.
const PATIENCE: Duration = Duration::from_secs(120);

/// What a process is told beside where it runs.
struct Orders {
    failpoint: Option<String>,
    rate: u64,
    options: Vec<(&'static str, String)>,
}

/// How a process ended.
enum End {
    Killed,
    /// An error was asked for, and the job's first start ended with it.
    Failed,
    Finished,
}

pub(super) struct Life {
    dir: tempfile::TempDir,
    /// The test that is the job if it is told so.
    test: &'static str,
    numbers: u64,
}

impl Life {
    pub(super) fn new(test: &'static str, kills: u64) -> Self {
        Self { dir: tempfile::tempdir().unwrap(), test, numbers: kills * NUMBERS_PER_KILL }
    }

    /// Kills the job until there is `enough`, or it has finished; then lets it finish, and compares. How often it
    /// was killed.
    pub(super) fn live(self, dice: &mut Dice, seen: &mut Hits, enough: impl Fn(u64, &Hits) -> bool) -> u64 {
        let (mut kills, mut was_killed) = (0, false);
        while !enough(kills, seen) {
            let place = self.place(dice, seen, was_killed);
            let is_of_start = place.is_some_and(is_of_start);
            let orders = Orders::new(dice, place);
            match self.disturb(&orders, dice, seen) {
                End::Finished => break,
                End::Failed => was_killed = false,
                End::Killed => {
                    kills += 1;
                    seen.doubles += u64::from(was_killed && is_of_start);
                    was_killed = true;
                }
            }
        }
        let undisturbed = Orders { failpoint: None, rate: 0, options: Vec::new() };
        let mut last = self.start("killed", &undisturbed);
        assert!(wait(&mut last).success(), "{}", self.log("killed"));
        let mut calm = self.start("calm", &undisturbed);
        assert!(wait(&mut calm).success(), "{}", self.log("calm"));
        self.compare();
        kills
    }

    /// A failpoint, or none for a random instant.
    fn place(&self, dice: &mut Dice, seen: &Hits, was_killed: bool) -> Option<&'static str> {
        if was_killed && dice.one_in(3) {
            return Some(seen.fewest(is_of_start).0);
        }
        (!dice.one_in(4)).then(|| seen.fewest(|_| true).0)
    }

    /// Lets the job run until it is killed, by itself at a failpoint or from here.
    fn disturb(&self, orders: &Orders, dice: &mut Dice, seen: &mut Hits) -> End {
        let log = self.dir.path().join("failpoints");
        let _ = std::fs::remove_file(&log);
        let mut child = self.start("killed", orders);
        let most = if orders.failpoint.is_some() { 1_500 } else { 200 };
        let until = Instant::now() + Duration::from_millis(dice.between(most / 20, most));
        let status = loop {
            match child.try_wait().unwrap() {
                Some(status) => break status,
                None if Instant::now() < until => std::thread::sleep(Duration::from_millis(1)),
                None => {
                    child.kill().unwrap();
                    break child.wait().unwrap();
                }
            }
        };
        seen.count(&log);
        match (status.signal(), status.code()) {
            (Some(SIGKILL), _) => End::Killed,
            (_, Some(0)) => End::Finished,
            _ => {
                assert!(log.exists(), "{status}: {}", self.log("killed"));
                End::Failed
            }
        }
    }

    fn start(&self, name: &str, orders: &Orders) -> Child {
        let dir = self.dir.path().join(name);
        std::fs::create_dir_all(&dir).unwrap();
        let log = File::create(dir.join("log")).unwrap();
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", self.test, "--nocapture"]);
        for name in std::env::vars().map(|(name, _)| name).filter(|name| name.starts_with("SPT_")) {
            command.env_remove(name);
        }
        let values = [dir.display().to_string(), self.numbers.to_string(), orders.rate.to_string()];
        command.envs(VARIABLES.into_iter().zip(values));
        command.env("SPT_RUN_DIR", dir.join("run")).env("SPT_JOB_ID", JOB_ID);
        command.env("SPT_CHECKPOINT_DIR", dir.join("checkpoints"));
        command.env("SPT_CHECKPOINT_INTERVAL", "10 ms").env("SPT_PARALLELISM", "2");
        command.env("SPT_PIPELINE_AUTO_WATERMARK_INTERVAL", "5 ms");
        command.envs(newest(&dir).map(|path| ("SPT_SAVEPOINT", path)));
        command.envs(orders.options.iter().map(|(name, value)| (name, value)));
        if let Some(failpoint) = &orders.failpoint {
            command.env("SPT_FAILPOINTS", failpoint);
            command.env("SPT_FAILPOINT_LOG", self.dir.path().join("failpoints"));
        }
        command.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log).spawn().unwrap()
    }

    /// What the last process said.
    fn log(&self, name: &str) -> String {
        std::fs::read_to_string(self.dir.path().join(name).join("log")).unwrap()
    }

    fn compare(&self) {
        for output in OUTPUTS {
            let [killed, calm] =
                ["killed", "calm"].map(|name| lines(&self.dir.path().join(name).join(output)));
            assert!(!calm.is_empty());
            let differs = killed.iter().zip(&calm).find(|(killed, calm)| killed != calm);
            assert!(
                killed.len() == calm.len() && differs.is_none(),
                "{output}: {} lines, undisturbed {}; {differs:?}",
                killed.len(),
                calm.len()
            );
        }
    }
}

impl Orders {
    fn new(dice: &mut Dice, place: Option<&str>) -> Self {
        let time = dice.between(1, 5);
        // Some errors instead of kills: the process lives, and the job starts again inside it.
        let action = if dice.one_in(5) { "error" } else { "kill" };
        let claim = if dice.one_in(2) { "CLAIM" } else { "NO_CLAIM" };
        let options = vec![
            ("SPT_PARALLELISM", dice.between(2, 4).to_string()),
            ("SPT_CHECKPOINT_INTERVAL", format!("{} ms", dice.between(3, 30))),
            ("SPT_EXECUTION_STATE_RECOVERY_CLAIM_MODE", claim.to_owned()),
            ("SPT_EXECUTION_CHECKPOINTING_NUM_RETAINED", dice.between(1, 4).to_string()),
            ("SPT_RESTART_STRATEGY_TYPE", "fixed-delay".to_owned()),
            ("SPT_RESTART_STRATEGY_FIXED_DELAY_ATTEMPTS", "9".to_owned()),
            ("SPT_RESTART_STRATEGY_FIXED_DELAY_DELAY", "1 ms".to_owned()),
        ];
        Self { failpoint: place.map(|place| format!("{place}={action}@{time}")), rate: RATE, options }
    }
}

fn wait(child: &mut Child) -> ExitStatus {
    let until = Instant::now() + PATIENCE;
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return status;
        }
        if Instant::now() >= until {
            child.kill().unwrap();
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// The newest whole checkpoint.
fn newest(dir: &Path) -> Option<PathBuf> {
    let folder = std::fs::read_dir(dir.join("checkpoints").join(JOB_ID)).ok()?;
    let numbered = folder.filter_map(|entry| {
        let path = entry.unwrap().path();
        let number: u64 = path.file_name()?.to_str()?.strip_prefix("chk-")?.parse().ok()?;
        path.join("manifest.json").exists().then_some((number, path))
    });
    numbered.max().map(|(_, path)| path)
}

/// Lines of every file of a folder, sorted; none of them may be hidden.
fn lines(dir: &Path) -> Vec<String> {
    let mut lines = Vec::new();
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        assert!(!path.file_name().unwrap().to_str().unwrap().starts_with('.'), "{path:?} was left");
        lines.extend(std::fs::read_to_string(&path).unwrap().lines().map(str::to_owned));
    }
    lines.sort_unstable();
    lines
}
