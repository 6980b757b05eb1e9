//! What a job says while it runs, on its standard error: events of `tracing`, so that a program which embeds a job
//! can take them in with its own subscriber.
//!
//! ```text
//! SPT_LOG=off | error | warn | info (if not set) | debug | trace
//! SPT_LOG_FORMAT=text   note: this job no longer needs /savepoints/savepoint-3f2a9c-0123456789ab
//!                json   {"timestamp":"…","level":"DEBUG","fields":{"message":"snapshot completed","checkpoint":7,…},"target":"spt"}
//! ```

use std::fmt;
use std::io::{self, Write};

use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

use crate::error::{Error, Result};

/// What a person should know. Said on standard error where nobody has set up a log.
pub(crate) fn note(text: &str) {
    match tracing::dispatcher::has_been_set() {
        true => tracing::info!(target: "spt", "{text}"),
        // A closed stream is no reason to fail.
        false => drop(writeln!(io::stderr(), "note: {text}")),
    }
}

/// Sets up the log of a program that is a job, as its environment says; one that is set up already stays.
///
/// # Errors
/// A refusal, if the environment makes no sense.
pub(crate) fn set_up() -> Result<()> {
    let variable = |name: &str| std::env::var(name).unwrap_or_default();
    let level = level(&variable("SPT_LOG"))?;
    let builder = tracing_subscriber::fmt().with_max_level(level).with_writer(io::stderr);
    // What cannot be written cannot be complained of in the same place.
    let builder = builder.log_internal_errors(false);
    // Refused only if there is one: then that one counts.
    let _ = match variable("SPT_LOG_FORMAT").as_str() {
        "" | "text" => tracing::subscriber::set_global_default(builder.event_format(Plain).finish()),
        "json" => tracing::subscriber::set_global_default(builder.json().finish()),
        other => {
            return Err(Error::refused(format!("SPT_LOG_FORMAT: {other:?} is neither text nor json")));
        }
    };
    Ok(())
}

fn level(text: &str) -> Result<LevelFilter> {
    match text {
        "" => Ok(LevelFilter::INFO),
        text => text.parse().map_err(|_| {
            Error::refused(format!("SPT_LOG: {text:?} is none of off, error, warn, info, debug, trace"))
        }),
    }
}

/// A line for people: `note: ` and the text, then the fields.
struct Plain;

impl<S, N> FormatEvent<S, N> for Plain
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        _: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let mut line = Line::default();
        event.record(&mut line);
        let kind = match *event.metadata().level() {
            Level::ERROR => "error",
            Level::WARN => "warning",
            Level::INFO => "note",
            Level::DEBUG | Level::TRACE => "detail",
        };
        writeln!(writer, "{kind}: {}{}", line.message, line.fields)
    }
}

/// The text of an event, and its other fields.
#[derive(Default)]
struct Line {
    message: String,
    fields: String,
}

impl Visit for Line {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.record_debug(field, &format_args!("{value}"));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        match field.name() {
            "message" => self.message = format!("{value:?}"),
            name => self.fields.push_str(&format!(", {name} {value:?}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_level_is_one_of_a_few_words() {
        assert_eq!(level("").unwrap(), LevelFilter::INFO);
        assert_eq!(level("off").unwrap(), LevelFilter::OFF);
        assert_eq!(level("debug").unwrap(), LevelFilter::DEBUG);
        assert!(level("loud").unwrap_err().is_refusal());
    }
}
