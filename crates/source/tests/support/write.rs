//! One register written in each format, with dates and numbers as the format keeps them.

use super::Register;
use parquet::basic::{ConvertedType, Repetition, Type as Physical};
use parquet::data_type::{ByteArray, ByteArrayType, Int32Type};
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::Type;
use snapshot::{DateFormat, Day};
use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use zip::write::SimpleFileOptions;

/// Columns that hold dates, and numbers.
const DATES: [&str; 2] = ["DATA_NASCITA", "DATA"];
const NUMBERS: [&str; 3] = ["ISEE", "QUANTITA", "IMPORTO"];

/// A cell as formats with types keep it.
pub(crate) enum Cell {
    Text(String),
    Number(String),
    /// Days since 1 January 1970.
    Date(i64),
}

pub(crate) fn cell(column: &str, text: &str) -> Cell {
    if DATES.contains(&column)
        && let Some(day) = Day::read(text, DateFormat::DaySlash)
    {
        let epoch = jiff::civil::date(1970, 1, 1);
        return Cell::Date(i64::from(epoch.until(day.date()).expect("days").get_days()));
    }
    let plain = text.replace('.', "").replace(',', ".");
    if NUMBERS.contains(&column) && plain.parse::<f64>().is_ok() {
        return Cell::Number(plain);
    }
    Cell::Text(text.to_owned())
}

impl Register {
    /// Text with this delimiter, quoted where it must be.
    pub(crate) fn text(&self, delimiter: char, line_end: &str) -> String {
        let mut text = String::new();
        for row in std::iter::once(&self.columns).chain(&self.rows) {
            for (index, field) in row.iter().enumerate() {
                if index > 0 {
                    text.push(delimiter);
                }
                if field.contains([delimiter, '"']) {
                    text.push_str(&format!("\"{}\"", field.replace('"', "\"\"")));
                } else {
                    text.push_str(field);
                }
            }
            text.push_str(line_end);
        }
        text
    }

    pub(crate) fn write_xlsx(&self, path: &Path) {
        self.write_sheet(path, |_, _| false);
    }

    /// A sheet as people fill it: every third date and number, in another row for each column, is a text that looks like one.
    pub(crate) fn write_xlsx_partly_as_texts(&self, path: &Path) {
        self.write_sheet(path, |row, column| (row + column) % 3 == 0);
    }

    fn write_sheet(&self, path: &Path, is_text: impl Fn(usize, usize) -> bool) {
        let mut sheet = String::from(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?><worksheet xmlns=\"http://schemas.openxmlformats.org/spreadsheetml/2006/main\"><sheetData>",
        );
        for (row, fields) in std::iter::once(&self.columns).chain(&self.rows).enumerate() {
            sheet.push_str(&format!("<row r=\"{}\">", row + 1));
            for (column, field) in fields.iter().enumerate() {
                if field.is_empty() {
                    continue;
                }
                let at = format!("{}{}", (b'A' + column as u8) as char, row + 1);
                let kept = if row == 0 || is_text(row, column) {
                    Cell::Text(field.clone())
                } else {
                    cell(&self.columns[column], field)
                };
                sheet.push_str(&match kept {
                    // Serial 25569 is 1 January 1970.
                    Cell::Date(days) => {
                        format!("<c r=\"{at}\" s=\"1\"><v>{}</v></c>", days + 25_569)
                    }
                    Cell::Number(number) => format!("<c r=\"{at}\"><v>{number}</v></c>"),
                    Cell::Text(text) => format!(
                        "<c r=\"{at}\" t=\"inlineStr\"><is><t>{}</t></is></c>",
                        escaped(&text)
                    ),
                });
            }
            sheet.push_str("</row>");
        }
        sheet.push_str("</sheetData></worksheet>");
        write_book(path, &sheet);
    }

    pub(crate) fn write_parquet(&self, path: &Path) {
        let date = |name: &str| DATES.contains(&name);
        let fields = self.columns.iter().map(|name| {
            let (physical, converted) = match date(name) {
                true => (Physical::INT32, ConvertedType::DATE),
                false => (Physical::BYTE_ARRAY, ConvertedType::UTF8),
            };
            let field = Type::primitive_type_builder(name, physical);
            let field = field
                .with_converted_type(converted)
                .with_repetition(Repetition::OPTIONAL);
            Arc::new(field.build().expect("a column"))
        });
        let schema = Type::group_type_builder("register").with_fields(fields.collect());
        let schema = Arc::new(schema.build().expect("a schema"));
        let properties =
            WriterProperties::builder().set_compression(parquet::basic::Compression::SNAPPY);
        let file = File::create(path).expect("a file");
        let mut writer = SerializedFileWriter::new(file, schema, Arc::new(properties.build()))
            .expect("a writer");
        for rows in self.rows.chunks(700) {
            let mut group = writer.next_row_group().expect("a group");
            for (index, name) in self.columns.iter().enumerate() {
                let mut column = group.next_column().expect("a column").expect("a column");
                let mut levels = Vec::new();
                if date(name) {
                    let mut values = Vec::new();
                    for row in rows {
                        // A column of dates has no place for what is none.
                        match cell(name, &row[index]) {
                            Cell::Date(days) => {
                                levels.push(1);
                                values.push(days as i32);
                            }
                            _ => levels.push(0),
                        }
                    }
                    column
                        .typed::<Int32Type>()
                        .write_batch(&values, Some(&levels), None)
                        .expect("written");
                } else {
                    let mut values = Vec::new();
                    for row in rows {
                        levels.push(i16::from(!row[index].is_empty()));
                        if !row[index].is_empty() {
                            values.push(ByteArray::from(row[index].as_str()));
                        }
                    }
                    column
                        .typed::<ByteArrayType>()
                        .write_batch(&values, Some(&levels), None)
                        .expect("written");
                }
                column.close().expect("closed");
            }
            group.close().expect("closed");
        }
        writer.close().expect("closed");
    }

    /// The statements that make and fill a table, a few hundred rows each. `number` is the database's type of numbers.
    pub(crate) fn sql(&self, quote: char, number: &str) -> Vec<String> {
        let type_of = |name: &str| {
            if NUMBERS.contains(&name) {
                number
            } else {
                "VARCHAR(200)"
            }
        };
        let columns: Vec<String> = (self.columns.iter())
            .map(|name| format!("{quote}{name}{quote} {}", type_of(name)))
            .collect();
        let mut statements = vec![format!("CREATE TABLE register ({})", columns.join(", "))];
        for rows in self.rows.chunks(300) {
            let rows = rows.iter().map(|row| {
                let fields =
                    row.iter()
                        .zip(&self.columns)
                        .map(|(field, name)| match cell(name, field) {
                            _ if field.is_empty() => "NULL".to_owned(),
                            Cell::Number(number) => number,
                            _ if NUMBERS.contains(&name.as_str()) => "NULL".to_owned(),
                            _ => format!("'{}'", field.replace('\\', "").replace('\'', "''")),
                        });
                format!("({})", fields.collect::<Vec<_>>().join(","))
            });
            statements.push(format!(
                "INSERT INTO register VALUES {}",
                rows.collect::<Vec<_>>().join(",")
            ));
        }
        statements
    }
}

pub(crate) fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('"', "&quot;")
}

/// A spreadsheet of one sheet, with the one style that a date needs.
pub(crate) fn write_book(path: &Path, sheet: &str) {
    let main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main";
    let office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";
    let package = "http://schemas.openxmlformats.org/package/2006";
    let parts = [
        (
            "[Content_Types].xml",
            format!(
                "<Types xmlns=\"{package}/content-types\"><Default Extension=\"xml\" ContentType=\"application/xml\"/></Types>"
            ),
        ),
        (
            "_rels/.rels",
            format!(
                "<Relationships xmlns=\"{package}/relationships\"><Relationship Id=\"r1\" Type=\"{office}/officeDocument\" Target=\"xl/workbook.xml\"/></Relationships>"
            ),
        ),
        (
            "xl/workbook.xml",
            format!(
                "<workbook xmlns=\"{main}\" xmlns:r=\"{office}\"><sheets><sheet name=\"Foglio1\" sheetId=\"1\" r:id=\"r1\"/></sheets></workbook>"
            ),
        ),
        (
            "xl/_rels/workbook.xml.rels",
            format!(
                "<Relationships xmlns=\"{package}/relationships\"><Relationship Id=\"r1\" Type=\"{office}/worksheet\" Target=\"worksheets/sheet1.xml\"/><Relationship Id=\"r2\" Type=\"{office}/styles\" Target=\"styles.xml\"/></Relationships>"
            ),
        ),
        (
            "xl/styles.xml",
            format!(
                "<styleSheet xmlns=\"{main}\"><cellXfs count=\"2\"><xf numFmtId=\"0\"/><xf numFmtId=\"14\" applyNumberFormat=\"1\"/></cellXfs></styleSheet>"
            ),
        ),
        ("xl/worksheets/sheet1.xml", sheet.to_owned()),
    ];
    let mut archive = zip::ZipWriter::new(File::create(path).expect("a file"));
    for (name, text) in parts {
        archive
            .start_file(name, SimpleFileOptions::default())
            .expect("a part");
        archive.write_all(text.as_bytes()).expect("written");
    }
    archive.finish().expect("finished");
}
