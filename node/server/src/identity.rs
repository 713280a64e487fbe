//! Who somebody is: a certificate of the cluster's authority, the key that goes with it, and what the certificate says.
//!
//! A certificate says two things that count: a role, as a DNS name that all of that role share, and a public key,
//! whose digest is the holder's id. Names, addresses and ports identify nobody: a node behind a switch or a new port
//! is still the node that holds the key. The key lies in the node's data folder, so that a lost disk is a lost
//! identity, and a node that comes back without its data comes back as a stranger (NODE.md, A7).

use std::{
    fmt, fs,
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use quorate_core::NodeId;
use rustls::pki_types::{CertificateDer, DnsName, PrivateKeyDer, ServerName, pem::PemObject};
use webpki::EndEntityCert;

/// The authority's certificate, in an identity's folder and in the authority's own.
pub(crate) const AUTHORITY_FILE: &str = "ca.pem";
const CERTIFICATE_FILE: &str = "cert.pem";
const KEY_FILE: &str = "key.pem";

/// What the holder of a certificate may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Be a replica: serve, and talk to other nodes.
    Node,
    /// Read and write.
    Client,
    /// What a client may, and ask about or move the nodes themselves.
    Admin,
}

impl Role {
    /// Every role.
    pub const ALL: [Role; 3] = [Role::Node, Role::Client, Role::Admin];

    /// The DNS name that every certificate of this role carries. One below it names the holder, so that no choice of
    /// a name can make a role.
    pub fn dns_name(self) -> &'static str {
        match self {
            Role::Node => "node.quorate.internal",
            Role::Client => "client.quorate.internal",
            Role::Admin => "admin.quorate.internal",
        }
    }
}

/// Whom a certificate is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Subject {
    /// What its holder may do.
    pub role: Role,
    /// The first eight bytes, big endian, of the SHA-256 of the certificate's SubjectPublicKeyInfo.
    pub id: NodeId,
}

impl Subject {
    /// Reads a certificate. Whether it is to be trusted is another question, which TLS answers.
    ///
    /// # Errors
    /// [`SubjectError`] if it is not a certificate, or not one of exactly one role.
    pub fn of(certificate: &CertificateDer<'_>) -> Result<Subject, SubjectError> {
        let certificate = EndEntityCert::try_from(certificate).map_err(SubjectError::Certificate)?;
        let carries = |role: &Role| {
            let name = DnsName::try_from(role.dns_name()).expect("a role's name is a DNS name");
            let name = ServerName::DnsName(name);
            certificate.verify_is_valid_for_subject_name(&name).is_ok()
        };
        let mut roles = Role::ALL.into_iter().filter(carries);
        let role = roles.next().ok_or(SubjectError::Role)?;
        if roles.next().is_some() {
            return Err(SubjectError::Role);
        }
        let digest = ring::digest::digest(&ring::digest::SHA256, &certificate.subject_public_key_info());
        let first = digest.as_ref().first_chunk().expect("a SHA-256 digest has 32 bytes");
        Ok(Subject {
            role,
            id: NodeId(u64::from_be_bytes(*first)),
        })
    }
}

/// A certificate that says nothing about its holder.
#[derive(Debug, thiserror::Error)]
pub enum SubjectError {
    /// It can't be read.
    #[error("not a certificate: {0}")]
    Certificate(webpki::Error),
    /// It names no role, or more than one.
    #[error("a certificate of no single role")]
    Role,
}

/// A certificate with its private key, and the authority that both ends trust.
pub struct Identity {
    pem: Pem,
    authority: CertificateDer<'static>,
    certificate: CertificateDer<'static>,
    key: PrivateKeyDer<'static>,
    subject: Subject,
}

/// What is in the three files of an identity.
pub(crate) struct Pem {
    pub(crate) authority: String,
    pub(crate) certificate: String,
    pub(crate) key: String,
}

/// An identity that can't be loaded or saved.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    /// A file can't be read or written.
    #[error("{}: {error}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// A file does not hold what its name says.
    #[error("{file}: not PEM of its kind: {error}")]
    Pem {
        /// Its name.
        file: &'static str,
        /// What is wrong with it.
        error: rustls::pki_types::pem::Error,
    },
    /// The certificate says nothing about its holder.
    #[error(transparent)]
    Subject(#[from] SubjectError),
}

impl Identity {
    /// Loads `ca.pem`, `cert.pem` and `key.pem` from a folder.
    ///
    /// # Errors
    /// [`IdentityError`] if one is missing, unreadable or not what its name says.
    pub fn load(folder: &Path) -> Result<Identity, IdentityError> {
        Identity::from_pem(Pem {
            authority: read(&folder.join(AUTHORITY_FILE))?,
            certificate: read(&folder.join(CERTIFICATE_FILE))?,
            key: read(&folder.join(KEY_FILE))?,
        })
    }

    pub(crate) fn from_pem(pem: Pem) -> Result<Identity, IdentityError> {
        let certificate: CertificateDer<'_> = parse(CERTIFICATE_FILE, &pem.certificate)?;
        Ok(Identity {
            authority: parse(AUTHORITY_FILE, &pem.authority)?,
            key: parse(KEY_FILE, &pem.key)?,
            subject: Subject::of(&certificate)?,
            certificate,
            pem,
        })
    }

    /// Saves the three files in a folder, which is made if it is missing. The key can be read by its owner alone.
    ///
    /// # Errors
    /// [`IdentityError::File`] if one can't be written.
    pub fn save(&self, folder: &Path) -> Result<(), IdentityError> {
        make_folder(folder)?;
        write(&folder.join(AUTHORITY_FILE), &self.pem.authority, PUBLIC)?;
        write(&folder.join(CERTIFICATE_FILE), &self.pem.certificate, PUBLIC)?;
        write(&folder.join(KEY_FILE), &self.pem.key, SECRET)
    }

    /// Whom it is for.
    pub fn subject(&self) -> Subject {
        self.subject
    }

    pub(crate) fn authority(&self) -> CertificateDer<'static> {
        self.authority.clone()
    }

    pub(crate) fn certificate(&self) -> CertificateDer<'static> {
        self.certificate.clone()
    }

    pub(crate) fn key(&self) -> PrivateKeyDer<'static> {
        self.key.clone_key()
    }
}

impl fmt::Debug for Identity {
    /// Leaves the key out.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity")
            .field("subject", &self.subject)
            .finish_non_exhaustive()
    }
}

/// Mode of a file that anyone may read.
pub(crate) const PUBLIC: u32 = 0o644;

/// Mode of a file that holds a key.
pub(crate) const SECRET: u32 = 0o600;

pub(crate) fn read(path: &Path) -> Result<String, IdentityError> {
    fs::read_to_string(path).map_err(|error| file_error(path, error))
}

pub(crate) fn make_folder(folder: &Path) -> Result<(), IdentityError> {
    fs::create_dir_all(folder).map_err(|error| file_error(folder, error))
}

/// Writes a file that is not there yet under this mode, and one that is under the mode that it has.
pub(crate) fn write(path: &Path, text: &str, mode: u32) -> Result<(), IdentityError> {
    let mut options = fs::OpenOptions::new();
    let file = options.write(true).create(true).truncate(true).mode(mode).open(path);
    file.and_then(|mut file| file.write_all(text.as_bytes()))
        .map_err(|error| file_error(path, error))
}

fn parse<T: PemObject>(file: &'static str, text: &str) -> Result<T, IdentityError> {
    T::from_pem_slice(text.as_bytes()).map_err(|error| IdentityError::Pem { file, error })
}

fn file_error(path: &Path, error: io::Error) -> IdentityError {
    IdentityError::File {
        path: path.to_owned(),
        error,
    }
}
