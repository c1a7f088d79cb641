//! CSV as records, for registers whose rows are completed from elsewhere before they are read by the mapping.
//! Lines are split as they are for registers read straight from CSV, each by itself.

use crate::error::SnapshotError;
use crate::line::{BadLine, Block, Blocks, Line, Splitter, is_blank};
use crate::notation::Encoding;
use crate::quality::RejectKind;
use crate::records::{Batch, Records, RecordsError};
use crate::utf16::Utf16Reader;
use std::io::Read;

/// How a CSV file is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CsvFormat {
    /// An ASCII character between fields.
    pub delimiter: u8,
    /// How bytes are letters.
    pub encoding: Encoding,
    /// Which line names the columns, the first being 1. Those above it are titles.
    pub header_line: u32,
}

/// Records of a CSV file, one of its first lines naming the columns.
pub struct CsvRecords<'r> {
    columns: Vec<String>,
    format: CsvFormat,
    blocks: Blocks<Box<dyn Read + Send + 'r>>,
    block: Block,
    /// Where in the first block the lines after the header start.
    start: Option<usize>,
    splitter: Splitter,
}

impl<'r> CsvRecords<'r> {
    /// Reads the header.
    ///
    /// # Errors
    /// No header, or a reader that fails.
    pub fn open(
        register: impl Read + Send + 'r,
        format: CsvFormat,
    ) -> Result<CsvRecords<'r>, SnapshotError> {
        let register: Box<dyn Read + Send + 'r> = match format.encoding {
            Encoding::Utf16 => Box::new(Utf16Reader::new(register)),
            _ => Box::new(register),
        };
        let mut blocks = Blocks::new(register);
        let mut block = Block::default();
        let (header, start) = blocks.header(&mut block, format.header_line)?;
        let mut splitter = Splitter::default();
        let fields = (splitter.split(&header, format.encoding, format.delimiter, None))
            .map_err(|_| SnapshotError::NoHeader)?;
        if fields.text().trim().is_empty() {
            return Err(SnapshotError::NoHeader);
        }
        let columns = (0..fields.len()).map(|index| fields.field(index).to_owned());
        Ok(CsvRecords {
            columns: columns.collect(),
            format,
            blocks,
            block,
            start: Some(start),
            splitter,
        })
    }
}

impl Records for CsvRecords<'_> {
    fn columns(&self) -> &[String] {
        &self.columns
    }

    fn next(&mut self, batch: &mut Batch) -> Result<bool, RecordsError> {
        batch.clear();
        let start = match self.start.take() {
            Some(start) => start,
            None if !self.blocks.next(&mut self.block)? => return Ok(false),
            None => 0,
        };
        let mut number = self.block.lines_before + u64::from(self.block.number == 0);
        for line in self.block.lines(start) {
            number += 1;
            let line = match line {
                Line::Bytes(line) if is_blank(line, self.format.delimiter) => continue,
                line => line,
            };
            batch.begin(number);
            let line = match line {
                Line::TooLong => {
                    batch.spoil(RejectKind::TooLong);
                    continue;
                }
                Line::Bytes(line) => line,
            };
            let CsvFormat {
                delimiter,
                encoding,
                ..
            } = self.format;
            let width = Some(self.columns.len());
            match self.splitter.split(line, encoding, delimiter, width) {
                Ok(fields) => (0..fields.len()).for_each(|index| batch.field(fields.field(index))),
                Err(BadLine::Encoding) => batch.spoil(RejectKind::Encoding),
                Err(BadLine::Shape) => batch.spoil(RejectKind::Shape),
            }
        }
        Ok(true)
    }
}
