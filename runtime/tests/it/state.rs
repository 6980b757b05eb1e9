//! Types as columns: what goes in comes out, under a schema the format accepts.

mod types;
