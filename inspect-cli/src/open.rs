//! Opens a savepoint, whoever wrote it. From here on nobody asks which engine that was.

use std::path::{Path, PathBuf};

use spt_flink::{FlinkOptions, FlinkSource, PathMap, PythonTypes};
use spt_format::{ColumnarReader, NamedSource, Plan, SavepointSource, UidList};

use crate::error::{Failure, Result};
use crate::locate::{MANIFEST, Metadata, locate, metadata_at};
use crate::ui::Ui;

/// What a savepoint's metadata does not tell, or tells of another place.
#[derive(Debug, Clone, Default, clap::Args)]
#[command(next_help_heading = "Opening")]
pub(crate) struct Opening {
    /// Name operators that are known by id alone: a file with a uid a line, a plan, or another savepoint
    #[arg(long, value_name = "FILE")]
    uid_list: Vec<PathBuf>,
    /// Where files are that a checkpoint of Flink's names below OLD; may be given more than once
    #[arg(long, value_name = "OLD=NEW")]
    path_map: Vec<PathMap>,
    /// Types of the state that a PyFlink job keeps, which Flink does not record: JSON, `{"UID": {"STATE": "TYPE"}}`
    #[arg(long, value_name = "FILE", value_parser = python_types)]
    python_types: Option<PythonTypes>,
}

impl Opening {
    /// How to open a snapshot of Flink's.
    pub(crate) fn flink(&self) -> FlinkOptions {
        self.path_map.iter().cloned().fold(FlinkSource::options(), FlinkOptions::path_map)
    }

    /// The savepoint with the names that were given for its operators, and the types for its states.
    ///
    /// # Errors
    /// If a list cannot be read, or a type cannot be the state's.
    pub(crate) fn named(&self, source: Box<dyn SavepointSource>) -> Result<Box<dyn SavepointSource>> {
        let mut uids = UidList::default();
        self.uid_list.iter().try_for_each(|list| add_uids(list, &mut uids))?;
        let source = match &self.python_types {
            Some(types) => types.apply(source)?,
            None => source,
        };
        Ok(if uids.is_empty() { source } else { Box::new(NamedSource::new(source, &uids)) })
    }
}

/// The savepoint at a path as people name it, see [`locate`].
///
/// # Errors
/// If there is none, or it cannot be read.
pub(crate) fn open(path: &Path, opening: &Opening, ui: &Ui) -> Result<Box<dyn SavepointSource>> {
    let found = locate(path, ui)?;
    open_found(&found, opening)
}

/// The savepoint whose metadata was found.
///
/// # Errors
/// If it cannot be read.
pub(crate) fn open_found(found: &Metadata, opening: &Opening) -> Result<Box<dyn SavepointSource>> {
    opening.named(match found {
        Metadata::Columnar(folder) => Box::new(ColumnarReader::options().open(folder)?),
        Metadata::Flink(file) => Box::new(opening.flink().open(file)?),
    })
}

/// The plan in a file, if it is called as one: anything `.json` but a savepoint's manifest.
///
/// # Errors
/// If it is no plan.
pub(crate) fn plan_at(path: &Path) -> Result<Option<Plan>> {
    let is_plan = path.is_file() && path.extension().is_some_and(|extension| extension == "json");
    if !is_plan || path.file_name().is_some_and(|name| name == MANIFEST) {
        return Ok(None);
    }
    let plan = Plan::from_json(&text_of(path)?);
    Ok(Some(plan.map_err(|error| error.in_file(path.display().to_string()))?))
}

/// Adds the uids that stand in a file, a plan, or a savepoint.
///
/// # Errors
/// If it cannot be read.
pub(crate) fn add_uids(path: &Path, uids: &mut UidList) -> Result<()> {
    if let Some(plan) = plan_at(path)? {
        uids.add_operators(&plan.operators()?);
    } else if let Some(found) = metadata_at(path) {
        uids.add_operators(&open_found(&found, &Opening::default())?.savepoint().operators);
    } else {
        let text = text_of(path)?;
        uids.add_lines(&text).map_err(|error| error.in_file(path.display().to_string()))?;
    }
    Ok(())
}

/// The types in a file. That it cannot be read is a fault of the command, not of each savepoint.
fn python_types(file: &str) -> std::result::Result<PythonTypes, String> {
    let text = std::fs::read_to_string(file).map_err(|error| error.to_string())?;
    PythonTypes::from_json(&text).map_err(|error| error.full())
}

fn text_of(path: &Path) -> Result<String> {
    std::fs::read_to_string(path).map_err(|error| Failure::new(format!("{}: {error}", path.display())))
}
