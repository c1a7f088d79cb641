//! A forwarder between nodes and coordinator that counts what nodes send: the bytes on the wire, TLS and HTTP included.

use anyhow::Result;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// A running forwarder.
pub(crate) struct Wire {
    pub(crate) address: String,
    sent: Arc<AtomicU64>,
}

impl Wire {
    /// Forwards connections of a free port to `to`.
    pub(crate) async fn start(to: String) -> Result<Wire> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?.to_string();
        let sent: Arc<AtomicU64> = Arc::default();
        let count = Arc::clone(&sent);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (to, count) = (to.clone(), Arc::clone(&count));
                // A connection that breaks is no longer forwarded.
                tokio::spawn(async move {
                    let _ = forward(stream, &to, &count).await;
                });
            }
        });
        Ok(Wire { address, sent })
    }

    /// Bytes that nodes have sent so far.
    pub(crate) fn sent(&self) -> u64 {
        self.sent.load(Ordering::SeqCst)
    }
}

async fn forward(near: TcpStream, to: &str, count: &AtomicU64) -> Result<()> {
    let far = TcpStream::connect(to).await?;
    near.set_nodelay(true)?;
    far.set_nodelay(true)?;
    let (mut from_node, mut to_node) = near.into_split();
    let (mut from_coordinator, mut to_coordinator) = far.into_split();
    let back = tokio::spawn(async move {
        let _ = tokio::io::copy(&mut from_coordinator, &mut to_node).await;
        let _ = to_node.shutdown().await;
    });
    let mut buffer = vec![0; 64 << 10];
    loop {
        let length = from_node.read(&mut buffer).await?;
        if length == 0 {
            break;
        }
        count.fetch_add(length as u64, Ordering::SeqCst);
        to_coordinator.write_all(&buffer[..length]).await?;
    }
    to_coordinator.shutdown().await?;
    back.await?;
    Ok(())
}
