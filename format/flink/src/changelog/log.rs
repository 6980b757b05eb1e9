//! The changes of a handle, in order, wherever they are.
//!
//! ```text
//! in _metadata   (key group, change) …
//! in a log file  u8 compressed | one stream, Snappy-framed if so: change sets of several handles
//! change set     i32 n, n × (i32 m, i32 key group, m × (i32 length, change))
//! ```
//!
//! Offsets of change sets count decompressed bytes after the first byte of the file. Key group -1 stands
//! for no key group: the registration of a state.

use std::sync::Arc;

use spt_format::{ErrorKind, ReadLimits, Result, ResultExt};

use crate::files::Files;
use crate::keyed::Window;
use crate::metadata::{ChangeSet, Changelog, FileChanges, KeyedHandle};
use crate::read_at::ReadAt;

/// How much of a compressed log is stepped over at once, in bytes.
const STEP: usize = 1 << 20;

/// Calls `each` with every change and its key group, oldest first.
///
/// # Errors
/// Those of `each`, and of logs that are missing or damaged.
pub(super) fn for_each(
    changelog: &Changelog,
    files: &Files,
    limits: &ReadLimits,
    each: &mut dyn FnMut(i32, &[u8]) -> Result<()>,
) -> Result<()> {
    for handle in &changelog.changes {
        match handle {
            KeyedHandle::MemoryChanges(changes) => {
                changes.changes.iter().try_for_each(|change| each(change.key_group, &change.data))?;
            }
            KeyedHandle::FileChanges(changes) => in_files(changes, files, limits, each)?,
            _ => return Err(spt_format::Error::invalid("a handle among the changes holds none")),
        }
    }
    Ok(())
}

fn in_files(
    changes: &FileChanges,
    files: &Files,
    limits: &ReadLimits,
    each: &mut dyn FnMut(i32, &[u8]) -> Result<()>,
) -> Result<()> {
    for set in &changes.sets {
        let stream = files.open_log(&set.stream)?;
        let name = stream.name().to_owned();
        in_set(set, Arc::new(stream), limits, each).in_file(name)?;
    }
    Ok(())
}

fn in_set(
    set: &ChangeSet,
    stream: Arc<dyn ReadAt>,
    limits: &ReadLimits,
    each: &mut dyn FnMut(i32, &[u8]) -> Result<()>,
) -> Result<()> {
    let end = stream.size();
    let flag = stream.read_at(0, 1)?;
    let compressed = spt_format::Cursor::new(&flag).bool("whether the log is compressed")?;
    let mut window = Window::new(stream, 1, end, compressed);
    step_over(&mut window, set.offset)?;
    for _ in 0..number(&mut window)? {
        let changes = number(&mut window)?;
        let key_group = signed(&mut window)?;
        for _ in 0..changes {
            let length = number(&mut window)?;
            ReadLimits::check("bytes of a change", length as u64, limits.value_bytes)?;
            window.need(length, "change")?;
            each(key_group, window.available().get(..length).unwrap_or_default())?;
            window.consume(length);
        }
    }
    Ok(())
}

fn step_over(window: &mut Window, offset: i64) -> Result<()> {
    let mut left = usize::try_from(offset)
        .map_err(|_| window.error(ErrorKind::Invalid { what: format!("a change set begins at {offset}") }))?;
    while left > 0 {
        let step = left.min(STEP);
        window.skip(step)?;
        left -= step;
    }
    Ok(())
}

fn signed(window: &mut Window) -> Result<i32> {
    window.need(4, "change set")?;
    let number = window.cursor().i32_be()?;
    window.consume(4);
    Ok(number)
}

fn number(window: &mut Window) -> Result<usize> {
    let found = signed(window)?;
    usize::try_from(found)
        .map_err(|_| window.error(ErrorKind::Invalid { what: format!("a count or length is {found}") }))
}
