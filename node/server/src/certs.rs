//! A cluster's own certificate authority.
//!
//! Whoever holds a certificate of it belongs to the cluster; there is no other way in, and no list to keep. It is made
//! by one call and kept in one folder, away from the nodes: they need its certificate, never its key.
//!
//! Certificates are valid from 1975 to 4096. A cluster that is put on trial has its clocks bent, and an expiry that a
//! bent clock crosses would be a fault that nobody asked for.

use std::path::Path;

use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, PKCS_ED25519,
};
use rustls::pki_types::PrivatePkcs8KeyDer;

use crate::identity::{self, AUTHORITY_FILE, Identity, IdentityError, Pem, Role};

const AUTHORITY_KEY_FILE: &str = "ca-key.pem";

/// The longest name of a holder: what one label of a DNS name takes.
const NAME_BYTES_MAX: usize = 63;

/// What comes before the seed in the PKCS #8 form of an Ed25519 key (RFC 8410, section 7).
const ED25519_PKCS8_BEFORE_SEED: &[u8] = &[
    0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20,
];

/// A certificate authority, with its private key.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    certificate: String,
}

/// An authority that can't be made, loaded or saved, or a certificate that it can't issue.
#[derive(Debug, thiserror::Error)]
pub enum CertsError {
    /// A name that no certificate can carry.
    #[error("{0:?} is no name for a certificate: 1 to {NAME_BYTES_MAX} of a-z, 0-9 and -, not - at either end")]
    Name(String),
    /// Keys or certificates can't be made, or the authority's key can't be read.
    #[error("make a certificate, or load the authority that makes it")]
    Authority(#[from] rcgen::Error),
    /// A file can't be read or written.
    #[error(transparent)]
    Identity(#[from] IdentityError),
}

impl Authority {
    /// Makes an authority that nobody trusts yet.
    ///
    /// # Errors
    /// [`CertsError::Authority`] if the system has no randomness.
    pub fn create() -> Result<Authority, CertsError> {
        let key = KeyPair::generate_for(&PKCS_ED25519)?;
        let certificate = parameters().self_signed(&key)?.pem();
        Ok(Authority {
            issuer: Issuer::new(parameters(), key),
            certificate,
        })
    }

    /// Loads the authority that [`Authority::save`] left in a folder.
    ///
    /// # Errors
    /// [`CertsError`] if a file is missing or is not what its name says.
    pub fn load(folder: &Path) -> Result<Authority, CertsError> {
        let key = KeyPair::from_pem(&identity::read(&folder.join(AUTHORITY_KEY_FILE))?)?;
        Ok(Authority {
            issuer: Issuer::new(parameters(), key),
            certificate: identity::read(&folder.join(AUTHORITY_FILE))?,
        })
    }

    /// Saves `ca.pem` and `ca-key.pem` in a folder, which is made if it is missing.
    ///
    /// # Errors
    /// [`CertsError::Identity`] if one can't be written.
    pub fn save(&self, folder: &Path) -> Result<(), CertsError> {
        identity::make_folder(folder)?;
        identity::write(&folder.join(AUTHORITY_FILE), &self.certificate, identity::PUBLIC)?;
        let key = self.issuer.key().serialize_pem();
        identity::write(&folder.join(AUTHORITY_KEY_FILE), &key, identity::SECRET)?;
        Ok(())
    }

    /// Makes a key, and a certificate for it. Two calls make two identities, whatever the name.
    ///
    /// # Errors
    /// [`CertsError::Name`] if `name` is not a label of a DNS name.
    pub fn issue(&self, role: Role, name: &str) -> Result<Identity, CertsError> {
        self.issue_for(&KeyPair::generate_for(&PKCS_ED25519)?, role, name)
    }

    /// Makes a certificate for the Ed25519 key of this seed (RFC 8032, section 5.1.5). Whoever knows the seed can be its
    /// holder: it is for clusters that live as long as a test, whose nodes are to be the same in each.
    ///
    /// # Errors
    /// As [`Authority::issue`].
    pub fn issue_for_seed(&self, seed: &[u8; 32], role: Role, name: &str) -> Result<Identity, CertsError> {
        let document = [ED25519_PKCS8_BEFORE_SEED, seed].concat();
        let key = KeyPair::from_pkcs8_der_and_sign_algo(&PrivatePkcs8KeyDer::from(document), &PKCS_ED25519)?;
        self.issue_for(&key, role, name)
    }

    fn issue_for(&self, key: &KeyPair, role: Role, name: &str) -> Result<Identity, CertsError> {
        if !is_label(name) {
            return Err(CertsError::Name(name.to_owned()));
        }
        let names = vec![role.dns_name().to_owned(), format!("{name}.{}", role.dns_name())];
        let mut parameters = CertificateParams::new(names)?;
        parameters.distinguished_name = common_name(name);
        parameters.is_ca = IsCa::ExplicitNoCa;
        parameters.extended_key_usages = match role {
            Role::Node => vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth],
            Role::Client | Role::Admin => vec![ExtendedKeyUsagePurpose::ClientAuth],
        };
        let certificate = parameters.signed_by(key, &self.issuer)?;
        let identity = Identity::from_pem(Pem {
            authority: self.certificate.clone(),
            certificate: certificate.pem(),
            key: key.serialize_pem(),
        })?;
        assert_eq!(
            identity.subject().role,
            role,
            "a certificate says what it was asked to say"
        );
        Ok(identity)
    }
}

impl std::fmt::Debug for Authority {
    /// Leaves the key out.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Authority").finish_non_exhaustive()
    }
}

/// The same for every authority, so that an issuer can be rebuilt from its key. What tells two authorities apart is
/// their keys.
fn parameters() -> CertificateParams {
    let mut parameters = CertificateParams::default();
    parameters.distinguished_name = common_name("quorate cluster authority");
    parameters.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    parameters.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    parameters
}

fn common_name(name: &str) -> DistinguishedName {
    let mut distinguished = DistinguishedName::new();
    distinguished.push(DnType::CommonName, name);
    distinguished
}

fn is_label(name: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (1..=NAME_BYTES_MAX).contains(&name.len())
        && name.bytes().all(allowed)
        && !name.starts_with('-')
        && !name.ends_with('-')
}
