//! Parquet, a row at a time. Dates, times and decimals are written as the mapping says; nested columns are left blank.

use crate::error::SourceError;
use crate::notation::Notation;
use crate::pipe::{Piped, Sink, piped};
use crate::sentences::ROW_GROUP;
use parquet::basic::{LogicalType, TimeUnit};
use parquet::data_type::Decimal;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::Field;
use parquet::schema::types::Type;
use std::fmt::Write;
use std::fs::File;
use std::path::Path;

const FORMAT: &str = "Parquet";
/// Most bytes of one column's piece, unpacked, as the file itself states it; pages are smaller.
const CHUNK: i64 = 1 << 30;
const DAY: i64 = 86_400;

/// Opens a file.
pub(crate) fn open(path: &Path, notation: Notation) -> Result<Piped, SourceError> {
    let file = path.to_owned();
    piped(path, FORMAT, move |sink| stream(&file, notation, sink))
}

fn stream(path: &Path, notation: Notation, sink: &mut Sink) -> Result<(), SourceError> {
    let damaged = || SourceError::Damaged {
        path: path.to_owned(),
        format: FORMAT,
    };
    let file = File::open(path).map_err(|source| SourceError::File {
        path: path.to_owned(),
        source,
    })?;
    let reader = SerializedFileReader::new(file).map_err(|_| damaged())?;
    let metadata = reader.metadata();
    let chunks = metadata
        .row_groups()
        .iter()
        .flat_map(|group| group.columns());
    if chunks
        .map(|chunk| chunk.uncompressed_size())
        .any(|size| !(0..=CHUNK).contains(&size))
    {
        return Err(SourceError::Refused {
            path: path.to_owned(),
            problem: (&ROW_GROUP).into(),
        });
    }
    let schema = metadata.file_metadata().schema().get_fields();
    sink.columns(
        schema
            .iter()
            .map(|column| column.name().to_owned())
            .collect(),
    )?;
    let nanoseconds: Vec<bool> = schema.iter().map(|column| is_nanoseconds(column)).collect();
    let (mut number, mut text) = (1, String::new());
    for row in reader.get_row_iter(None).map_err(|_| damaged())? {
        let row = row.map_err(|_| damaged())?;
        number += 1;
        sink.begin(number)?;
        for ((_, field), nanoseconds) in row.get_column_iter().zip(&nanoseconds) {
            text.clear();
            match field {
                Field::Long(nano) if *nanoseconds => {
                    notation.days(nano.div_euclid(DAY * 1_000_000_000), &mut text);
                }
                field => write(field, notation, &mut text),
            }
            sink.field(&text);
        }
    }
    Ok(())
}

fn is_nanoseconds(column: &Type) -> bool {
    let logical = column.get_basic_info().logical_type_ref();
    matches!(logical, Some(LogicalType::Timestamp(timestamp)) if matches!(timestamp.unit, TimeUnit::NANOS))
}

fn write(field: &Field, notation: Notation, text: &mut String) {
    // Writing to a string cannot fail.
    let _ = match field {
        Field::Bool(value) => write!(text, "{}", u8::from(*value)),
        Field::Byte(value) => write!(text, "{value}"),
        Field::Short(value) => write!(text, "{value}"),
        Field::Int(value) => write!(text, "{value}"),
        Field::Long(value) => write!(text, "{value}"),
        Field::UByte(value) => write!(text, "{value}"),
        Field::UShort(value) => write!(text, "{value}"),
        Field::UInt(value) => write!(text, "{value}"),
        Field::ULong(value) => write!(text, "{value}"),
        Field::Float16(value) => return notation.float(f64::from(*value), text),
        Field::Float(value) => return notation.number(&value.to_string(), text),
        Field::Double(value) => return notation.float(*value, text),
        Field::Decimal(value) => return decimal(value, notation, text),
        Field::Str(value) => return text.push_str(value),
        Field::Bytes(value) => return text.push_str(value.as_utf8().unwrap_or_default()),
        Field::Date(days) => return notation.days(i64::from(*days), text),
        Field::TimestampMillis(value) => return notation.days(value.div_euclid(DAY * 1_000), text),
        Field::TimestampMicros(value) => {
            return notation.days(value.div_euclid(DAY * 1_000_000), text);
        }
        Field::Null
        | Field::TimeMillis(_)
        | Field::TimeMicros(_)
        | Field::Group(_)
        | Field::ListInternal(_)
        | Field::MapInternal(_) => return,
    };
}

/// A decimal of at most 16 bytes, which is every one that a register has; larger ones are left blank.
fn decimal(value: &Decimal, notation: Notation, text: &mut String) {
    let bytes = value.data();
    let (Ok(scale), true) = (
        usize::try_from(value.scale()),
        (1..=16).contains(&bytes.len()),
    ) else {
        return;
    };
    let negative = bytes[0] & 0x80 != 0;
    let fill = if negative { u8::MAX } else { 0 };
    let mut wide = [fill; 16];
    wide[16 - bytes.len()..].copy_from_slice(bytes);
    let digits = i128::from_be_bytes(wide).unsigned_abs().to_string();
    let digits = format!("{digits:0>width$}", width = scale.min(64) + 1);
    let (whole, decimals) = digits.split_at(digits.len() - scale.min(64));
    let sign = if negative { "-" } else { "" };
    let point = if scale > 0 { "." } else { "" };
    notation.number(&format!("{sign}{whole}{point}{decimals}"), text);
}
