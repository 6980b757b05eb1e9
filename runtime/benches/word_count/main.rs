//! Words per second at parallelism 2, from lines in memory to one output record per word; and what snapshots of the same
//! job cost.
//!
//! Memory comes in small pages, as that of a JVM does unless it is told otherwise: see `docs/running-jobs.md`, "Memory".
//! `MIMALLOC_ALLOW_THP=1` in the environment asks for huge ones.
//!
//! `cargo bench -p spt-runtime --bench word_count [-- words [VOCABULARY [LINES]] | keys [KEYS [DIR]] | restore KEYS SAVEPOINT | barrier [KEYS] | checkpoints [KEYS]]`.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    unreachable_pub,
    reason = "a measurement ends where it cannot go on"
)]

mod devour;
mod pool;
mod snapshots;
mod words;

use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;
use std::time::Instant;

use spt_runtime::{Environment, JobHandle, JobOptions};

use devour::{Devour, Pauses};
use pool::{Pool, WORDS_PER_LINE};
use words::{Bytewise, Eights, Split};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Runs this program again with small pages unless its environment says which: mimalloc reads it before `main` begins.
fn choose_pages() {
    const PAGES: &str = "MIMALLOC_ALLOW_THP";
    if std::env::var_os(PAGES).is_none() {
        let program = std::env::current_exe().unwrap();
        let failed = Command::new(program).args(std::env::args_os().skip(1)).env(PAGES, "0").exec();
        panic!("cannot run again: {failed}");
    }
}

fn main() {
    choose_pages();
    let arguments: Vec<String> =
        std::env::args().skip(1).filter(|argument| !argument.starts_with("--")).collect();
    let what = arguments.first().map_or("all", String::as_str);
    let number = arguments.get(1).map(|keys| keys.parse().unwrap());
    if matches!(what, "all" | "words") {
        for vocabulary in number.map_or(vec![1_000, 100_000], |words| vec![words]) {
            let lines = arguments.get(2).map_or(6_000_000, |lines| lines.parse().unwrap());
            words::<Bytewise>(vocabulary, lines);
            words::<Eights>(vocabulary, lines);
        }
    }
    if what == "barrier" {
        let sizes = number.map_or(vec![100_000, 1_000_000, 10_000_000], |keys| vec![keys]);
        sizes.into_iter().for_each(snapshots::barrier);
    }
    if what == "checkpoints" {
        snapshots::checkpoints(number.unwrap_or(500_000));
    }
    if what == "restore" {
        snapshots::restores(arguments[2].as_ref(), number.unwrap());
    }
    if matches!(what, "all" | "keys") {
        let scratch = tempfile::tempdir().unwrap();
        let dir = arguments.get(2).map_or(scratch.path().to_owned(), PathBuf::from);
        snapshots::keys(number.unwrap_or(5_000_000), &dir);
    }
}

fn words<S: Split>(vocabulary: u64, lines: u64) {
    let begin = Instant::now();
    let source = Pool::of_lines(vocabulary, lines);
    word_count::<S>(source, Arc::default(), options()).wait().unwrap();
    let rate = (lines * WORDS_PER_LINE as u64) as f64 / begin.elapsed().as_secs_f64();
    println!(
        "vocabulary {vocabulary}: {:.1} M words/s at parallelism 2, lines split {}",
        rate / 1e6,
        S::NAME
    );
}

fn options() -> JobOptions {
    JobOptions { parallelism: Some(2), ..JobOptions::default() }
}

fn word_count<S: Split>(source: Pool, pauses: Arc<Pauses>, options: JobOptions) -> JobHandle {
    let env = Environment::new();
    env.source(source)
        .uid("stream-001")
        .flat_map(|line, out| out.extend(S::words(line)))
        .uid("flatMap-001")
        .map_to::<(String, i64)>(|word| (word, 1))
        .uid("map-001")
        .key_by(|(word, _)| *word)
        .sum(|(_, n)| *n)
        .uid("sum-001")
        .sink(Devour { pauses })
        .uid("sink-001");
    env.start("wordcount", options).unwrap()
}
