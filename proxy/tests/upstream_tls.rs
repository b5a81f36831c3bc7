//! Upstreams behind TLS: asked only when their certificate is trusted and names them.
#![allow(clippy::unwrap_used, reason = "a test that can't be set up fails")]

mod common;

use common::{Answer, client, one_route, process, send};
use http::Request;
use rcgen::{CertificateParams, CertifiedIssuer, KeyPair};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

/// A server at `address` whose certificate names `legacy.test`, and the file of its authority.
async fn tls_backend(folder: &Path) -> (SocketAddr, std::path::PathBuf) {
    let authority_key = KeyPair::generate().unwrap();
    let authority = CertifiedIssuer::self_signed(authority(), authority_key).unwrap();
    let key = KeyPair::generate().unwrap();
    let names = CertificateParams::new(["legacy.test".to_owned()]).unwrap();
    let certificate = names.signed_by(&key, &authority).unwrap();
    let file = folder.join("authority.pem");
    std::fs::write(&file, authority.pem()).unwrap();

    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                let mut stream = acceptor.accept(stream).await?;
                let mut request = [0; 4096];
                while stream.read(&mut request).await? > 0 {
                    let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nsecret";
                    stream.write_all(answer).await?;
                    stream.flush().await?;
                }
                std::io::Result::Ok(())
            });
        }
    });
    (address, file)
}

fn authority() -> CertificateParams {
    let mut params = CertificateParams::default();
    params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    params
}

/// What the client gets when the peer is asked under this name.
async fn asked(name: &str, trust: bool) -> Answer {
    let folder = TempDir::new().unwrap();
    let (address, authority) = tls_backend(folder.path()).await;
    let peers = format!("peers = [\"{address}\"]");
    let tls = format!("{peers}\ntls = true\nsni = \"{name}\"");
    let routes = one_route(address, address, "shadow", "").replace(&peers, &tls);
    std::fs::write(folder.path().join("routes.toml"), routes).unwrap();
    // A process of its own, because what it trusts is read from its environment.
    let mut command = process::program();
    command.envs(trust.then_some(("SSL_CERT_FILE", &authority)));
    let (_process, address, _) = process::proxy(folder.path(), command);
    let request = Request::get("/orders/1");
    send(&client(), address, request, "").await.unwrap()
}

#[tokio::test]
async fn a_peer_with_a_trusted_certificate_of_its_name_is_asked() {
    let answer = asked("legacy.test", true).await;
    assert_eq!((answer.status, answer.body.as_str()), (200, "secret"));
}

#[tokio::test]
async fn a_peer_with_another_name_s_certificate_is_not_asked() {
    let answer = asked("other.test", true).await;
    assert_eq!(answer.status, 502, "{answer:?}");
}

#[tokio::test]
async fn a_peer_whose_certificate_nobody_vouches_for_is_not_asked() {
    let answer = asked("legacy.test", false).await;
    assert_eq!(answer.status, 502, "{answer:?}");
}
