//! What the proxy itself says about its shadowed requests: `GET /api/outcomes`.

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

/// The counters of all routes together.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Outcomes {
    pub(crate) eligible: u64,
    pub(crate) pending: u64,
    pub(crate) ended: BTreeMap<String, u64>,
}

impl Outcomes {
    /// What was counted after `earlier`.
    pub(crate) fn since(&self, earlier: &Self) -> Self {
        let difference = |(name, count): (&String, &u64)| {
            let before = earlier.ended.get(name).copied().unwrap_or(0);
            (name.clone(), count.saturating_sub(before))
        };
        Self {
            eligible: self.eligible.saturating_sub(earlier.eligible),
            pending: self.pending,
            ended: self
                .ended
                .iter()
                .map(difference)
                .filter(|(_, count)| *count > 0)
                .collect(),
        }
    }

    /// Whether every eligible request is pending or ended.
    pub(crate) fn add_up(&self) -> bool {
        self.pending + self.ended.values().sum::<u64>() == self.eligible
    }

    /// The share of eligible requests whose two answers were compared.
    pub(crate) fn compared_share(&self) -> Option<f64> {
        let compared: u64 = ["matched", "different"]
            .iter()
            .filter_map(|name| self.ended.get(*name))
            .sum();
        let float = |count: u64| u32::try_from(count).ok().map(f64::from);
        Some(float(compared)? / float(self.eligible).filter(|eligible| *eligible > 0.0)?)
    }
}

/// Waits until nothing is pending. Counters that do not add up on the way are an error.
pub(crate) fn settle(control: SocketAddr, patience: Duration) -> Result<Outcomes> {
    let deadline = Instant::now() + patience;
    loop {
        let outcomes = outcomes(control)?;
        if !outcomes.add_up() {
            bail!("outcomes do not add up: {outcomes:?}");
        }
        if outcomes.pending == 0 {
            return Ok(outcomes);
        }
        if Instant::now() > deadline {
            bail!("still pending after {patience:?}: {outcomes:?}");
        }
        sleep(Duration::from_millis(20));
    }
}

fn outcomes(control: SocketAddr) -> Result<Outcomes> {
    let body = fetch(control, "/api/outcomes")?;
    parse(&body).with_context(|| format!("unexpected answer of /api/outcomes: {body}"))
}

/// HTTP/1.0, so that the answer ends with the connection and is never chunked.
fn fetch(address: SocketAddr, path: &str) -> Result<String> {
    let mut stream = TcpStream::connect_timeout(&address, Duration::from_secs(5))?;
    stream.set_read_timeout(Some(Duration::from_secs(30)))?;
    write!(stream, "GET {path} HTTP/1.0\r\nHost: {address}\r\n\r\n")?;
    let mut answer = String::new();
    stream.take(1 << 20).read_to_string(&mut answer)?;
    match answer.split_once("\r\n\r\n") {
        Some((head, body)) if head.split(' ').nth(1) == Some("200") => Ok(body.to_owned()),
        _ => bail!("http://{address}{path} answered: {answer}"),
    }
}

fn parse(body: &str) -> Option<Outcomes> {
    let document: Value = serde_json::from_str(body).ok()?;
    let mut sum = Outcomes::default();
    for route in document.get("routes")?.as_array()? {
        sum.eligible += route.get("eligible")?.as_u64()?;
        sum.pending += route.get("pending")?.as_u64()?;
        for (name, count) in route.get("outcomes")?.as_object()? {
            *sum.ended.entry(name.clone()).or_default() += count.as_u64()?;
        }
    }
    Some(sum)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TWO_ROUTES: &str = r#"{"routes": [
        {"name": "a", "eligible": 7, "pending": 1, "outcomes": {"matched": 4, "dropped": 2}},
        {"name": "b", "eligible": 3, "pending": 0, "outcomes": {"matched": 2, "different": 1}}]}"#;

    #[test]
    fn the_counters_of_all_routes_are_added() {
        let outcomes = parse(TWO_ROUTES).unwrap();
        assert_eq!((outcomes.eligible, outcomes.pending), (10, 1));
        assert_eq!(outcomes.compared_share(), Some(0.7));
        assert!(outcomes.add_up());
        let lost = Outcomes {
            eligible: 11,
            ..outcomes
        };
        assert!(!lost.add_up());
    }

    #[test]
    fn only_what_came_after_the_warm_up_counts() {
        let outcomes = parse(TWO_ROUTES).unwrap();
        let later = outcomes.since(&outcomes);
        assert_eq!((later.eligible, later.ended.len()), (0, 0));
    }
}
