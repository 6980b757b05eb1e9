use crossbeam_channel::{Sender, unbounded};

use super::batch::{Batch, KeyedBatch, Records};
use super::gate::{Gate, Input};
use super::link::{AnyExchange, Element, Exchange, LinkSender, Pattern};
use crate::data::{Column, EventTime};
use crate::operators::{Barrier, BarrierKind, Watermark};
use crate::state::{KeyArena, Places};
use crate::tasks::Command;

type Numbers = Records<i64>;

/// A gate with this many links, what feeds each, and the coordinator's end.
fn gate(links: u32) -> (Gate<Numbers>, Vec<LinkSender<Numbers>>, Sender<Command>) {
    let exchange = Exchange::default();
    exchange.open(links, 1, Pattern::All);
    let (commands, receiver) = unbounded();
    let gate = Gate::new(exchange.inputs(0), receiver);
    let senders = (0..links).flat_map(|link| exchange.outputs(link)).collect();
    (gate, senders, commands)
}

fn batch(number: i64) -> Element<Numbers> {
    let mut batch = Numbers::default();
    batch.push(number, EventTime::NONE);
    Element::Batch(batch)
}

fn barrier(checkpoint: u64) -> Element<Numbers> {
    Element::Barrier(Barrier { checkpoint, kind: BarrierKind::Checkpoint })
}

fn stop(checkpoint: u64) -> Element<Numbers> {
    Element::Barrier(Barrier { checkpoint, kind: BarrierKind::Stop })
}

/// Everything the gate lets through now, as text.
fn drain(gate: &mut Gate<Numbers>) -> Vec<String> {
    let mut seen = Vec::new();
    loop {
        let input = gate.try_next().unwrap();
        // An element may mean nothing by itself: the gate is empty when a second look finds nothing either.
        let input = if matches!(input, Input::Nothing) { gate.try_next().unwrap() } else { input };
        seen.push(match input {
            Input::Batch(batch, link) => format!("{link}:{}", batch.records.get(0).unwrap()),
            Input::Barrier(barrier) => format!("barrier {}", barrier.checkpoint),
            Input::Watermark(Watermark(time)) => format!("watermark {time}"),
            Input::Command(command) => format!("{command:?}"),
            Input::Idle(is_idle) => format!("idle {is_idle}"),
            Input::End => "end".to_owned(),
            Input::Nothing => return seen,
        });
    }
}

#[test]
fn a_link_that_brought_the_barrier_is_not_read_until_all_have() {
    let (mut gate, links, _commands) = gate(2);
    for element in [batch(1), barrier(7), batch(2)] {
        links[0].send(element).unwrap();
    }
    links[1].send(batch(3)).unwrap();
    assert_eq!(drain(&mut gate), ["0:1", "1:3"]);
    links[1].send(batch(4)).unwrap();
    assert_eq!(drain(&mut gate), ["1:4"]);
    links[1].send(barrier(7)).unwrap();
    assert_eq!(drain(&mut gate), ["barrier 7", "0:2"]);
}

#[test]
fn a_link_that_ended_holds_no_barrier_up() {
    let (mut gate, links, _commands) = gate(2);
    links[0].send(barrier(1)).unwrap();
    assert!(drain(&mut gate).is_empty());
    links[1].send(Element::End).unwrap();
    assert_eq!(drain(&mut gate), ["barrier 1"]);
    links[0].send(barrier(2)).unwrap();
    links[0].send(Element::End).unwrap();
    assert_eq!(drain(&mut gate), ["barrier 2", "end"]);
}

#[test]
fn the_watermark_is_the_lowest_of_the_links_that_run() {
    let (mut gate, links, _commands) = gate(2);
    links[0].send(Element::Watermark(Watermark(10))).unwrap();
    assert!(drain(&mut gate).is_empty());
    links[1].send(Element::Watermark(Watermark(5))).unwrap();
    assert_eq!(drain(&mut gate), ["watermark 5"]);
    links[1].send(Element::End).unwrap();
    assert_eq!(drain(&mut gate), ["watermark 10"]);
}

#[test]
fn commands_come_before_records_and_a_broken_link_ends_the_task() {
    let (mut gate, mut links, commands) = gate(2);
    links[0].send(batch(1)).unwrap();
    commands.send(Command::Committed(3)).unwrap();
    assert_eq!(drain(&mut gate), ["Committed(3)", "0:1"]);
    links.pop();
    assert!(gate.next(None).is_err());
}

#[test]
fn a_batch_goes_back_to_its_sender_empty() {
    let (mut gate, links, _commands) = gate(1);
    let mut large = Numbers::default();
    (0..100).for_each(|number| large.push(number, EventTime::NONE));
    links[0].send(Element::Batch(large)).unwrap();
    let Input::Batch(received, link) = gate.next(None).unwrap() else { panic!("a batch") };
    gate.recycle(received, link);
    assert_eq!(links[0].batch().len(), 0);
}

#[test]
fn a_batch_of_long_keys_is_full_by_their_bytes() {
    let mut batch = KeyedBatch::<String, i64>::default();
    let key = "k".repeat(1 << 16);
    let is_full = |_: &usize| {
        batch.keys.push(&key);
        batch.places.push(Places::new(128).of::<String>(&key));
        batch.values.push(1);
        batch.is_full()
    };
    assert_eq!((1..).find(is_full), Some(16));
}

#[test]
fn an_idle_link_holds_no_watermark_up_until_it_is_active_again() {
    let (mut gate, links, _commands) = gate(2);
    links[0].send(Element::Watermark(Watermark(10))).unwrap();
    links[1].send(Element::Idle(true)).unwrap();
    assert_eq!(drain(&mut gate), ["watermark 10"]);
    links[0].send(Element::Idle(true)).unwrap();
    assert_eq!(drain(&mut gate), ["idle true"]);
    links[1].send(Element::Idle(false)).unwrap();
    links[0].send(Element::Idle(false)).unwrap();
    links[0].send(Element::Watermark(Watermark(20))).unwrap();
    assert_eq!(drain(&mut gate), ["idle false"]);
    links[1].send(Element::Watermark(Watermark(15))).unwrap();
    assert_eq!(drain(&mut gate), ["watermark 15"]);
}

#[test]
fn the_watermark_that_a_links_end_sets_free_comes_right_behind_the_barrier_it_completes() {
    let (mut gate, links, _commands) = gate(2);
    links[0].send(Element::Watermark(Watermark(10))).unwrap();
    links[0].send(barrier(1)).unwrap();
    assert!(drain(&mut gate).is_empty());
    links[1].send(Element::End).unwrap();
    assert_eq!(drain(&mut gate), ["barrier 1", "watermark 10"]);
}

#[test]
fn nothing_is_read_behind_the_barrier_of_a_stop_until_the_job_goes_on() {
    let (mut gate, links, commands) = gate(2);
    links[0].send(Element::Watermark(Watermark(10))).unwrap();
    links[0].send(stop(1)).unwrap();
    assert!(drain(&mut gate).is_empty());
    // This sets the watermark free, and a batch is there: both wait.
    links[1].send(Element::End).unwrap();
    links[0].send(batch(1)).unwrap();
    assert_eq!(drain(&mut gate), ["barrier 1"]);
    assert!(gate.is_held());
    commands.send(Command::Resume(1)).unwrap();
    assert_eq!(drain(&mut gate), ["Resume(1)"]);
    gate.resume(1);
    assert_eq!(drain(&mut gate), ["watermark 10", "0:1"]);
}

#[test]
fn a_stop_that_failed_before_its_barrier_came_holds_nothing() {
    let (mut gate, links, _commands) = gate(1);
    gate.resume(4);
    links[0].send(stop(4)).unwrap();
    links[0].send(batch(1)).unwrap();
    assert_eq!(drain(&mut gate), ["barrier 4", "0:1"]);
    links[0].send(stop(5)).unwrap();
    links[0].send(batch(2)).unwrap();
    assert_eq!(drain(&mut gate), ["barrier 5"]);
}

#[test]
fn links_that_all_fell_idle_leave_the_highest_watermark_in_whatever_order() {
    for order in [[0, 1], [1, 0]] {
        let (mut gate, links, _commands) = gate(2);
        links[0].send(Element::Watermark(Watermark(10))).unwrap();
        links[1].send(Element::Watermark(Watermark(20))).unwrap();
        assert_eq!(drain(&mut gate), ["watermark 10"]);
        order.into_iter().for_each(|link| links[link].send(Element::Idle(true)).unwrap());
        assert_eq!(drain(&mut gate), ["watermark 20", "idle true"]);
    }
}

#[test]
fn a_link_that_comes_to_its_end_does_not_speak_for_an_idle_one() {
    let (mut gate, links, _commands) = gate(2);
    links[0].send(Element::Watermark(Watermark(10))).unwrap();
    links[1].send(Element::Idle(true)).unwrap();
    assert_eq!(drain(&mut gate), ["watermark 10"]);
    links[0].send(Element::Watermark(Watermark(i64::MAX))).unwrap();
    links[0].send(Element::End).unwrap();
    assert_eq!(drain(&mut gate), ["idle true"]);
    links[1].send(Element::Idle(false)).unwrap();
    links[1].send(Element::Watermark(Watermark(20))).unwrap();
    assert_eq!(drain(&mut gate), ["idle false", "watermark 20"]);
    links[1].send(Element::Watermark(Watermark(i64::MAX))).unwrap();
    assert_eq!(drain(&mut gate), [format!("watermark {}", i64::MAX)]);
}
