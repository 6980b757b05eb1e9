//! The types that come with the runtime, as columns and as keys.

mod bytes;
mod chrono;
mod collection;
mod counted;
mod decimal;
mod list;
mod map;
mod number;
mod option;
mod text;
mod time;
mod tuple;
mod unit;
mod uuid;
mod window;

pub use bytes::Bytes;
pub use decimal::Decimal;
pub(super) use number::{NumberBuilder, NumberReader};
pub use option::OptionBuilder;
pub(super) use text::TextReader;
pub use uuid::Uuid;
pub use window::TimeWindow;
