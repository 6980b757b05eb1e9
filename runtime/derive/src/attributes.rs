//! What `#[state(…)]` says about a field or variant.

use syn::ext::IdentExt;
use syn::{Attribute, Expr, Ident, LitStr, Result};

/// How a field without a value in old rows gets one.
pub(crate) enum DefaultValue {
    /// `Default::default()`.
    OfType,
    /// An expression.
    Given(Box<Expr>),
}

/// The attributes of one field or variant.
#[derive(Default)]
pub(crate) struct Attributes {
    pub(crate) rename: Option<LitStr>,
    pub(crate) aliases: Vec<LitStr>,
    pub(crate) default: Option<DefaultValue>,
}

impl Attributes {
    /// Reads every `#[state(…)]`.
    ///
    /// # Errors
    /// If one says something that is not known.
    pub(crate) fn of(attributes: &[Attribute]) -> Result<Self> {
        let mut found = Self::default();
        for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident("state")) {
            attribute.parse_nested_meta(|meta| {
                if meta.path.is_ident("rename") {
                    found.rename = Some(meta.value()?.parse()?);
                } else if meta.path.is_ident("alias") {
                    found.aliases.push(meta.value()?.parse()?);
                } else if meta.path.is_ident("default") {
                    found.default = Some(match meta.value() {
                        Ok(value) => DefaultValue::Given(Box::new(value.parse()?)),
                        Err(_) => DefaultValue::OfType,
                    });
                } else {
                    return Err(meta.error("unknown: `rename`, `alias` and `default` are"));
                }
                Ok(())
            })?;
        }
        Ok(found)
    }

    /// The column's name: as given, otherwise the identifier's own.
    pub(crate) fn name(&self, ident: &Ident) -> String {
        self.rename.as_ref().map_or_else(|| ident.unraw().to_string(), LitStr::value)
    }
}
