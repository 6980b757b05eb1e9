//! Dates, times and durations as ISO 8601 text, over the whole range of their numbers.
//!
//! A calendar library covers some 260,000 years; 64 bits of milliseconds cover 292 million.

use super::json_text::write_display;
use crate::model::TimeUnit;

const DAY_SECONDS: i64 = 86_400;

/// An instant in ms since 1970 as RFC 3339 text: `2026-11-22T03:04:05.001Z`.
pub fn instant_text(ms: i64) -> String {
    let mut out = Vec::new();
    write_timestamp(ms, TimeUnit::Ms, true, &mut out);
    String::from_utf8_lossy(&out).into_owned()
}

/// Days since 1970-01-01 as `2026-11-22`; years beyond four digits get a sign, as ISO 8601 wants.
pub(crate) fn write_date(days: i64, out: &mut Vec<u8>) {
    let (year, month, day) = civil(days);
    match year {
        0..=9999 => write_display(format_args!("{year:04}-{month:02}-{day:02}"), out),
        _ => write_display(format_args!("{year:+05}-{month:02}-{day:02}"), out),
    }
}

/// Time since midnight as `03:04:05.001`.
pub(crate) fn write_time(ticks: i64, unit: TimeUnit, out: &mut Vec<u8>) {
    let (seconds, fraction) = split(ticks, unit);
    write_display(format_args!("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60), out);
    write_fraction(fraction, unit, out);
}

/// Time since 1970 as `2026-11-22T03:04:05.001`, with a `Z` if it is an instant.
pub(crate) fn write_timestamp(ticks: i64, unit: TimeUnit, instant: bool, out: &mut Vec<u8>) {
    let (seconds, fraction) = split(ticks, unit);
    write_date(seconds.div_euclid(DAY_SECONDS), out);
    out.push(b'T');
    let second = seconds.rem_euclid(DAY_SECONDS);
    write_display(format_args!("{:02}:{:02}:{:02}", second / 3600, second / 60 % 60, second % 60), out);
    write_fraction(fraction, unit, out);
    if instant {
        out.push(b'Z');
    }
}

/// Seconds since 1970 and nanoseconds of the second, as [`write_timestamp`] writes them.
pub(crate) fn write_seconds(seconds: i64, nanos: i32, instant: bool, out: &mut Vec<u8>) {
    write_date(seconds.div_euclid(DAY_SECONDS), out);
    out.push(b'T');
    let second = seconds.rem_euclid(DAY_SECONDS);
    write_display(format_args!("{:02}:{:02}:{:02}", second / 3600, second / 60 % 60, second % 60), out);
    write_fraction(nanos.into(), TimeUnit::Ns, out);
    if instant {
        out.push(b'Z');
    }
}

/// A length of time as Java prints it: `PT8H6M12.345S`, zero as `PT0S`.
pub(crate) fn write_duration(ticks: i64, unit: TimeUnit, out: &mut Vec<u8>) {
    let sign = if ticks < 0 { "-" } else { "" };
    let scale = per_second(unit).unsigned_abs();
    let (seconds, fraction) = (ticks.unsigned_abs() / scale, ticks.unsigned_abs() % scale);
    let (hours, minutes, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    out.extend_from_slice(b"PT");
    if hours > 0 {
        write_display(format_args!("{sign}{hours}H"), out);
    }
    if minutes > 0 {
        write_display(format_args!("{sign}{minutes}M"), out);
    }
    if second > 0 || fraction > 0 || ticks.unsigned_abs() < 60 * scale && seconds == 0 {
        write_display(format_args!("{sign}{second}"), out);
        write_fraction(fraction.cast_signed(), unit, out);
        out.push(b'S');
    }
}

/// Ticks in a second.
fn per_second(unit: TimeUnit) -> i64 {
    match unit {
        TimeUnit::Ms => 1_000,
        TimeUnit::Us => 1_000_000,
        TimeUnit::Ns => 1_000_000_000,
    }
}

/// Whole seconds, and the ticks above them.
fn split(ticks: i64, unit: TimeUnit) -> (i64, i64) {
    (ticks.div_euclid(per_second(unit)), ticks.rem_euclid(per_second(unit)))
}

/// As many digits as are needed, none for a whole second.
fn write_fraction(fraction: i64, unit: TimeUnit, out: &mut Vec<u8>) {
    if fraction == 0 {
        return;
    }
    let digits = match unit {
        TimeUnit::Ms => format!(".{fraction:03}"),
        TimeUnit::Us => format!(".{fraction:06}"),
        TimeUnit::Ns => format!(".{fraction:09}"),
    };
    out.extend_from_slice(digits.trim_end_matches('0').as_bytes());
}

/// Year, month and day of a day counted from 1970-01-01, in the proleptic Gregorian calendar.
///
/// # Source
/// Howard Hinnant, "chrono-compatible low-level date algorithms", `civil_from_days`.
fn civil(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    (era * 400 + year_of_era + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(write: impl Fn(&mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        write(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn dates_agree_with_a_calendar_library() {
        for days in (-800_000..3_000_000).step_by(379) {
            let date = chrono::DateTime::from_timestamp(days * DAY_SECONDS, 0).unwrap().date_naive();
            if (0..=9999).contains(&chrono::Datelike::year(&date)) {
                assert_eq!(text(|out| write_date(days, out)), date.to_string());
            }
        }
        assert_eq!(text(|out| write_date(-719_529, out)), "-0001-12-31");
    }

    #[test]
    fn timestamps_have_as_many_digits_as_they_need() {
        let at = |ticks, unit, instant| text(|out| write_timestamp(ticks, unit, instant, out));
        assert_eq!(at(0, TimeUnit::Ms, true), "1970-01-01T00:00:00Z");
        assert_eq!(at(-1, TimeUnit::Ms, false), "1969-12-31T23:59:59.999");
        assert_eq!(at(1_500_000_000, TimeUnit::Ns, true), "1970-01-01T00:00:01.5Z");
        assert_eq!(at(i64::MAX, TimeUnit::Ms, true), "+292278994-08-17T07:12:55.807Z");
        assert_eq!(at(i64::MIN, TimeUnit::Ms, true), "-292275055-05-16T16:47:04.192Z");
    }

    #[test]
    fn durations_look_as_in_java() {
        let long = |ticks| text(|out| write_duration(ticks, TimeUnit::Ms, out));
        assert_eq!(long(0), "PT0S");
        assert_eq!(long(29_172_345), "PT8H6M12.345S");
        assert_eq!(long(-90_000), "PT-1M-30S");
        assert_eq!(long(3_600_000), "PT1H");
        assert_eq!(long(1), "PT0.001S");
    }
}
