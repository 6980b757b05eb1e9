//! The flags that say what to change, and the operations they mean.

use spt_format::migrate::{Operation, parse_instant};
use spt_format::{Error, Savepoint};

use super::now_ms;

/// What to change. Flags that take a value may be given more than once.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Changes")]
pub(super) struct Changes {
    /// Give an operator another uid
    #[arg(long, value_name = "U=NEW")]
    rename_uid: Vec<String>,
    /// Leave an operator and its state out
    #[arg(long, value_name = "U")]
    drop_uid: Vec<String>,
    /// Give a state another name
    #[arg(long, value_name = "U/S=NEW")]
    rename_state: Vec<String>,
    /// Leave a state out
    #[arg(long, value_name = "U/S")]
    drop_state: Vec<String>,
    /// Give a field another name
    #[arg(long, value_name = "U/S:f=NEW")]
    rename_field: Vec<String>,
    /// Leave a field out
    #[arg(long, value_name = "U/S:f")]
    drop_field: Vec<String>,
    /// Add a field, with a default or null
    #[arg(long, value_name = "U/S:f=TYPE[=DEFAULT]")]
    add_field: Vec<String>,
    /// Change a field's type
    #[arg(long, value_name = "U/S:f=TYPE")]
    cast: Vec<String>,
    /// Leave out the rows for which a condition is true
    #[arg(long, value_name = "U/S:CONDITION")]
    delete_where: Vec<String>,
    /// Change the value of a key that is there
    #[arg(long, value_name = "U/S:KEY=VALUE")]
    set: Vec<String>,
    /// Let a source read a split on from another position; `spt inspect --offsets` shows both
    #[arg(long, value_name = "U:SPLIT=POSITION")]
    set_offset: Vec<String>,
    /// Deal keys out to this many key groups, of one operator or of all
    #[arg(long, value_name = "[U=]N")]
    max_parallelism: Vec<String>,
    /// The parallelism of a job that sets none
    #[arg(long, value_name = "N")]
    parallelism: Option<u32>,
    /// Leave out rows that outlived their time to live: of one state, or of all that record it
    #[arg(long, value_name = "U/S[=7d]", num_args = 0..=1, default_missing_value = "")]
    purge_expired: Vec<String>,
    /// The instant expired rows are judged by, such as 2026-11-22T03:04:05Z; now without
    #[arg(long, value_name = "TIME", requires = "purge_expired", value_parser = parse_instant)]
    as_of: Option<i64>,
    /// Leave out what is damaged or missing, and tell what it was
    #[arg(long)]
    drop_unreadable: bool,
    /// Give the job another name
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// Write every row anew, so that other tools see today's names and types in the files
    #[arg(long)]
    rewrite: bool,
    /// Write the newest version of the format
    #[arg(long)]
    upgrade: bool,
}

type Parse = fn(&Savepoint, &str) -> Result<Operation, Error>;

impl Changes {
    /// The operations, rows first and names last, so that all flags may use the names of the savepoint at IN.
    ///
    /// # Errors
    /// If a flag names nothing that is there, or more than one thing.
    pub(super) fn operations(&self, savepoint: &Savepoint) -> Result<Vec<Operation>, Error> {
        let flags: [(&[String], Parse); 12] = [
            (&self.drop_uid, Operation::drop_uid),
            (&self.drop_state, Operation::drop_state),
            (&self.set, Operation::set),
            (&self.set_offset, Operation::set_offset),
            (&self.delete_where, Operation::delete_where),
            (&self.cast, Operation::cast),
            (&self.drop_field, Operation::drop_field),
            (&self.add_field, Operation::add_field),
            (&self.rename_field, Operation::rename_field),
            (&self.rename_state, Operation::rename_state),
            (&self.rename_uid, Operation::rename_uid),
            (&self.max_parallelism, Operation::max_parallelism),
        ];
        let mut operations = Vec::new();
        for (texts, parse) in flags {
            for text in texts {
                operations.push(parse(savepoint, text)?);
            }
        }
        operations.extend(self.parallelism.map(|subtasks| Operation::Parallelism { subtasks }));
        let as_of_ms = self.as_of.unwrap_or_else(now_ms);
        for text in &self.purge_expired {
            operations.push(Operation::purge_expired(savepoint, text, as_of_ms)?);
        }
        operations.extend(self.name.clone().map(|name| Operation::Name { name }));
        operations.extend(self.rewrite.then_some(Operation::Rewrite));
        operations.extend(self.upgrade.then_some(Operation::Upgrade));
        operations.extend(self.drop_unreadable.then_some(Operation::DropUnreadable));
        Ok(operations)
    }
}
