//! Rows on both sides, equal and with differences.

use std::process::Command;

use anyhow::{Result, ensure};

use crate::databases::Databases;
use crate::process::{Ran, done, run};
use crate::{Args, median};

/// Megabytes at most.
const MEMORY: f64 = 300.0;
/// Of reladiff's rows/s, at least, where the two servers are of different kinds.
const TIMES_ACROSS: f64 = 3.0;

/// One in so many rows differs; none where there is nothing.
const DIFFERENCES: [(&str, Option<u64>); 4] = [
    ("equal", None),
    ("0.01 %", Some(10_000)),
    ("1 %", Some(100)),
    ("50 %", Some(2)),
];

pub(crate) fn measure(args: &Args, databases: &Databases) -> Result<bool> {
    let to = databases.empty("compared");
    done(
        Command::new(&args.cutover_data)
            .args([
                "migrate",
                "--json",
                "--from",
                &databases.source_url(),
                "--to",
                &to,
                "--mapping",
            ])
            .arg(databases.mapping()),
    )?;
    databases
        .postgres
        .run_sql("compared", "VACUUM ANALYZE things");
    #[expect(clippy::cast_precision_loss, reason = "a number of rows to be shown")]
    let rows = databases.rows as f64;
    println!(
        "\n| comparing {rows:.1e} rows × 10 columns | differing | cutover-data rows/s | reladiff rows/s | ratio |\n|---|---|---|---|---|"
    );
    let (mut good, mut memory) = (true, 0.0_f64);
    for (what, every) in DIFFERENCES {
        if let Some(every) = every {
            change(databases, '+', every);
        }
        for (sides, from, target) in [
            ("PostgreSQL ↔ PostgreSQL", databases.source_url(), 1.0),
            (
                "MariaDB ↔ PostgreSQL",
                databases.mariadb_url.clone(),
                TIMES_ACROSS,
            ),
        ] {
            let (mut ours, mut theirs) = (Vec::new(), Vec::new());
            for _ in 0..args.rounds {
                let ran = reconcile(args, databases, &from, &to)?;
                ensure!(
                    ran.code == Some(i32::from(every.is_some())),
                    "{what}: {}",
                    ran.said
                );
                memory = memory.max(ran.megabytes);
                ours.push(ran.seconds);
                // Half of all rows is what its bisection was never meant for.
                if let (Some(program), true) = (&args.reladiff, every != Some(2)) {
                    theirs.push(reladiff(program, &from, &to)?.seconds);
                }
            }
            let ours = rows / median(ours);
            if theirs.is_empty() {
                println!("| {sides} | {what} | {ours:.0} | | |");
                continue;
            }
            let theirs = rows / median(theirs);
            println!(
                "| {sides} | {what} | {ours:.0} | {theirs:.0} | {:.1} |",
                ours / theirs
            );
            good &= ours >= target * theirs;
        }
        // The differences of the next line are its own.
        if let Some(every) = every {
            change(databases, '-', every);
        }
    }
    println!("\ncutover-data's peak memory: {memory:.0} MB (target {MEMORY:.0})");
    Ok(good && memory <= MEMORY)
}

fn reconcile(args: &Args, databases: &Databases, from: &str, to: &str) -> Result<Ran> {
    run(Command::new(&args.cutover_data)
        .args([
            "reconcile",
            "--json",
            "--settle",
            "0s",
            "--from",
            from,
            "--to",
            to,
            "--mapping",
        ])
        .arg(databases.mapping()))
}

fn reladiff(program: &std::path::Path, from: &str, to: &str) -> Result<Ran> {
    let scheme = |url: &str| url.replacen("postgres://", "postgresql://", 1);
    let columns = [
        "customer", "status", "quantity", "amount", "name", "email", "note", "created",
    ];
    let mut command = Command::new(program);
    command.args([
        &scheme(from),
        "things",
        &scheme(to),
        "things",
        "-k",
        "id",
        "--stats",
    ]);
    command.args(columns.iter().flat_map(|column| ["-c", column]));
    done(&mut command)
}

/// Makes one in so many rows another, or what it was.
fn change(databases: &Databases, by: char, every: u64) {
    let update = format!("UPDATE things SET amount = amount {by} 0.01 WHERE id % {every} = 0");
    databases.postgres.run_sql("compared", &update);
    databases
        .postgres
        .run_sql("compared", "VACUUM ANALYZE things");
}
