//! A document as one printable page: no script, no other file, no address.

use super::document::{Block, Document};
use std::fmt::Write as _;

const STYLE: &str = "body{font:11pt/1.45 serif;max-width:46em;margin:2em auto;padding:0 1em;color:#111}h1{font-size:1.6em}\
h2{font-size:1.2em;margin-top:1.6em}.law{font-weight:normal;color:#444}table{border-collapse:collapse;width:100%}\
th,td{border:1px solid #888;padding:.25em .5em;text-align:left;vertical-align:top}\
.open{border-left:4px solid #a60;padding-left:.8em;background:#fff6e5}footer{margin-top:2em;font-size:.85em;color:#444;overflow-wrap:anywhere}\
@media print{body{margin:0;max-width:none}h2{break-after:avoid}tr{break-inside:avoid}}";

/// The page.
pub fn page(document: &Document) -> String {
    let italian = document.language == "it";
    let mut html = format!(
        "<!doctype html>\n<html lang=\"{}\">\n<head>\n<meta charset=\"utf-8\">\n<title>{}</title>\n<style>{STYLE}</style>\n\
         </head>\n<body>\n<h1>{}</h1>\n<p>{}</p>\n",
        document.language,
        escaped(&document.title),
        escaped(&document.title),
        escaped(&document.called)
    );
    // Unwrap safety for all of these: writing to a string cannot fail.
    for section in &document.sections {
        let law = match section.law.as_str() {
            "" => String::new(),
            law => format!(" <span class=\"law\">({})</span>", escaped(law)),
        };
        writeln!(html, "<h2>{}{law}</h2>", escaped(&section.title)).unwrap();
        for block in &section.blocks {
            write_block(&mut html, block, italian);
        }
    }
    let (made, policy) = match italian {
        true => ("Generato il", "policy"),
        false => ("Generated on", "policy"),
    };
    writeln!(
        html,
        "<footer>{made} {} · {policy} {}</footer>\n</body>\n</html>",
        escaped(&moment(&document.made_at, italian)),
        escaped(&document.policy_hash)
    )
    .unwrap();
    html
}

/// An RFC 3339 moment to the minute, UTC.
fn moment(made_at: &str, italian: bool) -> String {
    let format = match italian {
        true => "%d/%m/%Y, %H:%M UTC",
        false => "%Y-%m-%d, %H:%M UTC",
    };
    let parsed = made_at.parse::<jiff::Timestamp>();
    parsed.map_or_else(|_| made_at.to_owned(), |at| at.strftime(format).to_string())
}

fn write_block(html: &mut String, block: &Block, italian: bool) {
    match block {
        Block::Text { text } => writeln!(html, "<p>{}</p>", escaped(text)).unwrap(),
        Block::ToComplete { text } => {
            let word = if italian {
                "Da completare"
            } else {
                "To be completed"
            };
            writeln!(
                html,
                "<p class=\"open\"><strong>{word}:</strong> {}</p>",
                escaped(text)
            )
            .unwrap();
        }
        Block::Table { columns, rows } => {
            html.push_str("<table>\n<thead><tr>");
            for column in columns {
                write!(html, "<th scope=\"col\">{}</th>", escaped(column)).unwrap();
            }
            html.push_str("</tr></thead>\n<tbody>\n");
            for row in rows {
                html.push_str("<tr>");
                for cell in row {
                    write!(html, "<td>{}</td>", escaped(cell)).unwrap();
                }
                html.push_str("</tr>\n");
            }
            html.push_str("</tbody>\n</table>\n");
        }
    }
}

fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            c => escaped.push(c),
        }
    }
    escaped
}
