//! What an object stream holds: nodes in reading order, which refer to each other by handle.

use std::sync::Arc;

/// Every object, string, array, class and enum constant of one stream, by handle.
#[derive(Debug, Default)]
pub(crate) struct Graph {
    pub(super) nodes: Vec<Node>,
}

/// One thing that others can refer to.
#[derive(Debug)]
pub(crate) enum Node {
    /// Reserved while the thing it stands for is still being read.
    Pending,
    /// A description of a class: part of the handle table only.
    Class(Arc<ClassDescription>),
    /// A `java.lang.Class` object.
    ClassObject,
    /// A string.
    Text(String),
    /// An array of anything but bytes.
    Array(Vec<Value>),
    /// An array of bytes.
    Bytes,
    /// An enum constant: its name.
    Enum(String),
    /// An object with fields.
    Object(Object),
}

/// An object: its fields by declaring class, and what its class wrote by hand.
#[derive(Debug)]
pub(crate) struct Object {
    /// Its class, with superclasses.
    pub(crate) class: Arc<ClassDescription>,
    /// Declared fields, from the root superclass down.
    pub(crate) fields: Vec<Field>,
    /// What `writeObject` or `writeExternal` wrote: objects only, block data is left out.
    pub(crate) annotation: Vec<Value>,
}

/// One field of an object.
#[derive(Debug)]
pub(crate) struct Field {
    /// Its name, which may repeat along the chain of classes.
    pub(crate) name: Arc<str>,
    /// Its value.
    pub(crate) value: Value,
}

/// A primitive, or the handle of a node.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Value {
    /// Java's null.
    Null,
    /// A node of the graph.
    Handle(usize),
    /// `byte`, `short`, `int`, `long` or `char`.
    Integer(i64),
    /// `float` or `double`.
    Float(f64),
    /// `boolean`.
    Boolean(bool),
}

/// A class as the stream describes it.
#[derive(Debug)]
pub(crate) struct ClassDescription {
    /// `Class.getName()`.
    pub(crate) name: Arc<str>,
    /// `SC_WRITE_METHOD`, `SC_SERIALIZABLE`, …
    pub(super) flags: u8,
    /// Type code and name of each declared field, in stream order.
    pub(super) fields: Vec<(u8, Arc<str>)>,
    /// The superclass, if it is serializable.
    pub(super) parent: Option<Arc<ClassDescription>>,
    /// How many classes the chain of superclasses has, this one included.
    pub(super) ancestry: u32,
}

impl ClassDescription {
    /// The name without its package and enclosing classes.
    pub(crate) fn simple_name(&self) -> &str {
        self.name.rsplit(['.', '$']).next().unwrap_or(&self.name)
    }

    /// This class and its superclasses, root first.
    pub(super) fn chain(self: &Arc<Self>) -> Vec<Arc<Self>> {
        let mut chain = vec![Arc::clone(self)];
        let mut class = self;
        while let Some(parent) = &class.parent {
            chain.push(Arc::clone(parent));
            class = parent;
        }
        chain.reverse();
        chain
    }
}

impl Graph {
    /// The node behind a value; `None` for null and primitives.
    pub(crate) fn node(&self, value: Value) -> Option<&Node> {
        match value {
            Value::Handle(handle) => self.nodes.get(handle),
            _ => None,
        }
    }

    /// The object behind a value.
    pub(crate) fn object(&self, value: Value) -> Option<&Object> {
        match self.node(value)? {
            Node::Object(object) => Some(object),
            _ => None,
        }
    }

    /// The string behind a value, or the name of the enum constant.
    pub(crate) fn text(&self, value: Value) -> Option<&str> {
        match self.node(value)? {
            Node::Text(text) | Node::Enum(text) => Some(text),
            _ => None,
        }
    }

    /// The elements of a list, whichever of Java's list classes holds them.
    ///
    /// `ArrayList` writes its elements by hand; `Arrays$ArrayList`, `CollSer` and the unmodifiable
    /// wrappers keep them in a field.
    pub(crate) fn list(&self, value: Value) -> Option<&[Value]> {
        let mut value = value;
        for _ in 0..8 {
            match self.node(value)? {
                Node::Array(elements) => return Some(elements),
                Node::Object(object) => match object.field("list").or(object.field("a")) {
                    Some(inner) => value = inner,
                    None => match object.field("collection").or(object.field("c")) {
                        Some(inner) => value = inner,
                        None => return Some(&object.annotation),
                    },
                },
                _ => return None,
            }
        }
        None
    }
}

impl Object {
    /// The value of a field; of several with this name, that of the most derived class.
    pub(crate) fn field(&self, name: &str) -> Option<Value> {
        self.fields.iter().rev().find(|field| &*field.name == name).map(|field| field.value)
    }

    /// The value of an integer field.
    pub(crate) fn integer(&self, name: &str) -> Option<i64> {
        match self.field(name)? {
            Value::Integer(number) => Some(number),
            _ => None,
        }
    }
}
