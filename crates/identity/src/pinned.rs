//! Verifies a server by the fingerprint of its authority, for the one call made before the authority's certificate is held.
//! The pin replaces the list of trusted authorities and nothing else: chain, name, dates and signature are checked as always.

use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls13_signature};
use rustls::{
    CertificateError, DigitallySignedStruct, Error, PeerIncompatible, RootCertStore,
    SignatureScheme,
};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};

use crate::Fingerprint;

/// Trusts exactly the authority with this fingerprint, which the server must send in its chain.
#[derive(Debug)]
pub(crate) struct PinnedAuthorityVerifier {
    pinned: Fingerprint,
    provider: Arc<CryptoProvider>,
}

impl PinnedAuthorityVerifier {
    pub(crate) fn new(pinned: Fingerprint, provider: Arc<CryptoProvider>) -> Self {
        Self { pinned, provider }
    }
}

impl ServerCertVerifier for PinnedAuthorityVerifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let authority = intermediates
            .iter()
            .find(|certificate| Fingerprint::of_der(certificate) == self.pinned)
            .ok_or(Error::InvalidCertificate(CertificateError::UnknownIssuer))?;
        let mut roots = RootCertStore::empty();
        roots.add(authority.clone().into_owned())?;
        WebPkiServerVerifier::builder_with_provider(Arc::new(roots), self.provider.clone())
            .build()
            .map_err(|error| Error::General(error.to_string()))?
            .verify_server_cert(end_entity, &[], server_name, ocsp_response, now)
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _cert: &CertificateDer<'_>,
        _dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        // Never reached: the configuration speaks TLS 1.3 only.
        Err(PeerIncompatible::ServerTlsVersionIsDisabledByOurConfig.into())
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(
            message,
            cert,
            dss,
            &self.provider.signature_verification_algorithms,
        )
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider
            .signature_verification_algorithms
            .supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use jiff::Timestamp;
    use rustls::crypto::ring::default_provider;

    use super::*;
    use crate::Authority;

    const NOW: i64 = 1_760_000_000;

    fn authority(dir: &std::path::Path) -> Authority {
        Authority::create(dir, Timestamp::from_second(NOW - 1_000).unwrap()).unwrap()
    }

    fn chain(authority: &Authority) -> Vec<CertificateDer<'static>> {
        authority
            .issue_server(
                &[],
                Duration::from_secs(1_000),
                Timestamp::from_second(NOW).unwrap(),
            )
            .unwrap()
            .chain
    }

    #[test]
    fn a_chain_is_accepted_only_if_the_pinned_authority_signed_it_for_this_name_and_time() {
        let (ours, theirs) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let (ours, theirs) = (authority(ours.path()), authority(theirs.path()));
        let (own, foreign) = (chain(&ours), chain(&theirs));
        let verifier = PinnedAuthorityVerifier::new(
            ours.certificate().fingerprint(),
            Arc::new(default_provider()),
        );
        let accepts = |leaf: &CertificateDer<'static>,
                       rest: &[CertificateDer<'static>],
                       name: &str,
                       second| {
            let name = ServerName::try_from(name.to_owned()).unwrap();
            let now = UnixTime::since_unix_epoch(Duration::from_secs(second));
            verifier
                .verify_server_cert(leaf, rest, &name, &[], now)
                .is_ok()
        };
        let now = NOW as u64;
        assert!(accepts(&own[0], &own[1..], "localhost", now));
        assert!(accepts(&own[0], &own[1..], "127.0.0.1", now));
        assert!(accepts(
            &own[0],
            &[foreign[1].clone(), own[1].clone()],
            "localhost",
            now
        ));
        assert!(!accepts(&own[0], &own[1..], "elsewhere.example", now));
        assert!(!accepts(&own[0], &own[1..], "localhost", now + 1_001));
        assert!(!accepts(&own[0], &[], "localhost", now));
        assert!(!accepts(&foreign[0], &foreign[1..], "localhost", now));
        // The pinned certificate is public: sending it along proves nothing.
        assert!(!accepts(&foreign[0], &own[1..], "localhost", now));
        assert!(!accepts(&own[1], &own[1..], "localhost", now));
    }
}
