//! Handles of channel state: records in flight that an unaligned checkpoint kept.
//!
//! ```text
//! one channel       i32 subtask | i32 a, i32 b | i32 k, k × i64 offset | i64 size | stream
//! several           i32 subtask | i64 size | stream | i32 length, n × (i32 a, i32 b | i64 size | i32 k, k × i64)
//! version 3 to 5    one channel
//! version 6         u8 tag: 1, 2 one input, output channel; 3, 4 several input, output channels
//! ```
//!
//! `a, b` is gate and channel of an input, partition and subpartition of an output. The list inside
//! `several` begins with its own `i32 n`.
//!
//! # Source
//! Flink, `ChannelStateHandleSerializerV1` and `…V2`, `AbstractMergedChannelStateHandle`.

use spt_format::{Cursor, Result, ResultExt};

use super::handle::{ChannelHandle, ChannelState, Direction};
use super::stream;
use super::wire::Wire;
use crate::java;

/// A subtask, a place, a count, a size and a tag.
pub(super) const MIN_BYTES: usize = 22;
/// A place, a size and a count.
const MIN_CHANNEL_BYTES: usize = 20;

/// How a version writes channel state.
pub(super) type Reader = fn(&mut Wire<'_>, Direction) -> Result<ChannelHandle>;

/// Versions 3 to 5: always one channel, no tag.
pub(super) fn untagged(wire: &mut Wire<'_>, direction: Direction) -> Result<ChannelHandle> {
    let subtask = wire.cursor.i32_be()?;
    let place = (wire.cursor.i32_be()?, wire.cursor.i32_be()?);
    let offsets = offsets(&mut wire.cursor)?;
    let size = wire.size("size of channel state")?;
    let stream = stream::required(wire, "channel state")?;
    let channels = vec![ChannelState { place, offsets, size }];
    Ok(ChannelHandle { direction, subtask, channels, merged: false, size, stream })
}

/// Version 6: a tag says whether it is one channel or several.
pub(super) fn tagged(wire: &mut Wire<'_>, expected: Direction) -> Result<ChannelHandle> {
    let start = wire.cursor.clone();
    let (direction, merged) = match wire.cursor.u8()? {
        1 => (Direction::Input, false),
        2 => (Direction::Output, false),
        3 => (Direction::Input, true),
        4 => (Direction::Output, true),
        tag => return Err(wire.bad_tag("a channel state handle", tag, "1 to 4")),
    };
    if direction != expected {
        return Err(
            start.invalid(format!("{direction:?} state stands among {expected:?} state").to_lowercase())
        );
    }
    if merged { several(wire, direction) } else { untagged(wire, direction) }
}

fn several(wire: &mut Wire<'_>, direction: Direction) -> Result<ChannelHandle> {
    let subtask = wire.cursor.i32_be()?;
    let size = wire.size("size of channel state")?;
    let stream = stream::required(wire, "channel state")?;
    let block = wire.bytes32("channel offsets")?;
    let mut cursor = Cursor::at(&block, wire.cursor.offset() - block.len() as u64);
    let count = java::count(&mut cursor, MIN_CHANNEL_BYTES, "channels")?;
    let mut channels = Vec::new();
    for index in 0..count {
        channels.push(channel(&mut cursor).within(|| format!("channel {index}"))?);
    }
    cursor.end("the channel offsets")?;
    Ok(ChannelHandle { direction, subtask, channels, merged: true, size, stream })
}

fn channel(cursor: &mut Cursor<'_>) -> Result<ChannelState> {
    let place = (cursor.i32_be()?, cursor.i32_be()?);
    let start = cursor.clone();
    let size =
        u64::try_from(cursor.i64_be()?).map_err(|_| start.invalid("the size of a channel is negative"))?;
    Ok(ChannelState { place, size, offsets: offsets(cursor)? })
}

fn offsets(cursor: &mut Cursor<'_>) -> Result<Vec<i64>> {
    let count = java::count(cursor, 8, "offsets")?;
    (0..count).map(|_| cursor.i64_be()).collect()
}
