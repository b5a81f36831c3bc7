//! The proxy as a whole: start it, and stop it.
//!
//! The data plane runs on Pingora's threads; routes, journal and control API on the runtime that
//! [`start`] is called on.

use crate::clock::Clock;
use crate::control::{self, ControlState, Health};
use crate::dataplane::{Bound, DataPlane};
use crate::exchange::budget::Budget;
use crate::findings;
use crate::guard::Guard;
use crate::ids::Ids;
use crate::journal::{Journal, JournalError};
use crate::key_file::KeyError;
use crate::lanes::Lanes;
use crate::mirror::Mirror;
use crate::outbox::{Outbox, OutboxError};
use crate::outcome::{Ledger, RouteSnapshot};
use crate::routes::{LiveRoutes, LoadError};
use crate::sessions::Sessions;
use async_trait::async_trait;
use pingora::connectors::TransportConnector;
use pingora::server::configuration::ServerConf;
use pingora::server::{RunArgs, Server, ShutdownSignal, ShutdownSignalWatch};
use pingora::services::listening::Service;
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::runtime::Runtime;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// What a proxy needs to start.
#[derive(Clone, Debug)]
pub struct Options {
    /// The file routes.toml.
    pub routes: PathBuf,
    /// Where clients point.
    pub listen: SocketAddr,
    /// Where the control API and the dashboard are.
    pub control: SocketAddr,
    /// The journal's file.
    pub journal: PathBuf,
    /// Threads of the data plane.
    pub threads: usize,
}

/// Why a proxy could not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A port can't be had.
    #[error("cannot listen on {address}: {error}; choose another with {flag}")]
    Listen {
        /// The address asked for.
        address: SocketAddr,
        /// Why.
        error: std::io::Error,
        /// The flag that says otherwise.
        flag: &'static str,
    },
    /// The routes can't be loaded.
    #[error(transparent)]
    Routes(#[from] LoadError),
    /// The journal can't be opened.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The outbox can't be opened.
    #[error(transparent)]
    Outbox(#[from] OutboxError),
    /// There is no key for what is kept of sessions.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The mirror's threads can't be started.
    #[error("cannot start the mirror's threads: {0}")]
    Threads(std::io::Error),
}

/// A running proxy. Dropping it cuts whatever is under way; [`Running::stop`] waits for that first.
pub struct Running {
    /// Where clients point.
    pub address: SocketAddr,
    /// Where the control API is.
    pub control_address: SocketAddr,
    /// The routes.
    pub routes: Arc<LiveRoutes>,
    /// The counts.
    pub ledger: Arc<Ledger>,
    /// The journal.
    pub journal: Journal,
    outbox: Outbox,
    guard: Arc<Guard>,
    in_flight: Arc<AtomicUsize>,
    health: Arc<Health>,
    background: Option<Runtime>,
    /// Whether the data plane takes no more connections; it runs for as long as this is there.
    draining: watch::Sender<bool>,
    tasks: Vec<JoinHandle<()>>,
}

/// The outbox's file, beside the journal's.
const OUTBOX: &str = "outbox.db";

/// The file of the key that sessions are sealed with, beside it.
const SESSIONS_KEY: &str = "sessions.key";

/// The nicest that a thread can be.
const MIRROR_NICENESS: i32 = 19;

/// Starts the proxy.
pub async fn start(options: &Options) -> Result<Running, StartError> {
    start_by(options, Clock::default()).await
}

/// Starts the proxy by a clock of its own.
pub async fn start_by(options: &Options, clock: Clock) -> Result<Running, StartError> {
    let listener = bind(options.listen, "--listen")?;
    let control_listener = bind(options.control, "--control")?;
    let ledger = Arc::new(Ledger::by(clock.clone()));
    let budget = Budget::new(0);
    let routes =
        LiveRoutes::load(&options.routes, Arc::clone(&ledger), Arc::clone(&budget)).await?;
    let settings = routes.table().journal.clone();
    let journal = Journal::open(
        &options.journal.to_string_lossy(),
        settings,
        Arc::clone(&ledger),
    )
    .await?;
    // Before the first request is decided, what was held is held.
    let guard = Guard::open(Arc::clone(&routes), journal.clone()).await;
    let (outbox, mut left) = Outbox::open(&journal.path().with_file_name(OUTBOX)).await?;

    let (draining, drains) = watch::channel(false);
    let in_flight = Arc::new(AtomicUsize::new(0));
    let background = background_runtime(options.threads)?;
    let connector = Arc::new(TransportConnector::new(None));
    let ids = Ids::new(outbox.clone(), &std::mem::take(&mut left.ids));
    let sessions = Sessions::new(
        outbox.clone(),
        &journal.path().with_file_name(SESSIONS_KEY),
        std::mem::take(&mut left.sessions),
        clock,
    )?;
    let lanes = Lanes::start(
        background.handle(),
        outbox.clone(),
        Arc::clone(&ids),
        std::mem::take(&mut left.taints),
        left.next_id(),
    );
    let mirror = Mirror::new(
        Arc::clone(&connector),
        journal.clone(),
        background.handle().clone(),
        (Arc::clone(&lanes), Arc::clone(&ids), sessions),
        outbox.clone(),
        Arc::clone(&routes),
        Arc::clone(&budget),
    );
    mirror.resume(left);
    let plane = DataPlane::new(
        Arc::clone(&routes),
        Arc::clone(&budget),
        Arc::clone(&mirror),
        connector,
        Arc::clone(&in_flight),
    );
    let (address, control_address) = (listener.1, control_listener.1);
    serve(plane, listener.0, address, options.threads, drains);

    let mut state = ControlState::new(
        Arc::clone(&routes),
        Arc::clone(&ledger),
        journal.clone(),
        Arc::clone(&budget),
        (Arc::clone(&lanes), ids),
        outbox.clone(),
        Arc::clone(&guard),
    );
    state.mirror = Some(mirror);
    let health = Arc::clone(&state.health);
    let tasks = vec![
        tokio::spawn(serve_control(control_listener.0, state)),
        tokio::spawn(follow_journal_settings(
            Arc::clone(&routes),
            journal.clone(),
        )),
        tokio::spawn(findings::follow(Arc::clone(&routes), journal.clone())),
        tokio::spawn(Arc::clone(&guard).watch()),
        tokio::spawn(Arc::clone(&guard).turn()),
        tokio::spawn(Arc::clone(&guard).keep()),
        tokio::spawn(Arc::clone(&guard).climb(lanes)),
        tokio::spawn({
            let routes = Arc::clone(&routes);
            async move { routes.watch().await }
        }),
    ];
    tracing::info!(%address, control = %control_address, "proxy started");
    Ok(Running {
        address,
        control_address,
        routes,
        ledger,
        journal,
        outbox,
        guard,
        in_flight,
        health,
        background: Some(background),
        draining,
        tasks,
    })
}

impl Running {
    /// The mirrored writes that wait.
    pub fn outbox(&self) -> &Outbox {
        &self.outbox
    }

    /// Stops taking connections, finishes what is under way, mirroring included, for up to
    /// `patience`, and closes the journal. What is under way even then is cut once outbox and journal
    /// have noted it.
    pub async fn stop(self, patience: Duration) {
        self.health.drain();
        self.draining.send_replace(true);
        let finished = async {
            loop {
                let pending: u64 = self
                    .ledger
                    .snapshot()
                    .iter()
                    .map(RouteSnapshot::pending)
                    .sum();
                // What waits on disk alone is for the next run.
                let waiting = pending.saturating_sub(self.outbox.parked());
                if self.in_flight.load(Ordering::Relaxed) == 0 && waiting == 0 {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        if tokio::time::timeout(patience, finished).await.is_err() {
            tracing::warn!("stopped with requests or comparisons still under way");
        }
        for task in &self.tasks {
            task.abort();
        }
        self.guard.close().await;
        self.outbox.close().await;
        self.journal.close().await;
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // A runtime must not be dropped where it would block.
        if let Some(background) = self.background.take() {
            background.shutdown_background();
        }
    }
}

/// Threads for the mirror, of low priority: where cores are short, the system runs the data plane
/// first, so that what is mirrored waits and not what is served.
fn background_runtime(threads: usize) -> Result<Runtime, StartError> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(threads)
        .thread_name("mirror")
        .on_thread_start(|| {
            // Where the system refuses, mirroring runs at ordinary priority.
            let _ = rustix::process::setpriority_process(None, MIRROR_NICENESS);
        })
        .enable_all()
        .build()
        .map_err(StartError::Threads)
}

fn bind(address: SocketAddr, flag: &'static str) -> Result<(TcpListener, SocketAddr), StartError> {
    let refuse = |error| StartError::Listen {
        address,
        error,
        flag,
    };
    let listener = TcpListener::bind(address).map_err(refuse)?;
    listener.set_nonblocking(true).map_err(refuse)?;
    let bound = listener.local_addr().map_err(refuse)?;
    Ok((listener, bound))
}

async fn serve_control(listener: TcpListener, state: ControlState) {
    let served = match tokio::net::TcpListener::from_std(listener) {
        Ok(listener) => axum::serve(listener, control::router(state)).await,
        Err(error) => Err(error),
    };
    if let Err(error) = served {
        tracing::error!(%error, "the control API has stopped");
    }
}

/// Runs Pingora on a thread of its own, until who may let it drain is gone. Its own graceful stop
/// would sleep for a time that is fixed when it starts, so it is asked for a fast one alone.
fn serve(
    plane: DataPlane,
    listener: TcpListener,
    address: SocketAddr,
    threads: usize,
    drains: watch::Receiver<bool>,
) {
    let conf = ServerConf {
        threads,
        ..ServerConf::default()
    };
    let mut server = Server::new_with_opt_and_conf(None, conf);
    server.bootstrap();
    let mut service = Service::new("data plane".into(), plane);
    service.add_tcp(&address.to_string());
    server.add_service(Bound::new(service, address, listener, drains.clone()));
    let run = move || {
        server.run(RunArgs {
            shutdown_signal: Box::new(Gone(drains)),
        });
    };
    let thread = std::thread::Builder::new().name("data plane".into());
    if let Err(error) = thread.spawn(run) {
        tracing::error!(%error, "cannot start the data plane's thread");
    }
}

/// Tells that the sender has gone.
struct Gone(watch::Receiver<bool>);

#[async_trait]
impl ShutdownSignalWatch for Gone {
    async fn recv(&self) -> ShutdownSignal {
        let mut drains = self.0.clone();
        while drains.changed().await.is_ok() {}
        ShutdownSignal::FastShutdown
    }
}

async fn follow_journal_settings(routes: Arc<LiveRoutes>, journal: Journal) {
    let mut events = routes.subscribe();
    loop {
        match events.recv().await {
            Err(tokio::sync::broadcast::error::RecvError::Closed) => return,
            // Whatever was missed, the table in use says what is wanted now.
            Ok(_) | Err(tokio::sync::broadcast::error::RecvError::Lagged(_)) => {
                journal.configure(routes.table().journal.clone());
            }
        }
    }
}
