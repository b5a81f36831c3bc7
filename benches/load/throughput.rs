//! As many requests as each proxy takes: requests a second, latency, CPU time and memory, in rounds
//! that alternate between the proxies, so that a disturbance hits all of them.

use std::net::SocketAddr;

use anyhow::Result;
use bench_compare::markdown::{cell, table};

use crate::Options;
use crate::contenders::{Contender, Lab};
use crate::generators::Generator;
use crate::report::{Target, median};

struct Entry {
    name: String,
    contender: Contender,
    modern: SocketAddr,
    rounds: Vec<Sample>,
}

struct Sample {
    per_second: f64,
    p50_ms: f64,
    failed: f64,
    cpu_per_10k: Option<f64>,
    resident_mb: Option<f64>,
    /// The share of shadowed requests that were compared, not dropped.
    compared: Option<f64>,
}

pub(crate) fn run(lab: &Lab, options: &Options) -> Result<Vec<Target>> {
    let (_matching, matching) = lab.backend("order")?;
    let (_equivalent, equivalent) = lab.backend("equivalent")?;
    let mut entries = entries(lab, matching, equivalent);
    entries.retain(|entry| options.wants(&entry.name));
    for round in 0..options.rounds {
        eprintln!("throughput: round {} of {}", round + 1, options.rounds);
        for entry in &mut entries {
            let sample = measure(lab, options, entry.contender, entry.modern)?;
            entry.rounds.push(sample);
        }
        // The next round goes the other way, so that nobody always runs after the same neighbour.
        entries.reverse();
    }
    if options.rounds % 2 == 1 {
        entries.reverse();
    }
    report(&entries);
    Ok(targets(&entries))
}

fn entries(lab: &Lab, matching: SocketAddr, equivalent: SocketAddr) -> Vec<Entry> {
    let entry = |contender: Contender| Entry {
        name: contender.name(),
        contender,
        modern: matching,
        rounds: Vec::new(),
    };
    let shadow = |percent| Contender::Cutover {
        sample: Some(percent),
    };
    let mut entries = vec![
        entry(Contender::Direct),
        entry(Contender::Bare),
        entry(Contender::Cutover { sample: None }),
        entry(shadow(10)),
        entry(shadow(100)),
        // Equal bytes are never parsed, so this one shows what comparing by structure costs.
        Entry {
            name: "cutover, shadow 100 %, other bytes".to_owned(),
            modern: equivalent,
            ..entry(shadow(100))
        },
        entry(Contender::Nginx { mirror: false }),
        entry(Contender::Nginx { mirror: true }),
    ];
    if lab.envoy.is_some() {
        entries.push(entry(Contender::Envoy { mirror: false }));
        entries.push(entry(Contender::Envoy { mirror: true }));
    }
    entries
}

fn measure(
    lab: &Lab,
    options: &Options,
    contender: Contender,
    modern: SocketAddr,
) -> Result<Sample> {
    let running = lab.start(contender, modern, &[])?;
    let load = Generator {
        arrivals: lab.binary("arrivals")?,
        core: &lab.load_core,
        directory: &lab.directory,
        target: running.address,
        connections: options.connections,
    };
    load.saturate(1)?;
    let earlier = running.settle()?;
    let before = running.usage()?;
    let seen = load.saturate(options.seconds)?;
    // What is still being mirrored belongs to the requests that were counted.
    let later = running.settle()?;
    let after = running.usage()?;
    running.stop()?;
    let counted = earlier
        .zip(later)
        .map(|(earlier, later)| later.since(&earlier));
    Ok(Sample {
        per_second: seen.answered / seen.seconds,
        p50_ms: seen.p50_ms,
        failed: seen.failed,
        cpu_per_10k: before.zip(after).map(|(before, after)| {
            (after.cpu_seconds - before.cpu_seconds) / seen.answered * 10_000.0
        }),
        resident_mb: after.map(|usage| usage.resident_mb),
        compared: counted.and_then(|outcomes| outcomes.compared_share()),
    })
}

fn report(entries: &[Entry]) {
    let peers = ["bare Pingora", "nginx", "nginx, mirror"];
    let rows: Vec<Vec<String>> = entries
        .iter()
        .map(|entry| {
            let of =
                |what: fn(&Sample) -> Option<f64>| median(entry.rounds.iter().filter_map(what));
            let mut row = vec![
                entry.name.clone(),
                cell(of(|sample| Some(sample.per_second)), 0),
                cell(of(|sample| Some(sample.p50_ms)), 2),
                cell(of(|sample| sample.cpu_per_10k), 3),
                cell(of(|sample| sample.resident_mb), 0),
                cell(of(|sample| sample.compared.map(|share| share * 100.0)), 1),
                cell(
                    Some(entry.rounds.iter().map(|sample| sample.failed).sum()),
                    0,
                ),
            ];
            for peer in peers {
                row.push(cell(
                    ratio(entries, &entry.name, peer, |s| Some(s.per_second)),
                    2,
                ));
                row.push(cell(
                    ratio(entries, &entry.name, peer, |s| s.cpu_per_10k),
                    2,
                ));
            }
            row
        })
        .collect();
    let columns = [
        "",
        "requests/s",
        "p50 ms",
        "CPU s per 10k",
        "RSS MB",
        "compared %",
        "failed",
        "requests/s ÷ bare Pingora",
        "CPU ÷ bare Pingora",
        "requests/s ÷ nginx",
        "CPU ÷ nginx",
        "requests/s ÷ nginx mirror",
        "CPU ÷ nginx mirror",
    ];
    table("Throughput", &columns, &rows);
}

/// The median of the ratios within each round.
fn ratio(
    entries: &[Entry],
    name: &str,
    peer: &str,
    what: impl Fn(&Sample) -> Option<f64>,
) -> Option<f64> {
    let rounds = |name: &str| {
        entries
            .iter()
            .find(|entry| entry.name == name)
            .map(|e| &e.rounds)
    };
    let pairs = rounds(name)?.iter().zip(rounds(peer)?);
    median(pairs.filter_map(|(own, other)| Some(what(own)? / what(other)?)))
}

/// The targets of those pairs that were asked for.
fn targets(entries: &[Entry]) -> Vec<Target> {
    let cpu = |name, peer| ratio(entries, name, peer, |sample| sample.cpu_per_10k);
    let speed = |name, peer| ratio(entries, name, peer, |sample| Some(sample.per_second));
    let asked = |name: &str| entries.iter().any(|entry| entry.name == name);
    let (own, shadow) = ("cutover", "cutover, shadow 100 %");
    let (bare, envoy, mirror) = ("bare Pingora", "envoy", "nginx, mirror");
    let mut targets = Vec::new();
    if asked(own) && asked(bare) {
        let what = "CPU of plain cutover ÷ bare Pingora";
        targets.push(Target::at_most(what, cpu(own, bare), 1.10));
    }
    if asked(own) && asked(envoy) {
        let what = "requests/s of plain cutover ÷ envoy";
        targets.push(Target::at_least(what, speed(own, envoy), 1.7));
    }
    if asked(shadow) && asked(mirror) {
        let what = "requests/s of cutover shadowing all ÷ nginx with mirror";
        targets.push(Target::at_least(what, speed(shadow, mirror), 1.0));
    }
    let rounds = entries.iter().flat_map(|entry| &entry.rounds);
    let failed: f64 = rounds.map(|sample| sample.failed).sum();
    targets.push(Target {
        claim: format!("{failed} failed requests under load"),
        met: Some(failed == 0.0),
    });
    targets
}
