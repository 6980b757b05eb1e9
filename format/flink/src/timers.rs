//! Timers in raw keyed state: where the RocksDB backend puts them when they are kept on the heap.
//!
//! ```text
//! key group  F1CD859F | i32 version 2 | i32 n, n × service
//! service    utf name | snapshot of the key | snapshot of the namespace
//!          | i32 n, n × timer (event time) | i32 n, n × timer (processing time)
//! timer      key | namespace | i64 timestamp
//! ```
//!
//! Everywhere else a timer is `timestamp with its sign bit flipped | key | namespace` behind its key group.
//! [`RawTimers`] gives them in that form, so that one decoder of rows serves both.
//!
//! # Source
//! Flink, `InternalTimerServiceSerializationProxy`, `InternalTimersSnapshotReaderWriters`.

use std::ops::Range;

use bytes::Bytes;
use spt_format::{Cursor, ErrorKind, KeyGroupRange, ReadLimits, Result, ResultExt};

use crate::files::StateStream;
use crate::java;
use crate::keyed::{Entries, TimerQueue};
use crate::metadata::KeyGroupFile;
use crate::read_at::ReadAt;
use crate::serializers::unknown::Unknowns;
use crate::serializers::values::{Column, append, field_of};
use crate::serializers::{FlinkType, SnapshotReader};

const MAGIC: u32 = 0xF1CD_859F;
const VERSION: i32 = 2;
/// An empty name, two snapshots and two counts.
const MIN_SERVICE_BYTES: usize = 22;
/// A timestamp; a key and a namespace may take nothing.
const MIN_TIMER_BYTES: usize = 8;

/// Of the two lists of timers of a service.
pub(crate) const DOMAINS: [&str; 2] = ["event", "processing"];

/// A timer service: what its timers are for.
pub(crate) struct Service {
    /// Its name.
    pub(crate) name: String,
    /// How keys are encoded.
    pub(crate) key: FlinkType,
    /// How namespaces are encoded.
    pub(crate) namespace: FlinkType,
}

/// The key groups that were written, with where each begins and ends.
fn blocks(handle: &KeyGroupFile, size: u64) -> Vec<(u16, Range<u64>)> {
    let groups = handle.key_groups.iter().zip(&handle.offsets);
    let written = groups.filter_map(|(group, offset)| Some((group, u64::try_from(*offset).ok()?)));
    let mut blocks: Vec<_> = written.map(|(group, start)| (group, start..size)).collect();
    blocks.sort_by_key(|(_, range)| range.start);
    let ends: Vec<_> = blocks.iter().skip(1).map(|(_, range)| range.start).collect();
    blocks.iter_mut().zip(ends).for_each(|((_, range), end)| range.end = end);
    blocks
}

fn read_block(stream: &StateStream, range: &Range<u64>, limits: &ReadLimits) -> Result<Bytes> {
    let length = range.end.saturating_sub(range.start);
    ReadLimits::check("bytes of the timers of a key group", length, limits.block_bytes)?;
    stream.read_at(range.start, usize::try_from(length).unwrap_or(usize::MAX))
}

/// The timer services of raw keyed state; `None` if it is something else, which only its operator knows.
///
/// # Errors
/// If it begins like timers and does not go on like timers this program can read.
pub(crate) fn services(
    stream: &StateStream,
    handle: &KeyGroupFile,
    limits: &ReadLimits,
) -> Result<Option<Vec<Service>>> {
    let blocks = blocks(handle, stream.size());
    let Some((_, range)) = blocks.first() else { return Ok(None) };
    let block = read_block(stream, range, limits)?;
    if !block.starts_with(&MAGIC.to_be_bytes()) {
        return Ok(None);
    }
    let mut services = Vec::new();
    walk(&mut Cursor::at(&block, range.start), |service, cursor| {
        for domain in DOMAINS {
            timers(cursor, &service, domain, |_| {})?;
        }
        services.push(service);
        Ok(())
    })
    .in_file(stream.name())?;
    Ok(Some(services))
}

/// Reads a key group; `each` reads the timers of a service.
fn walk(cursor: &mut Cursor<'_>, mut each: impl FnMut(Service, &mut Cursor<'_>) -> Result<()>) -> Result<()> {
    let start = cursor.clone();
    if cursor.u32_be()? != MAGIC {
        return Err(start.invalid(format!("timers of a key group do not begin with {MAGIC:08x}")));
    }
    match cursor.i32_be()? {
        VERSION => {}
        found => {
            let (what, readable) = ("raw timers", "2 (Flink 1.8 and newer)");
            return Err(start.error(ErrorKind::UnsupportedVersion { what, found: found.into(), readable }));
        }
    }
    for _ in 0..java::count(cursor, MIN_SERVICE_BYTES, "timer services")? {
        let name = java::utf(cursor, "name of a timer service")?;
        let mut snapshot = |what: &'static str| {
            let mut unknowns = Unknowns::default();
            SnapshotReader::new(cursor, &mut unknowns).snapshot().within(|| what)
        };
        let (key, namespace) = (snapshot("key")?.data_type, snapshot("namespace")?.data_type);
        each(Service { name: name.clone(), key, namespace }, cursor)
            .within(|| format!("timer service {name:?}"))?;
    }
    cursor.end("the timers of a key group")
}

/// Where the parts of a timer are, in the bytes of its key group.
struct Timer {
    key: Range<usize>,
    namespace: Range<usize>,
    timestamp: i64,
}

/// Reads the timers of one domain, and finds where each of their parts ends.
fn timers(
    cursor: &mut Cursor<'_>,
    service: &Service,
    domain: &str,
    mut found: impl FnMut(Timer),
) -> Result<()> {
    let column = |data_type: &FlinkType| Column::new(&field_of(data_type).ty.to_arrow());
    let (mut keys, mut namespaces) = (column(&service.key)?, column(&service.namespace)?);
    let count = java::count(cursor, MIN_TIMER_BYTES, "timers")?;
    for index in 0..count {
        let mut part = |data_type: &FlinkType, column: &mut Column| -> Result<Range<usize>> {
            let start = cursor.position();
            append(data_type, column, cursor, None).within(|| format!("{domain} timer {index}"))?;
            column.truncate(0);
            Ok(start..cursor.position())
        };
        let key = part(&service.key, &mut keys)?;
        let namespace = part(&service.namespace, &mut namespaces)?;
        found(Timer { key, namespace, timestamp: cursor.i64_be()? });
    }
    Ok(())
}

/// The timers of one queue, in the form in which all other state has them.
pub(crate) struct RawTimers {
    stream: StateStream,
    limits: ReadLimits,
    queue: TimerQueue,
    two_byte_groups: bool,
    blocks: std::vec::IntoIter<(u16, Range<u64>)>,
    block: Bytes,
    key_group: u16,
    timers: std::vec::IntoIter<Timer>,
    entry: Vec<u8>,
}

impl RawTimers {
    /// The timers of `queue` in these key groups.
    pub(crate) fn new(
        stream: StateStream,
        handle: &KeyGroupFile,
        queue: TimerQueue,
        key_groups: Option<KeyGroupRange>,
        max_parallelism: u32,
        limits: &ReadLimits,
    ) -> Self {
        let mut blocks = blocks(handle, stream.size());
        blocks.retain(|(group, _)| key_groups.is_none_or(|range| range.contains(*group)));
        Self {
            stream,
            limits: limits.clone(),
            queue,
            two_byte_groups: max_parallelism > 128,
            blocks: blocks.into_iter(),
            block: Bytes::new(),
            key_group: 0,
            timers: Vec::new().into_iter(),
            entry: Vec::new(),
        }
    }

    /// Finds the queue's timers in the next key group; `false` at the end.
    fn open_next(&mut self) -> Result<bool> {
        let Some((key_group, range)) = self.blocks.next() else { return Ok(false) };
        self.key_group = key_group;
        self.block = read_block(&self.stream, &range, &self.limits)?;
        let mut wanted = Vec::new();
        walk(&mut Cursor::at(&self.block, range.start), |service, cursor| {
            DOMAINS.into_iter().try_for_each(|domain| {
                let is_wanted = service.name == self.queue.service && domain == self.queue.domain;
                timers(cursor, &service, domain, |timer| {
                    if is_wanted {
                        wanted.push(timer);
                    }
                })
            })
        })
        .within(|| format!("key group {key_group}"))?;
        self.timers = wanted.into_iter();
        Ok(true)
    }

    fn write_entry(&mut self, timer: &Timer) {
        self.entry.clear();
        let [high, low] = self.key_group.to_be_bytes();
        if self.two_byte_groups {
            self.entry.push(high);
        }
        self.entry.push(low);
        self.entry.extend_from_slice(&(timer.timestamp ^ i64::MIN).to_be_bytes());
        for part in [&timer.key, &timer.namespace] {
            self.entry.extend_from_slice(self.block.get(part.clone()).unwrap_or_default());
        }
    }
}

impl Entries for RawTimers {
    fn advance(&mut self) -> Result<bool> {
        loop {
            if let Some(timer) = self.timers.next() {
                self.write_entry(&timer);
                return Ok(true);
            }
            if !self.open_next()? {
                return Ok(false);
            }
        }
    }

    fn key(&self) -> &[u8] {
        &self.entry
    }

    fn value(&self) -> &[u8] {
        &[]
    }

    fn place(&self) -> String {
        format!("key group {}", self.key_group)
    }
}
