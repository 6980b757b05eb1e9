//! A task whose chain begins with a source.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam_channel::{RecvTimeoutError, TryRecvError};

use super::alignment::Hold;
use super::blame::Blame;
use super::clock::Alarm;
use super::command::{Command, Event};
use super::halted;
use super::metrics::{OperatorMetrics, TaskMetrics};
use super::room::Room;
use super::thread::{Ending, Task, TaskPorts};
use crate::data::EventTime;
use crate::error::Result;
use crate::operators::{Barrier, BarrierKind, Out, Signal, Stage, Watermark};
use crate::savepoint::{ListPart, Snapshot, StateSlot};
use crate::sources::{Discovered, Poll, SourceReader};
use crate::state::State;

/// Polls a reader, pushes what it emits through the chain, and takes snapshots in between.
pub(crate) struct SourceTask<R: SourceReader, E> {
    pub(crate) reader: R,
    pub(crate) discovered: Discovered<R::Split>,
    pub(crate) chain: E,
    pub(crate) slot: StateSlot,
    pub(crate) blame: Blame,
    pub(crate) metrics: Arc<TaskMetrics>,
    /// What the source counts.
    pub(crate) counters: Arc<OperatorMetrics>,
    pub(crate) flush_interval: Duration,
    pub(crate) alarm: Alarm,
    pub(crate) hold: Hold,
    pub(crate) room: Room,
}

/// How soon a source that is held looks whether it still is; the alarm tells it earlier where it knows.
const HELD: Duration = Duration::from_millis(100);

/// What a command means for the loop.
enum Next {
    /// Emit.
    Go,
    /// Emit nothing until the next command: the job stops behind a barrier.
    Hold,
    /// Do as before.
    Same,
    Drain,
    Exit,
}

impl<R, E> Task for SourceTask<R, E>
where
    R: SourceReader,
    R::Split: State,
    E: Stage<R::Item>,
{
    fn run(mut self: Box<Self>, ports: &TaskPorts) -> Result<Ending> {
        let mut is_held = true;
        let mut wait = Wait::ForCommand;
        let mut flushed = Instant::now();
        loop {
            while let Some(command) = wait.command(ports, &self.metrics)? {
                match self.obey(command, ports)? {
                    Next::Go => is_held = false,
                    Next::Hold => is_held = true,
                    Next::Same => {}
                    Next::Drain => return (*self).finish(),
                    Next::Exit => return Ok(Ending::Exited),
                }
                wait = if is_held { Wait::ForCommand } else { Wait::Not };
            }
            ports.check()?;
            if let Some(now) = self.alarm.ring() {
                self.chain.signal(&mut Signal::Tick(now))?;
            }
            let poll = if self.hold.is_held() { Poll::Idle(HELD) } else { self.poll()? };
            match poll {
                Poll::Ready => wait = Wait::Not,
                Poll::Idle(time) => {
                    self.chain.signal(&mut Signal::Flush)?;
                    self.metrics.lived(flushed.elapsed());
                    flushed = Instant::now();
                    wait = Wait::AtMost(self.alarm.pause().map_or(time, |pause| pause.min(time)));
                }
                Poll::End => return (*self).finish(),
            }
            if flushed.elapsed() >= self.flush_interval {
                self.chain.signal(&mut Signal::Flush)?;
                self.metrics.lived(flushed.elapsed());
                flushed = Instant::now();
            }
        }
    }
}

/// How long the task waits for a command before it polls.
enum Wait {
    Not,
    AtMost(Duration),
    ForCommand,
}

impl Wait {
    /// A command, if one came in time. After it, or after the time, there is no wait any more.
    fn command(&mut self, ports: &TaskPorts, metrics: &TaskMetrics) -> Result<Option<Command>> {
        let since = Instant::now();
        let wait = std::mem::replace(self, Self::Not);
        let is_idle = !matches!(wait, Self::Not);
        let command = wait.take(ports);
        if is_idle {
            metrics.idled(since.elapsed());
        }
        command
    }

    fn take(self, ports: &TaskPorts) -> Result<Option<Command>> {
        match self {
            Self::Not => match ports.commands.try_recv() {
                Ok(command) => Ok(Some(command)),
                Err(TryRecvError::Empty) => Ok(None),
                Err(TryRecvError::Disconnected) => Err(halted()),
            },
            Self::AtMost(time) => match ports.commands.recv_timeout(time) {
                Ok(command) => Ok(Some(command)),
                Err(RecvTimeoutError::Timeout) => Ok(None),
                Err(RecvTimeoutError::Disconnected) => Err(halted()),
            },
            Self::ForCommand => ports.commands.recv().map(Some).map_err(|_| halted()),
        }
    }
}

impl<R, E> SourceTask<R, E>
where
    R: SourceReader,
    R::Split: State,
    E: Stage<R::Item>,
{
    fn poll(&mut self) -> Result<Poll> {
        let Self { reader, discovered, chain, blame, metrics, counters, room, .. } = self;
        if let Some(splits) = discovered.take()? {
            blame.on_result(|| reader.add_splits(splits))?;
        }
        let since = Instant::now();
        let mut out = Out::new(chain, EventTime::NONE).with_room(room.records());
        let poll = blame.on_result(|| reader.poll(&mut out));
        room.learn(out.emitted(), since.elapsed());
        metrics.received(out.emitted() as usize);
        counters.received(out.emitted());
        if out.skipped() > 0 {
            counters.skipped(out.skipped());
        }
        out.finish()?;
        poll
    }

    fn obey(&mut self, command: Command, ports: &TaskPorts) -> Result<Next> {
        Ok(match command {
            Command::Go | Command::Resume(_) => Next::Go,
            Command::Trigger(barrier) => {
                self.snapshot(barrier, ports)?;
                if barrier.kind == BarrierKind::Stop { Next::Hold } else { Next::Same }
            }
            Command::Committed(checkpoint) => {
                self.blame.on_result(|| self.reader.completed(checkpoint))?;
                self.chain.signal(&mut Signal::Committed(checkpoint))?;
                Next::Same
            }
            Command::Drain => Next::Drain,
            Command::Exit => Next::Exit,
        })
    }

    fn snapshot(&mut self, barrier: Barrier, ports: &TaskPorts) -> Result<()> {
        let mut snapshot = Snapshot::new(barrier.checkpoint);
        let splits = self.blame.on(|| self.reader.snapshot(barrier.checkpoint));
        snapshot.keep(self.slot, ListPart(splits));
        self.chain.signal(&mut Signal::Barrier(barrier, &mut snapshot))?;
        ports.report(Event::Acknowledged(barrier.checkpoint, snapshot));
        Ok(())
    }

    fn finish(mut self) -> Result<Ending> {
        self.chain.signal(&mut Signal::Watermark(Watermark(i64::MAX)))?;
        let mut snapshot = Snapshot::last();
        let splits = self.blame.on(|| self.reader.splits());
        snapshot.keep(self.slot, ListPart(splits));
        self.chain.signal(&mut Signal::End(&mut snapshot))?;
        Ok(Ending::Finished(snapshot))
    }
}
