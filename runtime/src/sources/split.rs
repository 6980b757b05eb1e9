//! Splits as state: a struct with named columns, so that positions can be read in a savepoint.

/// Makes a struct of typed fields a column, as `#[derive(State)]` does for types of one's own.
macro_rules! split_state {
    ($split:ident, $builder:ident, $reader:ident { $($index:literal $field:ident: $type:ty),* $(,)? }) => {
        impl $crate::state::State for $split {
            type Builder = $builder;
            type Reader = $reader;

            fn field() -> spt_format::Field {
                let fields = [$((stringify!($field).to_owned(), <$type as $crate::state::State>::field())),*];
                spt_format::Field::new("", $crate::state::struct_type(fields))
            }
        }

        #[doc(hidden)]
        pub struct $builder {
            parts: $crate::state::StructParts,
            $($field: <$type as $crate::state::State>::Builder,)*
        }

        impl $crate::state::StateBuilder<$split> for $builder {
            fn new(ty: &arrow_schema::DataType, capacity: usize) -> Self {
                let parts = $crate::state::StructParts::new(ty, capacity);
                Self {
                    $($field: $crate::state::StateBuilder::<$type>::new(parts.child($index), capacity),)*
                    parts,
                }
            }

            fn append(&mut self, split: &$split) {
                self.parts.append(true);
                $($crate::state::StateBuilder::<$type>::append(&mut self.$field, &split.$field);)*
            }

            fn append_null(&mut self) {
                self.parts.append(false);
                $($crate::state::StateBuilder::<$type>::append_null(&mut self.$field);)*
            }

            fn bytes(&self) -> usize {
                0 $(+ $crate::state::StateBuilder::<$type>::bytes(&self.$field))*
            }

            fn finish(&mut self) -> spt_format::Result<arrow_array::ArrayRef> {
                let children = vec![$($crate::state::StateBuilder::<$type>::finish(&mut self.$field)?),*];
                self.parts.finish(children)
            }
        }

        #[doc(hidden)]
        pub struct $reader {
            columns: $crate::state::StructColumns,
            $($field: <$type as $crate::state::State>::Reader,)*
        }

        impl $crate::state::StateReader<$split> for $reader {
            fn new(array: &dyn arrow_array::Array) -> spt_format::Result<Self> {
                let columns = $crate::state::StructColumns::new(array, [$($index),*].len())?;
                Ok(Self { $($field: columns.child::<$type>($index, stringify!($field))?,)* columns })
            }

            fn get(&self, row: usize) -> spt_format::Result<$split> {
                self.columns.present(row)?;
                Ok($split { $($field: $crate::state::StateReader::<$type>::get(&self.$field, row)?,)* })
            }
        }
    };
}

pub(super) use split_state;
