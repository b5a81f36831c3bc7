//! Upstreams behind TLS: asked only when their certificate is trusted and names them.
#![allow(clippy::unwrap_used, reason = "a test that can't be set up fails")]

mod common;

use common::{Answer, client, one_route, send};
use http::Request;
use rcgen::{CertificateParams, CertifiedIssuer, KeyPair};
use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
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

/// The program itself, because what it trusts is read from its environment.
struct Program {
    process: Child,
    address: SocketAddr,
}

impl Program {
    fn start(folder: &Path, routes: &str, trusted: Option<&Path>) -> Self {
        std::fs::write(folder.join("routes.toml"), routes).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_cutover"));
        command
            .args([
                "proxy",
                "--listen",
                "127.0.0.1:0",
                "--control",
                "127.0.0.1:0",
            ])
            .current_dir(folder)
            .stdout(Stdio::piped());
        if let Some(file) = trusted {
            command.env("SSL_CERT_FILE", file);
        }
        let mut process = command.spawn().unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        let address = line.trim().rsplit('/').next().unwrap().parse().unwrap();
        Self { process, address }
    }

    async fn get(&self) -> Answer {
        send(&client(), self.address, Request::get("/orders/1"), "")
            .await
            .unwrap()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// What the client gets when the peer is asked under this name.
async fn asked(name: &str, trust: bool) -> Answer {
    let folder = TempDir::new().unwrap();
    let (address, authority) = tls_backend(folder.path()).await;
    let peers = format!("peers = [\"{address}\"]");
    let tls = format!("{peers}\ntls = true\nsni = \"{name}\"");
    let routes = one_route(address, address, "shadow", "").replace(&peers, &tls);
    let trusted = trust.then_some(authority.as_path());
    Program::start(folder.path(), &routes, trusted).get().await
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
