//! The website's API as a test client calls it: JSON over one loopback address, with the session's cookie.
//! It follows no redirect and hides no status.

use anyhow::{Context, Result, ensure};
use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper::header::{CONTENT_TYPE, COOKIE, LOCATION, SET_COOKIE};
use hyper::{HeaderMap, Method, Request};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::Value;

/// A client, perhaps signed in.
#[derive(Clone, Debug)]
pub struct Website {
    base: String,
    client: Client<HttpConnector, Full<Bytes>>,
    cookie: Option<String>,
}

/// A reply, whatever its status.
#[derive(Clone, Debug)]
pub struct Reply {
    /// The HTTP status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The whole body.
    pub body: Bytes,
}

impl Reply {
    /// The body as JSON.
    ///
    /// # Errors
    /// When it is none.
    pub fn json(&self) -> Result<Value> {
        Ok(serde_json::from_slice(&self.body)?)
    }

    /// The last part of `Location`.
    pub fn location_id(&self) -> Option<String> {
        let location = self.headers.get(LOCATION)?.to_str().ok()?;
        location.rsplit('/').next().map(str::to_owned)
    }

    /// The same reply, if its status is one of these.
    ///
    /// # Errors
    /// Otherwise, with what it said.
    pub fn with_status(self, statuses: &[u16]) -> Result<Reply> {
        ensure!(
            statuses.contains(&self.status),
            "status {}: {}",
            self.status,
            String::from_utf8_lossy(&self.body)
        );
        Ok(self)
    }
}

impl Website {
    /// A client that has not signed in.
    pub fn new(base: &str) -> Website {
        Website {
            base: base.to_owned(),
            client: Client::builder(TokioExecutor::new()).build_http(),
            cookie: None,
        }
    }

    /// Signs in.
    ///
    /// # Errors
    /// When name or password are refused.
    pub async fn sign_in(&mut self, name: &str, password: &str) -> Result<()> {
        let account = serde_json::json!({ "name": name, "password": password });
        let reply = self.post("/api/v1/session", &account, &[]).await?;
        let reply = reply.with_status(&[200]).context("signing in")?;
        let cookie = reply.headers.get(SET_COOKIE).context("no cookie was set")?;
        self.cookie = cookie.to_str()?.split(';').next().map(str::to_owned);
        Ok(())
    }

    /// Whether a path answers with 200.
    pub async fn is_up(&self, path: &str) -> bool {
        let reply = self.call(Method::GET, path, Vec::new(), &[]).await;
        reply.is_ok_and(|reply| reply.status == 200)
    }

    /// Gets a resource, which must be there.
    ///
    /// # Errors
    /// When it is not.
    pub async fn get(&self, path: &str) -> Result<Value> {
        let reply = self.call(Method::GET, path, Vec::new(), &[]).await?;
        reply
            .with_status(&[200])
            .with_context(|| path.to_owned())?
            .json()
    }

    /// Posts JSON.
    ///
    /// # Errors
    /// When no reply comes. A refusal is a reply.
    pub async fn post(&self, path: &str, body: &Value, headers: &[(&str, &str)]) -> Result<Reply> {
        self.call(Method::POST, path, serde_json::to_vec(body)?, headers)
            .await
    }

    async fn call(
        &self,
        method: Method,
        path: &str,
        body: Vec<u8>,
        headers: &[(&str, &str)],
    ) -> Result<Reply> {
        let mut request = Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.base))
            .header(CONTENT_TYPE, "application/json");
        if let Some(cookie) = &self.cookie {
            request = request.header(COOKIE, cookie);
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Full::new(Bytes::from(body)))?;
        let response = self.client.request(request).await?;
        Ok(Reply {
            status: response.status().as_u16(),
            headers: response.headers().clone(),
            body: response.into_body().collect().await?.to_bytes(),
        })
    }
}
