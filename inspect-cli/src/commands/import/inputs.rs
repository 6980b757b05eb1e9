//! The files of an import: as they were named, from a folder's index, or stdin.

use std::fs::File;
use std::io::{self, Seek};
use std::os::fd::AsFd;
use std::path::{Component, Path, PathBuf};

use spt_format::{FileFormat, TABLES_INDEX, TABLES_SCHEMA, TableDescription, TableFile, TablesIndex};

use crate::commands::export::Format;
use crate::error::{Failure, Result};

/// One file, and what an index says of it.
pub(super) struct Input {
    pub(super) file: TableFile,
    pub(super) described: Option<TableDescription>,
}

/// All of them.
pub(super) struct Inputs {
    pub(super) files: Vec<Input>,
    /// The job's name, if an index tells.
    pub(super) job_name: Option<String>,
}

/// Opens what was named.
///
/// # Errors
/// If a file cannot be opened, or is not of its format.
pub(super) fn inputs(paths: &[PathBuf], format: Option<Format>) -> Result<Inputs> {
    if let [folder] = paths
        && folder.is_dir()
    {
        return from_folder(folder);
    }
    let files = if paths.is_empty() {
        vec![stdin(format.map_or(FileFormat::Ndjson, Format::file_format))?]
    } else {
        paths.iter().map(|path| named(path, format)).collect::<Result<_>>()?
    };
    Ok(Inputs { files, job_name: None })
}

fn named(path: &Path, format: Option<Format>) -> Result<Input> {
    if path == Path::new("-") {
        return stdin(format.map_or(FileFormat::Ndjson, Format::file_format));
    }
    let format = format.map(Format::file_format).or_else(|| FileFormat::of_path(path));
    let format = format.ok_or_else(|| {
        Failure::new(format!("{}: its name does not tell how it is written", path.display()))
            .hint("say it with `--format`")
    })?;
    input(path, format, None)
}

fn input(path: &Path, format: FileFormat, described: Option<TableDescription>) -> Result<Input> {
    let file = File::open(path).map_err(|error| failed(path, &error))?;
    Ok(Input { file: TableFile::open(path.display().to_string(), file, format)?, described })
}

/// Text is read as it comes; what must be able to seek is put on disk first, into a file without a name.
fn stdin(format: FileFormat) -> Result<Input> {
    let here = Path::new("stdin");
    let pipe = io::stdin().as_fd().try_clone_to_owned().map_err(|error| failed(here, &error))?;
    let mut pipe = File::from(pipe);
    if matches!(format, FileFormat::Parquet | FileFormat::Arrow) {
        let spooled = tempfile::tempfile().and_then(|mut spool| {
            io::copy(&mut pipe, &mut spool)?;
            spool.rewind()?;
            Ok(spool)
        });
        pipe = spooled.map_err(|error| failed(here, &error))?;
    }
    Ok(Input { file: TableFile::open("stdin", pipe, format)?, described: None })
}

/// Every table that the folder's index names.
fn from_folder(folder: &Path) -> Result<Inputs> {
    let path = folder.join(TABLES_INDEX);
    let text = std::fs::read(&path).map_err(|error| {
        failed(&path, &error)
            .hint("a folder of tables is what `spt export --all` writes; files are named one by one")
    })?;
    let index: TablesIndex = serde_json::from_slice(&text)
        .map_err(|error| Failure::new(format!("{}: {error}", path.display())))?;
    if index.schema != TABLES_SCHEMA {
        let what = format!("{}: schema is {:?}, expected {TABLES_SCHEMA:?}", path.display(), index.schema);
        return Err(Failure::new(what));
    }
    let mut files = Vec::with_capacity(index.tables.len());
    for table in index.tables {
        let inside = Path::new(&table.file).components().all(|part| matches!(part, Component::Normal(_)));
        if !inside {
            return Err(Failure::new(format!("{}: file {:?} leaves the folder", path.display(), table.file)));
        }
        files.push(input(&folder.join(&table.file), table.format, Some(table.table))?);
    }
    Ok(Inputs { files, job_name: index.job.name })
}

fn failed(path: &Path, error: &io::Error) -> Failure {
    Failure::new(format!("{}: {error}", path.display()))
}
