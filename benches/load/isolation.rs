//! The promise that the shadow cannot hurt: at a fixed rate, with candidates that are healthy, gone,
//! mute or mad, clients must see the latency and the answers they see with mirroring off.

use std::net::SocketAddr;

use anyhow::{Result, bail};

use crate::Options;
use crate::contenders::{Contender, Lab};
use crate::control::Outcomes;
use crate::generators::{Generator, Seen};
use crate::process::free_address;
use crate::report::{Target, cell, median, table};

/// Fewer than under saturation: a connection asks again before its last answer is a round old.
const CONNECTIONS: u32 = 30;

struct State {
    name: &'static str,
    sample: Option<u8>,
    candidate: SocketAddr,
    rounds: Vec<(Seen, f64, Outcomes)>,
}

pub(crate) fn run(lab: &Lab, options: &Options) -> Result<Vec<Target>> {
    let (_order, order) = lab.candidate("order")?;
    let (_silence, silence) = lab.candidate("silence")?;
    let (_garbage, garbage) = lab.candidate("garbage")?;
    let state = |name, sample, candidate| State {
        name,
        sample,
        candidate,
        rounds: Vec::new(),
    };
    let mut states = [
        state("mirroring off", None, order),
        state("candidate healthy", Some(100), order),
        // Nobody listens there, so connections are refused.
        state("candidate dead", Some(100), free_address()?),
        state("candidate never answers", Some(100), silence),
        state("candidate answers garbage", Some(100), garbage),
    ];
    for round in 0..options.rounds {
        eprintln!("isolation: round {} of {}", round + 1, options.rounds);
        for state in &mut states {
            let sample = measure(lab, options, state)?;
            state.rounds.push(sample);
        }
    }
    report(options, &states);
    Ok(targets(&states))
}

fn measure(lab: &Lab, options: &Options, state: &State) -> Result<(Seen, f64, Outcomes)> {
    let running = lab.start(
        Contender::Cutover {
            sample: state.sample,
        },
        state.candidate,
        &[],
    )?;
    let load = Generator {
        core: &lab.load_core,
        directory: &lab.directory,
        target: running.address,
        connections: CONNECTIONS,
    };
    load.steady(options.rate, 1)?;
    let earlier = running.settle()?.unwrap_or_default();
    let before = running.usage()?;
    let seen = load.steady(options.rate, options.seconds)?;
    let later = running.settle()?.unwrap_or_default();
    let after = running.usage()?;
    running.stop()?;
    let outcomes = later.since(&earlier);
    let expected = if state.sample.is_some() {
        seen.answered
    } else {
        0.0
    };
    if outcomes.eligible.to_string() != format!("{expected:.0}") {
        bail!(
            "{}: {expected} requests to shadow, but {outcomes:?}",
            state.name
        );
    }
    let cpu = before.zip(after).map_or(0.0, |(before, after)| {
        after.cpu_seconds - before.cpu_seconds
    });
    Ok((seen, cpu / seen.answered * 10_000.0, outcomes))
}

fn report(options: &Options, states: &[State]) {
    let rows: Vec<Vec<String>> = states
        .iter()
        .map(|state| {
            let of =
                |what: fn(&Seen) -> f64| median(state.rounds.iter().map(|round| what(&round.0)));
            let ended = state
                .rounds
                .last()
                .map_or(String::new(), |(_, _, outcomes)| {
                    let each = outcomes
                        .ended
                        .iter()
                        .map(|(name, count)| format!("{name} {count}"));
                    each.collect::<Vec<_>>().join(", ")
                });
            vec![
                state.name.to_owned(),
                cell(of(|seen| seen.p50_ms), 3),
                cell(p50_ratio(states, state), 3),
                cell(of(|seen| seen.p99_ms), 2),
                cell(
                    Some(state.rounds.iter().map(|round| round.0.failed).sum()),
                    0,
                ),
                cell(median(state.rounds.iter().map(|round| round.1)), 3),
                ended,
            ]
        })
        .collect();
    let columns = [
        "",
        "p50 ms",
        "p50 ÷ off",
        "p99 ms",
        "failed",
        "CPU s per 10k",
        "outcomes of the last round",
    ];
    table(
        &format!("Isolation, at {} requests a second", options.rate),
        &columns,
        &rows,
    );
}

fn p50_ratio(states: &[State], state: &State) -> Option<f64> {
    let off = states.iter().find(|other| other.sample.is_none())?;
    median(
        state
            .rounds
            .iter()
            .zip(&off.rounds)
            .map(|(own, off)| own.0.p50_ms / off.0.p50_ms),
    )
}

fn targets(states: &[State]) -> Vec<Target> {
    let failed: f64 = states
        .iter()
        .flat_map(|state| &state.rounds)
        .map(|round| round.0.failed)
        .sum();
    let mut targets: Vec<Target> = states
        .iter()
        .filter(|state| state.sample.is_some())
        .filter_map(|state| {
            Target::at_most(
                &format!("p50, {} ÷ mirroring off", state.name),
                p50_ratio(states, state),
                1.05,
            )
        })
        .collect();
    targets.push(Target {
        claim: format!("{failed} failed requests at a fixed rate"),
        met: failed == 0.0,
    });
    targets
}
