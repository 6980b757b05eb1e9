//! The way into a task: reads its links, and aligns barriers and watermarks over them.
//!
//! ```text
//! link 0  ▮▮▮▮│▯▯▯    barrier read: not read any further        aligned when every link has
//! link 1  ▮▮▮▮▮▮│     still read                                brought the barrier or its end
//! ```

use std::time::Duration;

use crossbeam_channel::{Receiver, Select, TryRecvError};

use super::batch::Batch;
use super::link::{Element, LinkReceiver};
use crate::error::Result;
use crate::operators::{Barrier, BarrierKind, Watermark};
use crate::tasks::{Command, halted};

/// What comes in next.
pub(crate) enum Input<B> {
    /// Records, and the link to give the batch back to.
    Batch(B, usize),
    /// No earlier record follows on any link.
    Watermark(Watermark),
    /// Whether every link that has not ended is idle.
    Idle(bool),
    /// Every link has reached this barrier.
    Barrier(Barrier),
    /// Every link has ended.
    End,
    /// The coordinator says something.
    Command(Command),
    /// Nothing is there at the moment.
    Nothing,
}

struct Link<B> {
    receiver: LinkReceiver<B>,
    watermark: Option<Watermark>,
    is_idle: bool,
    state: LinkState,
}

impl<B> Link<B> {
    /// Records may still come: neither has it ended, nor has it said that it is about to.
    fn is_running(&self) -> bool {
        self.state != LinkState::Ended && self.watermark != Some(Watermark(i64::MAX))
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum LinkState {
    Open,
    /// Has brought the barrier that is being aligned.
    Blocked,
    Ended,
}

/// The links into one subtask.
pub(crate) struct Gate<B> {
    links: Vec<Link<B>>,
    commands: Receiver<Command>,
    /// The barrier that some links have brought and others not yet.
    aligning: Option<Barrier>,
    /// The watermark that was passed on last.
    watermark: Option<Watermark>,
    /// All links were idle when it was last looked.
    is_idle: bool,
    /// The last decision may not have been the only one that was due.
    is_undecided: bool,
    /// The job stops behind the barrier that came last: until it goes on, nothing is read.
    is_held: bool,
    /// The checkpoint of the last stop that failed.
    resumed: u64,
    /// The link that is asked first, so that none is starved.
    turn: usize,
    ended: bool,
}

impl<B: Batch> Gate<B> {
    /// Over these links; `commands` come in between.
    pub(crate) fn new(receivers: Vec<LinkReceiver<B>>, commands: Receiver<Command>) -> Self {
        let link = |receiver| Link { receiver, watermark: None, is_idle: false, state: LinkState::Open };
        Self {
            links: receivers.into_iter().map(link).collect(),
            commands,
            aligning: None,
            watermark: None,
            is_idle: false,
            is_undecided: false,
            is_held: false,
            resumed: 0,
            turn: 0,
            ended: false,
        }
    }

    /// What is there now, or [`Input::Nothing`].
    ///
    /// # Errors
    /// If a link broke, which it only does when the job ends.
    pub(crate) fn try_next(&mut self) -> Result<Input<B>> {
        match self.commands.try_recv() {
            Ok(command) => return Ok(Input::Command(command)),
            Err(TryRecvError::Disconnected) => return Err(halted()),
            Err(TryRecvError::Empty) => {}
        }
        if self.is_held {
            return Ok(Input::Nothing);
        }
        if std::mem::take(&mut self.is_undecided) {
            let input = self.decide();
            if !matches!(input, Input::Nothing) {
                return Ok(input);
            }
        }
        for offset in 0..self.links.len() {
            let index = (self.turn + offset) % self.links.len();
            let Some(link) = self.links.get(index).filter(|link| link.state == LinkState::Open) else {
                continue;
            };
            match link.receiver.elements.try_recv() {
                Ok(element) => {
                    self.turn = index + 1;
                    return Ok(self.accept(index, element));
                }
                Err(TryRecvError::Disconnected) => return Err(halted()),
                Err(TryRecvError::Empty) => {}
            }
        }
        Ok(Input::Nothing)
    }

    /// Waits until something is there, or for this long.
    ///
    /// # Errors
    /// As [`Gate::try_next`].
    pub(crate) fn next(&mut self, at_most: Option<Duration>) -> Result<Input<B>> {
        let mut select = Select::new();
        select.recv(&self.commands);
        for link in self.links.iter().filter(|link| !self.is_held && link.state == LinkState::Open) {
            select.recv(&link.receiver.elements);
        }
        match at_most {
            Some(time) => drop(select.ready_timeout(time)),
            None => drop(select.ready()),
        }
        self.try_next()
    }

    /// The job stops behind the barrier that came last.
    pub(crate) fn is_held(&self) -> bool {
        self.is_held
    }

    /// The stop at this checkpoint has failed: the job goes on, also where its barrier is still on its way.
    pub(crate) fn resume(&mut self, checkpoint: u64) {
        self.resumed = checkpoint;
        self.is_held = false;
    }

    /// Gives a batch back to its sender.
    pub(crate) fn recycle(&self, mut batch: B, link: usize) {
        batch.clear();
        if let Some(link) = self.links.get(link) {
            link.receiver.recycle(batch);
        }
    }

    fn accept(&mut self, index: usize, element: Element<B>) -> Input<B> {
        let Some(link) = self.links.get_mut(index) else { return Input::Nothing };
        match element {
            Element::Batch(batch) => return Input::Batch(batch, index),
            Element::Watermark(watermark) => link.watermark = Some(watermark),
            Element::Idle(is_idle) => link.is_idle = is_idle,
            Element::Barrier(barrier) => {
                link.state = LinkState::Blocked;
                self.aligning = Some(barrier);
            }
            Element::End => link.state = LinkState::Ended,
        }
        self.decide()
    }

    /// What the state of the links means. Links that have ended hold nothing up.
    fn decide(&mut self) -> Input<B> {
        let input = self.decide_first();
        self.is_undecided = !matches!(input, Input::Nothing);
        input
    }

    fn decide_first(&mut self) -> Input<B> {
        let is_open = self.links.iter().any(|link| link.state == LinkState::Open);
        if let Some(barrier) = self.aligning.take_if(|_| !is_open) {
            for link in self.links.iter_mut().filter(|link| link.state == LinkState::Blocked) {
                link.state = LinkState::Open;
            }
            self.is_held = barrier.kind == BarrierKind::Stop && barrier.checkpoint > self.resumed;
            return Input::Barrier(barrier);
        }
        if self.all_ended() && !self.ended {
            self.ended = true;
            return Input::End;
        }
        let is_idle = self.is_all_idle();
        if self.is_idle && !is_idle {
            self.is_idle = false;
            return Input::Idle(false);
        }
        if let Some(due) = self.due_watermark(is_idle) {
            self.watermark = Some(due);
            return Input::Watermark(due);
        }
        if is_idle && !self.is_idle {
            self.is_idle = true;
            return Input::Idle(true);
        }
        Input::Nothing
    }

    /// Every link that has not ended is idle, and there is one.
    fn is_all_idle(&self) -> bool {
        let mut running = self.links.iter().filter(|link| link.is_running()).peekable();
        running.peek().is_some() && running.all(|link| link.is_idle)
    }

    fn all_ended(&self) -> bool {
        self.links.iter().all(|link| link.state == LinkState::Ended)
    }

    /// The watermark to be passed on: the lowest of the links that have not ended and are not idle, none while one
    /// of them has none. The last watermark of a link only counts when all have come to theirs. When all are idle it is the highest, in whatever order they became so.
    ///
    /// # Source
    /// Flink (2.1), `StatusWatermarkValve`.
    fn due_watermark(&self, is_all_idle: bool) -> Option<Watermark> {
        let running = self.links.iter().filter(|link| link.is_running());
        let due = match is_all_idle {
            _ if !self.ended && self.links.iter().all(|link| !link.is_running()) => Some(Watermark(i64::MAX)),
            true => running.map(|link| link.watermark).max().flatten(),
            false => running.filter(|link| !link.is_idle).map(|link| link.watermark).min().flatten(),
        };
        due.filter(|due| self.watermark.is_none_or(|passed| *due > passed))
    }
}
