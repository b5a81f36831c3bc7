//! Serves a router until told to stop, then lets the requests in flight finish.
//!
//! Connections, the time for a request's head, and the time for stopping are bounded, so that no
//! client holds the service: `axum::serve` bounds none of them.

use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Connections open at one time; the next wait in the listener's queue.
const CONNECTIONS: usize = 4096;

/// How long a connection may be silent before and within a request's head. Whoever pools
/// connections to a service lets them go sooner, or now and then meets one just closed.
const HEAD_TIMEOUT: Duration = Duration::from_mins(1);

/// How long the requests in flight have once the service stops.
const DRAIN: Duration = Duration::from_secs(10);

/// A pause after a failed accept, which is mostly a process out of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Answers requests until `shutdown` is done, then those in flight, for ten seconds at most.
///
/// Ends early with an error only when the listener itself is broken.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    shutdown: impl Future<Output = ()>,
) -> io::Result<()> {
    let connections = Arc::new(Semaphore::new(CONNECTIONS));
    let graceful = GracefulShutdown::new();
    let mut shutdown = pin!(shutdown);
    loop {
        let accepted = tokio::select! {
            () = &mut shutdown => break,
            accepted = accept(&listener, &connections) => accepted,
        };
        match accepted {
            Ok((stream, permit)) => spawn(stream, permit, router.clone(), &graceful),
            Err(error) if is_the_connections(&error) => {}
            Err(error) => {
                tracing::warn!(%error, "could not accept a connection");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    // Whoever connects from now on is refused at once instead of waiting in the queue.
    drop(listener);
    if tokio::time::timeout(DRAIN, graceful.shutdown())
        .await
        .is_err()
    {
        tracing::warn!("requests were still in flight after {DRAIN:?}");
    }
    Ok(())
}

/// Done when the process is asked to end: Ctrl-C, or SIGTERM from whatever runs it.
///
/// Watches from the call on, so that a signal which comes before the first poll is not lost.
pub fn signalled() -> impl Future<Output = ()> {
    let (interrupt, terminate) = (
        watch(SignalKind::interrupt()),
        watch(SignalKind::terminate()),
    );
    async {
        tokio::select! {
            () = interrupt => {}
            () = terminate => {}
        }
    }
}

fn watch(kind: SignalKind) -> impl Future<Output = ()> {
    let watched = signal(kind);
    async move {
        match watched {
            Ok(mut signal) => drop(signal.recv().await),
            Err(error) => {
                tracing::warn!(%error, ?kind, "a signal cannot be watched");
                std::future::pending::<()>().await;
            }
        }
    }
}

async fn accept(
    listener: &TcpListener,
    connections: &Arc<Semaphore>,
) -> io::Result<(TcpStream, OwnedSemaphorePermit)> {
    let permit = connections
        .clone()
        .acquire_owned()
        .await
        .map_err(io::Error::other)?;
    let (stream, _) = listener.accept().await?;
    Ok((stream, permit))
}

fn spawn(
    stream: TcpStream,
    permit: OwnedSemaphorePermit,
    router: Router,
    graceful: &GracefulShutdown,
) {
    // Small answers should not wait for Nagle; a socket that refuses this still serves.
    let _ = stream.set_nodelay(true);
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
    let connection = graceful.watch(connection);
    tokio::spawn(async move {
        let _permit = permit;
        if let Err(error) = connection.await {
            tracing::debug!(%error, "a connection broke");
        }
    });
}

/// Errors that concern one connection that never came to be, not the listener.
fn is_the_connections(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(
        error.kind(),
        ConnectionAborted | ConnectionRefused | ConnectionReset
    )
}

#[cfg(test)]
mod tests {
    use axum::routing::get;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::sync::{Notify, oneshot};

    use super::*;

    const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nhost: test\r\n\r\n";

    /// A service whose one answer waits for a word, and what says that a request has come.
    fn patient() -> (Router, Arc<Notify>, Arc<Notify>) {
        let (come, go) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let (inner_come, inner_go) = (come.clone(), go.clone());
        let handler = async move || {
            inner_come.notify_one();
            inner_go.notified().await;
            "done"
        };
        (Router::new().route("/", get(handler)), come, go)
    }

    #[tokio::test]
    async fn what_is_no_request_is_refused_and_the_next_client_served() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let router = Router::new().route("/", get(async || "done"));
        tokio::spawn(serve(listener, router, std::future::pending()));
        let endless_head = format!("GET / HTTP/1.1\r\nx: {}\r\n\r\n", "x".repeat(1_000_000));
        for request in [
            "garbage\r\n\r\n",
            "GET / HTTP/9\r\n\r\n",
            "\0\0\0\0\r\n\r\n",
            &endless_head,
        ] {
            let mut stream = TcpStream::connect(address).await.unwrap();
            // The service may close before it has read everything.
            let _ = stream.write_all(request.as_bytes()).await;
            let mut answer = Vec::new();
            let _ = stream.read_to_end(&mut answer).await;
            assert!(
                answer.is_empty() || answer.starts_with(b"HTTP/1.1 4"),
                "{request:.20}"
            );
        }
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(REQUEST).await.unwrap();
        let mut answer = [0; 12];
        stream.read_exact(&mut answer).await.unwrap();
        assert_eq!(&answer, b"HTTP/1.1 200");
    }

    #[tokio::test]
    async fn a_request_in_flight_is_finished_and_a_new_one_refused() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (router, come, go) = patient();
        let (stop, stopped) = oneshot::channel::<()>();
        let served = tokio::spawn(serve(listener, router, async move { drop(stopped.await) }));
        let mut stream = TcpStream::connect(address).await.unwrap();
        let mut idle = TcpStream::connect(address).await.unwrap();
        stream.write_all(REQUEST).await.unwrap();
        come.notified().await;
        drop(stop);
        // The idle connection is closed first, so the listener is gone once it is.
        assert_eq!(idle.read(&mut [0; 1]).await.unwrap_or(0), 0);
        assert!(TcpStream::connect(address).await.is_err());
        assert!(!served.is_finished());
        go.notify_one();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        assert!(
            answer.starts_with("HTTP/1.1 200") && answer.ends_with("done"),
            "{answer}"
        );
        served.await.unwrap().unwrap();
    }
}
