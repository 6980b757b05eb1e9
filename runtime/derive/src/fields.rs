//! The fields of a struct or of a variant: their schema, and a builder and a reader for them.

use proc_macro2::{Ident, TokenStream};
use quote::{format_ident, quote};
use syn::spanned::Spanned;
use syn::{Fields, Result, Type};

use crate::attributes::{Attributes, DefaultValue};
use crate::context::Context;

/// One field.
pub(crate) struct Member {
    /// What it is bound to in generated code: `f0`, `f1`, ….
    pub(crate) binding: Ident,
    /// How the type names it: an identifier, or an index.
    pub(crate) member: syn::Member,
    pub(crate) ty: Type,
    pub(crate) column: String,
    pub(crate) attributes: Attributes,
}

/// How the fields become a column.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    Unit,
    /// One unnamed field: its own column.
    Newtype,
    /// Unnamed fields.
    Tuple,
    Struct,
}

/// The fields of a struct or variant.
pub(crate) struct Members {
    pub(crate) shape: Shape,
    pub(crate) all: Vec<Member>,
}

impl Members {
    pub(crate) fn of(fields: &Fields) -> Result<Self> {
        let shape = match fields {
            Fields::Named(named) if !named.named.is_empty() => Shape::Struct,
            Fields::Unnamed(unnamed) if unnamed.unnamed.len() == 1 => Shape::Newtype,
            Fields::Unnamed(unnamed) if !unnamed.unnamed.is_empty() => Shape::Tuple,
            _ => Shape::Unit,
        };
        let member = |(index, field): (usize, &syn::Field)| {
            let attributes = Attributes::of(&field.attrs)?;
            let binding = format_ident!("f{index}", span = field.span());
            let (member, own_name) = match &field.ident {
                Some(ident) => (syn::Member::from(ident.clone()), ident),
                None => (syn::Member::from(index), &binding),
            };
            let column = attributes.name(own_name);
            Ok(Member { member, ty: field.ty.clone(), column, attributes, binding })
        };
        Ok(Self { shape, all: fields.iter().enumerate().map(member).collect::<Result<_>>()? })
    }

    pub(crate) fn bindings(&self) -> impl Iterator<Item = &Ident> {
        self.all.iter().map(|member| &member.binding)
    }

    pub(crate) fn types(&self) -> impl Iterator<Item = &Type> {
        self.all.iter().map(|member| &member.ty)
    }

    /// `Name { a: f0, b: f1 }`, for patterns and for construction; `Name { 0: f0 }` where fields have no names.
    pub(crate) fn braced(&self, path: &TokenStream) -> TokenStream {
        let members = self.all.iter().map(|member| &member.member);
        let bindings = self.bindings();
        quote!(#path { #(#members: #bindings),* })
    }

    /// The column's field.
    pub(crate) fn field(&self) -> TokenStream {
        let fields = self.all.iter().map(|Member { column, ty, attributes, .. }| {
            let field = quote!(<#ty as __state::State>::field());
            let field = match &attributes.default {
                None => field,
                Some(DefaultValue::OfType) => {
                    quote!(__support::with_default::<#ty>(#field, ::core::default::Default::default()))
                }
                Some(DefaultValue::Given(value)) => quote!(__support::with_default::<#ty>(#field, #value)),
            };
            quote!((::std::string::String::from(#column), #field))
        });
        let structure = quote!(__support::Field::new("", __state::struct_type([#(#fields),*])));
        match (self.shape, self.all.first()) {
            (Shape::Newtype, Some(Member { ty, .. })) => quote!(<#ty as __state::State>::field()),
            (Shape::Tuple, _) => quote!(#structure.with_logical(__support::Logical::Tuple)),
            (Shape::Struct, _) => structure,
            _ => quote!(<() as __state::State>::field()),
        }
    }

    /// Statements that add the fields' former names below `at`.
    pub(crate) fn aliases(&self) -> TokenStream {
        if let (Shape::Newtype, Some(Member { ty, .. })) = (self.shape, self.all.first()) {
            return quote!(<#ty as __state::State>::aliases(at, aliases););
        }
        let each = self.all.iter().map(|Member { column, ty, attributes, .. }| {
            let former = &attributes.aliases;
            quote! {
                let path = ::std::format!("{at}.{}", #column);
                #(aliases.add(&path, #former);)*
                <#ty as __state::State>::aliases(&path, aliases);
            }
        });
        quote!(#(#each)*)
    }

    /// A builder of struct arrays called `name`, with the methods of `StateBuilder`; `append` takes each field.
    pub(crate) fn builder(&self, name: &Ident, context: &Context) -> TokenStream {
        let Context { parameters, arguments, bounds, marker } = context;
        let (f, ty): (Vec<_>, Vec<_>) = (self.bindings().collect(), self.types().collect());
        let index = 0..f.len();
        quote! {
            pub struct #name #parameters #bounds {
                parts: __state::StructParts,
                #(#f: <#ty as __state::State>::Builder,)*
                marker: #marker,
            }

            impl #parameters #name #arguments #bounds {
                fn new(ty: &__support::DataType, capacity: usize) -> Self {
                    let parts = __state::StructParts::new(ty, capacity);
                    #(let #f = __state::StateBuilder::<#ty>::new(parts.child(#index), capacity);)*
                    Self { parts, #(#f,)* marker: ::core::marker::PhantomData }
                }

                fn append(&mut self, #(#f: &#ty),*) {
                    self.parts.append(true);
                    #(__state::StateBuilder::<#ty>::append(&mut self.#f, #f);)*
                }

                fn append_null(&mut self) {
                    self.parts.append(false);
                    #(__state::StateBuilder::<#ty>::append_null(&mut self.#f);)*
                }

                fn bytes(&self) -> usize {
                    0 #(+ __state::StateBuilder::<#ty>::bytes(&self.#f))*
                }

                fn finish(&mut self) -> __support::Result<__support::ArrayRef> {
                    let children = ::std::vec![#(__state::StateBuilder::<#ty>::finish(&mut self.#f)?),*];
                    self.parts.finish(children)
                }
            }
        }
    }

    /// A reader of struct arrays called `name`, whose `get` returns the fields as a tuple.
    pub(crate) fn reader(&self, name: &Ident, context: &Context) -> TokenStream {
        let Context { parameters, arguments, bounds, marker } = context;
        let (f, ty): (Vec<_>, Vec<_>) = (self.bindings().collect(), self.types().collect());
        let column = self.all.iter().map(|member| &member.column);
        let (index, count) = (0..f.len(), f.len());
        quote! {
            pub struct #name #parameters #bounds {
                columns: __state::StructColumns,
                #(#f: <#ty as __state::State>::Reader,)*
                marker: #marker,
            }

            impl #parameters #name #arguments #bounds {
                fn new(array: &dyn __support::Array) -> __support::Result<Self> {
                    let columns = __state::StructColumns::new(array, #count)?;
                    #(let #f = columns.child::<#ty>(#index, #column)?;)*
                    ::core::result::Result::Ok(Self { columns, #(#f,)* marker: ::core::marker::PhantomData })
                }

                fn get(&self, row: usize) -> __support::Result<(#(#ty,)*)> {
                    self.columns.present(row)?;
                    ::core::result::Result::Ok((#(__state::StateReader::<#ty>::get(&self.#f, row)?,)*))
                }
            }
        }
    }
}
