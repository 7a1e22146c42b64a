//! Whom egress trusts: the machine's roots and those a cluster's policy adds, and nothing can be
//! switched off (H53).

use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use tracing::warn;

/// Why no TLS configuration could be made.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// The text is no sequence of PEM certificates.
    #[error("extra root certificates are not readable as PEM")]
    UnreadableRoots,
    /// A certificate cannot serve as a root.
    #[error("an extra root certificate is not usable: {0}")]
    UnusableRoot(rustls::Error),
    /// The TLS library refused its own defaults.
    #[error("no usable TLS versions: {0}")]
    Versions(rustls::Error),
}

/// Returns the client configuration for HTTP and WebSockets: verification always on, HTTP/1.1 only.
///
/// `extra_roots_pem` adds roots, e.g. the local authority of simulators. Without any root (a bare
/// image) every handshake fails as [`crate::ConnectFault::Tls`], which is logged here once.
///
/// # Errors
///
/// When `extra_roots_pem` is not PEM, or holds a certificate that is not a usable root.
pub fn client_config(extra_roots_pem: Option<&[u8]>) -> Result<Arc<ClientConfig>, TlsError> {
    let mut roots = RootCertStore::empty();
    let native = rustls_native_certs::load_native_certs();
    let (_, unusable) = roots.add_parsable_certificates(native.certs);
    if let Some(pem) = extra_roots_pem {
        for root in CertificateDer::pem_slice_iter(pem) {
            let root = root.map_err(|_| TlsError::UnreadableRoots)?;
            roots.add(root).map_err(TlsError::UnusableRoot)?;
        }
    }
    if roots.is_empty() {
        warn!(
            unusable,
            "no root certificates found, every TLS handshake will fail"
        );
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(TlsError::Versions)?
        .with_root_certificates(roots)
        .with_no_client_auth();
    // HTTP/1.1 alone: one request a connection at a time, so that a broken connection leaves at
    // most one outcome unknown, and no GOAWAY or REFUSED_STREAM invites a replay (F04).
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}
