//! Refuses types that contain themselves: a column has a fixed depth.

use proc_macro2::{Ident, TokenStream, TokenTree};
use quote::ToTokens;
use syn::{Data, DeriveInput, Error, Field, Result};

/// Refuses a field whose type names the type itself.
pub(crate) fn refuse(input: &DeriveInput) -> Result<()> {
    let is_recursive = |field: &&Field| mentions(field.ty.to_token_stream(), &input.ident);
    match fields(input).into_iter().find(is_recursive) {
        None => Ok(()),
        Some(field) => Err(Error::new_spanned(
            &field.ty,
            format!(
                "`{}` contains itself, and a column has a fixed depth: keep the parts under keys of their own \
                 and refer to them by key",
                input.ident
            ),
        )),
    }
}

fn fields(input: &DeriveInput) -> Vec<&Field> {
    match &input.data {
        Data::Struct(data) => data.fields.iter().collect(),
        Data::Enum(data) => data.variants.iter().flat_map(|variant| &variant.fields).collect(),
        Data::Union(_) => Vec::new(),
    }
}

/// `Self` or the name stands somewhere in the type, not behind a path of another module.
fn mentions(tokens: TokenStream, name: &Ident) -> bool {
    let mut after_path = false;
    tokens.into_iter().any(|token| match token {
        TokenTree::Ident(ident) => !after_path && (ident == *name || ident == "Self"),
        TokenTree::Group(group) => mentions(group.stream(), name),
        TokenTree::Punct(punct) => {
            after_path = punct.as_char() == ':';
            false
        }
        TokenTree::Literal(_) => false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use syn::parse_quote;

    #[test]
    fn a_type_that_contains_itself_is_refused_with_a_way_out() {
        let tree: DeriveInput = parse_quote! {
            enum Tree { Leaf(i64), Node { children: Vec<Box<Tree>> } }
        };
        let error = refuse(&tree).unwrap_err().to_string();
        assert!(error.starts_with("`Tree` contains itself, and a column has a fixed depth"), "{error}");
        let list: DeriveInput = parse_quote! { struct List { next: Option<Box<Self>> } };
        assert!(refuse(&list).is_err());
    }

    #[test]
    fn a_type_of_the_same_name_elsewhere_is_not_recursion() {
        let order: DeriveInput = parse_quote! { struct Order { old: previous::Order, orders: Vec<Orders> } };
        assert!(refuse(&order).is_ok());
    }
}
