//! Rows into an empty table.

use std::process::Command;

use anyhow::{Result, ensure};

use crate::databases::Databases;
use crate::process::{Ran, done};
use crate::{Args, median};

/// Of plain `COPY`'s rows/s, at least.
const SHARE_OF_COPY: f64 = 0.7;
/// Megabytes at most.
const MEMORY: f64 = 300.0;

pub(crate) fn measure(args: &Args, databases: &Databases) -> Result<bool> {
    let file = databases.directory.path().join("things.copy");
    let psql = |database: &str, sql: &str| {
        let mut psql = Command::new("psql");
        psql.args(["-XqAt", "-v", "ON_ERROR_STOP=1", "-c", sql])
            .arg(database);
        psql
    };
    let out = format!("\\copy things TO '{}' (FORMAT binary)", file.display());
    done(&mut psql(&databases.source_url(), &out))?;
    let into = format!("\\copy things FROM '{}' (FORMAT binary)", file.display());
    let (mut copy, mut piped, mut postgres, mut mariadb, mut pgloader) =
        (Vec::new(), Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let mut memory = 0.0_f64;
    for _ in 0..args.rounds {
        copy.push(done(&mut psql(&databases.empty("floor"), &into))?.seconds);
        let mut pipe = Command::new("sh");
        pipe.arg("-c").arg(format!(
            "psql -Xq -c 'COPY things TO STDOUT (FORMAT binary)' '{}' | psql -Xq -c 'COPY things FROM STDIN \
             (FORMAT binary)' '{}'",
            databases.source_url(),
            databases.empty("floor"),
        ));
        piped.push(done(&mut pipe)?.seconds);
        for (from, times) in [
            (databases.source_url(), &mut postgres),
            (databases.mariadb_url.clone(), &mut mariadb),
        ] {
            let ran = migrate(args, databases, &from)?;
            memory = memory.max(ran.megabytes);
            times.push(ran.seconds);
        }
        if let Some(program) = &args.pgloader {
            let to = databases.empty("loaded");
            let script = databases.directory.path().join("load");
            std::fs::write(&script, format!(
                "LOAD DATABASE FROM {} INTO {to} WITH data only, batch rows = 25000, prefetch rows = 50000
                 ALTER SCHEMA '{}' RENAME TO 'public';\n",
                databases.mariadb_url,
                databases.mariadb_url.rsplit('/').next().unwrap_or_default(),
            ))?;
            let ran = done(Command::new(program).arg(&script))?;
            arrived(databases, "loaded")?;
            pgloader.push(ran.seconds);
        }
    }
    #[expect(clippy::cast_precision_loss, reason = "a number of rows to be shown")]
    let rows = databases.rows as f64;
    let (floor, rate) = (rows / median(copy), |seconds| rows / median(seconds));
    println!("\n| load of {rows:.1e} rows × 10 columns | rows/s | of COPY |\n|---|---|---|");
    let show = |what: &str, rate: f64| println!("| {what} | {rate:.0} | {:.2} |", rate / floor);
    show("COPY from a file, one connection (the floor)", floor);
    show("psql COPY out, piped into psql COPY in", rate(piped));
    let ours = rate(postgres);
    show("cutover-data, PostgreSQL → PostgreSQL", ours);
    let from_mariadb = rate(mariadb);
    show("cutover-data, MariaDB → PostgreSQL", from_mariadb);
    if !pgloader.is_empty() {
        let loader = rate(pgloader);
        show("pgloader, MariaDB → PostgreSQL", loader);
        println!("\ncutover-data is {:.1} × pgloader", from_mariadb / loader);
    }
    println!("cutover-data's peak memory: {memory:.0} MB (target {MEMORY:.0})");
    Ok(ours >= SHARE_OF_COPY * floor && memory <= MEMORY)
}

/// Moves every row into an empty table.
fn migrate(args: &Args, databases: &Databases, from: &str) -> Result<Ran> {
    let to = databases.empty("moved");
    let ran = done(
        Command::new(&args.cutover_data)
            .args([
                "migrate",
                "--json",
                "--from",
                from,
                "--to",
                &to,
                "--mapping",
            ])
            .arg(databases.mapping()),
    )?;
    arrived(databases, "moved")?;
    Ok(ran)
}

fn arrived(databases: &Databases, database: &str) -> Result<()> {
    let count = databases
        .postgres
        .run_sql(database, "SELECT count(*) FROM things");
    ensure!(
        count == databases.rows.to_string(),
        "{count} rows arrived in {database}"
    );
    Ok(())
}
