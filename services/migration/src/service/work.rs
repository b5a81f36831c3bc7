//! What a run does: it copies rows or compares them, and tells the proxy what came of it.

use std::error::Error;
use std::sync::Arc;

use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::databases::Databases;
use super::options::{MigrationOptions, ReconciliationOptions};
use super::run::Kind;
use super::tracker::Tracker;
use crate::link::{self, LinkError, Proxy};
use crate::load::{self, LoadError};
use crate::mirrored::{self, MirroredError};
use crate::plan::Plan;
use crate::reconcile::{self, Checkpoint};
use crate::sides::Sides;

/// What a run does.
#[derive(Debug, Clone)]
pub(super) enum Work {
    Migration(MigrationOptions),
    Reconciliation(ReconciliationOptions),
}

/// What came of it.
pub(super) enum Outcome {
    Finished { report: Value, note: Option<String> },
    Failed(String),
    Stopped,
}

impl Work {
    /// What a run of the state file does; everything that is wrong with it where that cannot be
    /// read.
    pub(super) fn kept(kind: Kind, options: &Value) -> Result<Self, Vec<String>> {
        use kit::extract::RequestBody as _;
        let options = options.to_string();
        match kind {
            Kind::Migration => MigrationOptions::parse(options.as_bytes()).map(Self::Migration),
            Kind::Reconciliation => {
                ReconciliationOptions::parse(options.as_bytes()).map(Self::Reconciliation)
            }
        }
    }

    pub(super) fn kind(&self) -> Kind {
        match self {
            Self::Migration(_) => Kind::Migration,
            Self::Reconciliation(_) => Kind::Reconciliation,
        }
    }

    /// What was asked for, as it is kept and shown.
    pub(super) fn options(&self) -> Value {
        let options = match self {
            Self::Migration(options) => serde_json::to_value(options),
            Self::Reconciliation(options) => serde_json::to_value(options),
        };
        // These types can't fail to be written.
        options.unwrap_or_default()
    }

    pub(super) async fn run(
        self,
        databases: &Databases,
        proxy: Option<&Proxy>,
        tracker: Arc<Tracker>,
        checkpoint: Option<String>,
        stop: CancellationToken,
    ) -> Outcome {
        let sides = tokio::select! {
            sides = databases.sides() => sides,
            () = stop.cancelled() => return Outcome::Stopped,
        };
        let sides = match sides {
            Ok(sides) => sides,
            Err(error) => return Outcome::Failed(chain(&error)),
        };
        match self {
            Self::Migration(options) => {
                migrate(&options, sides, proxy, tracker, checkpoint, stop).await
            }
            Self::Reconciliation(options) => {
                compare(&options, sides, proxy, tracker, checkpoint, stop).await
            }
        }
    }
}

async fn migrate(
    options: &MigrationOptions,
    sides: Sides,
    proxy: Option<&Proxy>,
    tracker: Arc<Tracker>,
    checkpoint: Option<String>,
    stop: CancellationToken,
) -> Outcome {
    let options = match options.ready() {
        Ok(options) => options,
        Err(wrong) => return Outcome::Failed(wrong.join("; ")),
    };
    // A table that was finished in another database is not finished here.
    let names = json!(sides.names()).to_string();
    if checkpoint.as_ref() != Some(&names) {
        tracker.forget();
    }
    tracker.keep(names);
    tracker.expect(sides.plan.tables.iter());
    // What this run finished before the service ended need not be read a second time.
    let left = sides.plan.tables.iter();
    let left = left.filter(|table| !tracker.has_finished(&table.source));
    let plan = Plan {
        tables: left.cloned().collect(),
    };
    if let Err(error) = sides.target.prepare().await {
        return Outcome::Failed(chain(&*error));
    }
    for table in &plan.tables {
        // What is kept beside the rows is right, however late the state file was written.
        let parts = sides
            .target
            .progress(&table.source)
            .await
            .unwrap_or_default();
        let begun = parts.iter().any(|part| !part.done);
        tracker.found(
            &table.source,
            if begun {
                parts.iter().map(|part| part.read).sum()
            } else {
                0
            },
        );
    }
    let (source, target) = (Arc::clone(&sides.source), Arc::clone(&sides.target));
    let watch: Arc<dyn load::Watch> = Arc::clone(&tracker) as _;
    let mut note = None;
    let copy = async |stop| {
        let copied = load::run(&plan, source, target, &options, watch, stop).await?;
        if let Some(proxy) = proxy {
            note = told_ids(link::tell_ids(proxy, &sides.plan, &*sides.target).await);
        }
        Ok(copied)
    };
    let report = match mirrored::around(proxy, false, &sides, &stop, copy).await {
        Ok(report) => report,
        Err(CopyError::Load(LoadError::Stopped) | CopyError::Mirrored(MirroredError::Stopped)) => {
            return Outcome::Stopped;
        }
        Err(error) => return Outcome::Failed(chain(&error)),
    };
    let mut told = json!({
        "tables": tracker.reports(),
        "refused": report.refused,
        "waiting": report.waiting,
    });
    if let (Some(told), Some(mirrored)) = (told.as_object_mut(), report.mirrored) {
        told.insert("mirrored".to_owned(), json!(mirrored));
    }
    Outcome::Finished { report: told, note }
}

/// Why a copy did not come to its end.
#[derive(Debug, thiserror::Error)]
enum CopyError {
    #[error(transparent)]
    Load(#[from] LoadError),
    #[error(transparent)]
    Mirrored(#[from] MirroredError),
}

async fn compare(
    options: &ReconciliationOptions,
    sides: Sides,
    proxy: Option<&Proxy>,
    tracker: Arc<Tracker>,
    checkpoint: Option<String>,
    stop: CancellationToken,
) -> Outcome {
    let options = match options.ready() {
        Ok(options) => options,
        Err(wrong) => return Outcome::Failed(wrong.join("; ")),
    };
    if let Some(unknown) = sides.plan.lacks(&options.only) {
        return Outcome::Failed(format!("the mapping has no table `{unknown}`"));
    }
    let wanted = sides.plan.tables.iter();
    let wanted =
        wanted.filter(|table| options.only.is_empty() || options.only.contains(&table.source));
    // One of another version, or that was cut off, says nothing: the comparison begins anew.
    let from: Option<Checkpoint> = checkpoint.and_then(|text| serde_json::from_str(&text).ok());
    let from = from.filter(|from| from.fits(&sides.names(), &sides.plan, &options));
    if from.is_none() {
        tracker.forget();
    }
    tracker.expect(wanted);
    let (source, target) = (Arc::clone(&sides.source), Arc::clone(&sides.target));
    let watch: Arc<dyn reconcile::Watch> = Arc::clone(&tracker) as _;
    let report =
        reconcile::reconcile(&sides.plan, source, target, &options, watch, stop, from).await;
    if report.stopped {
        return Outcome::Stopped;
    }
    let note = match proxy {
        Some(proxy) => link::tell_report(proxy, &report).await.err(),
        None => None,
    };
    let note = note.map(|error| format!("the proxy was not told: {}", chain(&error)));
    match serde_json::to_value(&report) {
        Ok(report) => Outcome::Finished { report, note },
        Err(error) => Outcome::Failed(format!("the report cannot be written: {error}")),
    }
}

fn told_ids(told: Result<link::Told, LinkError>) -> Option<String> {
    match told {
        Ok(told) if told.is_complete() => None,
        Ok(told) => Some(format!(
            "not every pair of ids was taken by the proxy: {told}"
        )),
        Err(error) => Some(format!("the proxy was not told of ids: {}", chain(&error))),
    }
}

/// An error and its causes on one line. What databases say holds no password.
fn chain(error: &dyn Error) -> String {
    let mut line = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        let said = error.to_string();
        if !line.ends_with(&said) {
            line.push_str(": ");
            line.push_str(&said);
        }
        source = error.source();
    }
    line
}
