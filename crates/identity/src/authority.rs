//! The coordinator's certificate authority, which certifies nodes and its own node-facing server.
//! From a request it takes the public key and nothing else: every other field is ours.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::time::Duration;

use jiff::Timestamp;
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyPair, KeyUsagePurpose, PKCS_ECDSA_P256_SHA256, PublicKeyData, SanType, SerialNumber,
    SubjectPublicKeyInfo,
};
use ring::rand::{SecureRandom, SystemRandom};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, CertificateSigningRequestDer, PrivateKeyDer};
use x509_parser::certification_request::X509CertificationRequest;
use x509_parser::prelude::FromDer as _;

use crate::certificate::{NODE_URI_PREFIX, der_of_pem, parse, pem_of_certificate};
use crate::organisation::check_organisation;
use crate::{AuthorityCertificate, Fingerprint, IdentityError, TlsKey, hex, key_files};

const CERTIFICATE_FILE: &str = "ca.pem";
const KEY_FILE: &str = "ca.key";
/// Ten years: the fingerprint is pinned by hand in every node, so it changes seldom.
const AUTHORITY_VALIDITY: Duration = Duration::from_secs(10 * 365 * 86_400);
/// Clocks of office computers differ; a fresh certificate must not look as if from the future.
const CLOCK_ALLOWANCE: Duration = Duration::from_secs(5 * 60);
/// A P-256 request has under 1 KiB; more is not parsed.
const LARGEST_REQUEST_BYTES: usize = 8 * 1024;

/// A certificate authority with its private key.
pub struct Authority {
    certificate: AuthorityCertificate,
    issuer: Issuer<'static, KeyPair>,
}

/// A certificate that the authority made.
#[derive(Clone, Debug)]
pub struct IssuedCertificate {
    /// The certificate as PEM text.
    pub pem: String,
    /// Its random serial number, 32 lower-case hexadecimal digits.
    pub serial_hex: String,
    /// SHA-256 of its DER bytes.
    pub fingerprint: Fingerprint,
    /// Valid from this moment on.
    pub not_before: Timestamp,
    /// Not valid after this moment.
    pub not_after: Timestamp,
}

/// The node-facing server's key and certificate chain, the authority's certificate last.
pub struct ServerIdentity {
    pub(crate) chain: Vec<CertificateDer<'static>>,
    pub(crate) key: PrivateKeyDer<'static>,
    /// The server's own certificate.
    pub issued: IssuedCertificate,
}

impl Authority {
    /// Makes an authority and writes `ca.key` (mode 0600) and `ca.pem` into the directory, which must
    /// exist. Its name holds random digits, so that two authorities never share a name.
    ///
    /// # Errors
    /// [`IdentityError::AlreadyExists`] if either file is there, [`IdentityError::File`],
    /// [`IdentityError::NoRandomness`], [`IdentityError::Certificate`].
    pub fn create(dir: &Path, now: Timestamp) -> Result<Self, IdentityError> {
        let certificate_path = dir.join(CERTIFICATE_FILE);
        if certificate_path.symlink_metadata().is_ok() {
            return Err(IdentityError::AlreadyExists(certificate_path));
        }
        let mut params = template(now, AUTHORITY_VALIDITY)?.params;
        let distinguishing = hex::encode(&random::<4>()?);
        params.distinguished_name.push(
            DnType::CommonName,
            format!("Welfare Intelligence authority {distinguishing}"),
        );
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let key = TlsKey::create(&dir.join(KEY_FILE))?;
        let certificate = params
            .self_signed(key.pair())
            .map_err(IdentityError::Certificate)?;
        key_files::write_new_public(
            &certificate_path,
            pem_of_certificate(certificate.der()).as_bytes(),
        )?;
        Self::new(certificate.der().clone(), key)
    }

    /// Reads what [`Authority::create`] wrote.
    ///
    /// # Errors
    /// [`IdentityError::File`], [`IdentityError::InvalidKey`] or
    /// [`IdentityError::InvalidCertificate`], also when key and certificate do not belong together.
    pub fn load(dir: &Path) -> Result<Self, IdentityError> {
        let certificate = der_of_pem(&key_files::read_text(&dir.join(CERTIFICATE_FILE))?)?;
        Self::new(certificate, TlsKey::load(&dir.join(KEY_FILE))?)
    }

    fn new(der: CertificateDer<'static>, key: TlsKey) -> Result<Self, IdentityError> {
        let certified = parse(&der)?.public_key().raw.to_vec();
        if certified != key.pair().subject_public_key_info() {
            return Err(IdentityError::InvalidCertificate(
                "the authority's key is another one",
            ));
        }
        let issuer =
            Issuer::from_ca_cert_der(&der, key.into_pair()).map_err(IdentityError::Certificate)?;
        Ok(Self {
            certificate: AuthorityCertificate::from_der(der)?,
            issuer,
        })
    }

    /// The authority's certificate.
    pub fn certificate(&self) -> &AuthorityCertificate {
        &self.certificate
    }

    /// Certifies an organisation's node: the public key of the request under our own template
    /// (subject and alternative name are the organisation, client authentication only, no authority,
    /// valid from five minutes before `now` to `validity` after it, a random serial number).
    ///
    /// The caller has checked that whoever sent the request may speak for the organisation.
    ///
    /// # Errors
    /// [`IdentityError::InvalidRequest`] if the request is no P-256 request signed by its own key,
    /// [`IdentityError::InvalidOrganisation`], [`IdentityError::InvalidValidity`],
    /// [`IdentityError::NoRandomness`], [`IdentityError::Certificate`].
    pub fn issue_node(
        &self,
        request_pem: &str,
        organisation: &str,
        validity: Duration,
        now: Timestamp,
    ) -> Result<IssuedCertificate, IdentityError> {
        check_organisation(organisation)?;
        let public_key = requested_key(request_pem)?;
        let mut template = template(now, validity)?;
        let uri = format!("{NODE_URI_PREFIX}{organisation}")
            .try_into()
            .map_err(IdentityError::Certificate)?;
        template.params.subject_alt_names = vec![SanType::URI(uri)];
        template
            .params
            .distinguished_name
            .push(DnType::CommonName, organisation);
        template.params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        let (_, issued) = self.issue(template, &public_key)?;
        Ok(issued)
    }

    /// Makes a key and certificate for the node-facing server: `localhost`, `127.0.0.1` and the given
    /// DNS names and IP addresses; server authentication only. The key stays in memory, so a restart
    /// or a renewal simply makes another one.
    ///
    /// # Errors
    /// [`IdentityError::InvalidAddress`] for a name that is none, and as [`Authority::issue_node`].
    pub fn issue_server(
        &self,
        names: &[&str],
        validity: Duration,
        now: Timestamp,
    ) -> Result<ServerIdentity, IdentityError> {
        let key = TlsKey::ephemeral()?;
        let mut template = template(now, validity)?;
        let mut alternatives = vec![
            server_name("localhost")?,
            SanType::IpAddress(IpAddr::V4(Ipv4Addr::LOCALHOST)),
        ];
        for name in names {
            let alternative = server_name(name)?;
            if !alternatives.contains(&alternative) {
                alternatives.push(alternative);
            }
        }
        template.params.subject_alt_names = alternatives;
        template
            .params
            .distinguished_name
            .push(DnType::CommonName, "Welfare Intelligence coordinator");
        template.params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        let (der, issued) = self.issue(template, key.pair())?;
        Ok(ServerIdentity {
            chain: vec![der, self.certificate.der().clone()],
            key: key.private_der(),
            issued,
        })
    }

    fn issue(
        &self,
        template: Template,
        public_key: &impl PublicKeyData,
    ) -> Result<(CertificateDer<'static>, IssuedCertificate), IdentityError> {
        let mut params = template.params;
        params.is_ca = IsCa::ExplicitNoCa;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.use_authority_key_identifier_extension = true;
        let certificate = params
            .signed_by(public_key, &self.issuer)
            .map_err(IdentityError::Certificate)?;
        let der = certificate.der().clone();
        let issued = IssuedCertificate {
            pem: pem_of_certificate(&der),
            serial_hex: hex::encode(&template.serial),
            fingerprint: Fingerprint::of_der(&der),
            not_before: template.not_before,
            not_after: template.not_after,
        };
        Ok((der, issued))
    }
}

impl fmt::Debug for Authority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authority")
            .field("certificate", &self.certificate)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for ServerIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerIdentity")
            .field("issued", &self.issued)
            .finish_non_exhaustive()
    }
}

struct Template {
    params: CertificateParams,
    serial: [u8; 16],
    not_before: Timestamp,
    not_after: Timestamp,
}

/// Parameters with nothing of the library's defaults left that matters: its default validity runs
/// from 1975 to 4096, its default name is its own.
fn template(now: Timestamp, validity: Duration) -> Result<Template, IdentityError> {
    let now =
        Timestamp::from_second(now.as_second()).map_err(|_| IdentityError::InvalidValidity)?;
    let not_before = now
        .checked_sub(CLOCK_ALLOWANCE)
        .map_err(|_| IdentityError::InvalidValidity)?;
    let not_after = now
        .checked_add(Duration::from_secs(validity.as_secs()))
        .map_err(|_| IdentityError::InvalidValidity)?;
    let mut serial = random::<16>()?;
    // Positive and of full length (RFC 5280, 4.1.2.2), so that it reads the same everywhere; 126
    // random bits remain.
    serial[0] = (serial[0] & 0x3f) | 0x40;
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.serial_number = Some(SerialNumber::from_slice(&serial));
    params.not_before = rcgen::date_time_ymd(1970, 1, 1) + since_1970(not_before)?;
    params.not_after = rcgen::date_time_ymd(1970, 1, 1) + since_1970(not_after)?;
    Ok(Template {
        params,
        serial,
        not_before,
        not_after,
    })
}

fn since_1970(at: Timestamp) -> Result<Duration, IdentityError> {
    u64::try_from(at.as_second())
        .map(Duration::from_secs)
        .map_err(|_| IdentityError::InvalidValidity)
}

fn random<const N: usize>() -> Result<[u8; N], IdentityError> {
    let mut bytes = [0; N];
    SystemRandom::new()
        .fill(&mut bytes)
        .map_err(|_| IdentityError::NoRandomness)?;
    Ok(bytes)
}

fn server_name(name: &str) -> Result<SanType, IdentityError> {
    if let Ok(address) = name.parse::<IpAddr>() {
        return Ok(SanType::IpAddress(address));
    }
    rustls_pki_types::DnsName::try_from(name).map_err(|_| IdentityError::InvalidAddress)?;
    name.to_owned()
        .try_into()
        .map(SanType::DnsName)
        .map_err(|_| IdentityError::InvalidAddress)
}

/// The public key of a request that proves possession of its private key. Whatever else the request
/// asks for is not even read.
fn requested_key(pem: &str) -> Result<SubjectPublicKeyInfo, IdentityError> {
    if pem.len() > LARGEST_REQUEST_BYTES {
        return Err(IdentityError::InvalidRequest("too large"));
    }
    let der = CertificateSigningRequestDer::from_pem_slice(pem.as_bytes())
        .map_err(|_| IdentityError::InvalidRequest("not a PEM certificate request"))?;
    let request = match X509CertificationRequest::from_der(&der) {
        Ok(([], request)) => request,
        _ => return Err(IdentityError::InvalidRequest("not readable as PKCS#10")),
    };
    let key = &request.certification_request_info.subject_pki;
    let info = SubjectPublicKeyInfo::from_der(key.raw)
        .map_err(|_| IdentityError::InvalidRequest("key of an unknown kind"))?;
    if info.algorithm() != &PKCS_ECDSA_P256_SHA256 {
        return Err(IdentityError::InvalidRequest("the key is not a P-256 key"));
    }
    request
        .verify_signature()
        .map_err(|_| IdentityError::InvalidRequest("not signed by its own key"))?;
    Ok(info)
}

#[cfg(test)]
mod tests {
    use x509_parser::extensions::GeneralName;

    use super::*;
    use crate::NodeCertificate;

    const DAY: Duration = Duration::from_secs(86_400);

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn authority() -> (tempfile::TempDir, Authority) {
        let dir = tempfile::tempdir().unwrap();
        let authority = Authority::create(dir.path(), at(1_750_000_000)).unwrap();
        (dir, authority)
    }

    #[test]
    fn a_loaded_authority_is_the_one_created_and_is_not_overwritten() {
        let (dir, made) = authority();
        let read = Authority::load(dir.path()).unwrap();
        assert_eq!(made.certificate(), read.certificate());
        assert!(matches!(
            Authority::create(dir.path(), at(1_750_000_000)),
            Err(IdentityError::AlreadyExists(_))
        ));
        assert!(!format!("{made:?}").contains("key"));
    }

    #[test]
    fn an_authority_with_another_key_is_refused() {
        let (dir, _) = authority();
        std::fs::remove_file(dir.path().join(KEY_FILE)).unwrap();
        TlsKey::create(&dir.path().join(KEY_FILE)).unwrap();
        assert!(Authority::load(dir.path()).is_err());
    }

    #[test]
    fn a_node_certificate_says_what_our_template_says() {
        let (_dir, authority) = authority();
        let request = TlsKey::ephemeral().unwrap().request_pem("caritas").unwrap();
        let now = at(1_760_000_000);
        let issued = authority.issue_node(&request, "caritas", DAY, now).unwrap();
        let read = NodeCertificate::from_pem(&issued.pem).unwrap();
        assert_eq!(read.organisation, "caritas");
        assert_eq!(read.serial_hex, issued.serial_hex);
        assert_eq!(read.serial_hex.len(), 32);
        assert_eq!(read.fingerprint, issued.fingerprint);
        assert_eq!(read.not_before, at(1_760_000_000 - 300));
        assert_eq!(read.not_after, at(1_760_000_000 + 86_400));
        let again = authority.issue_node(&request, "caritas", DAY, now).unwrap();
        assert_ne!(again.serial_hex, issued.serial_hex);
    }

    #[test]
    fn a_request_for_more_than_its_public_key_does_not_get_it() {
        let (_dir, authority) = authority();
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap();
        let mut greedy = CertificateParams::new(vec!["evil.example".to_owned()]).unwrap();
        greedy
            .subject_alt_names
            .push(SanType::URI("wi:node:comune-milano".try_into().unwrap()));
        greedy.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        greedy.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        greedy.extended_key_usages = vec![
            ExtendedKeyUsagePurpose::ServerAuth,
            ExtendedKeyUsagePurpose::Any,
        ];
        greedy.distinguished_name = DistinguishedName::new();
        greedy
            .distinguished_name
            .push(DnType::CommonName, "comune-milano");
        let request = greedy.serialize_request(&key).unwrap().pem().unwrap();

        let issued = authority
            .issue_node(&request, "associazione-ortica", DAY, at(1_760_000_000))
            .unwrap();
        let der = der_of_pem(&issued.pem).unwrap();
        let read = parse(&der).unwrap();
        assert_eq!(read.public_key().raw, key.subject_public_key_info());
        assert!(!read.is_ca());
        assert_eq!(read.subject().to_string(), "CN=associazione-ortica");
        let names = read.subject_alternative_name().unwrap().unwrap().value;
        assert_eq!(
            names.general_names,
            [GeneralName::URI("wi:node:associazione-ortica")]
        );
        let usage = read.key_usage().unwrap().unwrap().value;
        assert!(usage.digital_signature() && !usage.key_cert_sign());
        let extended = read.extended_key_usage().unwrap().unwrap().value;
        assert!(extended.client_auth && !extended.server_auth && !extended.any);
    }

    #[test]
    fn a_request_not_signed_by_its_own_key_is_refused() {
        let (_dir, authority) = authority();
        let request = TlsKey::ephemeral().unwrap().request_pem("caritas").unwrap();
        let mut der = CertificateSigningRequestDer::from_pem_slice(request.as_bytes())
            .unwrap()
            .to_vec();
        let last = der.len() - 1;
        der[last] ^= 1;
        let forged = crate::signing::pem_of("CERTIFICATE REQUEST", &der);
        assert!(matches!(
            authority.issue_node(&forged, "caritas", DAY, at(1_760_000_000)),
            Err(IdentityError::InvalidRequest(_))
        ));
    }

    #[test]
    fn requests_with_other_keys_names_or_sizes_are_refused() {
        let (_dir, authority) = authority();
        let issue = |pem: &str, organisation: &str| {
            authority.issue_node(pem, organisation, DAY, at(1_760_000_000))
        };
        for algorithm in [&rcgen::PKCS_ED25519, &rcgen::PKCS_ECDSA_P384_SHA384] {
            let key = KeyPair::generate_for(algorithm).unwrap();
            let request = CertificateParams::default()
                .serialize_request(&key)
                .unwrap();
            assert!(issue(&request.pem().unwrap(), "caritas").is_err());
        }
        let request = TlsKey::ephemeral().unwrap().request_pem("caritas").unwrap();
        assert!(issue(&request, "not an id").is_err());
        assert!(issue("", "caritas").is_err());
        assert!(issue(&format!("{}{request}", "\n".repeat(9_000)), "caritas").is_err());
    }

    #[test]
    fn a_server_certificate_serves_only_and_its_chain_ends_with_the_authority() {
        let (_dir, authority) = authority();
        let server = authority
            .issue_server(&["nodes.example", "10.1.2.3"], DAY, at(1_760_000_000))
            .unwrap();
        assert_eq!(server.chain.len(), 2);
        assert_eq!(
            Fingerprint::of_der(&server.chain[1]),
            authority.certificate().fingerprint()
        );
        let read = parse(&server.chain[0]).unwrap();
        let extended = read.extended_key_usage().unwrap().unwrap().value;
        assert!(extended.server_auth && !extended.client_auth);
        let names = read.subject_alternative_name().unwrap().unwrap().value;
        assert_eq!(names.general_names.len(), 4);
        assert!(NodeCertificate::from_der(&server.chain[0]).is_err());
        assert!(authority.issue_server(&["a b"], DAY, at(0)).is_err());
    }
}
