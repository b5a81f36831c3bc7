//! User-space instructions for one request, by callgrind. Start-up cancels out of the difference
//! between two runs, and a busy machine changes nothing. The kernel's share of the CPU time is not in
//! it, so there is no target here.

use std::fs;
use std::net::SocketAddr;

use anyhow::{Context as _, Result, bail};

use crate::Options;
use crate::contenders::{Contender, Lab};
use crate::generators::Generator;
use crate::report::{cell, table};

/// Few enough that a mirror, too, keeps up while it is instrumented.
const CONNECTIONS: u32 = 4;

pub(crate) fn run(lab: &Lab, options: &Options) -> Result<()> {
    let (_order, order) = lab.backend("order")?;
    let (_equivalent, equivalent) = lab.backend("equivalent")?;
    let shadow = Contender::Cutover { sample: Some(100) };
    let entries = [
        ("", Contender::Bare, order),
        ("", Contender::Cutover { sample: None }, order),
        ("", shadow, order),
        (", other bytes", shadow, equivalent),
        ("", Contender::Nginx { mirror: false }, order),
        ("", Contender::Nginx { mirror: true }, order),
    ];
    let mut costs: Vec<(String, f64, Option<f64>)> = Vec::new();
    for (suffix, contender, modern) in entries {
        let name = contender.name() + suffix;
        if !options.wants(&name) {
            continue;
        }
        eprintln!("instructions: {name}");
        let (once, _) = count(lab, contender, modern, options.requests)?;
        let (twice, compared) = count(lab, contender, modern, options.requests * 2)?;
        costs.push((name, (twice - once) / f64::from(options.requests), compared));
    }
    let cost = |name: &str| {
        costs
            .iter()
            .find(|entry| entry.0 == name)
            .map(|entry| entry.1)
    };
    let rows: Vec<Vec<String>> = costs
        .iter()
        .map(|(name, own, compared)| {
            vec![
                name.clone(),
                cell(Some(own / 1000.0), 1),
                cell(cost("bare Pingora").map(|bare| own / bare), 2),
                cell(cost("nginx").map(|nginx| own / nginx), 2),
                cell(compared.map(|share| share * 100.0), 1),
            ]
        })
        .collect();
    let columns = [
        "",
        "1000 instructions a request",
        "÷ bare Pingora",
        "÷ nginx",
        "compared %",
    ];
    table("Instructions", &columns, &rows);
    Ok(())
}

/// All instructions of a run with this many requests, and the share of them that was compared.
fn count(
    lab: &Lab,
    contender: Contender,
    modern: SocketAddr,
    requests: u32,
) -> Result<(f64, Option<f64>)> {
    let profiles = tempfile::tempdir_in(&lab.directory)?;
    // nginx works in a child of the process that is started, so each process writes a file.
    let wrapper = [
        "valgrind".to_owned(),
        "--tool=callgrind".to_owned(),
        "--trace-children=yes".to_owned(),
        format!("--callgrind-out-file={}/%p", profiles.path().display()),
    ];
    let running = lab.start(contender, modern, &wrapper)?;
    let load = Generator {
        core: &lab.load_core,
        directory: &lab.directory,
        target: running.address,
        connections: CONNECTIONS,
    };
    let seen = load.count(requests)?;
    let outcomes = running.settle()?;
    running.stop()?;
    if seen.failed > 0.0 {
        bail!(
            "{}: {} of {requests} requests failed under callgrind",
            contender.name(),
            seen.failed
        );
    }
    let mut total = 0.0;
    for profile in fs::read_dir(profiles.path())? {
        let path = profile?.path();
        let text =
            fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))?;
        total += totals(&text).with_context(|| format!("{} has no totals", path.display()))?;
    }
    Ok((
        total,
        outcomes.and_then(|outcomes| outcomes.compared_share()),
    ))
}

fn totals(profile: &str) -> Option<f64> {
    let line = profile
        .lines()
        .rev()
        .find_map(|line| line.strip_prefix("totals:"))?;
    line.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_total_of_a_profile_is_its_last_line() {
        assert_eq!(
            totals("fn=(1) main\n5 100\n\ntotals: 1234567\n"),
            Some(1_234_567.0)
        );
        assert_eq!(totals("fn=(1) main\n"), None);
    }
}
