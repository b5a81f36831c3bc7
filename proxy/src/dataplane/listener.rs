//! A service on a socket that is bound already.
//!
//! Pingora binds when it starts, and panics when it can't. A socket that is bound before gives a
//! sentence instead of a panic, and a port of the system's choice. It is handed over through the
//! table of inherited sockets, where Pingora looks first.

use async_trait::async_trait;
use pingora::server::{ListenFds, ShutdownWatch};
use pingora::services::{ServiceReadyNotifier, ServiceWithDependents};
use std::net::{SocketAddr, TcpListener};
use std::os::fd::IntoRawFd;

/// A service together with the socket that it will listen on.
pub(crate) struct Bound<S> {
    service: S,
    address: SocketAddr,
    socket: Option<TcpListener>,
}

impl<S> Bound<S> {
    /// `service` must have been told to listen on `address`, the socket's own.
    pub(crate) fn new(service: S, address: SocketAddr, socket: TcpListener) -> Self {
        Self {
            service,
            address,
            socket: Some(socket),
        }
    }
}

#[async_trait]
impl<S: ServiceWithDependents> ServiceWithDependents for Bound<S> {
    async fn start_service(
        &mut self,
        fds: Option<ListenFds>,
        shutdown: ShutdownWatch,
        listeners_per_fd: usize,
        ready: ServiceReadyNotifier,
    ) {
        if let (Some(fds), Some(socket)) = (&fds, self.socket.take()) {
            fds.lock()
                .add(self.address.to_string(), socket.into_raw_fd());
        }
        self.service
            .start_service(fds, shutdown, listeners_per_fd, ready)
            .await;
    }

    fn name(&self) -> &str {
        self.service.name()
    }

    fn threads(&self) -> Option<usize> {
        self.service.threads()
    }
}
