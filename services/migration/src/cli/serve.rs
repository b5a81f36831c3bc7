//! `cutover-data serve`: the migration service.

use std::net::SocketAddr;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::Args;
use kit::serve::{serve, signalled};
use migration_service::link::Proxy;
use migration_service::schedule::{CronExpression, Every, Schedule};
use migration_service::service::{Places, ReconciliationOptions, Service, Settings};
use tokio::net::TcpListener;

use super::Both;

#[derive(Args)]
pub(super) struct Flags {
    #[command(flatten)]
    both: Both,
    /// The address to answer on.
    #[arg(
        long,
        value_name = "ADDR",
        env = "MIGRATION_SERVICE_LISTEN",
        default_value = "127.0.0.1:3000"
    )]
    listen: SocketAddr,
    /// The file in which runs are kept over restarts; made where it is missing.
    #[arg(long, value_name = "FILE", default_value = "cutover-data.db", value_parser = state)]
    state: String,
    /// Leave runs alone that were under way when the service ended.
    #[arg(long)]
    no_resume: bool,
    #[command(flatten)]
    proxy: ProxyFlag,
    #[command(flatten)]
    when: When,
}

/// The proxy that is told what comes of runs.
#[derive(Args, Debug, Clone)]
pub(super) struct ProxyFlag {
    /// The proxy's control API, such as <http://127.0.0.1:8081>: it is told which ids were made and
    /// what comparisons found, and holds its writes while tables are copied that say
    /// feeder = "mirror".
    #[arg(long, value_name = "URL", env = "CUTOVER_CONTROL_URL")]
    pub(super) proxy: Option<Proxy>,
}

/// When something is done again.
#[derive(Args, Debug, Clone)]
pub(super) struct When {
    /// Compare again so long after the last comparison began, such as 1h; the first at once.
    #[arg(long, value_name = "TIME", conflicts_with = "cron")]
    every: Option<Every>,
    /// Compare at the times of this cron expression of five fields, in UTC, such as "0 3 * * *".
    #[arg(long, value_name = "EXPRESSION")]
    cron: Option<CronExpression>,
}

impl When {
    pub(super) fn schedule(self) -> Option<Schedule> {
        let cron = self.cron.map(Schedule::Cron);
        self.every.map(Schedule::Every).or(cron)
    }
}

impl Flags {
    pub(super) fn both(&self) -> &Both {
        &self.both
    }
}

/// The file's URL.
fn state(file: &str) -> Result<String, kit::sqlite::OpenError> {
    let url = format!("sqlite:{file}");
    kit::sqlite::check_url(&url).map(|()| url)
}

pub(super) async fn run(flags: Flags) -> anyhow::Result<ExitCode> {
    kit::config::log();
    // The port is taken first: two services on one state file would both go on with its runs.
    let listener = TcpListener::bind(flags.listen).await;
    let listener = listener.with_context(|| format!("--listen: {}", flags.listen))?;
    let stop = signalled();
    let service = Service::open(Settings {
        places: Places {
            mapping: flags.both.mapping,
            from: flags.both.from,
            to: flags.both.to,
        },
        state: flags.state,
        proxy: flags.proxy.proxy,
        resume: !flags.no_resume,
    })
    .await?;
    let following = flags.when.schedule().map(|schedule| {
        let service = service.clone();
        let options = ReconciliationOptions::default();
        tokio::spawn(async move { service.follow(schedule, options).await })
    });
    let listen = listener.local_addr()?;
    tracing::info!(%listen, "migration service is up");
    let closing = service.clone();
    let stopping = async move {
        stop.await;
        // First, because streams of events are requests in flight that end with it.
        closing.close().await;
    };
    serve(listener, service.router(), stopping).await?;
    if let Some(following) = following {
        following.abort();
    }
    Ok(ExitCode::SUCCESS)
}
