//! Clients at a fixed rate or as fast as they are answered, and what they saw.

use std::cell::RefCell;
use std::time::Duration;

use bytes::Bytes;
use futures::future::join_all;
use http::{Method, Request, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use tokio::time::{Instant, sleep_until};

/// How fast requests are sent.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Pace {
    /// So many a second, due at even distances whatever became of the ones before.
    Rate(u32),
    /// The next as soon as one is answered.
    Most,
}

/// What is asked, one request at a time.
pub(crate) trait Load {
    /// Sends one request; whether its answer was the right one.
    async fn one(&self, http: &Http) -> bool;
}

/// What the clients saw.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    pub(crate) seconds: f64,
    pub(crate) wrong: usize,
    /// Milliseconds from when a request was due to the end of its answer, of the right ones.
    pub(crate) waits: Vec<f64>,
}

/// A number of clients that ask for some time.
pub(crate) struct Clients {
    count: u32,
    time: Duration,
    http: Http,
}

/// The connections that the clients share.
pub(crate) struct Http(Client<HttpConnector, Full<Bytes>>);

impl Clients {
    pub(crate) fn new(count: u32, time: Duration) -> Self {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        Self {
            count,
            time,
            http: Http(Client::builder(TokioExecutor::new()).build(connector)),
        }
    }

    pub(crate) fn http(&self) -> &Http {
        &self.http
    }

    /// Puts the load on for the time.
    pub(crate) async fn ask(&self, load: &impl Load, pace: Pace) -> Seen {
        let seen = RefCell::new(Seen::default());
        let start = Instant::now();
        let end = start + self.time;
        join_all((0..self.count).map(|client| self.client(client, start, end, load, pace, &seen)))
            .await;
        let mut seen = seen.into_inner();
        seen.seconds = start.elapsed().as_secs_f64();
        seen.waits.sort_by(f64::total_cmp);
        seen
    }

    async fn client(
        &self,
        client: u32,
        start: Instant,
        end: Instant,
        load: &impl Load,
        pace: Pace,
        seen: &RefCell<Seen>,
    ) {
        let mut number = client;
        loop {
            let due = match pace {
                Pace::Rate(rate) => {
                    let due = start + Duration::from_secs(1) * number / rate;
                    number += self.count;
                    due
                }
                Pace::Most => Instant::now(),
            };
            if due >= end {
                return;
            }
            sleep_until(due).await;
            let right = load.one(&self.http).await;
            let mut seen = seen.borrow_mut();
            if right {
                seen.waits.push(due.elapsed().as_secs_f64() * 1000.0);
            } else {
                seen.wrong += 1;
            }
        }
    }
}

impl Http {
    /// The body of an answer with this status; [`None`] for any other answer or none.
    pub(crate) async fn send(
        &self,
        method: Method,
        url: String,
        body: String,
        expected: StatusCode,
    ) -> Option<Bytes> {
        let request = Request::builder().method(method).uri(url);
        let request = request.body(Full::new(Bytes::from(body))).ok()?;
        let answer = self.0.request(request).await.ok()?;
        let status = answer.status();
        let body = answer.into_body().collect().await.ok()?.to_bytes();
        if status != expected {
            eprintln!("{status}: {}", String::from_utf8_lossy(&body));
        }
        (status == expected).then_some(body)
    }
}
