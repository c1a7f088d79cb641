//! The baseline: a process that receives the same vectors over the same mutual TLS, eight bytes a cell, and adds them. It checks,
//! stores and composes nothing, so that ratios to it are what all of that costs.

use crate::meter::Meter;
use anyhow::{Context, Result};
use identity::{Authority, TlsKey};
use jiff::Timestamp;
use rustls_pki_types::ServerName;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::{TlsAcceptor, TlsConnector};

const DAY: Duration = Duration::from_secs(86_400);

/// The receiving process. Its arguments: the folder of the authority, and where to write its address.
pub(crate) async fn receive(authority: &Path, address: &Path) -> Result<()> {
    let authority = Authority::load(authority)?;
    let server = authority.issue_server(&[], DAY, Timestamp::now())?;
    let acceptor = TlsAcceptor::from(identity::node_server_config(
        authority.certificate(),
        &server,
    )?);
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let beside = address.with_extension("new");
    std::fs::write(&beside, listener.local_addr()?.to_string())?;
    std::fs::rename(beside, address)?;
    loop {
        let (stream, _) = listener.accept().await?;
        let acceptor = acceptor.clone();
        tokio::spawn(async move {
            // Whoever breaks off is no longer received.
            let _ = add(acceptor, stream).await;
        });
    }
}

async fn add(acceptor: TlsAcceptor, stream: TcpStream) -> Result<()> {
    stream.set_nodelay(true)?;
    let mut stream = acceptor.accept(stream).await?;
    let mut sum: Vec<i64> = Vec::new();
    let mut bytes = Vec::new();
    while let Ok(length) = stream.read_u32_le().await {
        bytes.resize(length as usize, 0);
        stream.read_exact(&mut bytes).await?;
        sum.resize(bytes.len() / 8, 0);
        for (sum, cell) in sum.iter_mut().zip(bytes.chunks_exact(8)) {
            // Unwrap safety: `chunks_exact(8)` gives eight bytes.
            *sum = sum.wrapping_add(i64::from_le_bytes(cell.try_into().expect("eight bytes")));
        }
        // The sum is used, so that adding it is not left out; the sender waits for it, as a node does for its receipt.
        stream
            .write_i64_le(sum.iter().fold(0, |a, b| a ^ b))
            .await?;
        stream.flush().await?;
    }
    Ok(())
}

/// A receiving process with senders connected.
pub(crate) struct Raw {
    child: Child,
    senders: Vec<tokio_rustls::client::TlsStream<TcpStream>>,
}

impl Raw {
    /// Starts one and connects `senders`.
    pub(crate) async fn start(dir: &Path, senders: usize) -> Result<Raw> {
        let (folder, address) = (dir.join("raw-authority"), dir.join("raw-address"));
        std::fs::create_dir_all(&folder)?;
        let _ = std::fs::remove_file(&address);
        let authority = if folder.read_dir()?.next().is_none() {
            Authority::create(&folder, Timestamp::now())?
        } else {
            Authority::load(&folder)?
        };
        let child = Command::new(std::env::current_exe()?)
            .arg(crate::RECEIVE)
            .args([&folder, &address])
            .stdin(Stdio::null())
            .spawn()?;
        let mut raw = Raw {
            child,
            senders: Vec::new(),
        };
        while !address.exists() {
            anyhow::ensure!(raw.child.try_wait()?.is_none(), "the baseline ended");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let at = std::fs::read_to_string(&address)?;
        for number in 0..senders {
            let name = format!("sender-{number}");
            let key = TlsKey::ephemeral()?;
            let issued =
                authority.issue_node(&key.request_pem(&name)?, &name, DAY, Timestamp::now())?;
            let config = identity::node_client_config(authority.certificate(), &issued.pem, &key)?;
            let stream = TcpStream::connect(&at).await?;
            stream.set_nodelay(true)?;
            let server = ServerName::try_from("127.0.0.1").context("a name")?;
            let connector = TlsConnector::from(Arc::new(config));
            raw.senders.push(connector.connect(server, stream).await?);
        }
        Ok(raw)
    }

    pub(crate) fn meter(&self) -> Meter {
        Meter(self.child.id())
    }

    /// Every sender sends its vector once.
    pub(crate) async fn round(&mut self, vectors: &[Vec<i64>]) -> Result<()> {
        let mut sending = tokio::task::JoinSet::new();
        for (mut stream, cells) in self.senders.drain(..).zip(vectors.iter().cloned()) {
            sending.spawn(async move {
                let bytes: Vec<u8> = cells.iter().flat_map(|cell| cell.to_le_bytes()).collect();
                stream.write_u32_le(u32::try_from(bytes.len())?).await?;
                stream.write_all(&bytes).await?;
                stream.flush().await?;
                stream.read_i64_le().await?;
                anyhow::Ok(stream)
            });
        }
        while let Some(sent) = sending.join_next().await {
            self.senders.push(sent??);
        }
        Ok(())
    }
}

impl Drop for Raw {
    fn drop(&mut self) {
        // It may have ended already; then there is nothing to kill.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
