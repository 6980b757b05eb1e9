//! Reads one object stream from a cursor and leaves the cursor behind its last byte.

use std::sync::Arc;

use spt_format::{Cursor, Result};

use super::graph::{ClassDescription, Field, Graph, Node, Object, Value};
use crate::java;

const FIRST_HANDLE: i32 = 0x7E_0000;
/// Nesting that is followed before the stream is refused; Flink's own types stay below 20.
const MAX_DEPTH: u32 = 100;

const WRITE_METHOD: u8 = 0x01;
const SERIALIZABLE: u8 = 0x02;
const EXTERNALIZABLE: u8 = 0x04;
const BLOCK_DATA: u8 = 0x08;

/// Reads a whole stream that holds one object, `ACED 0005 …`.
///
/// # Errors
/// [`ErrorKind::Invalid`](spt_format::ErrorKind::Invalid) for what is not an object stream, for a handle
/// that nothing has, and for a class that writes its bytes in a form only itself can read.
pub(crate) fn read_stream(cursor: &mut Cursor<'_>) -> Result<(Graph, Value)> {
    let start = cursor.clone();
    if cursor.u32_be()? != 0xACED_0005 {
        return Err(start.invalid("a Java object stream begins with ACED0005"));
    }
    let mut reader = Reader { cursor, graph: Graph::default(), depth: 0 };
    let value = reader.content()?;
    Ok((reader.graph, value))
}

struct Reader<'a, 'b> {
    cursor: &'b mut Cursor<'a>,
    graph: Graph,
    depth: u32,
}

impl Reader<'_, '_> {
    fn content(&mut self) -> Result<Value> {
        let code = self.cursor.clone();
        match self.cursor.u8()? {
            0x70 => Ok(Value::Null),
            0x71 => self.reference(),
            0x72 | 0x7D => Err(code.invalid("a class description stands where a value belongs")),
            other => self.nested(|reader| reader.fresh(other, &code)),
        }
    }

    fn fresh(&mut self, code: u8, place: &Cursor<'_>) -> Result<Value> {
        match code {
            0x73 => self.object(),
            0x74 => {
                let text = java::utf(self.cursor, "string")?;
                Ok(self.add(Node::Text(text)))
            }
            0x7C => self.long_string(),
            0x75 => self.array(),
            0x76 => {
                self.class()?;
                Ok(self.add(Node::ClassObject))
            }
            0x7E => self.constant(),
            other => Err(place.invalid(format!("{other:#04x} begins nothing in a Java object stream"))),
        }
    }

    /// Runs one level deeper, and refuses to go on for ever.
    fn nested<T>(&mut self, read: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        if self.depth >= MAX_DEPTH {
            return Err(self.cursor.invalid("a Java object stream is nested too deeply"));
        }
        self.depth += 1;
        let result = read(self);
        self.depth -= 1;
        result
    }

    fn add(&mut self, node: Node) -> Value {
        self.graph.nodes.push(node);
        Value::Handle(self.graph.nodes.len() - 1)
    }

    /// Fills a reserved handle.
    fn fill(&mut self, value: Value, node: Node) -> Value {
        if let Value::Handle(handle) = value
            && let Some(slot) = self.graph.nodes.get_mut(handle)
        {
            *slot = node;
        }
        value
    }

    fn handle(&mut self) -> Result<usize> {
        let place = self.cursor.clone();
        let handle = self.cursor.i32_be()?.wrapping_sub(FIRST_HANDLE);
        match usize::try_from(handle) {
            Ok(handle) if handle < self.graph.nodes.len() => Ok(handle),
            _ => Err(place.invalid("a handle of a Java object stream refers to nothing")),
        }
    }

    fn reference(&mut self) -> Result<Value> {
        self.handle().map(Value::Handle)
    }

    fn long_string(&mut self) -> Result<Value> {
        let length = self.cursor.i64_be()?;
        let length = self.cursor.count(length, 1, "bytes of a string")?;
        let start = self.cursor.offset();
        let bytes = self.cursor.take(length, "string")?;
        let text = java::modified_utf8(&mut Cursor::at(bytes, start), "string")?.text;
        Ok(self.add(Node::Text(text)))
    }

    /// A class description, `None` for null.
    fn class(&mut self) -> Result<Option<Arc<ClassDescription>>> {
        let code = self.cursor.clone();
        match self.cursor.u8()? {
            0x70 => Ok(None),
            0x71 => {
                let handle = self.handle()?;
                match self.graph.nodes.get(handle) {
                    Some(Node::Class(class)) => Ok(Some(Arc::clone(class))),
                    _ => Err(code.invalid("a handle refers to something that is no class")),
                }
            }
            0x72 => self.nested(Self::described_class).map(Some),
            0x7D => self.nested(Self::proxy_class).map(Some),
            other => Err(code.invalid(format!("{other:#04x} begins no class description"))),
        }
    }

    fn described_class(&mut self) -> Result<Arc<ClassDescription>> {
        let name = java::utf(self.cursor, "class name")?.into();
        self.cursor.i64_be()?; // serialVersionUID
        let handle = self.add(Node::Pending);
        let flags = self.cursor.u8()?;
        let fields = self.field_descriptions()?;
        self.annotation()?;
        self.describe(handle, name, flags, fields)
    }

    fn field_descriptions(&mut self) -> Result<Vec<(u8, Arc<str>)>> {
        let count = self.cursor.u16_be()?;
        let count = self.cursor.count(count, 3, "fields of a Java class")?;
        let mut fields = Vec::with_capacity(count);
        for _ in 0..count {
            let code = self.cursor.u8()?;
            let name = java::utf(self.cursor, "field name")?.into();
            if matches!(code, b'L' | b'[') {
                self.content()?; // the field's declared type, a string
            }
            fields.push((code, name));
        }
        Ok(fields)
    }

    fn proxy_class(&mut self) -> Result<Arc<ClassDescription>> {
        let handle = self.add(Node::Pending);
        for _ in 0..java::count(self.cursor, 2, "interfaces of a proxy class")? {
            java::utf(self.cursor, "interface name")?;
        }
        self.annotation()?;
        self.describe(handle, "java.lang.reflect.Proxy".into(), SERIALIZABLE, Vec::new())
    }

    /// Reads the superclass, which ends every description.
    fn describe(
        &mut self,
        handle: Value,
        name: Arc<str>,
        flags: u8,
        fields: Vec<(u8, Arc<str>)>,
    ) -> Result<Arc<ClassDescription>> {
        let parent = self.class()?;
        let ancestry = parent.as_ref().map_or(0, |parent| parent.ancestry) + 1;
        if ancestry > MAX_DEPTH {
            return Err(self.cursor.invalid(format!("{name} has too many superclasses")));
        }
        let class = Arc::new(ClassDescription { name, flags, fields, parent, ancestry });
        self.fill(handle, Node::Class(Arc::clone(&class)));
        Ok(class)
    }

    /// Objects and block data up to the end mark; only the objects are kept.
    fn annotation(&mut self) -> Result<Vec<Value>> {
        let mut values = Vec::new();
        loop {
            let code = self.cursor.rest().first().copied();
            match code {
                Some(0x78) => {
                    self.cursor.u8()?;
                    return Ok(values);
                }
                Some(0x77) => {
                    self.cursor.u8()?;
                    let length = self.cursor.u8()?;
                    self.cursor.take(usize::from(length), "block data")?;
                }
                Some(0x7A) => {
                    self.cursor.u8()?;
                    java::bytes32(self.cursor, "block data")?;
                }
                Some(0x79) => return Err(self.cursor.invalid("a reset in a Java object stream")),
                _ => values.push(self.content()?),
            }
        }
    }

    fn object(&mut self) -> Result<Value> {
        let place = self.cursor.clone();
        let class = self.class()?.ok_or_else(|| place.invalid("an object without a class"))?;
        let handle = self.add(Node::Pending);
        let mut object = Object { class: Arc::clone(&class), fields: Vec::new(), annotation: Vec::new() };
        for class in class.chain() {
            self.class_data(&class, &mut object)?;
        }
        Ok(self.fill(handle, Node::Object(object)))
    }

    fn class_data(&mut self, class: &Arc<ClassDescription>, object: &mut Object) -> Result<()> {
        let flags = class.flags;
        if flags & EXTERNALIZABLE != 0 && flags & BLOCK_DATA == 0 {
            return Err(self.cursor.invalid(format!("only {} can read what it wrote", class.name)));
        }
        if flags & SERIALIZABLE != 0 {
            for (code, name) in &class.fields {
                let value = self.value(*code)?;
                object.fields.push(Field { name: Arc::clone(name), value });
            }
        }
        if flags & (WRITE_METHOD | EXTERNALIZABLE) != 0 {
            object.annotation.extend(self.annotation()?);
        }
        Ok(())
    }

    fn value(&mut self, code: u8) -> Result<Value> {
        let place = self.cursor.clone();
        Ok(match code {
            b'B' => Value::Integer(self.cursor.i8()?.into()),
            b'C' => Value::Integer(self.cursor.u16_be()?.into()),
            b'D' => Value::Float(self.cursor.f64_be()?),
            b'F' => Value::Float(self.cursor.f32_be()?.into()),
            b'I' => Value::Integer(self.cursor.i32_be()?.into()),
            b'J' => Value::Integer(self.cursor.i64_be()?),
            b'S' => Value::Integer(self.cursor.i16_be()?.into()),
            b'Z' => Value::Boolean(self.cursor.bool("boolean of a Java object")?),
            b'L' | b'[' => self.content()?,
            other => return Err(place.invalid(format!("{other:#04x} is no type of a Java field"))),
        })
    }

    fn array(&mut self) -> Result<Value> {
        let place = self.cursor.clone();
        let class = self.class()?.ok_or_else(|| place.invalid("an array without a class"))?;
        let handle = self.add(Node::Pending);
        let code = class.name.as_bytes().get(1).copied().unwrap_or_default();
        let count = java::count(self.cursor, width(code), "elements of a Java array")?;
        if code == b'B' {
            self.cursor.take(count, "bytes of a Java array")?;
            return Ok(self.fill(handle, Node::Bytes));
        }
        let elements = (0..count).map(|_| self.value(code)).collect::<Result<_>>()?;
        Ok(self.fill(handle, Node::Array(elements)))
    }

    fn constant(&mut self) -> Result<Value> {
        self.class()?;
        let handle = self.add(Node::Pending);
        let place = self.cursor.clone();
        let name = self.content()?;
        let name = self.graph.text(name).ok_or_else(|| place.invalid("an enum constant without a name"))?;
        let node = Node::Enum(name.to_owned());
        Ok(self.fill(handle, node))
    }
}

/// The least bytes a value of this type code takes.
fn width(code: u8) -> usize {
    match code {
        b'D' | b'J' => 8,
        b'F' | b'I' => 4,
        b'C' | b'S' => 2,
        _ => 1,
    }
}
