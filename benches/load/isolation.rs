//! The promise that the shadow cannot hurt: at a fixed rate, with candidates that are healthy, gone,
//! mute, slow, failing, flooding or mad, clients must see the latency and the answers they see with
//! mirroring off. Beside it, what nginx and Envoy make of the same candidates.

use std::net::SocketAddr;

use anyhow::{Context as _, Result, bail};
use bench_compare::markdown::{cell, table};

use crate::Options;
use crate::contenders::{Contender, Lab, Running};
use crate::control::Outcomes;
use crate::generators::{Generator, Seen};
use crate::process::{Server, free_address};
use crate::report::{Target, median};

/// Fewer than under saturation: a connection asks again before its last answer is a round old.
const CONNECTIONS: u32 = 30;

/// The sizes of answers, and what part of the rate each is asked at.
const SIZES: [(&str, u32, u32); 2] = [("1 KB", 1 << 10, 1), ("64 KB", 64 << 10, 3)];

/// A candidate, and how it behaves.
struct Candidate {
    name: &'static str,
    address: SocketAddr,
    _server: Option<Server>,
}

/// A proxy before a candidate; without one, mirroring is off.
struct State<'a> {
    contender: Contender,
    candidate: Option<&'a Candidate>,
    rounds: Vec<Round>,
}

struct Round {
    /// Nothing, if nobody was answered.
    seen: Option<Seen>,
    cpu_per_10k: Option<f64>,
    resident_mb: Option<f64>,
    outcomes: Outcomes,
}

pub(crate) fn run(lab: &mut Lab, options: &Options) -> Result<Vec<Target>> {
    let mut targets = Vec::new();
    for (size, bytes, part) in SIZES {
        let (_legacy, legacy) = lab.backend_of(bytes)?;
        lab.legacy = legacy;
        let candidates = candidates(lab, bytes)?;
        let mut states = states(lab, options, &candidates);
        let rate = options.rate / part;
        for round in 0..options.rounds {
            eprintln!(
                "isolation, {size}: round {} of {}",
                round + 1,
                options.rounds
            );
            for state in &mut states {
                let measured = measure(lab, options, rate, state)?;
                state.rounds.push(measured);
            }
            // The next round goes the other way, so that nobody always runs after the same neighbour.
            states.reverse();
        }
        if options.rounds % 2 == 1 {
            states.reverse();
        }
        report(
            &format!("{rate} requests a second, answers of {size}"),
            &states,
        );
        targets.extend(judge(size, &states));
    }
    Ok(targets)
}

fn candidates(lab: &Lab, size: u32) -> Result<Vec<Candidate>> {
    let serving = |name, answer| -> Result<Candidate> {
        let (server, address) = lab.candidate(answer, size)?;
        Ok(Candidate {
            name,
            address,
            _server: Some(server),
        })
    };
    Ok(vec![
        serving("healthy", "order")?,
        // Nobody listens there, so connections are refused.
        Candidate {
            name: "dead",
            address: free_address()?,
            _server: None,
        },
        serving("never answers", "silence")?,
        serving("200 ms late", "slow")?,
        serving("answers 500", "error")?,
        serving("answers garbage", "garbage")?,
        serving("answers 100 MB", "flood")?,
    ])
}

fn states<'a>(lab: &Lab, options: &Options, candidates: &'a [Candidate]) -> Vec<State<'a>> {
    let state = |contender, candidate| State {
        contender,
        candidate,
        rounds: Vec::new(),
    };
    let mut all = vec![state(Contender::Cutover { sample: None }, None)];
    let shadow = Contender::Cutover { sample: Some(100) };
    all.extend(
        candidates
            .iter()
            .map(|candidate| state(shadow, Some(candidate))),
    );
    let mut peers = vec![(
        Contender::Nginx { mirror: false },
        Contender::Nginx { mirror: true },
    )];
    if lab.envoy.is_some() {
        peers.push((
            Contender::Envoy { mirror: false },
            Contender::Envoy { mirror: true },
        ));
    }
    for (off, mirror) in peers {
        all.push(state(off, None));
        all.extend(
            candidates
                .iter()
                .map(|candidate| state(mirror, Some(candidate))),
        );
    }
    all.retain(|state| options.wants(&state.contender.name()));
    all
}

fn measure(lab: &Lab, options: &Options, rate: u32, state: &State<'_>) -> Result<Round> {
    let candidate = state
        .candidate
        .map_or(lab.legacy, |candidate| candidate.address);
    let running = lab.start(state.contender, candidate, &[])?;
    let load = Generator {
        arrivals: lab.binary("arrivals")?,
        core: &lab.load_core,
        directory: &lab.directory,
        target: running.address,
        connections: CONNECTIONS,
    };
    if !is_ours(state) {
        return press(&load, running, rate, options.seconds);
    }
    load.steady(rate, 1)?;
    let earlier = running.settle()?.unwrap_or_default();
    let before = running.usage()?;
    let seen = load.steady(rate, options.seconds)?;
    let seen = seen.with_context(|| format!("{}: nobody was answered", name(state)))?;
    let later = running.settle()?.unwrap_or_default();
    let after = running.usage()?;
    running.stop()?;
    let outcomes = later.since(&earlier);
    let expected = if state.candidate.is_some() {
        seen.answered
    } else {
        0.0
    };
    if outcomes.eligible.to_string() != format!("{expected:.0}") {
        bail!(
            "{}: {expected} requests to shadow, but {outcomes:?}",
            name(state)
        );
    }
    let cpu = before
        .zip(after)
        .map(|(before, after)| after.cpu_seconds - before.cpu_seconds);
    Ok(Round {
        seen: Some(seen),
        cpu_per_10k: cpu.map(|cpu| cpu / seen.answered * 10_000.0),
        resident_mb: after.map(|usage| usage.resident_mb),
        outcomes,
    })
}

/// A peer under the same load. It may not come to an end by itself, so it is not waited for.
fn press(load: &Generator<'_>, running: Running, rate: u32, seconds: u32) -> Result<Round> {
    load.steady(rate, 1)?;
    let before = running.usage()?;
    let seen = load.steady(rate, seconds)?;
    let after = running.usage()?;
    running.kill();
    let cpu = before
        .zip(after)
        .map(|(before, after)| after.cpu_seconds - before.cpu_seconds);
    Ok(Round {
        cpu_per_10k: cpu
            .zip(seen)
            .map(|(cpu, seen)| cpu / seen.answered * 10_000.0),
        seen,
        resident_mb: after.map(|usage| usage.resident_mb),
        outcomes: Outcomes::default(),
    })
}

fn is_ours(state: &State<'_>) -> bool {
    matches!(state.contender, Contender::Cutover { .. })
}

fn name(state: &State<'_>) -> String {
    let contender = match state.contender {
        Contender::Cutover { .. } => "cutover".to_owned(),
        other => other.name().replace(", mirror", ""),
    };
    match state.candidate {
        Some(candidate) => format!("{contender}, candidate {}", candidate.name),
        None => format!("{contender}, mirroring off"),
    }
}

fn report(title: &str, states: &[State<'_>]) {
    let rows: Vec<Vec<String>> = states
        .iter()
        .map(|state| {
            let of = |what: fn(&Seen) -> f64| {
                median(
                    state
                        .rounds
                        .iter()
                        .filter_map(|round| round.seen.as_ref().map(what)),
                )
            };
            let per_second =
                |round: &Round| round.seen.map_or(0.0, |s| s.answered / s.seconds.max(1.0));
            let ended = state.rounds.last().map_or(String::new(), |round| {
                let each = round.outcomes.ended.iter();
                let each = each.map(|(name, count)| format!("{name} {count}"));
                each.collect::<Vec<_>>().join(", ")
            });
            vec![
                name(state),
                cell(median(state.rounds.iter().map(per_second)), 0),
                cell(of(|seen| seen.p50_ms), 2),
                cell(p50_ratio(states, state), 2),
                cell(of(|seen| seen.p99_ms), 1),
                cell(Some(failed(state)), 0),
                cell(
                    median(state.rounds.iter().filter_map(|round| round.cpu_per_10k)),
                    2,
                ),
                cell(
                    median(state.rounds.iter().filter_map(|round| round.resident_mb)),
                    0,
                ),
                ended,
            ]
        })
        .collect();
    let columns = [
        "",
        "requests/s",
        "p50 ms",
        "p50 ÷ off",
        "p99 ms",
        "not answered",
        "CPU s per 10k",
        "RSS MB",
        "outcomes of the last round",
    ];
    table(&format!("Isolation, {title}"), &columns, &rows);
}

fn failed(state: &State<'_>) -> f64 {
    let each = state.rounds.iter().filter_map(|round| round.seen);
    each.map(|seen| seen.failed.max(0.0)).sum()
}

/// Against the same proxy with mirroring off.
fn p50_ratio(states: &[State<'_>], state: &State<'_>) -> Option<f64> {
    let same = |other: &&State<'_>| {
        other.candidate.is_none()
            && std::mem::discriminant(&other.contender) == std::mem::discriminant(&state.contender)
    };
    let off = states.iter().find(same)?;
    let pairs = state.rounds.iter().zip(&off.rounds);
    median(pairs.filter_map(|(own, off)| Some(own.seen?.p50_ms / off.seen?.p50_ms)))
}

fn judge(size: &str, states: &[State<'_>]) -> Vec<Target> {
    let ours = || states.iter().filter(|state| is_ours(state));
    let mut targets: Vec<Target> = ours()
        .filter(|state| state.candidate.is_some())
        .map(|state| {
            let claim = format!("p50, {size}, {} ÷ mirroring off", name(state));
            Target::at_most(&claim, p50_ratio(states, state), 1.05)
        })
        .collect();
    let failed: f64 = ours().map(failed).sum();
    targets.push(Target {
        claim: format!("{failed} requests of cutover's not answered, {size}"),
        met: Some(failed == 0.0),
    });
    targets
}
