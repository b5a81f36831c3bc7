//! `cutover-data plan`: what a run would do, and nothing of it done.

use std::process::ExitCode;

use clap::Args;
use migration_service::plan::TablePlan;
use migration_service::store::Range;

use super::Both;

#[derive(Args)]
pub(super) struct Flags {
    #[command(flatten)]
    both: Both,
}

impl Flags {
    pub(super) fn both(&self) -> &Both {
        &self.both
    }
}

pub(super) async fn run(flags: Flags) -> anyhow::Result<ExitCode> {
    let sides = flags.both.open().await?;
    for table in &sides.plan.tables {
        let counted = sides
            .source
            .figures(&table.select, &Range::default(), &[])
            .await
            .map_err(anyhow::Error::from_boxed)?;
        let there = sides
            .target
            .figures(&table.destination.select(), &Range::default(), &[])
            .await
            .map_err(anyhow::Error::from_boxed)?;
        show(table, counted.rows, there.rows);
    }
    let waiting = sides.target.waiting().await;
    for waiting in waiting.map_err(anyhow::Error::from_boxed)? {
        println!("not made again since a copy was cut short: {waiting}");
    }
    sides.close().await;
    Ok(ExitCode::SUCCESS)
}

fn show(table: &TablePlan, rows: u64, there: u64) {
    let way = match there {
        0 => "into an empty table".to_owned(),
        there => format!("into a table of {there} rows, each brought up to date"),
    };
    println!(
        "{} → {}: {rows} rows, {way}",
        table.source, table.destination.table
    );
    let order = if table.is_ordered() {
        "side by side in key order"
    } else {
        "by looking each key up"
    };
    println!("  compared {order}");
    for step in &table.steps {
        println!("  {:<24} {} as {}", step.to, step.from, step.kind);
    }
}
