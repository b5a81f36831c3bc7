//! `cutover-data migrate`.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use clap::Args;
use migration_service::link::tell_ids;
use migration_service::load::{self, Deletes, Finished, Options, Unwatched, Watch};
use migration_service::mirrored;

use super::progress::Bars;
use super::serve::ProxyFlag;
use super::{Both, stopping};

#[derive(Args)]
pub(super) struct Flags {
    #[command(flatten)]
    both: Both,
    /// Leave every table alone that an earlier run finished.
    #[arg(long)]
    once: bool,
    /// Parts of a table that are moved beside each other.
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u8).range(1..=64))]
    parallel: u8,
    /// How long reading a page may take; pages grow and shrink to that.
    #[arg(long, value_name = "TIME", default_value = "500ms", value_parser = humantime::parse_duration)]
    page: Duration,
    /// Stop once more rows than this are refused.
    #[arg(long, value_name = "N")]
    max_refused: Option<u64>,
    /// Delete rows that the source has no more, unless there are more than this in a table.
    #[arg(long, value_name = "N")]
    max_deletes: Option<u64>,
    /// Print the report as JSON, and no progress.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    proxy: ProxyFlag,
    /// Take over the proxy's hold from another command: one that died elsewhere, or is to end.
    #[arg(long, requires = "proxy")]
    take_over: bool,
}

impl Flags {
    pub(super) fn both(&self) -> &Both {
        &self.both
    }
}

pub(super) async fn run(flags: Flags) -> anyhow::Result<ExitCode> {
    let sides = flags.both.open().await?;
    let options = Options {
        finished: if flags.once {
            Finished::Left
        } else {
            Finished::Again
        },
        parallel: flags.parallel.into(),
        page: flags.page,
        most_refused: flags.max_refused,
        deletes: flags.max_deletes.map_or(Deletes::Keep, Deletes::AtMost),
    };
    let watch: Arc<dyn Watch> = if flags.json {
        Arc::new(Unwatched)
    } else {
        Arc::new(Bars::default())
    };
    let proxy = flags.proxy.proxy.as_ref();
    if mirrored::feeds(&sides.plan) && proxy.is_none() {
        eprintln!(
            "tables of the mapping are fed by mirrored writes: without --proxy, what is written \
             while they are copied is missing afterwards or there twice"
        );
    }
    let (source, target) = (Arc::clone(&sides.source), Arc::clone(&sides.target));
    let stop = stopping();
    let copy = async |stop| {
        let copied = load::run(&sides.plan, source, target, &options, watch, stop).await?;
        if let Some(proxy) = proxy {
            // The rows are there, whether the proxy hears of them or not.
            match tell_ids(proxy, &sides.plan, &*sides.target).await {
                Ok(told) => eprintln!("{told}"),
                Err(error) => eprintln!("the proxy was not told: {:#}", anyhow::Error::new(error)),
            }
        }
        anyhow::Ok(copied)
    };
    let report = mirrored::around(proxy, flags.take_over, &sides, &stop, copy).await;
    sides.close().await;
    let report = report.context("migrate")?;
    if flags.json {
        println!("{}", serde_json::to_string_pretty(&report)?);
    } else {
        print!("{report}");
    }
    Ok(if report.is_complete() {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(1)
    })
}
