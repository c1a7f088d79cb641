//! A connector on a thread of its own, its records handed over in batches, a few at a time.
//! A connector only ever pushes: what waits for what, and what a library's panic means, is settled here once.

use crate::error::SourceError;
use snapshot::{Batch, Part, Records, RecordsError, RejectKind};
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;

/// Batches that may wait to be taken: so many are in memory at most, beside one that is filled and one that is read.
const WAITING: usize = 2;

enum Message {
    Columns(Vec<String>),
    Batch(Batch),
}

/// Where a connector puts what it reads.
pub(crate) struct Sink {
    sender: SyncSender<Message>,
    batch: Batch,
}

impl Sink {
    /// Names the columns; once, before all records.
    pub(crate) fn columns(&mut self, columns: Vec<String>) -> Result<(), SourceError> {
        self.send(Message::Columns(columns))
    }

    /// Says of which file of the register the next records are.
    pub(crate) fn part(&mut self, part: Part) -> Result<(), SourceError> {
        if !self.batch.is_empty() {
            self.flush()?;
        }
        self.batch.set_part(Some(Arc::new(part)));
        Ok(())
    }

    /// Begins a record.
    pub(crate) fn begin(&mut self, number: u64) -> Result<(), SourceError> {
        if self.batch.is_full() {
            self.flush()?;
        }
        self.batch.begin(number);
        Ok(())
    }

    /// Adds the next field of the record begun last.
    pub(crate) fn field(&mut self, text: &str) {
        self.batch.field(text);
    }

    /// Marks the record begun last as unusable.
    pub(crate) fn spoil(&mut self, problem: RejectKind) {
        self.batch.spoil(problem);
    }

    fn flush(&mut self) -> Result<(), SourceError> {
        let batch = std::mem::take(&mut self.batch);
        self.batch.set_part(batch.part().cloned());
        self.send(Message::Batch(batch))
    }

    fn send(&mut self, message: Message) -> Result<(), SourceError> {
        self.sender.send(message).map_err(|_| SourceError::Stopped)
    }
}

/// Records of a connector that runs on its own thread.
pub(crate) struct Piped {
    columns: Vec<String>,
    receiver: Receiver<Message>,
    thread: Option<JoinHandle<Result<(), SourceError>>>,
    damaged: Damaged,
}

/// What a panic of a library that reads a file means.
type Damaged = Box<dyn Fn() -> SourceError + Send>;

/// Starts a connector and waits for its columns. A connector that panics found a file that its library cannot read.
pub(crate) fn piped(
    path: &Path,
    format: &'static str,
    connector: impl FnOnce(&mut Sink) -> Result<(), SourceError> + Send + 'static,
) -> Result<Piped, SourceError> {
    let (sender, receiver) = sync_channel(WAITING);
    let thread = std::thread::spawn(move || {
        let mut sink = Sink {
            sender,
            batch: Batch::default(),
        };
        connector(&mut sink)?;
        if sink.batch.is_empty() {
            return Ok(());
        }
        sink.flush()
    });
    let path = path.to_owned();
    let mut piped = Piped {
        columns: Vec::new(),
        receiver,
        thread: Some(thread),
        damaged: Box::new(move || SourceError::Damaged {
            path: path.clone(),
            format,
        }),
    };
    match piped.receiver.recv() {
        Ok(Message::Columns(columns)) => {
            piped.columns = columns;
            Ok(piped)
        }
        // Unreachable for connectors that name their columns first; a file without any ends here.
        Ok(Message::Batch(_)) | Err(_) => {
            piped.end()?;
            Err((piped.damaged)())
        }
    }
}

impl Piped {
    /// How the connector ended.
    fn end(&mut self) -> Result<(), SourceError> {
        match self.thread.take().map(JoinHandle::join) {
            None => Ok(()),
            Some(Ok(result)) => result,
            Some(Err(_)) => Err((self.damaged)()),
        }
    }
}

impl Records for Piped {
    fn columns(&self) -> &[String] {
        &self.columns
    }

    fn next(&mut self, batch: &mut Batch) -> Result<bool, RecordsError> {
        batch.clear();
        match self.receiver.recv() {
            Ok(Message::Batch(next)) => {
                *batch = next;
                Ok(true)
            }
            Ok(Message::Columns(_)) | Err(_) => {
                self.end()?;
                Ok(false)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(mut piped: Piped) -> Result<Vec<String>, RecordsError> {
        let (mut batch, mut all) = (Batch::default(), Vec::new());
        while piped.next(&mut batch)? {
            all.extend(batch.records().map(|record| record.field(0).to_owned()));
        }
        Ok(all)
    }

    #[test]
    fn what_a_connector_pushes_arrives_in_order() {
        let piped = piped(Path::new("x"), "test", |sink| {
            sink.columns(vec!["A".to_owned()])?;
            for number in 0..100_000u64 {
                sink.begin(number)?;
                sink.field(&number.to_string());
            }
            Ok(())
        });
        let piped = piped.expect("columns");
        assert_eq!(piped.columns(), ["A"]);
        let expected: Vec<String> = (0..100_000).map(|number: u64| number.to_string()).collect();
        assert_eq!(all(piped).expect("records"), expected);
    }

    #[test]
    fn a_connector_that_fails_panics_or_is_no_longer_wanted_ends() {
        let failing = piped(Path::new("x"), "test", |sink| {
            sink.columns(vec!["A".to_owned()])?;
            Err(SourceError::NoHeader { path: "y".into() })
        });
        let error = all(failing.expect("columns"))
            .expect_err("fails")
            .to_string();
        assert!(error.contains("y has no header"), "{error}");
        let panicking = piped(Path::new("x"), "test", |sink| {
            sink.columns(vec!["A".to_owned()])?;
            panic!("a library gives up")
        });
        let error = all(panicking.expect("columns"))
            .expect_err("fails")
            .to_string();
        assert!(error.contains("x is damaged or no test file"), "{error}");
        let silent = piped(Path::new("x"), "test", |_| Ok(()));
        assert!(matches!(silent.err(), Some(SourceError::Damaged { .. })));

        let (ended, end) = std::sync::mpsc::channel();
        let endless = piped(Path::new("x"), "test", move |sink| {
            sink.columns(vec!["A".to_owned()])?;
            let result = (0..).try_for_each(|number| sink.begin(number));
            let _ = ended.send(matches!(result, Err(SourceError::Stopped)));
            result
        });
        drop(endless.expect("columns"));
        assert_eq!(end.recv(), Ok(true));
    }
}
