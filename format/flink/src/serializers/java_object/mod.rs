//! Java object streams (`java.io.ObjectOutputStream`), as far as Flink puts them into a savepoint.
//!
//! Flink writes SQL types, comparators and the values of `JavaSerializer` this way. A stream has no
//! length: to know where it ends it has to be understood. Nothing is instantiated; what comes out is a
//! graph of objects with named fields.
//!
//! ```text
//! ACED 0005 | content
//! content   70 null              71 i32 handle: an object already seen
//!           72 class description 73 object        74, 7C string   75 array
//!           76 class             7E enum constant 77, 7A block data
//! ```
//!
//! # Source
//! Java Object Serialization Specification, chapter 6.

mod graph;
mod reader;

pub(crate) use graph::{Graph, Object, Value};
pub(crate) use reader::read_stream;
