//! Types that are one number in a column: so many days, microseconds or nanoseconds since something.

/// Gives types columns and keys. Each line: the type, its number's, its column's in Arrow, that in the model, the functions
/// to the number and back, and the names for what builds and reads the column.
macro_rules! counted_state {
    ($($rust:ty, $native:ty, $arrow:ty, $ty:expr, $to:ident, $from:ident, $builder:ident, $reader:ident;)*) => {$(
        /// Builds a column of the type's counts.
        pub struct $builder($crate::state::types::number::NumberBuilder<$arrow>);

        /// Reads a column of the type's counts.
        pub struct $reader($crate::state::types::number::NumberReader<$arrow>);

        impl $crate::state::column::State for $rust {
            type Builder = $builder;
            type Reader = $reader;

            fn field() -> ::spt_format::Field {
                ::spt_format::Field::new("", $ty)
            }
        }

        impl $crate::state::column::StateBuilder<$rust> for $builder {
            fn new(ty: &::arrow_schema::DataType, capacity: usize) -> Self {
                Self($crate::state::types::number::NumberBuilder::new(ty, capacity))
            }

            fn append(&mut self, value: &$rust) {
                self.0.append(&$to(value));
            }

            fn append_null(&mut self) {
                self.0.append_null();
            }

            fn bytes(&self) -> usize {
                self.0.bytes()
            }

            fn finish(&mut self) -> ::spt_format::Result<::arrow_array::ArrayRef> {
                self.0.finish()
            }
        }

        impl $crate::state::column::StateReader<$rust> for $reader {
            fn new(array: &dyn ::arrow_array::Array) -> ::spt_format::Result<Self> {
                $crate::state::types::number::NumberReader::new(array).map(Self)
            }

            fn get(&self, row: usize) -> ::spt_format::Result<$rust> {
                $from(self.0.get(row)?)
            }
        }

        impl $crate::state::key::Key for $rust {
            type Borrowed = Self;
            type Arena = Vec<Self>;
            const KEY_HASH: ::spt_format::KeyHash = ::spt_format::KeyHash::Spt1;

            fn key_hash(key: &Self) -> i32 {
                $crate::state::key::spt_hash::<Self>(key)
            }

            fn write_key_bytes(key: &Self, bytes: &mut Vec<u8>) {
                $crate::state::key::write_fixed(&($to(key) ^ <$native>::MIN).to_be_bytes(), bytes);
            }

            fn order(a: &Self, b: &Self) -> ::std::cmp::Ordering {
                a.cmp(b)
            }

            fn sort_prefix(key: &Self, _: usize) -> u64 {
                i64::from($to(key)).cast_unsigned() ^ (1 << 63)
            }
        }
    )*};
}

pub(super) use counted_state;
