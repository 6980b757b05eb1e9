//! Which columns of a file are which columns of a state's table.

use crate::model::Column;

/// Names that a file's columns have instead of those of the table.
///
/// A file without a column `value` has its value spread over all columns that are nothing else.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ColumnNames {
    /// What is called `key` otherwise.
    pub key: Option<String>,
    /// What is called `namespace` otherwise.
    pub namespace: Option<String>,
    /// What is called `map_key` otherwise.
    pub map_key: Option<String>,
    /// What is called `value` otherwise; several are the fields of a struct. Columns that are not named here
    /// and are nothing else are then left out on purpose.
    pub value: Vec<String>,
}

impl ColumnNames {
    /// What a column is called in the file, if it is one column there.
    pub(super) fn of(&self, column: Column) -> &str {
        let name = match column {
            Column::Key => self.key.as_deref(),
            Column::Namespace => self.namespace.as_deref(),
            Column::MapKey => self.map_key.as_deref(),
            Column::Value => self.value.first().map(String::as_str).filter(|_| self.value.len() == 1),
            _ => None,
        };
        name.unwrap_or(column.name())
    }

    /// Columns that are not used are left out on purpose.
    pub(super) fn leaves_out(&self) -> bool {
        !self.value.is_empty()
    }

    /// The value is made of columns of its own in a file that has, or has not, a column for it.
    pub(super) fn spreads_value(&self, has_value: bool) -> bool {
        self.value.len() > 1 || (self.value.is_empty() && !has_value)
    }

    /// A column of this name is a field of a value that is spread over columns.
    pub(super) fn is_value_field(&self, name: &str) -> bool {
        self.value.is_empty() || self.value.iter().any(|found| found == name)
    }
}
