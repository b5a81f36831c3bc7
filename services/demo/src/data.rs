//! Fills the modern database from the legacy one, by the same mapping and code as anywhere else.

use anyhow::{Context, ensure};
use migration_service::load::{self, Options, TableReport, Watch};
use migration_service::mapping::Mapping;
use migration_service::plan::TablePlan;
use migration_service::service::{Places, Service, Settings};
use migration_service::sides::{Addresses, Sides};
use std::path::Path;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

/// What becomes of the sample's tables.
const MAPPING: &str = include_str!("../../../migrations/mapping.toml");

/// Moves every row; says in a line what that was.
pub(crate) async fn migrate(legacy: &str, modern: &str) -> anyhow::Result<String> {
    let file = "migrations/mapping.toml";
    let addresses = Addresses {
        file: file.to_owned(),
        mapping: Mapping::parse(file, MAPPING)?,
        from: legacy.to_owned(),
        to: modern.to_owned(),
    };
    let sides = Sides::open(&addresses)
        .await
        .context("cannot fill the modern database")?;
    let (source, target) = (Arc::clone(&sides.source), Arc::clone(&sides.target));
    let stop = CancellationToken::new();
    let options = Options::default();
    let report = load::run(&sides.plan, source, target, &options, Arc::new(Lines), stop).await;
    sides.close().await;
    let report = report.context("cannot fill the modern database")?;
    ensure!(
        report.is_complete(),
        "rows were refused by the migration:\n{report}"
    );
    let written: u64 = report.tables.iter().map(|table| table.written).sum();
    let tables = report.tables.len();
    Ok(format!(
        "migrated {written} rows of {tables} tables from legacy to modern"
    ))
}

/// The migration service on both databases; its runs start afresh with them.
pub(crate) async fn service(legacy: &str, modern: &str, folder: &Path) -> anyhow::Result<Service> {
    let (mapping, runs) = (folder.join("mapping.toml"), folder.join("runs.db"));
    std::fs::write(&mapping, MAPPING)
        .with_context(|| format!("cannot write {}", mapping.display()))?;
    for file in [runs.clone(), folder.join("runs.db-wal")] {
        match std::fs::remove_file(&file) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(error).with_context(|| format!("cannot remove {}", file.display()));
            }
            _ => {}
        }
    }
    let service = Service::open(Settings {
        places: Places {
            mapping,
            from: legacy.to_owned(),
            to: modern.to_owned(),
        },
        state: format!("sqlite:{}", runs.display()),
        proxy: None,
        resume: false,
    });
    service.await.context("cannot start the migration service")
}

/// A line for each table that has come over.
struct Lines;

impl Watch for Lines {
    fn begins(&self, _table: &TablePlan, _rows: Option<u64>) {}

    fn moved(&self, _table: &TablePlan, _rows: u64) {}

    fn ends(&self, report: &TableReport) {
        println!(
            "migrated    {:<12} {:>6} rows in {:.1} s",
            report.source, report.written, report.seconds
        );
    }
}
