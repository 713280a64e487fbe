//! TLS 1.3, both sides with a certificate of the cluster's authority, and nothing else.
//!
//! A server must carry the role of a node: its role's name is the name that is dialled. A client may carry any role;
//! what it may ask is decided by whoever reads its requests. Sessions are not resumed, and so there is no early data:
//! a replayed write must not be possible (NODE.md, SEC-3).

use std::sync::Arc;

use quinn::crypto::rustls::{QuicClientConfig, QuicServerConfig};
use rustls::{
    ClientConfig, RootCertStore, ServerConfig, client::Resumption, crypto::CryptoProvider,
    server::WebPkiClientVerifier, version::TLS13,
};

use crate::{hello::PROTOCOL_VERSION, identity::Identity};

/// The protocol's name, with its version.
fn protocol() -> Vec<u8> {
    format!("quorate/{PROTOCOL_VERSION}").into_bytes()
}

/// An identity that TLS can't use.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// The key is not the certificate's, or one of them is of a kind that is not supported.
    #[error("use the certificate and its key")]
    Identity(#[from] rustls::Error),
    /// The authority's certificate can't anchor any trust.
    #[error("trust the authority")]
    Authority(#[from] rustls::server::VerifierBuilderError),
}

/// What a node shows those who dial it, and asks of them.
pub(crate) fn server_config(identity: &Identity) -> Result<QuicServerConfig, TlsError> {
    let provider = provider();
    let verifier =
        WebPkiClientVerifier::builder_with_provider(Arc::new(roots(identity)?), Arc::clone(&provider)).build()?;
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&TLS13])?
        .with_client_cert_verifier(verifier)
        .with_single_cert(vec![identity.certificate()], identity.key())?;
    config.alpn_protocols = vec![protocol()];
    config.send_tls13_tickets = 0;
    Ok(QuicServerConfig::try_from(config).expect("the provider has QUIC's initial cipher suite"))
}

/// What whoever dials a node shows it, and asks of it.
pub(crate) fn client_config(identity: &Identity) -> Result<QuicClientConfig, TlsError> {
    let mut config = ClientConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&TLS13])?
        .with_root_certificates(roots(identity)?)
        .with_client_auth_cert(vec![identity.certificate()], identity.key())?;
    config.alpn_protocols = vec![protocol()];
    config.resumption = Resumption::disabled();
    Ok(QuicClientConfig::try_from(config).expect("the provider has QUIC's initial cipher suite"))
}

fn roots(identity: &Identity) -> Result<RootCertStore, rustls::Error> {
    let mut roots = RootCertStore::empty();
    roots.add(identity.authority())?;
    Ok(roots)
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}
