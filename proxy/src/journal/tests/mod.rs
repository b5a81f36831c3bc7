//! The journal on real files: what these tests share.

mod failing;
mod importing;
mod reconciled;
mod secrets;
mod storing;

use super::*;
use crate::exchange::budget::Budget;
use crate::exchange::{CapturedRequest, CapturedResponse};
use crate::side::Side;
use bytes::Bytes;
use comparator::{Discrepancy, Kind};
use http::HeaderMap;
use sqlx::{Connection, SqliteConnection};
use std::collections::HashSet;
use std::time::Instant;
use tempfile::TempDir;

const ANSWER: &str = r#"{"data":{"id":"7","total":10.50}}"#;

struct Setting {
    directory: TempDir,
    ledger: Arc<Ledger>,
    budget: Arc<Budget>,
}

impl Setting {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        Self {
            directory,
            ledger: Arc::default(),
            budget: Budget::new(1 << 24),
        }
    }

    fn file(&self) -> PathBuf {
        self.directory.path().join("journal.db")
    }

    async fn open(&self, settings: Settings) -> Journal {
        let path = self.file();
        Journal::open(path.to_str().unwrap(), settings, Arc::clone(&self.ledger))
            .await
            .unwrap()
    }

    /// The count of the outcome `different` that a journal on the same file starts with.
    async fn different_after_restart(&self) -> u64 {
        let (path, ledger) = (self.file(), Arc::new(Ledger::default()));
        Journal::open(
            path.to_str().unwrap(),
            Settings::default(),
            Arc::clone(&ledger),
        )
        .await
        .unwrap();
        let counts = ledger.route("order-read").snapshot();
        counts.count(Outcome::Different)
    }

    fn found(&self, paths: &[&str]) -> Finding {
        let discrepancies = paths.iter().map(|&path| Discrepancy {
            path: path.to_owned(),
            kind: Kind::Value,
            legacy: Some("10.50".to_owned()),
            modern: Some("10.05".to_owned()),
        });
        let mut hold = self.budget.hold();
        assert!(hold.grow(1000));
        Finding {
            exchange: exchange(ANSWER),
            ending: Ending::Different,
            discrepancies: discrepancies.collect(),
            unreported: 0,
            hold,
        }
    }

    /// All bytes that the journal has on disk.
    fn bytes(&self) -> Vec<u8> {
        let files = std::fs::read_dir(self.directory.path()).unwrap();
        files
            .flat_map(|file| std::fs::read(file.unwrap().path()).unwrap())
            .collect()
    }

    async fn connection(&self) -> SqliteConnection {
        let url = format!("sqlite://{}", self.file().display());
        SqliteConnection::connect(&url).await.unwrap()
    }
}

/// A finding under a budget of its own.
pub(super) fn found_alone() -> Finding {
    Setting::new().found(&["/total"])
}

fn exchange(body: &str) -> Exchange {
    let headers = HeaderMap::from_iter([(
        http::header::CONTENT_TYPE,
        "application/json".parse().unwrap(),
    )]);
    let answer = CapturedResponse {
        status: 200,
        headers: headers.clone(),
        body: vec![Bytes::from(body.to_owned())],
        took: Duration::from_millis(3),
    };
    Exchange {
        at: Timestamp::now(),
        route: "order-read".into(),
        request_id: "r-1".into(),
        answered_by: Side::Legacy,
        request: CapturedRequest {
            method: http::Method::GET,
            target: Bytes::from("/orders/7?a=1"),
            headers,
            body: Vec::new(),
        },
        primary: answer.clone(),
        candidate: Some(answer),
    }
}

fn wanted() -> Filter {
    Filter {
        limit: 100,
        ..Filter::default()
    }
}

/// The findings that are wanted, once there are so many.
async fn listed(journal: &Journal, wanted: &Filter, count: usize) -> Vec<FindingSummary> {
    let list = async || journal.reader().findings(wanted).await.unwrap().findings;
    assert!(until(async || list().await.len() == count).await);
    list().await
}

/// Polls until `holds` is true; false after ten seconds.
async fn until(mut holds: impl AsyncFnMut() -> bool) -> bool {
    let deadline = Instant::now() + Duration::from_secs(10);
    while Instant::now() < deadline {
        if holds().await {
            return true;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    false
}

fn contains(haystack: &[u8], needle: &str) -> bool {
    haystack
        .windows(needle.len())
        .any(|window| window == needle.as_bytes())
}
