//! `cutover-data follow`.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use migration_service::feed::{self, Standing, Until};
use migration_service::mirrored::{self, MirroredError};

use super::{Both, stopping};

/// How long it is waited for another command before that is said again.
const LOOK: Duration = Duration::from_mins(1);

#[derive(Args)]
pub(super) struct Flags {
    #[command(flatten)]
    both: Both,
    /// Make the source record changes of the tables that say feeder = "database" (on `SQLite`,
    /// `PostgreSQL` and `MySQL`: a table and triggers beside each), and end. Do this before the
    /// copy, so that what changes during it is followed up afterwards.
    #[arg(long, conflicts_with_all = ["stop", "until_lag"])]
    start: bool,
    /// Start although foreign keys delete or change rows of such a table, which triggers of `MySQL` and
    /// `MariaDB` do not see (ON DELETE CASCADE, SET NULL, ON UPDATE CASCADE).
    #[arg(long, requires = "start")]
    despite_cascades: bool,
    /// Take away what `--start` made, and end.
    #[arg(long, conflicts_with = "until_lag")]
    stop: bool,
    /// End once no change has waited longer than this.
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration)]
    until_lag: Option<Duration>,
}

impl Flags {
    pub(super) fn both(&self) -> &Both {
        &self.both
    }
}

pub(super) async fn run(flags: Flags) -> anyhow::Result<ExitCode> {
    let sides = flags.both.open().await?;
    sides
        .target
        .prepare()
        .await
        .map_err(anyhow::Error::from_boxed)?;
    let dialect = sides.source.dialect();
    let feed = feed::open(&flags.both.from, dialect, &sides.target).await;
    let feed = feed.map_err(anyhow::Error::from_boxed)?;
    if flags.start {
        for table in feed::start(&sides.plan, &*feed, flags.despite_cascades).await? {
            println!("{}: changes are recorded from now on", table.source);
        }
        return Ok(ExitCode::SUCCESS);
    }
    if flags.stop {
        for table in feed::tables(&sides.plan)? {
            feed.stop(table).await?;
            println!("{}: changes are not recorded any more", table.source);
        }
        return Ok(ExitCode::SUCCESS);
    }
    let until = flags.until_lag.map_or(Until::Stopped, Until::Lag);
    let mut told = |standings: &[Standing]| {
        for standing in standings {
            println!(
                "{:<24} {:>10} applied {:>8} deleted {:>6} refused, {:.1} s behind",
                standing.table,
                standing.applied,
                standing.deleted,
                standing.refused,
                standing.lag_seconds
            );
        }
    };
    let (source, target) = (Arc::clone(&sides.source), Arc::clone(&sides.target));
    let stop = stopping();
    let mut alone = loop {
        match mirrored::alone_within(LOOK, &*target, &stop).await? {
            Some(alone) => break alone,
            None => eprintln!("another command brings rows to this database: waiting for its end"),
        }
    };
    let following = feed::follow(
        &sides.plan,
        &*feed,
        &source,
        &target,
        until,
        &stop,
        &mut told,
    );
    let ended = tokio::select! {
        ended = following => ended?,
        cause = alone.lost() => return Err(MirroredError::Displaced(cause).into()),
    };
    drop(alone);
    sides.close().await;
    let refused: u64 = ended.iter().map(|standing| standing.refused).sum();
    Ok(if refused == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(1)
    })
}
