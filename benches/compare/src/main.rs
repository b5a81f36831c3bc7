//! Instructions of one comparison by callgrind, beside `serde_json`'s parse of both sides and a
//! public differ in the same run. The kernel's work is not in it, nor is what memory makes
//! instructions wait for: `benches/time.rs` has the time.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, ensure};
use bench_compare::markdown::{cell, table};
use bench_compare::{Case, Contender, Group, ORDERED, Spec, UNORDERED, callgrind};
use clap::{Parser, Subcommand};

/// The proxy's own.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// A case is run so often that about this many bytes are worked on, so that no run is all start-up.
const BYTES: usize = 1_000_000;

/// Counts the instructions of comparisons, and prints tables in Markdown.
#[derive(Parser)]
#[command(args_conflicts_with_subcommands = true)]
struct Options {
    /// Only cases whose size and name contain this, such as `5 MB` or `keyed`
    #[arg(default_value = "")]
    filter: String,
    #[command(subcommand)]
    work: Option<Work>,
}

#[derive(Subcommand)]
enum Work {
    /// Works on two files: what runs under callgrind
    #[command(hide = true)]
    Once {
        contender: Contender,
        rules: String,
        times: usize,
        legacy: PathBuf,
        modern: PathBuf,
    },
}

fn main() -> Result<()> {
    let options = Options::parse();
    if let Some(Work::Once {
        contender,
        rules,
        times,
        legacy,
        modern,
    }) = options.work
    {
        let case = Case::new(fs::read(legacy)?, fs::read(modern)?, &rules)?;
        (0..times).for_each(|_| contender.run(&case));
        return Ok(());
    }
    let directory = tempfile::tempdir()?;
    let bench = Bench {
        directory: directory.path(),
        filter: &options.filter,
    };
    bench.report("Order means something", &ORDERED.0, &ORDERED.1)?;
    bench.report("Order means nothing", &UNORDERED.0, &UNORDERED.1)
}

struct Bench<'b> {
    directory: &'b Path,
    filter: &'b str,
}

impl Bench<'_> {
    /// The sizes of one case stand below each other, so that the growth shows.
    fn report(&self, title: &str, groups: &[Group], specs: &[Spec]) -> Result<()> {
        let mut rows = Vec::new();
        for spec in specs {
            for group in groups {
                let name = format!("{}, {}", spec.name, group.name);
                if name.contains(self.filter) {
                    eprintln!("instructions: {name}");
                    rows.push(self.row(name, &spec.build(group.orders)?, spec.rules)?);
                }
            }
        }
        let columns = [
            "",
            "1000 instructions",
            "a byte",
            "÷ parse of both",
            "json-patch ÷ parse of both",
        ];
        if !rows.is_empty() {
            table(title, &columns, &rows);
        }
        Ok(())
    }

    fn row(&self, name: String, case: &Case, rules: &str) -> Result<Vec<String>> {
        let own = self.cost(Contender::Comparator, case, rules)?;
        let floor = self.cost(Contender::Parse, case, rules)?;
        let peer = self.cost(Contender::JsonPatch, case, rules)?;
        Ok(vec![
            name,
            cell(Some(own / 1000.0), 1),
            cell(Some(own / float(case.bytes())), 2),
            cell(Some(own / floor), 2),
            cell(Some(peer / floor), 2),
        ])
    }

    /// The instructions of working on a case once: what twice as many times take more.
    fn cost(&self, contender: Contender, case: &Case, rules: &str) -> Result<f64> {
        let times = (BYTES / case.bytes()).max(1);
        let [legacy, modern] = ["legacy", "modern"].map(|side| self.directory.join(side));
        let [[mine], [theirs]] = &case.bodies;
        fs::write(&legacy, mine)?;
        fs::write(&modern, theirs)?;
        let count = |times: usize| -> Result<f64> {
            let profiles = tempfile::tempdir_in(self.directory)?;
            let [valgrind, arguments @ ..] = callgrind::wrapper(profiles.path());
            let status = Command::new(valgrind)
                .args(arguments)
                .arg(env::current_exe()?)
                .args(["once", contender.name(), rules, &times.to_string()])
                .args([&legacy, &modern])
                .stderr(Stdio::null())
                .status()
                .context("valgrind does not start")?;
            ensure!(status.success(), "valgrind ended with {status}");
            callgrind::instructions(profiles.path())
        };
        Ok((count(times * 2)? - count(times)?) / float(times))
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "counts of bytes and runs are small"
)]
fn float(count: usize) -> f64 {
    count as f64
}
