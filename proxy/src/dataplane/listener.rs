//! A service on a socket that is bound already, which is drained when we say so.
//!
//! Pingora binds when it starts, and panics when it can't. A socket that is bound before gives a
//! sentence instead of a panic, and a port of the system's choice. It is handed over through the
//! table of inherited sockets, where Pingora looks first.
//!
//! Pingora's word that it shuts down is replaced by another: after its own it would sleep for a fixed
//! time, and then cut what is under way.

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
    drains: ShutdownWatch,
}

impl<S> Bound<S> {
    /// `service` must have been told to listen on `address`, the socket's own. It takes no more
    /// connections once `drains` says so.
    pub(crate) fn new(
        service: S,
        address: SocketAddr,
        socket: TcpListener,
        drains: ShutdownWatch,
    ) -> Self {
        Self {
            service,
            address,
            socket: Some(socket),
            drains,
        }
    }
}

#[async_trait]
impl<S: ServiceWithDependents> ServiceWithDependents for Bound<S> {
    async fn start_service(
        &mut self,
        fds: Option<ListenFds>,
        _shutdown: ShutdownWatch,
        listeners_per_fd: usize,
        ready: ServiceReadyNotifier,
    ) {
        if let (Some(fds), Some(socket)) = (&fds, self.socket.take()) {
            fds.lock()
                .add(self.address.to_string(), socket.into_raw_fd());
        }
        self.service
            .start_service(fds, self.drains.clone(), listeners_per_fd, ready)
            .await;
    }

    fn name(&self) -> &str {
        self.service.name()
    }

    fn threads(&self) -> Option<usize> {
        self.service.threads()
    }
}
