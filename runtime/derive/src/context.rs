//! The generics of the type at hand, bounded as its implementations need them.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use syn::{DeriveInput, Error, GenericParam, Generics, Result, parse_quote};

/// The type's generics in the three places an implementation has them.
pub(crate) struct Context {
    /// `<T: State>`
    pub(crate) parameters: TokenStream,
    /// `<T>`
    pub(crate) arguments: TokenStream,
    /// `where …`
    pub(crate) bounds: TokenStream,
    /// `PhantomData` of all parameters, for a helper that does not use them all.
    pub(crate) marker: TokenStream,
}

impl Context {
    /// With every type parameter bounded by `bound`.
    ///
    /// # Errors
    /// If the type borrows: state is owned.
    pub(crate) fn new(input: &DeriveInput, bound: &TokenStream) -> Result<Self> {
        let mut generics: Generics = input.generics.clone();
        for parameter in &mut generics.params {
            match parameter {
                GenericParam::Type(parameter) => {
                    parameter.default = None;
                    parameter.bounds.push(parse_quote!(#bound));
                }
                GenericParam::Const(parameter) => parameter.default = None,
                GenericParam::Lifetime(lifetime) => {
                    return Err(Error::new_spanned(lifetime, "state is owned: the type cannot borrow"));
                }
            }
        }
        let types = generics.type_params().map(|parameter| &parameter.ident);
        let marker = quote!(::core::marker::PhantomData<fn() -> (#(#types,)*)>);
        let (parameters, arguments, bounds) = generics.split_for_impl();
        Ok(Self {
            parameters: parameters.to_token_stream(),
            arguments: arguments.to_token_stream(),
            bounds: bounds.to_token_stream(),
            marker,
        })
    }
}
