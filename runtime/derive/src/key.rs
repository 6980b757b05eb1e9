//! `#[derive(Key)]`: hash, order and key bytes of a type from those of its fields.

use proc_macro2::{Ident, TokenStream};
use quote::{format_ident, quote};
use syn::{Data, DataEnum, DataStruct, DeriveInput, Error, Result, Type};

use crate::context::Context;
use crate::enums::{Variant, is_plain, variants};
use crate::fields::{Member, Members, Shape};

/// The bodies of the trait's functions. `key`, `a`, `b`, `bytes` and `skip` are in scope.
struct Bodies {
    rule: TokenStream,
    hash: TokenStream,
    key_bytes: TokenStream,
    order: TokenStream,
    common_prefix: TokenStream,
    sort_prefix: TokenStream,
    only: TokenStream,
}

pub(crate) fn expand(input: &DeriveInput) -> Result<TokenStream> {
    let bodies = match &input.data {
        Data::Struct(data) => of_struct(data)?,
        Data::Enum(data) => of_enum(&input.ident, data)?,
        Data::Union(data) => return Err(Error::new(data.union_token.span, "a union cannot be a key")),
    };
    let Context { parameters, arguments, bounds, .. } =
        Context::new(input, &quote!(::spt_runtime::state::Key))?;
    let name = &input.ident;
    let Bodies { rule, hash, key_bytes, order, common_prefix, sort_prefix, only } = bodies;
    Ok(quote! {
        use ::spt_runtime::state::{self as __state, derive as __support};

        impl #parameters __state::Key for #name #arguments #bounds {
            type Borrowed = Self;
            type Arena = ::std::vec::Vec<Self>;
            const KEY_HASH: __support::KeyHash = #rule;

            fn key_hash(key: &Self) -> i32 {
                #hash
            }

            fn write_key_bytes(key: &Self, bytes: &mut ::std::vec::Vec<u8>) {
                #key_bytes
            }

            // An enum of one variant leaves nothing for the last pattern.
            #[allow(unreachable_patterns)]
            fn order(a: &Self, b: &Self) -> ::core::cmp::Ordering {
                #order
            }

            fn common_prefix(a: &Self, b: &Self) -> usize {
                #common_prefix
            }

            fn sort_prefix(key: &Self, skip: usize) -> u64 {
                #sort_prefix
            }

            fn only() -> ::core::option::Option<Self> {
                #only
            }
        }
    })
}

fn of_struct(data: &DataStruct) -> Result<Bodies> {
    let members = Members::of(&data.fields)?;
    Ok(match (members.shape, members.all.first()) {
        (Shape::Newtype, Some(only)) => of_newtype(only),
        (shape, Some(first)) => of_fields(shape, first, &members),
        (_, None) => of_unit(),
    })
}

/// As the field.
fn of_newtype(Member { member, ty, .. }: &Member) -> Bodies {
    Bodies {
        rule: quote!(<#ty as __state::Key>::KEY_HASH),
        hash: quote!(__support::key_hash::<#ty>(&key.#member)),
        key_bytes: quote!(__support::write_key_bytes::<#ty>(&key.#member, bytes)),
        order: quote!(__support::order::<#ty>(&a.#member, &b.#member)),
        common_prefix: quote!(__support::common_prefix::<#ty>(&a.#member, &b.#member)),
        sort_prefix: quote!(__support::sort_prefix::<#ty>(&key.#member, skip)),
        only: quote!(::core::option::Option::None),
    }
}

/// Field by field. A struct of unnamed fields is a tuple, and hashed as Flink's if its fields have Java twins.
fn of_fields(shape: Shape, first: &Member, members: &Members) -> Bodies {
    let member: Vec<_> = members.all.iter().map(|member| &member.member).collect();
    let ty: Vec<&Type> = members.types().collect();
    let spt = quote!(__state::spt_hash::<Self>(key));
    let (rule, hash) = match shape {
        Shape::Tuple => (
            quote! {{
                let rule = __support::KeyHash::Java1;
                #(let rule = __state::both(rule, <#ty as __state::Key>::KEY_HASH);)*
                rule
            }},
            quote! {
                if !::core::matches!(<Self as __state::Key>::KEY_HASH, __support::KeyHash::Java1) {
                    return #spt;
                }
                let hash = 0i32;
                #(let hash = hash.wrapping_mul(31).wrapping_add(__support::key_hash::<#ty>(&key.#member));)*
                hash
            },
        ),
        _ => (quote!(__support::KeyHash::Spt1), spt),
    };
    let (first_member, first_type) = (&first.member, &first.ty);
    Bodies {
        rule,
        hash,
        key_bytes: quote! {
            bytes.push(1);
            #(__support::write_key_bytes::<#ty>(&key.#member, bytes);)*
        },
        order: quote! {
            ::core::cmp::Ordering::Equal
                #(.then_with(|| __support::order::<#ty>(&a.#member, &b.#member)))*
        },
        common_prefix: quote!(__support::common_prefix::<#first_type>(&a.#first_member, &b.#first_member)),
        sort_prefix: quote!(__support::sort_prefix::<#first_type>(&key.#first_member, skip)),
        only: quote!(::core::option::Option::None),
    }
}

fn of_unit() -> Bodies {
    Bodies {
        rule: quote!(__support::KeyHash::Spt1),
        hash: quote!(__state::spt_hash::<Self>(key)),
        key_bytes: quote! {
            let _ = key;
            __support::write_key_bytes::<()>(&(), bytes);
        },
        order: quote! {
            let _ = (a, b);
            ::core::cmp::Ordering::Equal
        },
        common_prefix: quote! {
            let _ = (a, b);
            0
        },
        sort_prefix: quote! {
            let _ = (key, skip);
            0
        },
        only: quote!(::core::option::Option::Some(Self {})),
    }
}

/// By the name of the variant, then by its fields.
fn of_enum(type_name: &Ident, data: &DataEnum) -> Result<Bodies> {
    let variants = variants(data)?;
    let name_of = name_of(type_name, &variants);
    let payload_bytes =
        variants.iter().enumerate().map(|(index, _)| payload_bytes(type_name, &variants, index));
    let payload_order = variants.iter().map(|variant| payload_order(type_name, variant));
    let names = quote! {
        #name_of
        let (left, right) = (name(a), name(b));
    };
    let (key_bytes, order) = if is_plain(&variants) {
        (
            quote!(__state::write_escaped(name(key).as_bytes(), bytes);),
            quote!(left.as_bytes().cmp(right.as_bytes())),
        )
    } else {
        (
            quote! {
                bytes.push(1);
                __state::write_escaped(name(key).as_bytes(), bytes);
                match key { #(#payload_bytes)* }
            },
            quote! {
                let order = left.as_bytes().cmp(right.as_bytes());
                match (a, b) {
                    #(#payload_order)*
                    _ => order,
                }
            },
        )
    };
    Ok(Bodies {
        rule: quote!(__support::KeyHash::Spt1),
        hash: quote!(__state::spt_hash::<Self>(key)),
        key_bytes: quote!(#name_of #key_bytes),
        order: quote!(#names #order),
        common_prefix: quote!(#names __state::common_prefix_of_bytes(left.as_bytes(), right.as_bytes())),
        sort_prefix: quote!(#name_of __state::sort_prefix_of_bytes(name(key).as_bytes(), skip)),
        only: quote!(::core::option::Option::None),
    })
}

fn name_of(type_name: &Ident, variants: &[Variant<'_>]) -> TokenStream {
    let (ident, name): (Vec<_>, Vec<_>) =
        variants.iter().map(|variant| (variant.ident, &variant.name)).unzip();
    quote!(let name = |key: &Self| match key { #(#type_name::#ident { .. } => #name),* };)
}

/// The columns behind the tag: null but for the variant's own.
fn payload_bytes(type_name: &Ident, variants: &[Variant<'_>], own: usize) -> TokenStream {
    let Some(variant) = variants.get(own) else { return quote!() };
    let ident = variant.ident;
    let pattern = variant.members.braced(&quote!(#type_name::#ident));
    let (f, ty): (Vec<_>, Vec<_>) = (variant.members.bindings().collect(), variant.members.types().collect());
    let written = match variant.members.shape {
        Shape::Unit => quote!(__support::write_key_bytes::<()>(&(), bytes);),
        // A field that may be null stands in a struct, which tells the variant from an absent one.
        Shape::Newtype => quote! {
            #(if <#ty as __state::State>::NULLABLE { bytes.push(1); }
            __support::write_key_bytes::<#ty>(#f, bytes);)*
        },
        _ => quote!(bytes.push(1); #(__support::write_key_bytes::<#ty>(#f, bytes);)*),
    };
    let (before, after) = (own, variants.len() - own - 1);
    quote! {
        #pattern => {
            bytes.extend_from_slice(&[0; #before]);
            #written
            bytes.extend_from_slice(&[0; #after]);
        }
    }
}

fn payload_order(type_name: &Ident, variant: &Variant<'_>) -> TokenStream {
    let ident = variant.ident;
    let sides = ["a", "b"].map(|side| {
        let bound = variant.members.all.iter().map(|Member { member, binding, .. }| {
            let binding = format_ident!("{side}_{binding}");
            quote!(#member: #binding)
        });
        quote!(#type_name::#ident { #(#bound),* })
    });
    let each = variant.members.all.iter().map(|Member { binding, ty, .. }| {
        let (a, b) = (format_ident!("a_{binding}"), format_ident!("b_{binding}"));
        quote!(.then_with(|| __support::order::<#ty>(#a, #b)))
    });
    let [a, b] = sides;
    quote!((#a, #b) => order #(#each)*,)
}
