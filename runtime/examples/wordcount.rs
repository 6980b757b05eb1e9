//! The classic job: counts the words of lines that a server sends, or of text files.
//!
//! ```text
//! nc -lk 8888
//! spt run -d -- target/release/examples/wordcount --host 127.0.0.1 --port 8888
//! ```

use std::process::ExitCode;

use spt_runtime::{Chain, DataStream, Environment, Error, Result, exit_code};

fn main() -> ExitCode {
    exit_code(run())
}

fn run() -> Result<()> {
    let arguments = Arguments::parse()?;
    let env = Environment::new();
    match &arguments.files {
        Some(path) => count_words(env.text_files(path)),
        None => count_words(env.socket_text_stream(&arguments.address())?),
    }
    env.execute("wordcount").map(drop)
}

fn count_words(lines: DataStream<String, impl Chain<Out = String>>) {
    lines
        .uid("stream-001")
        .flat_map(|line, out| out.extend(line.split_whitespace()))
        .uid("flatMap-001")
        .map_to::<(String, i64)>(|word| (word, 1))
        .uid("map-001")
        .key_by(|(word, _)| *word)
        .sum(|(_, n)| *n)
        .uid("sum-001")
        .print("result");
}

/// `--host HOST --port PORT`, or `--files PATH`.
struct Arguments {
    host: String,
    port: String,
    files: Option<String>,
}

impl Arguments {
    fn parse() -> Result<Self> {
        let mut parsed = Self { host: "127.0.0.1".to_owned(), port: "8888".to_owned(), files: None };
        let mut arguments = std::env::args().skip(1).skip_while(|argument| argument == "plan");
        while let Some(name) = arguments.next() {
            let value = arguments.next();
            let value = value.ok_or_else(|| Error::refused(format!("{name} needs a value")))?;
            match name.as_str() {
                "--host" => parsed.host = value,
                "--port" => parsed.port = value,
                "--files" => parsed.files = Some(value),
                _ => {
                    return Err(Error::refused(format!(
                        "{name} is no option; there are --host, --port, --files"
                    )));
                }
            }
        }
        Ok(parsed)
    }

    fn address(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }
}
