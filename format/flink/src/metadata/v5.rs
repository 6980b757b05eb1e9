//! Versions 5 (Flink 2.0) and 6 (2.1 and later): an operator brings its name and uid.
//!
//! ```text
//! operator = utf name | utf uid | as in version 3          "" is none
//! ```
//!
//! In version 6 a channel state handle has a tag.
//!
//! # Source
//! Flink, `MetadataV5Serializer`, `MetadataV6Serializer`.

use spt_format::Result;

use super::body;
use super::channel;
use super::properties;
use super::snapshot::{OperatorState, Snapshot};
use super::v3;
use super::wire::Wire;

pub(super) fn read(wire: &mut Wire<'_>) -> Result<Snapshot> {
    read_with(wire, channel::untagged)
}

pub(super) fn read_v6(wire: &mut Wire<'_>) -> Result<Snapshot> {
    read_with(wire, channel::tagged)
}

fn read_with(wire: &mut Wire<'_>, channels: channel::Reader) -> Result<Snapshot> {
    let snapshot = body::body(wire, |wire| operator(wire, channels))?;
    Ok(Snapshot { properties: properties::read(wire)?, ..snapshot })
}

fn operator(wire: &mut Wire<'_>, channels: channel::Reader) -> Result<OperatorState> {
    let name = wire.optional_utf("operator name")?;
    let uid = wire.optional_utf("operator uid")?;
    Ok(OperatorState { name, uid, ..v3::operator(wire, channels)? })
}
