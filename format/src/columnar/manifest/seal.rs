//! How a manifest protects itself.
//!
//! ```text
//! {"format":"spt","version":1, … ,"sha256":"<64 hex digits>"}\n
//! └────────── digested ─────────────────────┘
//! ```
//!
//! Tail and digits are compared literally, before anything is parsed: a flip in white space or in an escape
//! is found too. It shows integrity, not authenticity.

use crate::columnar::checksum::Digest;
use crate::error::{Error, ErrorKind, Result};
use crate::location::Location;

const HEAD: &str = "{\"format\":\"spt\",\"version\":";
const BEFORE_DIGEST: &str = ",\"sha256\":\"";
const AFTER_DIGEST: &str = "\"}\n";
const DIGEST_LENGTH: usize = 64;

/// The head of a manifest of this version: what follows begins with a comma.
pub(super) fn head(version: u32) -> String {
    format!("{HEAD}{version}")
}

/// Ends a manifest whose last object is still open.
pub(super) fn seal(mut text: String) -> String {
    text.push_str(BEFORE_DIGEST);
    let digest = Digest::of(text.as_bytes());
    text.push_str(&digest.to_string());
    text.push_str(AFTER_DIGEST);
    text
}

/// The manifest's text and version, after its digest was compared.
pub(super) fn unseal(bytes: &[u8]) -> Result<(&str, i64)> {
    let version = version(bytes)?;
    let body = bytes
        .strip_suffix(AFTER_DIGEST.as_bytes())
        .and_then(|rest| rest.split_at_checked(rest.len().checked_sub(DIGEST_LENGTH)?))
        .filter(|(body, _)| body.ends_with(BEFORE_DIGEST.as_bytes()));
    let Some((body, digits)) = body else {
        let what = "end of the manifest".to_owned();
        let end = bytes.len().saturating_sub(BEFORE_DIGEST.len() + DIGEST_LENGTH + AFTER_DIGEST.len());
        let found = String::from_utf8_lossy(bytes.get(end..).unwrap_or_default()).into_owned();
        let expected = format!("{BEFORE_DIGEST}…{AFTER_DIGEST}");
        return Err(Error::new(
            ErrorKind::Mismatch { what, found: format!("{found:?}"), expected: format!("{expected:?}") },
            Location::byte(end as u64),
        ));
    };
    let digits = std::str::from_utf8(digits).map_err(|error| Error::invalid("digest").caused_by(error))?;
    Digest::of(body).expect(digits.parse()?)?;
    let text = std::str::from_utf8(bytes)
        .map_err(|error| Error::invalid("manifest is not UTF-8").caused_by(error))?;
    Ok((text, version))
}

fn version(bytes: &[u8]) -> Result<i64> {
    let not_ours = || {
        let reason = format!("manifest does not begin with {HEAD}");
        Error::new(ErrorKind::NotASavepoint { reason }, Location::default())
    };
    let rest = bytes.strip_prefix(HEAD.as_bytes()).ok_or_else(not_ours)?;
    let digits: Vec<u8> = rest.iter().copied().take_while(u8::is_ascii_digit).take(10).collect();
    String::from_utf8(digits).ok().and_then(|digits| digits.parse().ok()).ok_or_else(not_ours)
}
