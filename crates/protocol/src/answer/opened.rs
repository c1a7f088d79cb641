//! What an answer says, read apart from its cells: they may be many, and who only checks an answer keeps none of them.

use super::{Answer, AnswerError, Outcome, Said, Stated, Statement};
use crate::dsse::{Attachment, EnvelopeError};
use crate::request::Request;
use crate::{cells, hex, packed, sha256};
use query::AggregateQuery;

/// An answer whose cells were found, and not read yet where they are attached.
pub(super) struct Opened<'a> {
    version: u32,
    request_id: String,
    request_hash: String,
    node: String,
    pub(super) said: Said,
    cells: Found<'a>,
}

/// Where the cells of an answer are.
enum Found<'a> {
    /// In what is signed; of a refusal there are none.
    Signed(Vec<i64>),
    /// In an attachment that has the hash that was signed.
    Attached { bytes: &'a [u8], count: usize },
}

impl<'a> Opened<'a> {
    /// `known` are cells that have the hash which this payload names, where such are held.
    pub(super) fn read(
        payload: &[u8],
        attachment: Option<&'a Attachment>,
        known: Option<&Attachment>,
    ) -> Result<Opened<'a>, AnswerError> {
        let opened = match attachment {
            None => Opened::read_signed(payload),
            Some(attachment) => {
                let is_known = known == Some(attachment);
                Opened::read_attached(payload, &attachment.0, is_known)
            }
        }?;
        if let Said::Answered { receipt } = &opened.said
            && receipt.obligations.is_some() != (opened.version >= Answer::OBLIGING)
        {
            return Err(AnswerError::Mismatch("receipt.obligations"));
        }
        Ok(opened)
    }

    fn read_signed(payload: &[u8]) -> Result<Opened<'a>, AnswerError> {
        let answer: Answer =
            serde_json::from_slice(payload).map_err(|_| AnswerError::Unreadable)?;
        let (said, cells) = match answer.outcome {
            // Only format 1 signs cells without their hash.
            Outcome::Answered { .. } if answer.version >= Answer::ATTACHING => {
                return Err(AnswerError::Mismatch("version"));
            }
            Outcome::Answered { cells, receipt } => (Said::Answered { receipt }, cells),
            Outcome::Refused { rule, field, code } => {
                (Said::Refused { rule, field, code }, Vec::new())
            }
        };
        Ok(Opened {
            version: answer.version,
            request_id: answer.request_id,
            request_hash: answer.request_hash,
            node: answer.node,
            said,
            cells: Found::Signed(cells),
        })
    }

    fn read_attached(
        payload: &[u8],
        bytes: &'a [u8],
        is_known: bool,
    ) -> Result<Opened<'a>, AnswerError> {
        let statement: Statement =
            serde_json::from_slice(payload).map_err(|_| AnswerError::Unreadable)?;
        if !(Answer::ATTACHING..=Answer::VERSION).contains(&statement.version) {
            return Err(AnswerError::Mismatch("version"));
        }
        let Stated::Answered { cells, receipt } = statement.outcome else {
            return Err(AnswerError::Envelope(EnvelopeError::Unsigned));
        };
        if !is_known && cells.sha256 != hex(&sha256(bytes)) {
            return Err(AnswerError::Mismatch("cells.sha256"));
        }
        let count = cells.count;
        Ok(Opened {
            version: statement.version,
            request_id: statement.request_id,
            request_hash: statement.request_hash,
            node: statement.node,
            said: Said::Answered { receipt },
            cells: Found::Attached { bytes, count },
        })
    }

    /// Reads the cells.
    pub(super) fn take_cells(mut self) -> Result<(Opened<'a>, Vec<i64>), AnswerError> {
        let cells = match std::mem::replace(&mut self.cells, Found::Signed(Vec::new())) {
            Found::Signed(cells) => cells,
            Found::Attached { bytes, count } => {
                let read = match self.version {
                    ..Answer::PACKING => cells::decode(bytes),
                    _ => packed::decode(bytes, count),
                };
                let cells = read.map_err(|_| AnswerError::Unreadable)?;
                if cells.len() != count {
                    return Err(AnswerError::Mismatch("cells.count"));
                }
                cells
            }
        };
        Ok((self, cells))
    }

    /// Reads the cells and keeps none; how many there are.
    pub(super) fn pass_over_cells(self) -> Result<(Opened<'a>, usize), AnswerError> {
        match self.cells {
            // Nothing is set aside for cells that nobody asks for: there may be much of it.
            Found::Attached { bytes, count } if self.version >= Answer::PACKING => {
                packed::read(bytes, count, |_| ()).map_err(|_| AnswerError::Unreadable)?;
                Ok((self, count))
            }
            _ => {
                let (opened, cells) = self.take_cells()?;
                Ok((opened, cells.len()))
            }
        }
    }

    /// Holds what is said to the signed request; the hash of its bytes. `cells` is how many cells there are.
    pub(super) fn fits(
        &self,
        cells: usize,
        request: &Request,
        request_payload: &[u8],
        query: &AggregateQuery,
    ) -> Result<[u8; 32], AnswerError> {
        let request_hash = sha256(request_payload);
        let fits = [
            ((1..=Answer::VERSION).contains(&self.version), "version"),
            (self.request_id == request.id, "request_id"),
            (self.request_hash == hex(&request_hash), "request_hash"),
            (self.node == request.node, "node"),
        ];
        if let Some((_, field)) = fits.into_iter().find(|(fits, _)| !fits) {
            return Err(AnswerError::Mismatch(field));
        }
        if let Said::Answered { receipt } = &self.said {
            let price = privacy_loss::price(query);
            let fits = [
                (cells == query.cells(), "cells"),
                (receipt.edition == request.edition, "receipt.edition"),
                (receipt.rho == request.rho, "receipt.rho"),
                (receipt.slices.len() == price.slices.len(), "receipt.slices"),
                (
                    receipt.cells_per_unit == query.bounds().cells,
                    "receipt.cells_per_unit",
                ),
                (
                    receipt.per_cell == query.bounds().per_cell,
                    "receipt.per_cell",
                ),
            ];
            if let Some((_, field)) = fits.into_iter().find(|(fits, _)| !fits) {
                return Err(AnswerError::Mismatch(field));
            }
            let mut slices = receipt.slices.iter().zip(&price.slices);
            if let Some(field) = slices.find_map(|(slice, price)| slice.misfit(price)) {
                return Err(AnswerError::Mismatch(field));
            }
        }
        Ok(request_hash)
    }

    pub(super) fn with(self, cells: Vec<i64>) -> Answer {
        let outcome = match self.said {
            Said::Answered { receipt } => Outcome::Answered { cells, receipt },
            Said::Refused { rule, field, code } => Outcome::Refused { rule, field, code },
        };
        Answer {
            version: self.version,
            request_id: self.request_id,
            request_hash: self.request_hash,
            node: self.node,
            outcome,
        }
    }
}
