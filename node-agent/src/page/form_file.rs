//! A form with a file in it, as browsers send one (RFC 7578). It is held in memory and nowhere else, within the body limit of its
//! route; the file's name is not read.

use axum::http::{HeaderMap, header};

/// The fields of a form, by name.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct FormFields<'b>(Vec<(String, &'b [u8])>);

impl<'b> FormFields<'b> {
    /// Reads a body; `None` where it is no such form, or was cut off.
    pub(super) fn read(headers: &HeaderMap, body: &'b [u8]) -> Option<FormFields<'b>> {
        let kind = headers.get(header::CONTENT_TYPE)?.to_str().ok()?;
        let boundary = (kind.strip_prefix("multipart/form-data;")?.split(';'))
            .find_map(|parameter| parameter.trim().strip_prefix("boundary="))?
            .trim_matches('"');
        if boundary.is_empty() {
            return None;
        }
        let first = format!("--{boundary}");
        let next = format!("\r\n--{boundary}");
        let mut rest = body.strip_prefix(first.as_bytes())?;
        let mut fields = Vec::new();
        // After each boundary stands a line end and another part, or two dashes and nothing that counts.
        while let Some(part) = rest.strip_prefix(b"\r\n") {
            let end = find(part, next.as_bytes())?;
            let (part, after) = (&part[..end], &part[end + next.len()..]);
            let head = find(part, b"\r\n\r\n")?;
            let name = name(std::str::from_utf8(&part[..head]).ok()?)?;
            fields.push((name, &part[head + 4..]));
            rest = after;
        }
        rest.starts_with(b"--").then_some(FormFields(fields))
    }

    /// What stands in a field.
    pub(super) fn get(&self, name: &str) -> Option<&'b [u8]> {
        let found = self.0.iter().find(|(known, _)| known == name);
        found.map(|(_, content)| *content)
    }
}

/// The name in a part's headers.
fn name(head: &str) -> Option<String> {
    let line = (head.split("\r\n")).find(|line| {
        line.to_ascii_lowercase()
            .starts_with("content-disposition:")
    })?;
    let (_, rest) = line.split_once(" name=\"")?;
    Some(rest.split_once('"')?.0.to_owned())
}

fn find(bytes: &[u8], what: &[u8]) -> Option<usize> {
    bytes.windows(what.len()).position(|window| window == what)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(kind: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, kind.parse().expect("a header"));
        headers
    }

    const BODY: &[u8] = b"--x1\r\nContent-Disposition: form-data; name=\"list\"; filename=\"a name.csv\"\r\n\
        Content-Type: text/csv\r\n\r\nCF\r\n\r\n--x\xff\r\n--x1\r\nContent-Disposition: form-data; name=\"reason\"\r\n\r\nobjection\r\n--x1--\r\n";

    #[test]
    fn fields_are_read_byte_by_byte() {
        let headers = headers("multipart/form-data; boundary=x1");
        let fields = FormFields::read(&headers, BODY).expect("a form");
        assert_eq!(fields.get("list"), Some(&b"CF\r\n\r\n--x\xff"[..]));
        assert_eq!(fields.get("reason"), Some(&b"objection"[..]));
        assert_eq!(fields.get("filename"), None);
    }

    #[test]
    fn what_is_no_form_or_was_cut_off_is_refused() {
        let right = headers("multipart/form-data; boundary=x1");
        for end in 0..BODY.len() - 4 {
            assert_eq!(FormFields::read(&right, &BODY[..end]), None, "{end}");
        }
        for kind in [
            "text/plain",
            "multipart/form-data",
            "multipart/form-data; boundary=",
            "multipart/form-data; boundary=x2",
        ] {
            assert_eq!(FormFields::read(&headers(kind), BODY), None, "{kind}");
        }
        assert_eq!(FormFields::read(&HeaderMap::new(), BODY), None);
    }
}
