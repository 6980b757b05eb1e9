//! `#[derive(State)]` and `#[derive(Key)]`: a Rust type as typed savepoint columns, and as what state is keyed by.
//!
//! ```text
//! struct                       struct of its fields
//! struct of one unnamed field  the field's own type
//! struct of unnamed fields     tuple f0, f1, …
//! struct without fields        unit
//! enum without data            utf8 with the names
//! enum with data               struct { tag, one nullable field per variant }
//! ```
//!
//! Attributes: `#[state(rename = "…")]` names a column, `#[state(alias = "…")]` says what it was called before,
//! `#[state(default)]` or `#[state(default = …)]` gives the value that rows from before the field have.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Data, DeriveInput, Error, Result, parse_macro_input};

mod attributes;
mod context;
mod enums;
mod fields;
mod key;
mod records;
mod recursion;
mod structs;

/// Implements `spt_runtime::state::State`, and makes the type a record of streams (for which it must be `Debug`).
#[proc_macro_derive(State, attributes(state))]
pub fn derive_state(input: proc_macro::TokenStream) -> proc_macro::TokenStream {
    expand(parse_macro_input!(input as DeriveInput), state)
}

/// Implements `spt_runtime::state::Key` for a type that is `State`, `Eq` and `Hash`.
#[proc_macro_derive(Key, attributes(state))]
pub fn derive_key(input: proc_macro::TokenStream) -> proc_macro::TokenStream {
    expand(parse_macro_input!(input as DeriveInput), key::expand)
}

fn expand(input: DeriveInput, with: fn(&DeriveInput) -> Result<TokenStream>) -> proc_macro::TokenStream {
    let items = with(&input).unwrap_or_else(Error::into_compile_error);
    // What is generated has its own names, and is not to be judged by the lints of whoever derives it: a struct of
    // many fields has a function of as many arguments.
    let hidden = quote! {
        #[allow(clippy::all, clippy::pedantic)]
        const _: () = { #items };
    };
    hidden.into()
}

fn state(input: &DeriveInput) -> Result<TokenStream> {
    recursion::refuse(input)?;
    let state = match &input.data {
        Data::Struct(data) => structs::expand(input, data)?,
        Data::Enum(data) => enums::expand(input, data)?,
        Data::Union(data) => {
            return Err(Error::new(
                data.union_token.span,
                "a union cannot be state: nothing tells which field is meant",
            ));
        }
    };
    let records = records::expand(input);
    Ok(quote! {
        #state
        #records
    })
}
