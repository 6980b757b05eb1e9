//! Spans of time and instants as people write them: `7d`, `2026-11-22T03:04:05Z`.

use chrono::{DateTime, NaiveDate};

use crate::error::{Error, Result};

/// Units with their ms, largest first.
const UNITS: [(&str, u64); 5] =
    [("d", 86_400_000), ("h", 3_600_000), ("min", 60_000), ("s", 1_000), ("ms", 1)];

/// Ms of a span such as `7d`, `36 h`, `90min`, `10s`, `500ms`.
///
/// # Errors
/// [`ErrorKind::BadRequest`](crate::ErrorKind::BadRequest) if it is none.
pub fn parse_span(text: &str) -> Result<u64> {
    let trimmed = text.trim();
    let digits = trimmed.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = trimmed.split_at(digits);
    let unit = UNITS.iter().find(|(name, _)| *name == unit.trim());
    let span = number.parse::<u64>().ok().zip(unit).and_then(|(number, (_, ms))| number.checked_mul(*ms));
    span.ok_or_else(|| {
        Error::bad_request(format!("{text:?} is no span of time such as 7d, 36h, 90min, 10s or 500ms"))
    })
}

/// The shortest text of a span.
pub(super) fn span_text(ms: u64) -> String {
    let unit = UNITS.iter().find(|(_, unit)| ms >= *unit && ms.is_multiple_of(*unit));
    unit.map_or_else(|| format!("{ms}ms"), |(name, unit)| format!("{}{name}", ms / unit))
}

/// Ms since 1970 of an instant such as `2026-11-22T03:04:05Z`, or of the first one of a day in UTC.
///
/// # Errors
/// [`ErrorKind::BadRequest`](crate::ErrorKind::BadRequest) if it is none.
pub fn parse_instant(text: &str) -> Result<i64> {
    let instant = DateTime::parse_from_rfc3339(text).map(|instant| instant.timestamp_millis()).ok();
    let day =
        || text.parse::<NaiveDate>().ok()?.and_hms_opt(0, 0, 0).map(|day| day.and_utc().timestamp_millis());
    instant.or_else(day).ok_or_else(|| {
        Error::bad_request(format!("{text:?} is no instant such as 2026-11-22T03:04:05Z or 2026-11-22"))
    })
}

/// An instant as text in documents.
pub(super) mod instant {
    use serde::{Deserialize, Deserializer, Serializer, de::Error as _};

    pub(in super::super) fn serialize<S: Serializer>(ms: &i64, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&crate::export::instant_text(*ms))
    }

    pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<i64, D::Error> {
        super::parse_instant(&String::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

/// A span of time as text in documents, if there is one.
pub(super) mod span {
    use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

    #[expect(clippy::ref_option, reason = "what serde calls")]
    pub(in super::super) fn serialize<S: Serializer>(
        ms: &Option<u64>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        ms.map(super::span_text).serialize(serializer)
    }

    pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<u64>, D::Error> {
        let text = Option::<String>::deserialize(deserializer)?;
        text.map(|text| super::parse_span(&text).map_err(D::Error::custom)).transpose()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_is_read_as_it_is_written() {
        for (text, ms) in [("7d", 604_800_000), ("36h", 129_600_000), ("90min", 5_400_000), ("1500ms", 1_500)]
        {
            assert_eq!(parse_span(text).unwrap(), ms);
            assert_eq!(span_text(ms), text);
        }
        assert_eq!(parse_span(" 10 s ").unwrap(), 10_000);
        assert_eq!(span_text(0), "0ms");
        for text in ["", "7", "d", "-1d", "7 weeks", "99999999999999999d", "1.5h"] {
            assert!(parse_span(text).unwrap_err().to_string().contains("is no span of time"), "{text}");
        }
    }

    #[test]
    fn an_instant_is_a_time_with_a_zone_or_a_day() {
        assert_eq!(parse_instant("1970-01-02").unwrap(), 86_400_000);
        assert_eq!(parse_instant("1970-01-01T01:00:00.5+01:00").unwrap(), 500);
        for text in ["", "yesterday", "1970-01-01T00:00:00", "1970-13-01"] {
            assert!(parse_instant(text).is_err(), "{text}");
        }
    }
}
