//! Reads single numbers, times and byte strings from JSON values.

use arrow_buffer::i256;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, Timelike};
use serde_json::Value;

use super::far;
use crate::error::{Error, Result};
use crate::model::TimeUnit;

/// What the value is not.
pub(super) fn no(what: &str, value: &Value) -> Error {
    let mut text = value.to_string();
    if text.chars().count() > 60 {
        text = text.chars().take(60).chain(['…']).collect();
    }
    Error::bad_request(format!("{text} is no {what}"))
}

/// A number, or the text of one.
fn number_text(value: &Value) -> Option<String> {
    match value {
        Value::Number(number) => Some(number.to_string()),
        Value::String(text) => Some(text.clone()),
        _ => None,
    }
}

pub(super) fn integer<T: std::str::FromStr>(value: &Value, what: &str) -> Result<T> {
    number_text(value).and_then(|text| text.parse().ok()).ok_or_else(|| no(what, value))
}

pub(super) fn float<T: std::str::FromStr>(value: &Value, what: &str) -> Result<T> {
    let text = number_text(value).ok_or_else(|| no(what, value))?;
    let spelled = match text.as_str() {
        "NaN" | "Infinity" | "-Infinity" => true,
        other => other.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E')),
    };
    text.parse().ok().filter(|_| spelled).ok_or_else(|| no(what, value))
}

pub(super) fn string<'a>(value: &'a Value, what: &str) -> Result<&'a str> {
    value.as_str().ok_or_else(|| no(what, value))
}

/// `{"$bytes":"base64"}`.
pub(super) fn bytes(value: &Value) -> Result<Vec<u8>> {
    let text = value.get("$bytes").and_then(Value::as_str);
    text.and_then(|text| STANDARD.decode(text).ok()).ok_or_else(|| no("{\"$bytes\":\"base64\"}", value))
}

/// `{"$opaque":{"class":"…","bytes":"base64"}}` of this class.
pub(super) fn opaque(value: &Value, class: &str) -> Result<Vec<u8>> {
    let inner =
        value.get("$opaque").filter(|inner| inner.get("class").and_then(Value::as_str) == Some(class));
    let text = inner.and_then(|inner| inner.get("bytes")).and_then(Value::as_str);
    text.and_then(|text| STANDARD.decode(text).ok()).ok_or_else(|| no(&format!("opaque<{class}>"), value))
}

/// A decimal's digits without the point, at this scale: `-0.05` at scale 2 is `-5`.
pub(super) fn decimal(value: &Value, precision: u8, scale: u8) -> Result<i256> {
    let what = || no(&format!("decimal({precision}, {scale})"), value);
    let text = number_text(value).ok_or_else(what)?;
    let (sign, magnitude) = match text.strip_prefix('-') {
        Some(magnitude) => ("-", magnitude),
        None => ("", text.as_str()),
    };
    let (whole, fraction) = magnitude.split_once('.').unwrap_or((magnitude, ""));
    let digits = format!("{whole}{fraction:0<width$}", width = usize::from(scale));
    let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    let fits = fraction.len() <= usize::from(scale)
        && digits.trim_start_matches('0').len() <= usize::from(precision);
    if !is_number || !fits {
        return Err(what());
    }
    i256::from_string(&format!("{sign}{digits}")).ok_or_else(what)
}

/// Days since 1970-01-01.
pub(super) fn date(value: &Value) -> Result<i32> {
    let text = string(value, "date")?;
    let near = text.parse::<NaiveDate>().ok();
    let near = near.map(|date| date.signed_duration_since(NaiveDate::default()).num_days());
    let days = near.or_else(|| far::days(text)).ok_or_else(|| no("date like 2026-11-22", value))?;
    i32::try_from(days).map_err(|_| no("date", value))
}

/// Ticks since midnight.
pub(super) fn time(value: &Value, unit: TimeUnit) -> Result<i64> {
    let time =
        string(value, "time")?.parse::<NaiveTime>().map_err(|_| no("time like 03:04:05.001", value))?;
    let nanoseconds =
        i64::from(time.num_seconds_from_midnight()) * 1_000_000_000 + i64::from(time.nanosecond());
    Ok(nanoseconds / nanoseconds_per_tick(unit))
}

/// Ticks since 1970-01-01T00:00:00, from ISO 8601 text or from the number of ticks.
pub(super) fn timestamp(value: &Value, unit: TimeUnit, instant: bool) -> Result<i64> {
    let what = || {
        no(
            if instant { "instant like 2026-11-22T03:04:05Z" } else { "timestamp like 2026-11-22T03:04:05" },
            value,
        )
    };
    if let Some(ticks) = value.as_i64() {
        return Ok(ticks);
    }
    let text = string(value, "timestamp")?;
    if let Ok(ticks) = text.parse::<i64>() {
        return Ok(ticks);
    }
    let (seconds, nanos) = seconds_since_1970(text, instant).ok_or_else(what)?;
    let nanoseconds = seconds * 1_000_000_000 + i128::from(nanos);
    i64::try_from(nanoseconds.div_euclid(nanoseconds_per_tick(unit).into())).map_err(|_| what())
}

/// Seconds since 1970-01-01T00:00:00 and nanoseconds of the second.
fn seconds_since_1970(text: &str, instant: bool) -> Option<(i128, u32)> {
    let near = if instant {
        text.parse::<DateTime<chrono::Utc>>().map(|time| time.naive_utc())
    } else {
        text.parse::<NaiveDateTime>()
    };
    let near = near.ok().map(|time| time.and_utc());
    near.map(|time| (i128::from(time.timestamp()), time.timestamp_subsec_nanos()))
        .or_else(|| far::seconds_and_nanos(text, instant))
}

/// Seconds since 1970-01-01T00:00:00 and nanoseconds of the second, from ISO 8601 text.
pub(super) fn seconds_and_nanos(value: &Value, instant: bool) -> Result<(i64, i32)> {
    let text = string(value, "time")?;
    let what = || no("time like 2026-11-22T03:04:05.000000001", value);
    let (seconds, nanos) = seconds_since_1970(text, instant).ok_or_else(what)?;
    Ok((i64::try_from(seconds).map_err(|_| what())?, nanos.cast_signed()))
}

/// Ticks of a length of time, from `PT1H2M3.5S` or from the number of ticks.
pub(super) fn duration(value: &Value, unit: TimeUnit) -> Result<i64> {
    if let Some(ticks) = value.as_i64() {
        return Ok(ticks);
    }
    let text = string(value, "duration")?;
    iso_nanoseconds(text)
        .and_then(|nanoseconds| i64::try_from(nanoseconds / i128::from(nanoseconds_per_tick(unit))).ok())
        .ok_or_else(|| no("duration like PT1H2M3.5S", value))
}

fn iso_nanoseconds(text: &str) -> Option<i128> {
    let mut rest = text.strip_prefix("PT")?;
    let mut total = 0i128;
    while !rest.is_empty() {
        let end = rest.find(|character: char| character.is_ascii_alphabetic())?;
        let (amount, unit) = rest.split_at(end);
        total += match unit.get(..1)? {
            "H" => amount.parse::<i128>().ok()?.checked_mul(3_600_000_000_000)?,
            "M" => amount.parse::<i128>().ok()?.checked_mul(60_000_000_000)?,
            "S" => second_nanoseconds(amount)?,
            _ => return None,
        };
        rest = unit.get(1..)?;
    }
    Some(total)
}

/// `-12.345` seconds.
fn second_nanoseconds(text: &str) -> Option<i128> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    if fraction.len() > 9 {
        return None;
    }
    let fraction: i128 = format!("{fraction:0<9}").parse().ok()?;
    let seconds = whole.parse::<i128>().ok()?.checked_mul(1_000_000_000)?;
    Some(if whole.starts_with('-') { seconds - fraction } else { seconds + fraction })
}

fn nanoseconds_per_tick(unit: TimeUnit) -> i64 {
    match unit {
        TimeUnit::Ms => 1_000_000,
        TimeUnit::Us => 1_000,
        TimeUnit::Ns => 1,
    }
}

/// The 16 bytes of a UUID, hyphens or not.
pub(super) fn uuid(value: &Value) -> Result<Vec<u8>> {
    let digits = string(value, "uuid")?.replace('-', "");
    let is_hex = digits.len() == 32 && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    let number = u128::from_str_radix(&digits, 16).ok().filter(|_| is_hex);
    Ok(number.ok_or_else(|| no("uuid", value))?.to_be_bytes().to_vec())
}

/// Two's complement, big-endian, shortest form, of decimal digits.
pub(super) fn big_integer(text: &str) -> Option<Vec<u8>> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text),
    };
    if digits.is_empty() || digits.len() > MAX_DIGITS || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let mut bytes = magnitude(digits);
    if negative {
        negate(&mut bytes);
    }
    Some(shortest(bytes))
}

/// More digits than this are refused: the work grows with their square.
const MAX_DIGITS: usize = 1 << 15;

/// Little-endian words of the number, then big-endian bytes with a leading zero byte for the sign.
fn magnitude(digits: &str) -> Vec<u8> {
    let mut words: Vec<u32> = Vec::new();
    for digit in digits.bytes() {
        let mut carry = u64::from(digit - b'0');
        for word in &mut words {
            let value = u64::from(*word) * 10 + carry;
            *word = value as u32;
            carry = value >> 32;
        }
        if carry > 0 {
            words.push(carry as u32);
        }
    }
    std::iter::once(0).chain(words.iter().rev().flat_map(|word| word.to_be_bytes())).collect()
}

fn negate(bytes: &mut [u8]) {
    let mut carry = true;
    for byte in bytes.iter_mut().rev() {
        let (sum, overflow) = (!*byte).overflowing_add(u8::from(carry));
        *byte = sum;
        carry = overflow;
    }
}

/// Without leading bytes that only repeat the sign.
fn shortest(bytes: Vec<u8>) -> Vec<u8> {
    let redundant = bytes
        .windows(2)
        .take_while(|pair| {
            matches!(pair, [0x00, next] if next & 0x80 == 0)
                || matches!(pair, [0xff, next] if next & 0x80 != 0)
        })
        .count();
    bytes.into_iter().skip(redundant).collect()
}

/// Unscaled value and scale of a decimal as Java prints it: `1.234`, `1.23E+5`.
pub(super) fn big_decimal(value: &Value) -> Result<(Vec<u8>, i32)> {
    let what = || no("decimal", value);
    let text = number_text(value).ok_or_else(what)?;
    let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((&text, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let exponent: i64 = exponent.parse().map_err(|_| what())?;
    let scale = i32::try_from(fraction.len() as i64 - exponent).map_err(|_| what())?;
    Ok((big_integer(&format!("{whole}{fraction}")).ok_or_else(what)?, scale))
}
