//! The pickle machine: a stack of nodes, places in it that are marked, and a memo of nodes to come back to.
//!
//! Nodes lie in one list and name each other by their place in it, since a pickle's objects may hold themselves.
//! Every opcode makes at most one node, so memory follows the bytes.

use std::collections::HashMap;

/// The place of a node.
pub(super) type Id = usize;

/// One value of a pickle.
#[derive(Debug)]
pub(super) enum Node<'a> {
    None,
    Boolean(bool),
    Integer(i64),
    /// Two's complement, little-endian.
    Long(&'a [u8]),
    Float(f64),
    Text(&'a str),
    Bytes(&'a [u8]),
    /// A list, set or frozen set.
    List(Vec<Id>),
    Tuple(Vec<Id>),
    Dictionary(Vec<(Id, Id)>),
    /// A class or function by its module and name.
    Global(&'a str, &'a str),
    Object(Box<Object>),
}

/// What a call would return: the call, and what is then done with the result.
#[derive(Debug, Default)]
pub(super) struct Object {
    pub(super) callable: Id,
    pub(super) arguments: Id,
    /// By their names.
    pub(super) keywords: Option<Id>,
    pub(super) state: Option<Id>,
    pub(super) items: Vec<Id>,
    pub(super) entries: Vec<(Id, Id)>,
}

impl Object {
    /// Nothing but the call and its arguments.
    pub(super) fn is_plain(&self) -> bool {
        let is_filled = !self.items.is_empty() || !self.entries.is_empty();
        self.keywords.is_none() && self.state.is_none() && !is_filled
    }
}

/// A whole pickle.
#[derive(Debug)]
pub(super) struct Pickle<'a> {
    nodes: Vec<Node<'a>>,
    pub(super) root: Id,
}

impl<'a> Pickle<'a> {
    /// The pickle that these bytes are; `None` if they are none, or use an opcode that picklers do not write.
    pub(super) fn read(bytes: &'a [u8]) -> Option<Self> {
        let mut machine = Machine { rest: bytes.get(2..)?, ..Machine::default() };
        while machine.step()? {}
        let done = machine.rest.is_empty() && machine.marks.is_empty() && machine.stack.len() == 1;
        let root = machine.stack.pop().filter(|_| done)?;
        Some(Self { nodes: machine.nodes, root })
    }

    pub(super) fn node(&self, id: Id) -> Option<&Node<'a>> {
        self.nodes.get(id)
    }
}

#[derive(Default)]
struct Machine<'a> {
    rest: &'a [u8],
    nodes: Vec<Node<'a>>,
    stack: Vec<Id>,
    marks: Vec<usize>,
    memo: HashMap<u32, Id>,
}

impl<'a> Machine<'a> {
    /// Does what the next opcode says; `false` if it ends the pickle.
    fn step(&mut self) -> Option<bool> {
        match self.byte()? {
            b'.' => return Some(false),
            // A frame only says how much may be read ahead.
            0x95 => self.take(8).map(drop)?,
            b'N' => self.push(Node::None),
            0x88 => self.push(Node::Boolean(true)),
            0x89 => self.push(Node::Boolean(false)),
            b'K' => self.number::<1>().map(|number| self.push(Node::Integer(number)))?,
            b'M' => self.number::<2>().map(|number| self.push(Node::Integer(number)))?,
            b'J' => {
                let number = i32::from_le_bytes(*self.chunk()?);
                self.push(Node::Integer(number.into()));
            }
            0x8a => self.sized::<1>().map(|bytes| self.push(Node::Long(bytes)))?,
            0x8b => self.sized::<4>().map(|bytes| self.push(Node::Long(bytes)))?,
            b'G' => {
                let number = f64::from_be_bytes(*self.chunk()?);
                self.push(Node::Float(number));
            }
            0x8c => self.text::<1>()?,
            b'X' => self.text::<4>()?,
            0x8d => self.text::<8>()?,
            b'C' => self.sized::<1>().map(|bytes| self.push(Node::Bytes(bytes)))?,
            b'B' => self.sized::<4>().map(|bytes| self.push(Node::Bytes(bytes)))?,
            0x8e | 0x96 => self.sized::<8>().map(|bytes| self.push(Node::Bytes(bytes)))?,
            b'c' => {
                let (module, name) = (self.line()?, self.line()?);
                self.push(Node::Global(module, name));
            }
            0x93 => self.stack_global()?,
            opcode => match opcode {
                b'(' | b'0' | b'1' | b'2' | 0x94 | b'q' | b'r' | b'h' | b'j' => self.arrange(opcode)?,
                _ => self.compose(opcode)?,
            },
        }
        Some(true)
    }

    /// Marks, duplicates, remembers and forgets.
    fn arrange(&mut self, opcode: u8) -> Option<()> {
        match opcode {
            b'(' => self.marks.push(self.stack.len()),
            b'0' => self.discard()?,
            b'1' => self.marked().map(drop)?,
            b'2' => self.stack.push(self.top()?),
            0x94 => self.remember(u32::try_from(self.memo.len()).ok()?)?,
            b'q' => {
                let place = self.byte()?;
                self.remember(place.into())?;
            }
            b'r' => {
                let place = u32::from_le_bytes(*self.chunk()?);
                self.remember(place)?;
            }
            b'h' => {
                let place = self.byte()?;
                self.stack.push(*self.memo.get(&place.into())?);
            }
            _ => {
                let place = u32::from_le_bytes(*self.chunk()?);
                self.stack.push(*self.memo.get(&place)?);
            }
        }
        Some(())
    }

    /// Makes containers and objects, and fills them.
    fn compose(&mut self, opcode: u8) -> Option<()> {
        match opcode {
            b']' | 0x8f => self.push(Node::List(Vec::new())),
            b'}' => self.push(Node::Dictionary(Vec::new())),
            b')' => self.push(Node::Tuple(Vec::new())),
            0x85 => self.tuple(1)?,
            0x86 => self.tuple(2)?,
            0x87 => self.tuple(3)?,
            b't' => self.marked().map(|items| self.push(Node::Tuple(items)))?,
            b'l' | 0x91 => self.marked().map(|items| self.push(Node::List(items)))?,
            b'd' => {
                let entries = pairs(&self.marked()?)?;
                self.push(Node::Dictionary(entries));
            }
            b'a' => {
                let item = self.pop()?;
                self.extend(vec![item])?;
            }
            b'e' | 0x90 => {
                let items = self.marked()?;
                self.extend(items)?;
            }
            b's' => {
                let (value, key) = (self.pop()?, self.pop()?);
                self.insert(vec![(key, value)])?;
            }
            b'u' => {
                let entries = pairs(&self.marked()?)?;
                self.insert(entries)?;
            }
            b'R' | 0x81 => self.call(None)?,
            0x92 => {
                let keywords = self.pop()?;
                self.call(Some(keywords))?;
            }
            b'b' => self.build()?,
            _ => return None,
        }
        Some(())
    }

    fn byte(&mut self) -> Option<u8> {
        let (byte, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(*byte)
    }

    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (bytes, rest) = self.rest.split_at_checked(count)?;
        self.rest = rest;
        Some(bytes)
    }

    fn chunk<const N: usize>(&mut self) -> Option<&'a [u8; N]> {
        self.take(N)?.first_chunk()
    }

    /// An unsigned number of so many bytes, the least significant first.
    fn number<const N: usize>(&mut self) -> Option<i64> {
        let bytes = self.chunk::<N>()?;
        let number = bytes.iter().rev().fold(0u64, |number, byte| number << 8 | u64::from(*byte));
        i64::try_from(number).ok()
    }

    /// A length of so many bytes, then what has this length.
    fn sized<const N: usize>(&mut self) -> Option<&'a [u8]> {
        let length = usize::try_from(self.number::<N>()?).ok()?;
        self.take(length)
    }

    fn text<const N: usize>(&mut self) -> Option<()> {
        let text = std::str::from_utf8(self.sized::<N>()?).ok()?;
        self.push(Node::Text(text));
        Some(())
    }

    fn line(&mut self) -> Option<&'a str> {
        let length = self.rest.iter().position(|byte| *byte == b'\n')?;
        let line = self.take(length)?;
        self.byte()?;
        std::str::from_utf8(line).ok()
    }

    fn push(&mut self, node: Node<'a>) {
        self.stack.push(self.nodes.len());
        self.nodes.push(node);
    }

    /// The topmost node that is not below a mark.
    fn top(&self) -> Option<Id> {
        let bottom = self.marks.last().copied().unwrap_or(0);
        self.stack.get(bottom..)?.last().copied()
    }

    fn pop(&mut self) -> Option<Id> {
        self.top()?;
        self.stack.pop()
    }

    /// Takes the topmost node away. A call that nobody wants the result of is there for what it does to other
    /// objects, which would be shown without it.
    fn discard(&mut self) -> Option<()> {
        let node = self.pop()?;
        (!matches!(self.nodes.get(node)?, Node::Object(_))).then_some(())
    }

    /// Takes what lies above the last mark, and the mark.
    fn marked(&mut self) -> Option<Vec<Id>> {
        let mark = self.marks.pop()?;
        Some(self.stack.split_off(mark))
    }

    fn remember(&mut self, place: u32) -> Option<()> {
        self.memo.insert(place, self.top()?);
        Some(())
    }

    fn tuple(&mut self, count: usize) -> Option<()> {
        let bottom = self.marks.last().copied().unwrap_or(0);
        let start = self.stack.len().checked_sub(count).filter(|start| *start >= bottom)?;
        let items = self.stack.split_off(start);
        self.push(Node::Tuple(items));
        Some(())
    }

    fn extend(&mut self, items: Vec<Id>) -> Option<()> {
        let target = self.top()?;
        match self.nodes.get_mut(target)? {
            Node::List(list) => list.extend(items),
            Node::Object(object) => object.items.extend(items),
            _ => return None,
        }
        Some(())
    }

    fn insert(&mut self, entries: Vec<(Id, Id)>) -> Option<()> {
        let target = self.top()?;
        match self.nodes.get_mut(target)? {
            Node::Dictionary(dictionary) => dictionary.extend(entries),
            Node::Object(object) => object.entries.extend(entries),
            _ => return None,
        }
        Some(())
    }

    fn stack_global(&mut self) -> Option<()> {
        let (name, module) = (self.pop()?, self.pop()?);
        match (self.nodes.get(module)?, self.nodes.get(name)?) {
            (Node::Text(module), Node::Text(name)) => {
                let global = Node::Global(module, name);
                self.push(global);
                Some(())
            }
            _ => None,
        }
    }

    fn call(&mut self, keywords: Option<Id>) -> Option<()> {
        let (arguments, callable) = (self.pop()?, self.pop()?);
        let is_tuple = matches!(self.nodes.get(arguments)?, Node::Tuple(_));
        self.push(Node::Object(Box::new(Object { callable, arguments, keywords, ..Object::default() })));
        is_tuple.then_some(())
    }

    fn build(&mut self) -> Option<()> {
        let state = self.pop()?;
        let target = self.top()?;
        match self.nodes.get_mut(target)? {
            Node::Object(object) if object.state.is_none() => object.state = Some(state),
            _ => return None,
        }
        Some(())
    }
}

fn pairs(items: &[Id]) -> Option<Vec<(Id, Id)>> {
    let (pairs, rest) = items.as_chunks::<2>();
    rest.is_empty().then(|| pairs.iter().map(|[key, value]| (*key, *value)).collect())
}
