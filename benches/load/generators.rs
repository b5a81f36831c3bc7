//! wrk, which pushes as hard as it can, and our `arrivals`, which keeps a rate: how they are run, and
//! what their output says.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result};

use crate::process;

/// What clients saw.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Seen {
    /// Requests that were answered, with whatever status.
    pub(crate) answered: f64,
    /// Requests without an answer, and answers that are no success.
    pub(crate) failed: f64,
    pub(crate) seconds: f64,
    pub(crate) p50_ms: f64,
    pub(crate) p99_ms: f64,
}

/// Where a generator runs and what it asks for.
pub(crate) struct Generator<'a> {
    /// The program that keeps a rate.
    pub(crate) arrivals: String,
    pub(crate) core: &'a str,
    pub(crate) directory: &'a Path,
    pub(crate) target: SocketAddr,
    pub(crate) connections: u32,
}

impl Generator<'_> {
    fn url(&self) -> String {
        format!("http://{}/orders/17", self.target)
    }

    /// As many requests as the server takes, for `seconds`.
    pub(crate) fn saturate(&self, seconds: u32) -> Result<Seen> {
        let command = format!(
            "wrk --latency -t1 -c{} -d{seconds}s --timeout 5s {}",
            self.connections,
            self.url()
        );
        let output = self.run(&command, Duration::from_secs(seconds.into()))?;
        parse_wrk(&output).with_context(|| format!("unexpected output of wrk:\n{output}"))
    }

    /// `rate` requests a second on average for `seconds`; what was not answered by then has failed.
    /// Nothing, if no request was answered.
    pub(crate) fn steady(&self, rate: u32, seconds: u32) -> Result<Option<Seen>> {
        // The last request may come a little later than the average says.
        let limit = f64::from(seconds) * 1.1 + 0.5;
        self.arrivals(rate * seconds, &format!("--rate {rate}"), limit)
    }

    /// `total` requests as fast as they are answered; at most as many at once as connections.
    pub(crate) fn count(&self, total: u32) -> Result<Seen> {
        // Under an instrumented server a request may take a hundred times as long as usual.
        let seen = self.arrivals(total, "", f64::from(total) / 50.0)?;
        seen.context("no request was answered")
    }

    fn arrivals(&self, total: u32, pace: &str, limit: f64) -> Result<Option<Seen>> {
        let log = self.directory.join("requests.tsv");
        let _ = fs::remove_file(&log);
        let command = format!(
            "{} {} --path /orders/17 --connections {} --requests {total} --limit {limit} {pace} --log {}",
            self.arrivals,
            self.target,
            self.connections,
            log.display(),
        );
        self.run(&command, Duration::from_secs_f64(limit))?;
        let rows =
            fs::read_to_string(&log).with_context(|| format!("reading {}", log.display()))?;
        Ok(parse_arrivals(&rows, f64::from(total)))
    }

    fn run(&self, command: &str, time: Duration) -> Result<String> {
        let command: Vec<String> = command.split_whitespace().map(str::to_owned).collect();
        let patience = time * 2 + Duration::from_secs(30);
        process::run(self.core, &command, patience, self.directory)
    }
}

fn parse_wrk(output: &str) -> Option<Seen> {
    let line_with = |mark: &str| output.lines().find(|line| line.contains(mark));
    let percentile = |mark: &str| {
        let line = output
            .lines()
            .find_map(|line| line.trim().strip_prefix(mark))?;
        milliseconds(line)
    };
    let (answered, rest) = line_with(" requests in ")?
        .trim()
        .split_once(" requests in ")?;
    let seconds = milliseconds(rest.split_once(',')?.0)? / 1000.0;
    // wrk leaves these lines out when there is nothing to tell.
    let refused =
        line_with("Non-2xx").map_or(Some(0.0), |line| number(line.rsplit(' ').next()?))?;
    let broken = line_with("Socket errors:")
        .map_or(0.0, |line| line.split([' ', ',']).filter_map(number).sum());
    Some(Seen {
        answered: number(answered)?,
        failed: refused + broken,
        seconds,
        p50_ms: percentile("50%")?,
        p99_ms: percentile("99%")?,
    })
}

/// One row for each answer: when its request came and how long it took (both µs), and its status in
/// between.
fn parse_arrivals(rows: &str, total: f64) -> Option<Seen> {
    let mut waits = Vec::new();
    let mut good = 0.0;
    let (mut first, mut last) = (f64::MAX, f64::MIN);
    for row in rows.lines() {
        let mut columns = row.split('\t').map(number);
        let (start, status, wait) = (columns.next()??, columns.next()??, columns.next()??);
        first = first.min(start);
        last = last.max(start + wait);
        waits.push(wait / 1000.0);
        if (200.0..300.0).contains(&status) {
            good += 1.0;
        }
    }
    waits.sort_by(f64::total_cmp);
    Some(Seen {
        answered: f64::from(u32::try_from(waits.len()).ok()?),
        failed: total - good,
        seconds: (last - first) / 1e6,
        p50_ms: *waits.get(waits.len() / 2)?,
        p99_ms: *waits.get(waits.len() * 99 / 100)?,
    })
}

fn number(text: &str) -> Option<f64> {
    text.trim().parse().ok()
}

/// A duration as wrk writes it: `66.00us`, `2.88ms`, `1.20s`, `1.00m`.
fn milliseconds(text: &str) -> Option<f64> {
    let text = text.trim();
    let unit = text.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.');
    let factor = match unit {
        "us" => 0.001,
        "ms" => 1.0,
        "s" => 1000.0,
        "m" => 60_000.0,
        _ => return None,
    };
    Some(number(text.strip_suffix(unit)?)? * factor)
}

#[cfg(test)]
mod tests {
    use super::*;

    const WRK: &str = "\
Running 1s test @ http://127.0.0.1:18999/nope
  1 threads and 4 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency     6.68ms    4.53ms  30.39ms   65.99%
    Req/Sec   610.27    212.30     1.06k    63.64%
  Latency Distribution
     50%    631.00us
     75%    9.62ms
     90%   12.50ms
     99%    1.02s
  668 requests in 1.10s, 339.22KB read
  Socket errors: connect 0, read 2, write 0, timeout 3
  Non-2xx or 3xx responses: 8
Requests/sec:    607.00
Transfer/sec:    308.24KB
";

    #[test]
    fn failures_of_every_kind_are_counted_in_the_output_of_wrk() {
        let seen = parse_wrk(WRK).unwrap();
        assert_eq!(
            seen,
            Seen {
                answered: 668.0,
                failed: 13.0,
                seconds: 1.1,
                p50_ms: 0.631,
                p99_ms: 1020.0
            }
        );
    }

    #[test]
    fn output_of_wrk_without_errors_has_no_failures() {
        let output: String = WRK
            .lines()
            .filter(|l| !l.contains("errors:") && !l.contains("Non-2xx"))
            .fold(String::new(), |all, line| all + line + "\n");
        let clean = Seen {
            failed: 0.0,
            ..parse_wrk(WRK).unwrap()
        };
        assert_eq!(parse_wrk(&output), Some(clean));
        assert_eq!(parse_wrk("unable to connect"), None);
    }

    #[test]
    fn a_request_without_an_answer_has_failed_and_so_has_one_with_an_error() {
        let rows = "1000000\t200\t1500\n1000500\t502\t2500\n";
        let expected = Seen {
            answered: 2.0,
            failed: 3.0,
            seconds: 0.003,
            p50_ms: 2.5,
            p99_ms: 2.5,
        };
        assert_eq!(parse_arrivals(rows, 4.0), Some(expected));
        assert_eq!(parse_arrivals("", 4.0), None);
    }
}
