//! User-space instructions for one request, by callgrind. The kernel's share of the CPU time is not in
//! it, so there is no target here.

use std::net::SocketAddr;

use anyhow::{Result, bail};
use bench_compare::callgrind;
use bench_compare::markdown::{cell, table};

use crate::Options;
use crate::contenders::{Contender, Lab};
use crate::generators::Generator;

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
    let wrapper = callgrind::wrapper(profiles.path());
    let running = lab.start(contender, modern, &wrapper)?;
    let load = Generator {
        arrivals: lab.binary("arrivals")?,
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
    Ok((
        callgrind::instructions(profiles.path())?,
        outcomes.and_then(|outcomes| outcomes.compared_share()),
    ))
}
