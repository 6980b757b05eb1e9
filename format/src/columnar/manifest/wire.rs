//! JSON objects whose unknown members are kept as they stand, at the price of one allocation each.
//!
//! `#[serde(flatten)]` would do the same at twice the parse time, and lose the letters.

use std::borrow::Cow;

use serde::Deserialize;
use serde::ser::{SerializeMap, Serializer};
use serde_json::value::RawValue;

use crate::model::Extensions;

/// A member's name, borrowed unless it has escapes.
#[derive(Deserialize)]
pub(super) struct Name<'a>(#[serde(borrow)] pub(super) Cow<'a, str>);

/// Writes the members nobody here knows.
pub(super) fn write_extensions<M: SerializeMap>(
    map: &mut M,
    extensions: &Extensions,
) -> Result<(), M::Error> {
    for (name, text) in extensions.iter() {
        // It was parsed from JSON, so it is JSON; anything else is an error of the serializer.
        let value: &RawValue = serde_json::from_str(text).map_err(serde::ser::Error::custom)?;
        map.serialize_entry(name, value)?;
    }
    Ok(())
}

/// Begins an object of unknown length.
pub(super) fn begin<S: Serializer>(serializer: S) -> Result<S::SerializeMap, S::Error> {
    serializer.serialize_map(None)
}

/// Declares a struct with its JSON form. `required` members must be there; `default` ones are left out when
/// they have their default value. A member that comes twice is refused.
macro_rules! wire {
    ($(#[$meta:meta])* struct $name:ident { $($(#[$field_meta:meta])* $mode:ident $field:ident: $type:ty,)* }) => {
        $(#[$meta])*
        #[derive(Debug, Clone)]
        pub(super) struct $name {
            $($(#[$field_meta])* pub(super) $field: $type,)*
            pub(super) extensions: Extensions,
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct Visitor;

                impl<'de> serde::de::Visitor<'de> for Visitor {
                    type Value = $name;

                    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        f.write_str("an object")
                    }

                    fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<$name, A::Error> {
                        use serde::de::Error as _;
                        $(let mut $field: Option<$type> = None;)*
                        let mut extensions = Extensions::default();
                        while let Some(name) = map.next_key::<$crate::columnar::manifest::wire::Name<'_>>()? {
                            match name.0.as_ref() {
                                $(stringify!($field) => {
                                    if $field.replace(map.next_value()?).is_some() {
                                        return Err(A::Error::duplicate_field(stringify!($field)));
                                    }
                                })*
                                unknown => {
                                    let unknown = unknown.to_owned();
                                    if !extensions.insert(unknown.clone(), map.next_value()?) {
                                        return Err(A::Error::custom(format!("duplicate field `{unknown}`")));
                                    }
                                }
                            }
                        }
                        Ok($name { $($field: wire!(@take $mode $field, A),)* extensions })
                    }
                }

                deserializer.deserialize_map(Visitor)
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                use serde::ser::SerializeMap as _;
                let mut map = $crate::columnar::manifest::wire::begin(serializer)?;
                $(wire!(@put $mode map, self.$field, $field, $type);)*
                $crate::columnar::manifest::wire::write_extensions(&mut map, &self.extensions)?;
                map.end()
            }
        }
    };
    (@take required $field:ident, $map:ident) => {
        $field.ok_or_else(|| $map::Error::missing_field(stringify!($field)))?
    };
    (@take default $field:ident, $map:ident) => { $field.unwrap_or_default() };
    (@put required $map:ident, $value:expr, $field:ident, $type:ty) => {
        $map.serialize_entry(stringify!($field), &$value)?
    };
    (@put default $map:ident, $value:expr, $field:ident, $type:ty) => {
        if $value != <$type>::default() {
            $map.serialize_entry(stringify!($field), &$value)?;
        }
    };
}

pub(super) use wire;
