//! The channels of one edge of the graph.

use std::sync::{Arc, Mutex, PoisonError};

use crossbeam_channel::{Receiver, Sender, TrySendError, bounded};

use crate::error::Result;
use crate::operators::{Barrier, Watermark};
use crate::tasks::halted;

/// Elements a link holds before its sender waits.
const LINK_ELEMENTS: usize = 8;

/// What travels along a link.
#[derive(Debug)]
pub(crate) enum Element<B> {
    /// Records.
    Batch(B),
    /// No earlier record follows on this link.
    Watermark(Watermark),
    /// Whether this link holds up the watermark.
    Idle(bool),
    /// Everything before on this link belongs to the snapshot.
    Barrier(Barrier),
    /// Nothing follows on this link.
    End,
}

/// The sending end of a link.
pub(crate) struct LinkSender<B> {
    elements: Sender<Element<B>>,
    spare: Receiver<B>,
}

/// The receiving end of a link.
pub(crate) struct LinkReceiver<B> {
    pub(crate) elements: Receiver<Element<B>>,
    spare: Sender<B>,
}

impl<B: Default> LinkSender<B> {
    /// Sends, and waits while the link is full.
    ///
    /// # Errors
    /// If the receiver is gone, which it only is when the job ends.
    pub(crate) fn send(&self, element: Element<B>) -> Result<()> {
        self.elements.send(element).map_err(|_| halted())
    }

    /// An empty batch: one that came back, if there is one.
    pub(crate) fn batch(&self) -> B {
        self.spare.try_recv().unwrap_or_default()
    }
}

impl<B> LinkReceiver<B> {
    /// Gives an empty batch back to its sender.
    pub(crate) fn recycle(&self, batch: B) {
        match self.spare.try_send(batch) {
            // Enough are on their way back already, or nobody needs it any more.
            Ok(()) | Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => {}
        }
    }
}

/// An edge, whose links are opened anew at each start of the job.
pub(crate) struct Exchange<B> {
    ends: Mutex<Ends<B>>,
}

struct Ends<B> {
    /// By upstream subtask.
    outputs: Vec<Vec<LinkSender<B>>>,
    /// By downstream subtask.
    inputs: Vec<Vec<LinkReceiver<B>>>,
}

/// An edge, whatever it carries.
pub(crate) trait AnyExchange: Send + Sync {
    /// Makes the links between this many subtasks: from each to its own, or from each to all.
    fn open(&self, upstream: u32, downstream: u32, pattern: Pattern);
}

/// Which subtasks are linked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pattern {
    /// Each to the one of the same index; there are as many.
    Pairs,
    /// Each to all.
    All,
}

impl<B> Default for Exchange<B> {
    fn default() -> Self {
        Self { ends: Mutex::new(Ends { outputs: Vec::new(), inputs: Vec::new() }) }
    }
}

impl<B: Send> AnyExchange for Exchange<B> {
    fn open(&self, upstream: u32, downstream: u32, pattern: Pattern) {
        let mut ends = self.ends.lock().unwrap_or_else(PoisonError::into_inner);
        ends.outputs = (0..upstream).map(|_| Vec::new()).collect();
        ends.inputs = (0..downstream).map(|_| Vec::new()).collect();
        let Ends { outputs, inputs } = &mut *ends;
        for (from, output) in outputs.iter_mut().enumerate() {
            for (to, input) in inputs.iter_mut().enumerate() {
                if pattern == Pattern::Pairs && from != to {
                    continue;
                }
                let (elements, received) = bounded(LINK_ELEMENTS);
                let (returned, spare) = bounded(LINK_ELEMENTS + 2);
                output.push(LinkSender { elements, spare });
                input.push(LinkReceiver { elements: received, spare: returned });
            }
        }
    }
}

impl<B> Exchange<B> {
    /// Takes the links of an upstream subtask, in the order of downstream subtasks.
    pub(crate) fn outputs(&self, subtask: u32) -> Vec<LinkSender<B>> {
        let mut ends = self.ends.lock().unwrap_or_else(PoisonError::into_inner);
        ends.outputs.get_mut(subtask as usize).map(std::mem::take).unwrap_or_default()
    }

    /// Takes the links of a downstream subtask, in the order of upstream subtasks.
    pub(crate) fn inputs(&self, subtask: u32) -> Vec<LinkReceiver<B>> {
        let mut ends = self.ends.lock().unwrap_or_else(PoisonError::into_inner);
        ends.inputs.get_mut(subtask as usize).map(std::mem::take).unwrap_or_default()
    }
}

/// The edges into one vertex.
pub(crate) struct Inputs<B>(Vec<Arc<Exchange<B>>>);

impl<B> Clone for Inputs<B> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<B> Inputs<B> {
    /// These edges.
    pub(crate) fn new(edges: impl IntoIterator<Item = Arc<Exchange<B>>>) -> Self {
        Self(edges.into_iter().collect())
    }

    /// Takes the links of a subtask, edge by edge.
    pub(crate) fn of_subtask(&self, subtask: u32) -> Vec<LinkReceiver<B>> {
        self.0.iter().flat_map(|edge| edge.inputs(subtask)).collect()
    }
}
