//! How fast rows go through the stores, beside the server's own tool with the same rows. To be run
//! by hand, in a release build: `cargo test --release --test stores -- --ignored --nocapture`.

use std::process::Command;
use std::time::{Duration, Instant};

use migration_service::store::{How, Range, Source};
use migration_service::value::Row;

use crate::bed::{Bed, Kind, commit, destination, whole};

const ROWS: u32 = 300_000;
const PAGE: u32 = 20_000;
const ROUNDS: usize = 5;

/// Ten columns of the types that tables have, about 166 bytes.
const COLUMNS: &str = "id bigint PRIMARY KEY, customer int NOT NULL, total numeric(12,2) NOT NULL,
    tax numeric(10,4), status varchar(20) NOT NULL, note text, at timestamp(6) NOT NULL, due date,
    open boolean NOT NULL, weight double precision";

const FILLED: &str = "SELECT n, n % 5000, n * 1.37, n % 1000 / 8.0, 'shipped', repeat('note ', 14),
    timestamp '2026-01-01' + n * interval '1 second', date '2026-01-01' + (n % 365)::int,
    n % 2 = 0, n / 7.0 FROM generate_series(1, 300000) AS n";

fn report(what: &str, mut times: Vec<Duration>) {
    times.sort();
    let median = times[times.len() / 2].as_secs_f64();
    println!(
        "{what}: {:.0} rows/s ({median:.3} s)",
        f64::from(ROWS) / median
    );
}

fn psql(url: &str, command: &str) -> Duration {
    let started = Instant::now();
    let status = Command::new("psql")
        .args(["-XqAt", "-c", command, url])
        .status();
    assert!(status.expect("psql").success(), "{command}");
    started.elapsed()
}

async fn all(source: &dyn Source, table: &str) -> Vec<Vec<Row>> {
    let select = whole(source, table).await;
    let (mut range, mut pages) = (Range::default(), Vec::new());
    loop {
        let page = source.page(&select, &range, PAGE).await.expect("a page");
        let Some(last) = page.last() else {
            return pages;
        };
        range.after = Some(select.key_of(last));
        pages.push(page);
    }
}

#[tokio::test]
#[ignore = "measures"]
async fn rows_go_through_postgres_about_as_fast_as_through_its_own_tool() {
    let bed = Bed::new(Kind::Postgres).await;
    bed.run(&format!(
        "CREATE TABLE one ({COLUMNS}); INSERT INTO one {FILLED}; ANALYZE one;
         CREATE TABLE two ({COLUMNS})"
    ))
    .await;
    let target = bed.target().await;
    let two = destination(&*target, "two").await;
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("rows");
    let (out, into) = (
        format!(
            "\\copy (SELECT * FROM one ORDER BY id) to '{}' (format binary)",
            file.display()
        ),
        format!("\\copy two from '{}' (format binary)", file.display()),
    );
    let mut times: [Vec<Duration>; 6] = std::array::from_fn(|_| Vec::new());
    for _ in 0..ROUNDS {
        times[0].push(psql(&bed.url, &out));
        let started = Instant::now();
        let pages = all(target.as_source(), "one").await;
        times[1].push(started.elapsed());
        assert_eq!(pages.iter().map(Vec::len).sum::<usize>(), ROWS as usize);

        bed.run("TRUNCATE two").await;
        times[2].push(psql(&bed.url, &into));
        bed.run("TRUNCATE two").await;
        for (place, how) in [(3, How::Insert), (4, How::Upsert)] {
            let started = Instant::now();
            for page in &pages {
                target
                    .write(&two, page, how, &commit())
                    .await
                    .expect("rows");
            }
            times[place].push(started.elapsed());
        }
        bed.run("TRUNCATE two").await;
        let started = Instant::now();
        for page in &pages {
            target
                .write(&two, page, How::Upsert, &commit())
                .await
                .expect("rows");
        }
        times[5].push(started.elapsed());
        assert_eq!(bed.one("SELECT count(*) FROM two").await, i64::from(ROWS));
    }
    let names = [
        "psql, out in the order of the key",
        "page",
        "psql, in",
        "write, insert",
        "write, upsert of equal rows",
        "write, upsert of new rows",
    ];
    for (name, times) in names.into_iter().zip(times) {
        report(name, times);
    }
}

#[tokio::test]
#[ignore = "measures"]
async fn rows_come_out_of_mariadb() {
    let bed = Bed::new(Kind::Mariadb).await;
    bed.run(
        "CREATE TABLE one (id bigint NOT NULL PRIMARY KEY, customer int NOT NULL,
             total decimal(12,2) NOT NULL, tax decimal(10,4), status varchar(20) NOT NULL,
             note text, at datetime(6) NOT NULL, due date, open tinyint(1) NOT NULL, weight double);
         INSERT INTO one SELECT seq, seq % 5000, seq * 1.37, seq % 1000 / 8.0, 'shipped',
             repeat('note ', 14), timestamp '2026-01-01' + INTERVAL seq SECOND,
             date '2026-01-01' + INTERVAL (seq % 365) DAY, seq % 2, seq / 7.0
         FROM seq_1_to_300000",
    )
    .await;
    let source = bed.source().await;
    let mut times = Vec::new();
    for _ in 0..ROUNDS {
        let started = Instant::now();
        let pages = all(&*source, "one").await;
        times.push(started.elapsed());
        assert_eq!(pages.iter().map(Vec::len).sum::<usize>(), ROWS as usize);
    }
    report("page", times);
}
