//! Durations as Flink writes them: `10 s`, `500ms`, `2 min`.

use std::time::Duration;

/// Nanoseconds of each unit and the labels Flink knows it by.
///
/// # Source
/// Flink, `TimeUtils.TimeUnit`.
const UNITS: &[(u128, &[&str])] = &[
    (86_400_000_000_000, &["d", "day", "days"]),
    (3_600_000_000_000, &["h", "hour", "hours"]),
    (60_000_000_000, &["m", "min", "minute", "minutes"]),
    (1_000_000_000, &["s", "sec", "secs", "second", "seconds"]),
    (1_000_000, &["ms", "milli", "millis", "millisecond", "milliseconds"]),
    (1_000, &["µs", "us", "micro", "micros", "microsecond", "microseconds"]),
    (1, &["ns", "nano", "nanos", "nanosecond", "nanoseconds"]),
];

/// The duration that `text` says; a number alone is milliseconds.
///
/// # Errors
/// A sentence that names the text and the units, unless it is a whole number with a known unit.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    let text = text.trim();
    let digits = text.find(|symbol: char| !symbol.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let refusal = || format!("{text:?} is not a duration such as \"10 s\", \"500 ms\" or \"2 min\"");
    let number: u64 = number.parse().map_err(|_| refusal())?;
    let nanos = unit_nanos(unit.trim()).ok_or_else(refusal)? * u128::from(number);
    let seconds = u64::try_from(nanos / 1_000_000_000).map_err(|_| format!("{text:?} is too long"))?;
    let rest = u32::try_from(nanos % 1_000_000_000).unwrap_or_default();
    Ok(Duration::new(seconds, rest))
}

/// The shortest text that [`parse_duration`] reads back as `duration`.
pub fn format_duration(duration: Duration) -> String {
    let nanos = duration.as_nanos();
    let whole = |&(size, labels): &(u128, &[&str])| {
        let label = labels.iter().find(|label| label.is_ascii())?;
        (nanos.is_multiple_of(size) && nanos > 0).then(|| format!("{} {label}", nanos / size))
    };
    UNITS.iter().find_map(whole).unwrap_or_else(|| "0 ms".to_owned())
}

fn unit_nanos(unit: &str) -> Option<u128> {
    if unit.is_empty() {
        return unit_nanos("ms");
    }
    let unit = unit.to_lowercase();
    UNITS.iter().find(|(_, labels)| labels.contains(&unit.as_str())).map(|(nanos, _)| *nanos)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_forms_flink_documents() {
        for (text, ms) in [
            ("10 s", 10_000),
            ("500ms", 500),
            ("500", 500),
            ("2 min", 120_000),
            ("1h", 3_600_000),
            (" 1 DAY ", 86_400_000),
        ] {
            assert_eq!(parse_duration(text), Ok(Duration::from_millis(ms)), "{text:?}");
        }
        assert_eq!(parse_duration("7 us"), Ok(Duration::from_micros(7)));
    }

    #[test]
    fn refuses_what_is_no_duration() {
        for text in ["", "s", "-1 s", "1.5 s", "10 fortnights", "99999999999999999999 s"] {
            assert!(parse_duration(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn what_is_printed_reads_back() {
        for ms in [0, 1, 999, 1_000, 90_000, 3_600_000] {
            let duration = Duration::from_millis(ms);
            assert_eq!(parse_duration(&format_duration(duration)), Ok(duration));
        }
    }
}
