//! Structs.

use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use syn::{DataStruct, DeriveInput, Result};

use crate::context::Context;
use crate::fields::{Members, Shape};

pub(crate) fn expand(input: &DeriveInput, data: &DataStruct) -> Result<TokenStream> {
    let context = Context::new(input, &quote!(::spt_runtime::state::State))?;
    let members = Members::of(&data.fields)?;
    match (members.shape, members.all.first()) {
        (Shape::Struct | Shape::Tuple, _) => Ok(columns(input, &context, &members)),
        (Shape::Newtype, Some(only)) => {
            let (member, ty) = (&only.member, &only.ty);
            Ok(transparent(input, &context, &members, &quote!(#ty), &quote!(&value.#member), &quote!(f0)))
        }
        _ => Ok(transparent(input, &context, &members, &quote!(()), &quote!(&()), &quote!(()))),
    }
}

/// A struct of columns.
fn columns(input: &DeriveInput, context: &Context, members: &Members) -> TokenStream {
    let Context { parameters, arguments, bounds, .. } = context;
    let name = &input.ident;
    let (builder, reader) = (format_ident!("__Builder"), format_ident!("__Reader"));
    let (builder_items, reader_items) =
        (members.builder(&builder, context), members.reader(&reader, context));
    let (field, aliases) = (members.field(), members.aliases());
    let member: Vec<_> = members.all.iter().map(|member| &member.member).collect();
    let f: Vec<_> = members.bindings().collect();
    let built = members.braced(&quote!(#name));
    quote! {
        use ::spt_runtime::state::{self as __state, derive as __support};

        #builder_items
        #reader_items

        impl #parameters __state::State for #name #arguments #bounds {
            type Builder = #builder #arguments;
            type Reader = #reader #arguments;

            fn field() -> __support::Field {
                #field
            }

            fn aliases(at: &str, aliases: &mut __support::Aliases) {
                #aliases
            }
        }

        impl #parameters __state::StateBuilder<#name #arguments> for #builder #arguments #bounds {
            fn new(ty: &__support::DataType, capacity: usize) -> Self {
                Self::new(ty, capacity)
            }

            fn append(&mut self, value: &#name #arguments) {
                self.append(#(&value.#member),*);
            }

            fn append_null(&mut self) {
                self.append_null();
            }

            fn bytes(&self) -> usize {
                self.bytes()
            }

            fn finish(&mut self) -> __support::Result<__support::ArrayRef> {
                self.finish()
            }
        }

        impl #parameters __state::StateReader<#name #arguments> for #reader #arguments #bounds {
            fn new(array: &dyn __support::Array) -> __support::Result<Self> {
                Self::new(array)
            }

            fn get(&self, row: usize) -> __support::Result<#name #arguments> {
                let (#(#f,)*) = self.get(row)?;
                ::core::result::Result::Ok(#built)
            }
        }
    }
}

/// A struct that is stored as `inner` is. `lent` lends the inner value of `value`, `found` binds it.
fn transparent(
    input: &DeriveInput,
    context: &Context,
    members: &Members,
    inner: &TokenStream,
    lent: &TokenStream,
    found: &TokenStream,
) -> TokenStream {
    let Context { parameters, arguments, bounds, .. } = context;
    let name = &input.ident;
    let (field, aliases) = (members.field(), members.aliases());
    let built = members.braced(&quote!(#name));
    quote! {
        use ::spt_runtime::state::{self as __state, derive as __support};

        pub struct __Builder #parameters (<#inner as __state::State>::Builder) #bounds;
        pub struct __Reader #parameters (<#inner as __state::State>::Reader) #bounds;

        impl #parameters __state::State for #name #arguments #bounds {
            type Builder = __Builder #arguments;
            type Reader = __Reader #arguments;
            const NULLABLE: bool = <#inner as __state::State>::NULLABLE;

            fn field() -> __support::Field {
                #field
            }

            fn aliases(at: &str, aliases: &mut __support::Aliases) {
                let _ = (&at, &aliases);
                #aliases
            }
        }

        impl #parameters __state::StateBuilder<#name #arguments> for __Builder #arguments #bounds {
            fn new(ty: &__support::DataType, capacity: usize) -> Self {
                Self(__state::StateBuilder::<#inner>::new(ty, capacity))
            }

            fn append(&mut self, value: &#name #arguments) {
                let _ = value;
                __state::StateBuilder::<#inner>::append(&mut self.0, #lent);
            }

            fn append_null(&mut self) {
                __state::StateBuilder::<#inner>::append_null(&mut self.0);
            }

            fn bytes(&self) -> usize {
                __state::StateBuilder::<#inner>::bytes(&self.0)
            }

            fn finish(&mut self) -> __support::Result<__support::ArrayRef> {
                __state::StateBuilder::<#inner>::finish(&mut self.0)
            }
        }

        impl #parameters __state::StateReader<#name #arguments> for __Reader #arguments #bounds {
            fn new(array: &dyn __support::Array) -> __support::Result<Self> {
                __state::StateReader::<#inner>::new(array).map(Self)
            }

            fn get(&self, row: usize) -> __support::Result<#name #arguments> {
                let #found = __state::StateReader::<#inner>::get(&self.0, row)?;
                ::core::result::Result::Ok(#built)
            }
        }
    }
}
