//! A sink: a ledger that takes lines in transactions. It stands for any system with transactions that survive the
//! client: prepared, then committed by their id, in another process if need be.
//!
//! ```text
//! ledger/open/<id>         written, or prepared: nobody reads it
//! ledger/committed/<id>    part of the ledger
//! ```

use std::fs::{self, File};
use std::io::{BufWriter, ErrorKind, Write};
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use spt_runtime::job::Subtask;
use spt_runtime::sinks::{Sink, SinkWriter, Start};
use spt_runtime::{Data, Error, Result};

/// The ledger as the job's program names it. Every copy means the same one.
#[derive(Debug, Clone)]
pub struct Ledger {
    folder: PathBuf,
}

/// A prepared transaction: all that must be known to commit it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Transaction {
    pub id: String,
}

impl Ledger {
    /// In this folder, which is made if it is not there.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into() }
    }

    fn open(&self, id: &str) -> PathBuf {
        self.folder.join("open").join(id)
    }

    fn committed(&self, id: &str) -> PathBuf {
        self.folder.join("committed").join(id)
    }

    /// Committing twice is no error: a process may have been killed between the commit and its note of it.
    fn commit_one(&self, id: &str) -> Result<()> {
        match fs::rename(self.open(id), self.committed(id)) {
            Err(error) if error.kind() == ErrorKind::NotFound && self.committed(id).exists() => Ok(()),
            Err(error) => Err(Error::failed(format!("transaction {id} is lost")).caused_by(error)),
            Ok(()) => Ok(()),
        }
    }

    /// Aborts every transaction of a job that is still open.
    fn abort_all(&self, job_id: &str) -> Result<()> {
        for entry in fs::read_dir(self.folder.join("open"))? {
            let entry = entry?;
            if entry.file_name().to_string_lossy().starts_with(job_id) {
                fs::remove_file(entry.path())?;
            }
        }
        Ok(())
    }
}

impl<T: Data> Sink<T> for Ledger {
    type Writer = LedgerWriter;
    type Committable = Transaction;

    fn name(&self) -> &'static str {
        "ledger"
    }

    fn is_exactly_once(&self) -> bool {
        true
    }

    fn writer(&self, subtask: &Subtask) -> Result<LedgerWriter> {
        Ok(LedgerWriter { ledger: self.clone(), subtask: subtask.clone(), begun: 0, open: None })
    }

    fn commit(&self, transactions: &[Transaction]) -> Result<()> {
        transactions.iter().try_for_each(|transaction| self.commit_one(&transaction.id))
    }

    fn recover(&self, start: &Start, pending: &[Transaction]) -> Result<()> {
        fs::create_dir_all(self.folder.join("open"))?;
        fs::create_dir_all(self.folder.join("committed"))?;
        Sink::<T>::commit(self, pending)?;
        self.abort_all(&start.job_id)
    }
}

/// Writes the transactions of one subtask, one after the other.
pub struct LedgerWriter {
    ledger: Ledger,
    subtask: Subtask,
    /// Transactions begun so far.
    begun: u64,
    open: Option<(String, BufWriter<File>)>,
}

impl LedgerWriter {
    /// An id that no other subtask, job or attempt uses, of this process or another one: what an attempt that is
    /// thought dead still writes must not end up in a transaction of its successor.
    fn begin(&mut self) -> Result<(String, BufWriter<File>)> {
        let Subtask { job_id, attempt, index, .. } = &self.subtask;
        let id = format!("{job_id}-{attempt}-{index}-{}", self.begun);
        self.begun += 1;
        let file = File::create_new(self.ledger.open(&id))?;
        Ok((id, BufWriter::new(file)))
    }
}

impl<T: Data> SinkWriter<T> for LedgerWriter {
    type Committable = Transaction;

    fn write(&mut self, record: T::Ref<'_>) -> Result<()> {
        if self.open.is_none() {
            self.open = Some(self.begin()?);
        }
        if let Some((_, file)) = &mut self.open {
            let mut line = String::new();
            T::write_text(record, &mut line);
            writeln!(file, "{line}")?;
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<()> {
        Ok(())
    }

    fn prepare(&mut self, _checkpoint: u64) -> Result<Vec<Transaction>> {
        let Some((id, mut file)) = self.open.take() else { return Ok(Vec::new()) };
        file.flush()?;
        file.get_ref().sync_all()?;
        Ok(vec![Transaction { id }])
    }
}
