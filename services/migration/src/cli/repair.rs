//! `cutover-data repair`.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::{ArgGroup, Args};
use migration_service::reconcile::{Options, Report};
use migration_service::repair::{Applied, Log, apply, propose, undo};

use super::{Both, stopping};

#[derive(Args)]
#[command(group(ArgGroup::new("what").required(true).args(["report", "undo"])))]
pub(super) struct Flags {
    #[command(flatten)]
    both: Both,
    /// The report of a comparison, as `reconcile --json` prints it: its rows are read again, and
    /// the statements that would put the target right are printed.
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
    /// Make the changes. What was there before is written to this new file first.
    #[arg(long, value_name = "UNDO-LOG", requires = "report")]
    apply: Option<PathBuf>,
    /// Rows that may be deleted; with more, nothing is changed, and the exit code is 2.
    #[arg(long, value_name = "N", default_value_t = 0)]
    max_deletes: u64,
    /// Take back the changes of this log, where the rows are still as they were left.
    #[arg(long, value_name = "UNDO-LOG")]
    undo: Option<PathBuf>,
    /// Put the rows of this table of the source right only; may be given several times.
    #[arg(long = "table", value_name = "NAME", requires = "report")]
    tables: Vec<String>,
}

impl Flags {
    pub(super) fn both(&self) -> &Both {
        &self.both
    }
}

pub(super) async fn run(flags: Flags) -> anyhow::Result<ExitCode> {
    let sides = flags.both.open().await?;
    let stop = stopping();
    let options = Options {
        only: flags.tables.clone(),
        ..Options::default()
    };
    let applied = if let Some(log) = &flags.undo {
        undo(&sides, log, &stop).await?
    } else {
        let file = flags.report.clone().unwrap_or_default();
        let text = std::fs::read_to_string(&file)
            .with_context(|| format!("cannot read {}", file.display()))?;
        let report: Report = serde_json::from_str(&text)
            .with_context(|| format!("{} is no report of a comparison", file.display()))?;
        let proposal = propose(&sides, &report, &options, &stop).await?;
        let Some(log) = &flags.apply else {
            for statement in proposal.sql(sides.target.dialect()) {
                println!("{statement};");
            }
            eprintln!(
                "{} changes, {} of them deletes; {} rows are equal by now, {} cannot be put right, \
                 {} are not in the report",
                proposal.repairs.len(),
                proposal.deletes(),
                proposal.equal,
                proposal.impossible.len(),
                proposal.left_out
            );
            for row in &proposal.impossible {
                eprintln!("cannot be put right: {row}");
            }
            sides.close().await;
            proposal.within(flags.max_deletes)?;
            return Ok(exit(proposal.is_complete()));
        };
        let mut log = Log::create(log)?;
        apply(
            &sides,
            &proposal,
            flags.max_deletes,
            &mut log,
            &options,
            &stop,
        )
        .await?
    };
    sides.close().await;
    Ok(told(&applied))
}

fn told(applied: &Applied) -> ExitCode {
    println!(
        "{} rows changed, {} of them verified",
        applied.changed, applied.verified
    );
    let lists = [
        (
            "changed meanwhile, and left alone",
            &applied.changed_meanwhile,
        ),
        ("refused by the target", &applied.refused),
        ("still different", &applied.still_different),
        (
            "changed or not, the log does not say, and left alone",
            &applied.unsure,
        ),
        ("not reached before the stop", &applied.not_reached),
        ("cannot be put right", &applied.impossible),
    ];
    for (what, rows) in lists {
        for row in rows {
            println!("{what}: {row}");
        }
    }
    if applied.left_out > 0 {
        println!("{} rows are not in the report", applied.left_out);
    }
    exit(applied.is_complete())
}

fn exit(complete: bool) -> ExitCode {
    ExitCode::from(u8::from(!complete))
}
