//! One long run of a job: killed, started again, and in the end compared with a run that nobody disturbed.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::dice::Dice;
use super::ends::{End, Facts};
use super::job::{OUTPUTS, VARIABLES};
use super::places::{Hits, comes_once, is_of_start};

const JOB_ID: &str = "000102030405060708090a0b0c0d0e0f";
/// Numbers a second while the job is to be killed, and how many the job has for each kill.
const RATE: u64 = 1_000;
const NUMBERS_PER_KILL: u64 = 300;
/// No job that lives takes longer for a checkpoint, however busy the machine is.
const PATIENCE: Duration = Duration::from_secs(120);
/// The longest that a start is said to take: more is the machine's fault.
const SLOWEST: Duration = Duration::from_secs(2);
/// And the shortest.
const FASTEST: Duration = Duration::from_millis(50);

/// What a process is told beside where it runs.
#[derive(Debug, Default)]
struct Orders {
    failpoint: Option<String>,
    rate: u64,
    options: Vec<(&'static str, String)>,
}

pub(super) struct Life {
    dir: tempfile::TempDir,
    /// The test that is the job if it is told so.
    test: &'static str,
    numbers: u64,
    starts: u64,
    /// How long a start takes here, to its first checkpoint.
    pace: Duration,
}

/// What there is to see of a life that ended in a failure stays.
impl Drop for Life {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.dir.disable_cleanup(true);
            let text = format!("see {}: `journal` has every start\n", self.dir.path().display());
            let _ = std::io::stderr().write_all(text.as_bytes());
        }
    }
}

impl Life {
    pub(super) fn new(test: &'static str, kills: u64) -> Self {
        let dir = tempfile::tempdir().unwrap();
        Self { dir, test, numbers: kills * NUMBERS_PER_KILL, starts: 0, pace: Duration::ZERO }
    }

    /// Kills the job until there is `enough`, or it has finished; then lets it finish, and compares. How often it
    /// was killed.
    pub(super) fn live(
        mut self,
        dice: &mut Dice,
        seen: &mut Hits,
        enough: impl Fn(u64, &Hits) -> bool,
    ) -> u64 {
        self.pace = self.time_a_start();
        let (mut kills, mut was_killed) = (0, false);
        while !enough(kills, seen) {
            let place = self.place(dice, seen, was_killed);
            let end = self.disturb(&Orders::new(dice, place), dice, seen);
            if end == End::Finished {
                break;
            }
            let is_killed = matches!(end, End::Shot | End::Killed);
            kills += u64::from(is_killed);
            seen.doubles += u64::from(was_killed && is_killed && place.is_some_and(is_of_start));
            was_killed = is_killed;
        }
        self.finish("killed");
        self.finish("calm");
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

    /// Starts the job, and ends it once it has its first checkpoint.
    fn time_a_start(&mut self) -> Duration {
        let (orders, begin) = (Orders { rate: RATE, ..Orders::default() }, Instant::now());
        let mut child = self.start("killed", &orders);
        let has_checkpoint = || newest(&self.folder("killed")).is_some() || begin.elapsed() > PATIENCE;
        let was_shot = wait_or_kill(&mut child, has_checkpoint);
        let took = begin.elapsed();
        assert_eq!(self.end("killed", child, was_shot, &orders).0, End::Shot, "there was no time to kill it");
        took.clamp(FASTEST, SLOWEST)
    }

    /// Lets the job run until it is killed, by itself at a failpoint or from here.
    fn disturb(&mut self, orders: &Orders, dice: &mut Dice, seen: &mut Hits) -> End {
        let longest = if orders.failpoint.is_some() { 15 * self.pace } else { 3 * self.pace };
        let until = Instant::now() + longest * dice.between(5, 100) as u32 / 100;
        let before = newest(&self.folder("killed"));
        let mut child = self.start("killed", orders);
        let was_shot = wait_or_kill(&mut child, || Instant::now() >= until);
        let (end, failpoints) = self.end("killed", child, was_shot, orders);
        seen.count(&failpoints, end, newest(&self.folder("killed")) != before);
        if orders.failpoint.is_some() {
            self.learn(end);
        }
        end
    }

    /// A machine that others use as well is slower at times: whoever waited for a failpoint in vain waits longer.
    fn learn(&mut self, end: End) {
        let pace = if end == End::Shot { self.pace * 5 / 4 } else { self.pace * 9 / 10 };
        self.pace = pace.clamp(FASTEST, SLOWEST);
    }

    /// Lets the job run to its end. As long as it takes checkpoints, it lives.
    fn finish(&mut self, name: &str) {
        let orders = Orders::default();
        let mut child = self.start(name, &orders);
        let (mut last, mut since) = (None, Instant::now());
        let is_stuck = || {
            let now = newest(&self.folder(name));
            if now != last {
                (last, since) = (now, Instant::now());
            }
            since.elapsed() > PATIENCE
        };
        let was_shot = wait_or_kill(&mut child, is_stuck);
        let end = self.end(name, child, was_shot, &orders).0;
        assert_eq!(end, End::Finished, "no checkpoint in {PATIENCE:?}: {}", self.log(name));
    }

    fn start(&mut self, name: &str, orders: &Orders) -> Child {
        self.starts += 1;
        let dir = self.folder(name);
        std::fs::create_dir_all(&dir).unwrap();
        let _ = std::fs::remove_file(self.failpoints());
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
            command.env("SPT_FAILPOINTS", failpoint).env("SPT_FAILPOINT_LOG", self.failpoints());
        }
        // The job ends when nobody holds the other side of its input any more.
        command.stdin(Stdio::piped()).stdout(log.try_clone().unwrap()).stderr(log).spawn().unwrap()
    }

    /// How a process has ended, and the failpoints that acted in it. An end that nobody asked for is told, with
    /// what the process was told and what it said last.
    #[expect(clippy::panic, reason = "a test that fails")]
    fn end(&self, name: &str, mut child: Child, was_shot: bool, orders: &Orders) -> (End, String) {
        let status = child.wait().unwrap();
        let failpoints = std::fs::read_to_string(self.failpoints()).unwrap_or_default();
        let facts = Facts { status, was_shot, failpoints, log: self.log(name) };
        let end = facts.end();
        let line = format!("start {} ({name}) {orders:?}: {end:?}, {status}", self.starts);
        let mut journal =
            File::options().append(true).create(true).open(self.dir.path().join("journal")).unwrap();
        writeln!(journal, "{line}; then {:?}", newest(&self.folder(name))).unwrap();
        match end {
            Ok(end) => (end, facts.failpoints),
            Err(why) => panic!("a process was lost: {why}\n{line}\nits last words:\n{}", facts.last_words()),
        }
    }

    fn folder(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn failpoints(&self) -> PathBuf {
        self.dir.path().join("failpoints")
    }

    /// What the last process said.
    fn log(&self, name: &str) -> String {
        std::fs::read_to_string(self.folder(name).join("log")).unwrap()
    }

    fn compare(&self) {
        for output in OUTPUTS {
            let [killed, calm] = ["killed", "calm"].map(|name| lines(&self.folder(name).join(output)));
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
        let time = match place {
            Some(place) if comes_once(place) => 1,
            Some(place) if is_of_start(place) => dice.between(1, 3),
            _ => dice.between(1, 5),
        };
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

/// Waits for the end of a process, and kills it if it is time; whether that was so. Its status is still to be taken.
fn wait_or_kill(child: &mut Child, mut is_time: impl FnMut() -> bool) -> bool {
    while child.try_wait().unwrap().is_none() {
        if is_time() {
            child.kill().unwrap();
            return true;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    false
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
