//! `cutover-data reconcile`.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use clap::Args;
use jiff::Timestamp;
use migration_service::link::tell_report;
use migration_service::reconcile::{
    Checkpoint, Depth, Options, Report, Share, Unwatched, Watch, page, reconcile, terminal,
};
use migration_service::schedule::sleep_until;
use tokio_util::sync::CancellationToken;

use super::progress::Bars;
use super::serve::{ProxyFlag, When};
use super::{Both, stopping};

#[derive(Args)]
pub(super) struct Flags {
    #[command(flatten)]
    both: Both,
    #[command(flatten)]
    how: How,
    /// Keep how far the run has come in this file, and go on from there where it is; it goes once
    /// the run has come to its end.
    #[arg(long, value_name = "FILE")]
    resume: Option<PathBuf>,
    /// Print the report as JSON, and no progress.
    #[arg(long)]
    json: bool,
    /// Write the report to this file too, as a page of HTML.
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    #[command(flatten)]
    when: When,
    #[command(flatten)]
    proxy: ProxyFlag,
}

/// How rows are compared.
#[derive(Args, Clone, Debug)]
pub(super) struct How {
    /// Compare counts and sums only: a first look, which never says that rows are equal.
    #[arg(long)]
    quick: bool,
    /// Compare a share of the rows only, such as 1%.
    #[arg(long, value_name = "SHARE")]
    sample: Option<Share>,
    /// Compare this table of the source only; may be given several times.
    #[arg(long = "table", value_name = "NAME")]
    tables: Vec<String>,
    /// How long to wait before a row that differs is read again: longer than the target lags
    /// behind.
    #[arg(long, value_name = "TIME", default_value = "1s", value_parser = humantime::parse_duration)]
    settle: Duration,
    /// Ranges of a table that are compared beside each other.
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u8).range(1..=64))]
    parallel: u8,
}

impl How {
    pub(super) fn options(&self) -> Options {
        Options {
            depth: if self.quick {
                Depth::Figures
            } else {
                Depth::Rows
            },
            sample: self.sample,
            only: self.tables.clone(),
            settle: self.settle,
            parallel: self.parallel.into(),
            ..Options::default()
        }
    }
}

impl Flags {
    pub(super) fn both(&self) -> &Both {
        &self.both
    }
}

/// Compares once, or whenever it is due until the process is asked to end; the exit code is that of
/// the last comparison.
pub(super) async fn run(flags: Flags) -> anyhow::Result<ExitCode> {
    let stop = stopping();
    let Some(schedule) = flags.when.clone().schedule() else {
        return once(&flags, stop).await;
    };
    let (mut code, mut last) = (ExitCode::from(2), None);
    while let Some(due) = schedule.due(last, Timestamp::now()) {
        tokio::select! {
            () = sleep_until(due) => {}
            () = stop.cancelled() => break,
        }
        last = Some(Timestamp::now());
        code = match once(&flags, stop.clone()).await {
            Ok(code) => code,
            Err(error) => {
                // What is away now may be there the next time.
                eprintln!("cutover-data: {error:#}");
                ExitCode::from(2)
            }
        };
    }
    Ok(code)
}

async fn once(flags: &Flags, stop: CancellationToken) -> anyhow::Result<ExitCode> {
    let sides = flags.both.open().await?;
    let options = flags.how.options();
    if let Some(unknown) = sides.plan.lacks(&options.only) {
        anyhow::bail!("the mapping has no table `{unknown}`");
    }
    let from = flags.resume.as_deref().map(kept).transpose()?.flatten();
    let shown: Arc<dyn Watch> = if flags.json {
        Arc::new(Unwatched)
    } else {
        Arc::new(Bars::default())
    };
    let watch: Arc<dyn Watch> = match flags.resume.clone() {
        Some(file) => Arc::new(Keeping { file, shown }),
        None => shown,
    };
    let (source, target) = (Arc::clone(&sides.source), Arc::clone(&sides.target));
    let report = reconcile(&sides.plan, source, target, &options, watch, stop, from).await;
    sides.close().await;
    if let Some(proxy) = &flags.proxy.proxy
        && !report.stopped
        && let Err(error) = tell_report(proxy, &report).await
    {
        eprintln!("the proxy was not told: {:#}", anyhow::Error::new(error));
    }
    show(&report, flags.json)?;
    if let Some(file) = &flags.html {
        let written = std::fs::write(file, page(&report));
        written.with_context(|| format!("cannot write {}", file.display()))?;
    }
    if let Some(file) = &flags.resume
        && !report.stopped
    {
        match std::fs::remove_file(file) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(error).with_context(|| format!("cannot remove {}", file.display()));
            }
            _ => {}
        }
    }
    Ok(ExitCode::from(report.verdict.exit_code()))
}

fn show(report: &Report, json: bool) -> anyhow::Result<()> {
    if json {
        println!("{}", serde_json::to_string_pretty(report)?);
    } else {
        print!("{}", terminal(report));
    }
    Ok(())
}

/// The checkpoint that an earlier run left; nothing where there is none.
fn kept(file: &std::path::Path) -> anyhow::Result<Option<Checkpoint>> {
    let text = match std::fs::read_to_string(file) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error).with_context(|| format!("cannot read {}", file.display())),
    };
    let checkpoint = serde_json::from_str(&text);
    checkpoint
        .map(Some)
        .with_context(|| format!("{} is no checkpoint of a comparison", file.display()))
}

/// Keeps how far a run has come in a file, beside showing it.
struct Keeping {
    file: PathBuf,
    shown: Arc<dyn Watch>,
}

impl Watch for Keeping {
    fn begins(&self, table: &migration_service::plan::TablePlan, rows: Option<u64>) {
        self.shown.begins(table, rows);
    }

    fn compared(&self, table: &migration_service::plan::TablePlan, rows: u64) {
        self.shown.compared(table, rows);
    }

    fn settles(&self, table: &migration_service::plan::TablePlan, suspects: usize) {
        self.shown.settles(table, suspects);
    }

    fn ends(&self, report: &migration_service::reconcile::TableReport) {
        self.shown.ends(report);
    }

    fn checkpoint(&self, checkpoint: &Checkpoint) {
        // A file that is half written would be none: it takes its place whole.
        let partial = self.file.with_extension("partial");
        let kept = serde_json::to_string(checkpoint)
            .map_err(std::io::Error::from)
            .and_then(|text| {
                std::fs::write(&partial, text)?;
                std::fs::rename(&partial, &self.file)
            });
        if let Err(error) = kept {
            eprintln!("cutover-data: cannot keep {}: {error}", self.file.display());
        }
    }
}
