//! The little HTTP the demonstration speaks to its own coordinator: one request per connection, over loopback,
//! with JSON bodies. It follows no redirect and keeps one session cookie.

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(30);

/// A client of the website's API on this computer.
pub(crate) struct Client {
    port: u16,
    cookie: Option<String>,
}

/// What came back.
pub(crate) struct Reply {
    /// The status code.
    pub(crate) status: u16,
    /// The `Location` header.
    pub(crate) location: Option<String>,
    cookie: Option<String>,
    body: Vec<u8>,
}

impl Client {
    /// A client without a session.
    pub(crate) fn new(port: u16) -> Client {
        Client { port, cookie: None }
    }

    /// Gets JSON.
    ///
    /// # Errors
    /// When the server is out of reach or does not answer with success; then with what it says.
    pub(crate) fn read(&self, path: &str) -> Result<Value> {
        let reply = self.send("GET", path, None, &[])?;
        ensure!(reply.status == 200, "GET {path}: {}", reply.complaint());
        reply.json().with_context(|| format!("GET {path}"))
    }

    /// Posts JSON.
    ///
    /// # Errors
    /// When the server is out of reach. A refusal is a reply.
    pub(crate) fn post(&self, path: &str, body: &Value, headers: &[(&str, &str)]) -> Result<Reply> {
        self.send("POST", path, Some(&body.to_string()), headers)
    }

    /// Signs in; later calls carry the session.
    ///
    /// # Errors
    /// When name or password are not accepted.
    pub(crate) fn sign_in(&mut self, name: &str, password: &str) -> Result<()> {
        let body = serde_json::json!({ "name": name, "password": password });
        let reply = self.post("/api/v1/session", &body, &[])?;
        ensure!(
            reply.status == 200,
            "signing in as {name}: {}",
            reply.complaint()
        );
        let cookie = reply.cookie.context("the session has no cookie")?;
        self.cookie = cookie.split(';').next().map(str::to_owned);
        Ok(())
    }

    fn send(
        &self,
        method: &str,
        path: &str,
        body: Option<&str>,
        headers: &[(&str, &str)],
    ) -> Result<Reply> {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port))
            .with_context(|| format!("nobody listens on port {}", self.port))?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        let mut request = format!(
            "{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nConnection: close\r\nAccept: application/json\r\n",
            self.port
        );
        if let Some(cookie) = &self.cookie {
            request.push_str(&format!("Cookie: {cookie}\r\n"));
        }
        for (name, value) in headers {
            request.push_str(&format!("{name}: {value}\r\n"));
        }
        if let Some(body) = body {
            request.push_str(&format!(
                "Content-Type: application/json\r\nContent-Length: {}\r\n",
                body.len()
            ));
        }
        request.push_str("\r\n");
        request.push_str(body.unwrap_or_default());
        stream.write_all(request.as_bytes())?;
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes)?;
        parse(&bytes).with_context(|| format!("{method} {path}"))
    }
}

impl Reply {
    /// The body as JSON.
    ///
    /// # Errors
    /// When it is not JSON.
    pub(crate) fn json(&self) -> Result<Value> {
        serde_json::from_slice(&self.body).context("the reply is not JSON")
    }

    /// What the server says is wrong, in one line.
    pub(crate) fn complaint(&self) -> String {
        let text = String::from_utf8_lossy(&self.body);
        format!(
            "status {} {}",
            self.status,
            text.chars().take(600).collect::<String>()
        )
    }
}

fn parse(bytes: &[u8]) -> Result<Reply> {
    let end = (bytes.windows(4))
        .position(|window| window == b"\r\n\r\n")
        .context("the reply has no end of headers")?;
    let head = std::str::from_utf8(&bytes[..end]).context("the headers are not text")?;
    let mut lines = head.split("\r\n");
    let status = (lines.next())
        .and_then(|line| line.split(' ').nth(1)?.parse().ok())
        .context("the reply has no status")?;
    let mut reply = Reply {
        status,
        location: None,
        cookie: None,
        body: Vec::new(),
    };
    let mut chunked = false;
    for (name, value) in lines.filter_map(|line| line.split_once(':')) {
        let value = value.trim();
        match name.to_ascii_lowercase().as_str() {
            "location" => reply.location = Some(value.to_owned()),
            // The session's comes first.
            "set-cookie" => {
                reply.cookie.get_or_insert_with(|| value.to_owned());
            }
            "transfer-encoding" => chunked = value.eq_ignore_ascii_case("chunked"),
            _ => {}
        }
    }
    let body = &bytes[end + 4..];
    reply.body = if chunked {
        unchunk(body)?
    } else {
        body.to_vec()
    };
    Ok(reply)
}

fn unchunk(mut bytes: &[u8]) -> Result<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let end = (bytes.windows(2))
            .position(|window| window == b"\r\n")
            .context("a chunk has no size")?;
        let size = std::str::from_utf8(&bytes[..end])?;
        let size = usize::from_str_radix(size.split(';').next().unwrap_or_default().trim(), 16)?;
        bytes = &bytes[end + 2..];
        if size == 0 {
            return Ok(body);
        }
        if bytes.len() < size + 2 {
            bail!("a chunk is cut off");
        }
        body.extend_from_slice(&bytes[..size]);
        bytes = &bytes[size + 2..];
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plain_reply_is_read() {
        let reply = parse(
            b"HTTP/1.1 202 Accepted\r\nLocation: /api/v1/queries/7\r\nSet-Cookie: wi_session=a; HttpOnly\r\nSet-Cookie: wi_device=b\r\n\r\n{\"a\":1}",
        )
        .expect("read");
        assert_eq!(reply.status, 202);
        assert_eq!(reply.location.as_deref(), Some("/api/v1/queries/7"));
        assert_eq!(reply.cookie.as_deref(), Some("wi_session=a; HttpOnly"));
        assert_eq!(reply.json().expect("json")["a"], 1);
    }

    #[test]
    fn a_chunked_reply_is_put_together() {
        let reply = parse(
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\n{\"a\r\n4;x=y\r\n\":1}\r\n0\r\n\r\n",
        )
        .expect("read");
        assert_eq!(reply.json().expect("json")["a"], 1);
    }

    #[test]
    fn a_reply_that_is_cut_off_is_refused() {
        for bytes in [
            &b"HTTP/1.1 200 OK\r\n"[..],
            b"\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nab\r\n",
        ] {
            assert!(parse(bytes).is_err());
        }
    }

    #[test]
    fn a_port_nobody_listens_on_is_named() {
        // Bound and dropped: nobody listens there any more.
        let free = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("port");
        let port = free.local_addr().expect("address").port();
        drop(free);
        let error = Client::new(port).read("/health").expect_err("nobody there");
        assert!(error.to_string().contains(&port.to_string()));
    }
}
