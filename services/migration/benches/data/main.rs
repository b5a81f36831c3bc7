//! What moving and comparing rows costs, beside what else does it: rows/s of a load against
//! `COPY` fed by the same rows and against pgloader, rows/s of a comparison against reladiff.
//!
//! `make bench-data` builds what this starts. Everything runs on this machine, the servers
//! included, in turns; the tables show medians. Exits with 1 when a target was missed or an answer
//! was wrong.

mod compare;
mod databases;
mod load;
mod process;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, ValueEnum};

use crate::databases::Databases;

/// Moves and compares rows between private servers.
#[derive(Parser)]
struct Args {
    /// What to measure; everything if nothing is named.
    sections: Vec<Section>,
    /// Rows of the table, of ten columns and about 166 bytes.
    #[arg(long, default_value_t = 3_000_000)]
    rows: u64,
    /// How often everything is measured, in turns.
    #[arg(long, default_value_t = 3)]
    rounds: u32,
    /// The `cutover-data` to measure.
    #[arg(long, default_value = "target/release/cutover-data")]
    cutover_data: PathBuf,
    /// A pgloader to measure too.
    #[arg(long)]
    pgloader: Option<PathBuf>,
    /// A reladiff to measure too, such as that of the Python package.
    #[arg(long)]
    reladiff: Option<PathBuf>,
    /// What `cargo bench` adds.
    #[arg(long, hide = true)]
    bench: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Section {
    /// Rows into an empty table.
    Load,
    /// Rows on both sides.
    Compare,
}

fn main() -> Result<ExitCode> {
    let args = Args::parse();
    let wants = |section| args.sections.is_empty() || args.sections.contains(&section);
    let databases = Databases::start(args.rows)?;
    let mut good = true;
    if wants(Section::Load) {
        good &= load::measure(&args, &databases)?;
    }
    if wants(Section::Compare) {
        good &= compare::measure(&args, &databases)?;
    }
    Ok(if good {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// The middle one, or that above the middle.
fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
