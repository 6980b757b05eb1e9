//! A type of state is a record of streams too: it flows by reference and is cloned into batches.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{DeriveInput, GenericParam};

pub(crate) fn expand(input: &DeriveInput) -> TokenStream {
    let name = &input.ident;
    let types = input.generics.params.iter().any(|parameter| !matches!(parameter, GenericParam::Lifetime(_)));
    // A generic type says itself, with `data!`, which of its instances are records.
    if types { quote!() } else { quote!(::spt_runtime::data!(#name);) }
}
