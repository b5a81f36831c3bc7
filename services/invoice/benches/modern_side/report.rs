//! Medians over the rounds, as a table and a verdict.

use std::process::ExitCode;

use anyhow::Result;

use crate::clients::Seen;
use crate::servers::Servers;

/// A rate counts as held from this part of it on: the last requests may end after the time.
const HELD: f64 = 0.99;

/// One measurement.
pub(crate) struct Measured {
    seen: Seen,
    cpu_seconds: f64,
}

/// The measurements of one load.
pub(crate) struct Row {
    name: String,
    rounds: Vec<Measured>,
}

impl Measured {
    pub(crate) async fn of(servers: &Servers, load: impl Future<Output = Seen>) -> Result<Self> {
        let before = servers.cpu_seconds()?;
        let seen = load.await;
        Ok(Self {
            seen,
            cpu_seconds: servers.cpu_seconds()? - before,
        })
    }

    fn right(&self) -> f64 {
        count(self.seen.waits.len())
    }

    fn per_second(&self) -> f64 {
        self.right() / self.seen.seconds
    }

    fn percentile(&self, hundredths: usize) -> f64 {
        let place = self.seen.waits.len().saturating_sub(1) * hundredths / 100;
        self.seen.waits.get(place).copied().unwrap_or(f64::NAN)
    }
}

impl Row {
    pub(crate) fn new(name: String) -> Self {
        Self {
            name,
            rounds: Vec::new(),
        }
    }

    pub(crate) fn add(&mut self, measured: Measured) {
        self.rounds.push(measured);
    }

    fn median(&self, of: impl Fn(&Measured) -> f64) -> f64 {
        median(self.rounds.iter().map(of))
    }

    fn wrong(&self) -> usize {
        self.rounds.iter().map(|round| round.seen.wrong).sum()
    }
}

pub(crate) fn print(rows: &[Row; 3]) {
    println!(
        "{:<30} {:>10} {:>6} {:>8} {:>8} {:>9} {:>9}",
        "", "requests/s", "wrong", "p50 ms", "p99 ms", "CPU s/10k", "of a core"
    );
    for row in rows {
        println!(
            "{:<30} {:>10.0} {:>6} {:>8.2} {:>8.2} {:>9.2} {:>8.0}%",
            row.name,
            row.median(Measured::per_second),
            row.wrong(),
            row.median(|round| round.percentile(50)),
            row.median(|round| round.percentile(99)),
            row.median(|round| round.cpu_seconds / round.right() * 10_000.0),
            row.median(|round| round.cpu_seconds / round.seen.seconds * 100.0),
        );
    }
    let [_, most, health] = rows;
    let rounds = most.rounds.iter().zip(&health.rounds);
    let ratios = rounds.map(|(most, health)| most.per_second() / health.per_second());
    println!("mixed ÷ /health, paired: {:.2}", median(ratios));
}

/// Whether every answer was right and the rate was held.
pub(crate) fn verdict(rows: &[Row; 3], rate: u32) -> ExitCode {
    let [fixed, ..] = rows;
    let held = fixed.median(Measured::per_second) >= f64::from(rate) * HELD;
    if held && rows.iter().all(|row| row.wrong() == 0) {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

/// Counts of requests are far below what a float holds exactly.
#[expect(clippy::cast_precision_loss, reason = "see above")]
fn count(requests: usize) -> f64 {
    requests as f64
}
