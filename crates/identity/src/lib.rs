//! Keys, certificates, TLS configurations and join strings: who is who between a node and the coordinator.
//! It never decides what a peer may do, and never holds a register's data.
//!
//! Two kinds of key, kept apart: Ed25519 keys ([`SigningKey`]) sign studies, requests, answers and
//! logs and are pinned by people; P-256 keys ([`TlsKey`]) only open connections and are certified by
//! the coordinator's [`Authority`]. A connection says which organisation is speaking; whether that
//! certificate is still active is asked of the database on every call.

mod address;
mod authority;
mod certificate;
mod client;
mod connections;
mod error;
mod fingerprint;
mod hex;
mod join;
mod key_files;
mod organisation;
mod peer;
mod pinned;
mod renewal;
mod server;
mod signing;
mod tls;
mod tls_key;

pub use authority::{Authority, IssuedCertificate, ServerIdentity};
pub use certificate::{AuthorityCertificate, NodeCertificate};
pub use client::{ClientError, NodeClient, Reply};
pub use error::IdentityError;
pub use fingerprint::Fingerprint;
pub use join::{JoinString, JoinToken, token_hash};
pub use key_files::replace_public;
pub use organisation::check_organisation;
pub use peer::{MissingPeerCertificate, PeerCertificate};
pub use renewal::due_for_renewal;
pub use server::{Handle, RefusedConnection, RustlsConfig, ServeOptions, TlsRefusal, serve_nodes};
pub use signing::{PublicKey, SigningKey, key_id};
pub use tls::{
    join_client_config, node_client_config, node_server_config, server_only_client_config,
};
pub use tls_key::TlsKey;
