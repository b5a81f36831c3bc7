//! `cutover proxy`: init → start → run → drain.

use crate::server::{self, Options};
use clap::Args;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::EnvFilter;

/// What `cutover proxy` takes.
#[derive(Debug, Args)]
pub(super) struct ProxyArgs {
    /// The routes; the file is followed, and edits are in force within a second.
    #[arg(
        long,
        env = "CUTOVER_ROUTES",
        value_name = "FILE",
        default_value = "routes.toml"
    )]
    routes: PathBuf,
    /// Where clients point.
    #[arg(
        long,
        env = "CUTOVER_LISTEN",
        value_name = "ADDRESS",
        default_value = "127.0.0.1:8080"
    )]
    listen: SocketAddr,
    /// Where the control API and the dashboard are. There is no access control yet: keep it on
    /// loopback.
    #[arg(
        long,
        env = "CUTOVER_CONTROL",
        value_name = "ADDRESS",
        default_value = "127.0.0.1:8081"
    )]
    control: SocketAddr,
    /// The file that keeps counts and discrepancies.
    #[arg(
        long,
        env = "CUTOVER_JOURNAL",
        value_name = "FILE",
        default_value = ".cutover/journal.db"
    )]
    journal: PathBuf,
    /// Threads of the data plane. Default: one for each core.
    #[arg(long, env = "CUTOVER_THREADS", value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    threads: Option<u16>,
    /// How long a stop by SIGTERM waits for requests under way, such as `10s`.
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = humantime::parse_duration)]
    grace: Duration,
    /// Log as JSON lines.
    #[arg(long)]
    log_json: bool,
}

pub(super) fn run(args: &ProxyArgs) -> ExitCode {
    init_log(args.log_json);
    match tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime.block_on(serve(args)),
        Err(error) => {
            eprintln!("cutover: cannot start: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn serve(args: &ProxyArgs) -> ExitCode {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let options = Options {
        routes: args.routes.clone(),
        listen: args.listen,
        control: args.control,
        journal: args.journal.clone(),
        threads: args.threads.map_or(cores, usize::from),
    };
    let running = match server::start(&options).await {
        Ok(running) => running,
        Err(error) => {
            eprintln!("cutover: {error}");
            return ExitCode::FAILURE;
        }
    };
    super::say(format_args!("proxy      http://{}", running.address));
    super::say(format_args!(
        "dashboard  http://{}",
        running.control_address
    ));
    match wait_for_stop().await {
        Ok(patience) => running.stop(patience.unwrap_or(args.grace)).await,
        Err(error) => eprintln!("cutover: cannot listen for signals: {error}"),
    }
    ExitCode::SUCCESS
}

/// Waits for a signal. Ctrl-C wants it quick; SIGTERM leaves the patience to the flag.
async fn wait_for_stop() -> std::io::Result<Option<Duration>> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    Ok(tokio::select! {
        _ = interrupt.recv() => Some(Duration::from_secs(1)),
        _ = terminate.recv() => None,
    })
}

fn init_log(json: bool) {
    let filter =
        EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("warn,cutover=info"));
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr);
    if json { log.json().init() } else { log.init() }
}
