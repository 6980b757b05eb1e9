//! Numbers at a pace, written to files exactly once: kill it, start it from its last checkpoint, and every number is
//! in the output once.
//!
//! ```text
//! spt run -D execution.checkpointing.interval='1 s' -D execution.checkpointing.dir=/tmp/checkpoints \
//!     -- target/release/examples/numbers --count 100000 --rate 10000 --output /tmp/numbers
//! ```

use std::process::ExitCode;

use spt_runtime::sinks::{FileSink, Lines};
use spt_runtime::sources::Sequence;
use spt_runtime::{Environment, Error, Result, exit_code};

fn main() -> ExitCode {
    exit_code(run())
}

fn run() -> Result<()> {
    let arguments = Arguments::parse()?;
    let env = Environment::new();
    env.source(Sequence::new(0..arguments.count).per_second(arguments.rate))
        .uid("numbers-001")
        .map(|number| *number)
        .rebalance()
        .sink(FileSink::<Lines>::new(arguments.output))
        .uid("files-001");
    env.execute("numbers").map(drop)
}

/// `--count N --rate N --output DIR`
struct Arguments {
    count: i64,
    rate: f64,
    output: String,
}

impl Arguments {
    fn parse() -> Result<Self> {
        let mut parsed = Self { count: 100_000, rate: 10_000.0, output: "numbers".to_owned() };
        let mut arguments = std::env::args().skip(1).skip_while(|argument| argument == "plan");
        while let Some(name) = arguments.next() {
            let value = arguments.next().ok_or_else(|| Error::refused(format!("{name} needs a value")))?;
            let refusal = || Error::refused(format!("{name} {value:?} makes no sense"));
            match name.as_str() {
                "--count" => parsed.count = value.parse().map_err(|_| refusal())?,
                "--rate" => parsed.rate = value.parse().map_err(|_| refusal())?,
                "--output" => parsed.output = value,
                _ => return Err(refusal()),
            }
        }
        Ok(parsed)
    }
}
