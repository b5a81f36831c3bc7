//! A load generator for latency at a rate. Requests come at random moments, as those of many clients
//! who know nothing of each other do (a Poisson process), and whether or not earlier ones were
//! answered: a client that finds every connection taken waits, and its wait counts (see
//! Schroeder et al., "Open Versus Closed: A Cautionary Tale", NSDI 2006). Generators that pace each
//! connection by a timer of its own ask on all of them at one instant, which measures how fast a
//! burst is worked off and not how long a request takes.

use std::fs::File;
use std::io::{BufWriter, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use clap::Parser;

/// Asks for one path again and again, and logs a line for each answer: when its request came and
/// how long it took (both µs), and its status in between.
#[derive(Parser)]
struct Options {
    /// Who is asked.
    target: SocketAddr,
    /// Path of every request.
    #[arg(long, default_value = "/")]
    path: String,
    /// Requests that can be under way at once.
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u32).range(1..=4096))]
    connections: u32,
    /// Requests a second on average; without it, each connection asks as soon as it is answered.
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..))]
    rate: Option<u32>,
    /// Number of requests.
    #[arg(long)]
    requests: usize,
    /// Seconds after which no request is sent any more, nor an answer waited for.
    #[arg(long)]
    limit: f64,
    /// Where the lines go.
    #[arg(long)]
    log: PathBuf,
}

/// One answer.
struct Answered {
    came: Duration,
    status: u16,
    took: Duration,
}

/// What all connections have in common.
struct Run {
    target: SocketAddr,
    request: Vec<u8>,
    /// When each request comes, counted from the start.
    moments: Vec<Option<Duration>>,
    next: AtomicUsize,
    start: Instant,
    end: Instant,
}

fn main() -> Result<()> {
    let options = Options::parse();
    let limit = Duration::try_from_secs_f64(options.limit).context("--limit")?;
    let start = Instant::now() + Duration::from_millis(20);
    let run = Run {
        target: options.target,
        request: format!(
            "GET {} HTTP/1.1\r\nHost: {}\r\n\r\n",
            options.path, options.target
        )
        .into_bytes(),
        moments: moments(options.requests, options.rate),
        next: AtomicUsize::new(0),
        start,
        end: start + limit,
    };
    let answered: Vec<Answered> = thread::scope(|scope| {
        let connections: Vec<_> = (0..options.connections)
            .map(|_| scope.spawn(|| run.connection()))
            .collect();
        let ended = connections.into_iter().map(thread::ScopedJoinHandle::join);
        ended.flatten().flatten().collect()
    });
    let mut log = BufWriter::new(File::create(&options.log)?);
    for each in answered {
        let (came, took) = (each.came.as_micros(), each.took.as_micros());
        writeln!(log, "{came}\t{}\t{took}", each.status)?;
    }
    Ok(log.flush()?)
}

/// The same for every run, so that what is measured side by side gets the same load; nothing where a
/// request comes as soon as there is a connection for it.
fn moments(requests: usize, rate: Option<u32>) -> Vec<Option<Duration>> {
    let mut random = fastrand::Rng::with_seed(17);
    let mut at = 0.0;
    let mut next = || {
        at -= (1.0 - random.f64()).ln() / f64::from(rate?);
        Some(Duration::from_secs_f64(at))
    };
    (0..requests).map(|_| next()).collect()
}

impl Run {
    /// Takes whatever request comes next, until there is none or the time is over.
    fn connection(&self) -> Vec<Answered> {
        // A sleep may last that much longer; 50 µs is a good part of what is measured here.
        let _ = rustix::thread::set_current_timer_slack(std::num::NonZeroU64::new(1));
        let mut answered = Vec::new();
        let mut open = None;
        while let Some(moment) = self.moments.get(self.next.fetch_add(1, Ordering::Relaxed)) {
            let mut came = moment.map_or_else(Instant::now, |moment| self.start + moment);
            if let Some(early) = came.checked_duration_since(Instant::now()) {
                thread::sleep(early);
                // How late a thread wakes is the generator's fault.
                came = Instant::now();
            }
            if Instant::now() >= self.end {
                break;
            }
            let Ok(status) = self.ask(&mut open) else {
                open = None;
                continue;
            };
            answered.push(Answered {
                came: came.saturating_duration_since(self.start),
                status,
                took: came.elapsed(),
            });
        }
        answered
    }

    fn ask(&self, open: &mut Option<TcpStream>) -> Result<u16> {
        let left = || {
            let left = self.end.saturating_duration_since(Instant::now());
            // Nothing at all would mean for ever.
            left.max(Duration::from_millis(1))
        };
        let stream = match open {
            Some(stream) => stream,
            None => open.insert(TcpStream::connect_timeout(&self.target, left())?),
        };
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(left()))?;
        stream.write_all(&self.request)?;
        let mut buffer = [0; 16 << 10];
        let mut read = 0;
        let (status, length, close) = loop {
            let free = buffer.get_mut(read..).filter(|free| !free.is_empty());
            let got = stream.read(free.context("a head of more than 16 KB")?)?;
            if got == 0 {
                bail!("no answer");
            }
            read += got;
            if let Some(head) = head(buffer.get(..read).unwrap_or_default())? {
                break head;
            }
        };
        let mut missing = length.saturating_sub(read);
        while missing > 0 {
            let most = missing.min(buffer.len());
            match stream.read(buffer.get_mut(..most).unwrap_or_default())? {
                0 => bail!("the answer is cut off"),
                got => missing -= got,
            }
        }
        if close {
            *open = None;
        }
        Ok(status)
    }
}

/// The status, the bytes of head and body, and whether the connection ends with them.
fn head(bytes: &[u8]) -> Result<Option<(u16, usize, bool)>> {
    let mut headers = [httparse::EMPTY_HEADER; 64];
    let mut response = httparse::Response::new(&mut headers);
    let httparse::Status::Complete(head) = response.parse(bytes)? else {
        return Ok(None);
    };
    let value = |name: &str| {
        let named = |header: &&httparse::Header<'_>| header.name.eq_ignore_ascii_case(name);
        let header = response.headers.iter().find(named)?;
        std::str::from_utf8(header.value).ok()
    };
    let body: usize = value("content-length")
        .context("an answer without a length")?
        .parse()?;
    let close = value("connection").is_some_and(|how| how.eq_ignore_ascii_case("close"));
    let status = response.code.context("an answer without a status")?;
    Ok(Some((status, head.saturating_add(body), close)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_come_at_the_asked_rate_and_at_irregular_moments() {
        assert!(moments(3, None).iter().all(Option::is_none));
        let moments: Vec<Duration> = moments(3000, Some(1000)).into_iter().flatten().collect();
        assert_eq!(moments.len(), 3000);
        let last = moments.last().unwrap().as_secs_f64();
        assert!((2.8..3.2).contains(&last), "{last}");
        let close = moments
            .windows(2)
            .filter(|pair| pair[1].saturating_sub(pair[0]) < Duration::from_micros(100));
        // A tenth of the mean distance: 1 - e^-0.1 of all.
        assert!((200..400).contains(&close.count()));
    }

    #[test]
    fn an_answer_is_known_by_its_length_and_refused_without_one() {
        let answer = b"HTTP/1.1 404 Not Found\r\ncontent-length: 2\r\nConnection: close\r\n\r\nno";
        assert_eq!(head(answer).unwrap(), Some((404, answer.len(), true)));
        assert_eq!(head(&answer[..30]).unwrap(), None);
        assert!(head(b"HTTP/1.1 200 OK\r\n\r\n").is_err());
    }
}
