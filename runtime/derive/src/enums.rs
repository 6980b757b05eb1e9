//! Enums: by name where they carry no data, otherwise a tag and one nullable field per variant.

use proc_macro2::{Ident, TokenStream};
use quote::{format_ident, quote};
use syn::{DataEnum, DeriveInput, Error, Result};

use crate::attributes::Attributes;
use crate::context::Context;
use crate::fields::{Members, Shape};

/// A variant of an enum.
pub(crate) struct Variant<'a> {
    pub(crate) ident: &'a Ident,
    pub(crate) name: String,
    pub(crate) former: Vec<String>,
    pub(crate) members: Members,
    /// The names of its column's builder and reader, and of the fields that hold them.
    builder: Ident,
    reader: Ident,
    column: Ident,
}

/// The variants in the order of the declaration.
///
/// # Errors
/// If there is none: such a type has no values.
pub(crate) fn variants(data: &DataEnum) -> Result<Vec<Variant<'_>>> {
    if data.variants.is_empty() {
        return Err(Error::new(data.enum_token.span, "an enum without variants has no value to keep"));
    }
    data.variants.iter().enumerate().map(|(index, syntax)| variant(index, syntax)).collect()
}

fn variant(index: usize, syntax: &syn::Variant) -> Result<Variant<'_>> {
    let attributes = Attributes::of(&syntax.attrs)?;
    if attributes.default.is_some() {
        return Err(Error::new_spanned(syntax, "a default belongs to a field, not to a variant"));
    }
    Ok(Variant {
        ident: &syntax.ident,
        name: attributes.name(&syntax.ident),
        former: attributes.aliases.iter().map(syn::LitStr::value).collect(),
        members: Members::of(&syntax.fields)?,
        builder: format_ident!("__Builder{index}"),
        reader: format_ident!("__Reader{index}"),
        column: format_ident!("v{index}"),
    })
}

/// No variant carries data.
pub(crate) fn is_plain(variants: &[Variant<'_>]) -> bool {
    variants.iter().all(|variant| variant.members.shape == Shape::Unit)
}

pub(crate) fn expand(input: &DeriveInput, data: &DataEnum) -> Result<TokenStream> {
    let context = Context::new(input, &quote!(::spt_runtime::state::State))?;
    let variants = variants(data)?;
    Ok(if is_plain(&variants) { by_name(input, &variants) } else { tagged(input, &context, &variants) })
}

/// Statements that add the variants' former names below `at`.
fn former_names(variants: &[Variant<'_>]) -> TokenStream {
    let each = variants.iter().map(
        |Variant { name, former, .. }| quote!(#(aliases.add(&::std::format!("{at}.{}", #name), #former);)*),
    );
    quote!(let _ = (&at, &aliases); #(#each)*)
}

/// An enum without data.
fn by_name(input: &DeriveInput, variants: &[Variant<'_>]) -> TokenStream {
    let type_name = &input.ident;
    let own_name = type_name.to_string();
    let former = former_names(variants);
    let (ident, name): (Vec<_>, Vec<_>) =
        variants.iter().map(|variant| (variant.ident, &variant.name)).unzip();
    let known = variants.iter().map(|Variant { name, former, .. }| quote!(#name #(| #former)*));
    quote! {
        use ::spt_runtime::state::{self as __state, derive as __support};

        pub struct __Builder(__support::NameBuilder);
        pub struct __Reader(__support::NameReader);

        impl __state::State for #type_name {
            type Builder = __Builder;
            type Reader = __Reader;

            fn field() -> __support::Field {
                __support::enum_field(&[#(#name),*])
            }

            fn aliases(at: &str, aliases: &mut __support::Aliases) {
                #former
            }
        }

        impl __state::StateBuilder<#type_name> for __Builder {
            fn new(_: &__support::DataType, capacity: usize) -> Self {
                Self(__support::NameBuilder::new(capacity))
            }

            fn append(&mut self, value: &#type_name) {
                self.0.append(match value { #(#type_name::#ident { .. } => #name),* });
            }

            fn append_null(&mut self) {
                self.0.append_null();
            }

            fn bytes(&self) -> usize {
                self.0.bytes()
            }

            fn finish(&mut self) -> __support::Result<__support::ArrayRef> {
                ::core::result::Result::Ok(self.0.finish())
            }
        }

        impl __state::StateReader<#type_name> for __Reader {
            fn new(array: &dyn __support::Array) -> __support::Result<Self> {
                __support::NameReader::new(array).map(Self)
            }

            fn get(&self, row: usize) -> __support::Result<#type_name> {
                match self.0.get(row)? {
                    #(#known => ::core::result::Result::Ok(#type_name::#ident {}),)*
                    other => ::core::result::Result::Err(__support::unknown_name(#own_name, other)),
                }
            }
        }
    }
}

impl Variant<'_> {
    /// The type whose column stands for the variant, where it is not made for it.
    fn payload(&self) -> Option<TokenStream> {
        match (self.members.shape, self.members.all.first()) {
            (Shape::Newtype, Some(only)) => {
                let ty = &only.ty;
                Some(quote!(#ty))
            }
            (Shape::Unit, _) => Some(quote!(())),
            _ => None,
        }
    }

    /// Builder and reader of its own, if it has several fields.
    fn items(&self, context: &Context) -> TokenStream {
        match self.payload() {
            Some(_) => quote!(),
            None => {
                let builder = self.members.builder(&self.builder, context);
                let reader = self.members.reader(&self.reader, context);
                quote!(#builder #reader)
            }
        }
    }

    fn builder_type(&self, context: &Context) -> TokenStream {
        let (builder, arguments) = (&self.builder, &context.arguments);
        match self.payload() {
            Some(payload) => quote!(__support::OptionBuilder<#payload>),
            None => quote!(#builder #arguments),
        }
    }

    fn reader_type(&self, context: &Context) -> TokenStream {
        let (reader, arguments) = (&self.reader, &context.arguments);
        match self.payload() {
            Some(payload) => quote!(<::core::option::Option<#payload> as __state::State>::Reader),
            None => quote!(#reader #arguments),
        }
    }

    fn field(&self) -> TokenStream {
        let name = &self.name;
        let field = match self.payload() {
            Some(payload) => quote!(<::core::option::Option<#payload> as __state::State>::field()),
            None => {
                let field = self.members.field();
                quote!(#field.nullable())
            }
        };
        quote!((::std::string::String::from(#name), #field))
    }

    fn new_builder(&self, index: usize) -> TokenStream {
        let (column, builder) = (&self.column, &self.builder);
        let child = quote!(parts.child(#index + 1), capacity);
        match self.payload() {
            Some(payload) => {
                quote!(#column: __state::StateBuilder::<::core::option::Option<#payload>>::new(#child))
            }
            None => quote!(#column: #builder::new(#child)),
        }
    }

    fn new_reader(&self, index: usize) -> TokenStream {
        let (column, reader, name) = (&self.column, &self.reader, &self.name);
        let child = quote!(columns.column(#index + 1, #name)?);
        match self.payload() {
            Some(payload) => {
                quote!(#column: __state::StateReader::<::core::option::Option<#payload>>::new(#child)?)
            }
            None => quote!(#column: #reader::new(#child)?),
        }
    }

    /// Appends the bound fields to the variant's column.
    fn append(&self) -> TokenStream {
        let (column, f) = (&self.column, self.members.bindings());
        match (self.payload(), self.members.shape) {
            (Some(_), Shape::Unit) => quote!(self.#column.append_some(&())),
            (Some(_), _) => quote!(self.#column.append_some(f0)),
            (None, _) => quote!(self.#column.append(#(#f),*)),
        }
    }

    fn append_null(&self) -> TokenStream {
        let column = &self.column;
        match self.payload() {
            Some(payload) => {
                quote!(__state::StateBuilder::<::core::option::Option<#payload>>::append_null(&mut self.#column))
            }
            None => quote!(self.#column.append_null()),
        }
    }

    fn bytes(&self) -> TokenStream {
        let column = &self.column;
        match self.payload() {
            Some(payload) => {
                quote!(__state::StateBuilder::<::core::option::Option<#payload>>::bytes(&self.#column))
            }
            None => quote!(self.#column.bytes()),
        }
    }

    fn finish(&self) -> TokenStream {
        let column = &self.column;
        match self.payload() {
            Some(payload) => {
                quote!(__state::StateBuilder::<::core::option::Option<#payload>>::finish(&mut self.#column)?)
            }
            None => quote!(self.#column.finish()?),
        }
    }

    /// Reads the variant of a row.
    fn get(&self, type_name: &Ident) -> TokenStream {
        let (column, ident, f, name) = (&self.column, self.ident, self.members.bindings(), &self.name);
        let built = self.members.braced(&quote!(#type_name::#ident));
        match (self.payload(), self.members.shape) {
            (Some(_), Shape::Unit) => quote!(::core::result::Result::Ok(#built)),
            (Some(payload), _) => quote! {{
                let found = __state::StateReader::<::core::option::Option<#payload>>::get(&self.#column, row)?;
                let f0 = found.ok_or_else(|| __support::absent_variant(#name))?;
                ::core::result::Result::Ok(#built)
            }},
            (None, _) => quote! {{
                let (#(#f,)*) = self.#column.get(row)?;
                ::core::result::Result::Ok(#built)
            }},
        }
    }

    fn aliases(&self) -> TokenStream {
        let (name, fields) = (&self.name, self.members.aliases());
        quote! {{
            let at = &::std::format!("{at}.{}", #name);
            let _ = at;
            #fields
        }}
    }
}

/// An enum with data.
fn tagged(input: &DeriveInput, context: &Context, variants: &[Variant<'_>]) -> TokenStream {
    let Context { parameters, arguments, bounds, marker } = context;
    let type_name = &input.ident;
    let own_name = type_name.to_string();
    let items = variants.iter().map(|variant| variant.items(context));
    let column: Vec<_> = variants.iter().map(|variant| &variant.column).collect();
    let builder_type = variants.iter().map(|variant| variant.builder_type(context));
    let reader_type = variants.iter().map(|variant| variant.reader_type(context));
    let field = variants.iter().map(Variant::field);
    let former = former_names(variants);
    let aliases = variants.iter().map(Variant::aliases);
    let new_builder = variants.iter().enumerate().map(|(index, variant)| variant.new_builder(index));
    let new_reader = variants.iter().enumerate().map(|(index, variant)| variant.new_reader(index));
    let append = variants.iter().enumerate().map(|(index, variant)| {
        let (ident, name, append) = (variant.ident, &variant.name, variant.append());
        let pattern = variant.members.braced(&quote!(#type_name::#ident));
        let others = variants.iter().enumerate().filter(|(other, _)| *other != index);
        let nulls = others.map(|(_, other)| other.append_null());
        quote!(#pattern => { self.tag.append(#name); #append; #(#nulls;)* })
    });
    let append_null: Vec<_> = variants.iter().map(Variant::append_null).collect();
    let bytes = variants.iter().map(Variant::bytes);
    let finish = variants.iter().map(Variant::finish);
    let known = variants.iter().map(|Variant { name, former, .. }| quote!(#name #(| #former)*));
    let get = variants.iter().map(|variant| variant.get(type_name));
    let columns = variants.len() + 1;
    quote! {
        use ::spt_runtime::state::{self as __state, derive as __support};

        #(#items)*

        pub struct __Builder #parameters #bounds {
            parts: __state::StructParts,
            tag: __support::NameBuilder,
            #(#column: #builder_type,)*
            marker: #marker,
        }

        pub struct __Reader #parameters #bounds {
            columns: __state::StructColumns,
            tag: __support::NameReader,
            #(#column: #reader_type,)*
            marker: #marker,
        }

        impl #parameters __state::State for #type_name #arguments #bounds {
            type Builder = __Builder #arguments;
            type Reader = __Reader #arguments;

            fn field() -> __support::Field {
                __support::variant_field([#(#field),*])
            }

            fn aliases(at: &str, aliases: &mut __support::Aliases) {
                #former
                #(#aliases)*
            }
        }

        impl #parameters __state::StateBuilder<#type_name #arguments> for __Builder #arguments #bounds {
            fn new(ty: &__support::DataType, capacity: usize) -> Self {
                let parts = __state::StructParts::new(ty, capacity);
                Self {
                    tag: __support::NameBuilder::new(capacity),
                    #(#new_builder,)*
                    parts,
                    marker: ::core::marker::PhantomData,
                }
            }

            fn append(&mut self, value: &#type_name #arguments) {
                self.parts.append(true);
                match value { #(#append)* }
            }

            fn append_null(&mut self) {
                self.parts.append(false);
                self.tag.append_null();
                #(#append_null;)*
            }

            fn bytes(&self) -> usize {
                self.tag.bytes() #(+ #bytes)*
            }

            fn finish(&mut self) -> __support::Result<__support::ArrayRef> {
                let children = ::std::vec![self.tag.finish(), #(#finish),*];
                self.parts.finish(children)
            }
        }

        impl #parameters __state::StateReader<#type_name #arguments> for __Reader #arguments #bounds {
            fn new(array: &dyn __support::Array) -> __support::Result<Self> {
                let columns = __state::StructColumns::new(array, #columns)?;
                ::core::result::Result::Ok(Self {
                    tag: __support::NameReader::new(columns.column(0, "tag")?)?,
                    #(#new_reader,)*
                    columns,
                    marker: ::core::marker::PhantomData,
                })
            }

            fn get(&self, row: usize) -> __support::Result<#type_name #arguments> {
                self.columns.present(row)?;
                match self.tag.get(row)? {
                    #(#known => #get,)*
                    other => ::core::result::Result::Err(__support::unknown_name(#own_name, other)),
                }
            }
        }
    }
}
