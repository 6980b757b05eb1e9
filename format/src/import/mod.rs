//! Values come into the model here: from JSON, with the same meaning in which they leave it.

mod from_json;
mod from_text;
mod parse;

pub use from_json::array_from_json;
pub use from_text::array_from_text;
