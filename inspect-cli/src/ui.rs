//! Everything `spt` says besides its answer: notes, warnings and errors on stderr, in colour where that helps.
//!
//! The answer itself goes to [`Ui::stdout`], which is buffered; whoever writes to it flushes it.

mod pager;
mod progress;

use std::io::{self, BufWriter, IsTerminal, StdoutLock, Write};
use std::sync::{Arc, Mutex, PoisonError};

use indicatif::ProgressBar;

use crate::args::{ColorChoice, Global};
use crate::error::Failure;
use crate::render::text::clean;

pub(crate) use self::progress::Progress;

/// A colour or weight of text on a terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Style {
    /// Trouble.
    Red,
    /// Careful.
    Yellow,
    /// Fine, or added.
    Green,
    /// A hint.
    Cyan,
    /// A heading.
    Bold,
    /// What matters less.
    Dim,
}

impl Style {
    fn code(self) -> &'static str {
        match self {
            Self::Red => "1;31",
            Self::Yellow => "33",
            Self::Green => "32",
            Self::Cyan => "36",
            Self::Bold => "1",
            Self::Dim => "2",
        }
    }

    /// The text in this style, or as it is where colours are off.
    pub(crate) fn paint(self, text: &str, colors: bool) -> String {
        if colors { format!("\x1b[{}m{text}\x1b[0m", self.code()) } else { text.to_owned() }
    }
}

/// How this process talks: how much, where, and whether in colour.
#[derive(Debug, Clone)]
pub(crate) struct Ui {
    /// The answer is one JSON document, or JSON lines.
    pub(crate) json: bool,
    quiet: bool,
    verbose: u8,
    stdout_colors: bool,
    stderr_colors: bool,
    pages: bool,
    /// The bar that is shown, if one is: what is said next stands in its place.
    bar: Arc<Mutex<Option<ProgressBar>>>,
}

impl Ui {
    /// As the flags and the environment say.
    pub(crate) fn new(global: &Global) -> Self {
        Self {
            json: global.json,
            quiet: global.quiet,
            verbose: global.verbose,
            stdout_colors: colors(global.color, io::stdout().is_terminal()),
            stderr_colors: colors(global.color, io::stderr().is_terminal()),
            pages: !global.no_pager && !global.json && io::stdout().is_terminal(),
            bar: Arc::default(),
        }
    }

    /// The same, its answer in JSON if that is wanted too.
    pub(crate) fn with_json(&self, json: bool) -> Self {
        Self { json: self.json || json, ..self.clone() }
    }

    /// The answer may be in colour.
    pub(crate) fn stdout_colors(&self) -> bool {
        self.stdout_colors
    }

    /// Something worth knowing that is not part of the answer.
    pub(crate) fn note(&self, text: &str) {
        if !self.quiet {
            self.say(Style::Cyan, "note", text);
        }
    }

    /// Something that may need attention.
    pub(crate) fn warn(&self, text: &str) {
        if !self.quiet {
            self.say(Style::Yellow, "warning", text);
        }
    }

    /// Something only the curious want to know.
    pub(crate) fn detail(&self, text: &str) {
        if self.verbose > 0 {
            self.say(Style::Dim, "detail", text);
        }
    }

    /// Why the command failed, and what to do about it. Said even when quiet.
    pub(crate) fn failure(&self, failure: &Failure) {
        self.say(Style::Red, "error", &failure.to_string());
        if let Some(hint) = failure.hint_text() {
            self.say(Style::Cyan, "hint", hint);
        }
    }

    /// A machine's summary of what was done, for commands whose answer on stdout is data. Said even when quiet.
    pub(crate) fn summary(&self, json: &str) {
        let _ = writeln!(io::stderr(), "{json}");
    }

    /// Columns of the terminal the answer goes to, or as `COLUMNS` says; `None` for a file or a pipe.
    pub(crate) fn width(&self) -> Option<u16> {
        let told = std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok());
        told.or_else(|| {
            let size = rustix::termios::tcgetwinsize(io::stdout()).ok()?;
            Some(size.ws_col).filter(|columns| *columns > 0)
        })
    }

    /// Shows how far work has come that takes longer than a second. Nobody looks unless stderr is a terminal.
    pub(crate) fn progress(&self, what: &'static str, total_bytes: Option<u64>) -> Progress {
        let lines_in_between = self.json && io::stdout().is_terminal();
        if self.quiet || lines_in_between || !io::stderr().is_terminal() {
            return Progress::silent();
        }
        let progress = Progress::new(what, total_bytes);
        *self.bar.lock().unwrap_or_else(PoisonError::into_inner) = progress.bar();
        progress
    }

    /// Takes the bar away for good.
    fn clear_bar(&self) {
        if let Some(bar) = self.bar.lock().unwrap_or_else(PoisonError::into_inner).take() {
            bar.finish_and_clear();
        }
    }

    /// Where the answer goes.
    pub(crate) fn stdout(&self) -> BufWriter<StdoutLock<'static>> {
        self.clear_bar();
        BufWriter::with_capacity(1 << 16, io::stdout().lock())
    }

    /// Writes a whole answer.
    ///
    /// # Errors
    /// If stdout cannot be written to; see [`Failure::is_closed_pipe`].
    pub(crate) fn answer(&self, text: &str) -> Result<(), Failure> {
        self.clear_bar();
        let height =
            || Some(rustix::termios::tcgetwinsize(io::stdout()).ok()?.ws_row).filter(|rows| *rows > 0);
        let height = height().filter(|_| self.pages);
        let pager = pager::wanted(text.lines().count(), height, |name| std::env::var(name).ok());
        if pager.is_some_and(|pager| pager::show(&pager, text)) {
            return Ok(());
        }
        let mut out = self.stdout();
        out.write_all(text.as_bytes()).and_then(|()| out.flush()).map_err(Failure::stdout)
    }

    /// Writes a whole answer as one JSON document on one line.
    ///
    /// # Errors
    /// As [`Ui::answer`].
    pub(crate) fn answer_json(&self, document: &impl serde::Serialize) -> Result<(), Failure> {
        let mut text = serde_json::to_string(document).map_err(|error| Failure::new(error.to_string()))?;
        text.push('\n');
        self.answer(&text)
    }

    /// A word and a text on stderr. Nobody is left to hear that stderr is closed.
    fn say(&self, style: Style, word: &str, text: &str) {
        let word = style.paint(&format!("{word}:"), self.stderr_colors);
        let lines: Vec<String> = text.split('\n').map(clean).collect();
        let bar = self.bar.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let say = || {
            let _ = writeln!(io::stderr(), "{word} {}", lines.join("\n"));
        };
        match bar {
            Some(bar) => bar.suspend(say),
            None => say(),
        }
    }
}

fn colors(choice: ColorChoice, terminal: bool) -> bool {
    let set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    match choice {
        ColorChoice::Always => true,
        ColorChoice::Never => false,
        ColorChoice::Auto => {
            terminal && !set("NO_COLOR") && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
        }
    }
}
