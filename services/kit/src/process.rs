//! A service as a process: its flags read, its log set up, its router served until a signal, and
//! its end told as an exit code.

use std::fmt::Display;
use std::io;
use std::net::SocketAddr;
use std::process::ExitCode;

use axum::Router;
use clap::Parser;
use tokio::net::TcpListener;

use crate::config::{self, Mistakes};
use crate::serve::{serve, signalled};

/// The flag's address cannot be listened on.
#[derive(Debug, thiserror::Error)]
#[error("--listen: could not listen on {address}")]
pub struct ListenError {
    address: SocketAddr,
    source: io::Error,
}

/// Reads the command line, and runs the service with what it says.
///
/// A usage error exits with 64 before anything is touched; a service that fails, with 1, once its
/// log says why.
pub async fn run<Raw, Config, F, E>(
    ready: impl FnOnce(Raw) -> Result<Config, Mistakes>,
    service: impl FnOnce(Config) -> F,
) -> ExitCode
where
    Raw: Parser,
    F: Future<Output = Result<(), E>>,
    E: Display,
{
    let config = match config::read(ready) {
        Ok(config) => config,
        Err(code) => return code,
    };
    config::log();
    match service(config).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // The alternate form of `anyhow` tells the causes, too.
            tracing::error!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Serves a router until the process is asked to end and its last requests are answered.
pub async fn answer(service: &str, address: SocketAddr, router: Router) -> Result<(), ListenError> {
    let failed = |source| ListenError { address, source };
    let listener = TcpListener::bind(address).await.map_err(failed)?;
    let stop = signalled();
    let listen = listener.local_addr().map_err(failed)?;
    tracing::info!(%listen, "{service} is up");
    serve(listener, router, stop).await.map_err(failed)
}
