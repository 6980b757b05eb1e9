//! The smallest job: prints the lines that a server sends. It keeps no state.
//!
//! ```text
//! nc -lk 8888
//! spt run -- target/release/examples/echo --port 8888
//! ```

use std::process::ExitCode;

use spt_runtime::{Environment, Error, Result, exit_code};

fn main() -> ExitCode {
    exit_code(run())
}

fn run() -> Result<()> {
    let env = Environment::new();
    env.socket_text_stream(&address()?)?.uid("stream-001").print("result");
    env.execute("echo").map(drop)
}

/// `--host HOST --port PORT`
fn address() -> Result<String> {
    let (mut host, mut port) = ("127.0.0.1".to_owned(), "8888".to_owned());
    let mut arguments = std::env::args().skip(1).skip_while(|argument| argument == "plan");
    while let Some(name) = arguments.next() {
        let value = arguments.next().ok_or_else(|| Error::refused(format!("{name} needs a value")))?;
        match name.as_str() {
            "--host" => host = value,
            "--port" => port = value,
            _ => return Err(Error::refused(format!("{name} is no option; there are --host and --port"))),
        }
    }
    Ok(format!("{host}:{port}"))
}
