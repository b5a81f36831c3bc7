//! What goes when it is too old or when the file is too large.
//!
//! Totals never go. Findings go when they were not seen or imported for as long as things are kept,
//! samples when they are that old themselves. For size, no finding goes that a route has to answer
//! for: those are few (`tally::MAX_PER_ROUTE`), and a route would be ready because its disk is full.

use super::config::Settings;
use crate::readiness::Thresholds;
use crate::sqlite;
use jiff::{SignedDuration, Timestamp};
use sqlx::{SqliteConnection, SqlitePool};

/// The share of rows that goes in one step when the file is too large: a tenth, rounded up.
const STEP: i64 = 10;

/// Applies age and size; says whether a finding or a sample went.
pub(super) async fn run(
    pool: &SqlitePool,
    settings: &Settings,
    now: Timestamp,
) -> sqlx::Result<bool> {
    let mut connection = pool.acquire().await?;
    let done = run_on(&mut connection, settings, now).await;
    sqlite::give_back(connection, done).await
}

async fn run_on(
    connection: &mut SqliteConnection,
    settings: &Settings,
    now: Timestamp,
) -> sqlx::Result<bool> {
    let keep = SignedDuration::try_from(settings.keep).unwrap_or(SignedDuration::MAX);
    let oldest = now.checked_sub(keep).unwrap_or(Timestamp::MIN);
    let mut gone = by_age(connection, oldest).await?;
    // That of routes which are no longer in the file; a route in use forgets by its own period.
    let longest = SignedDuration::try_from(Thresholds::LONGEST).unwrap_or(SignedDuration::MAX);
    let evidence = now.checked_sub(longest).unwrap_or(Timestamp::MIN);
    execute(
        connection,
        "DELETE FROM evidence WHERE start < ?",
        evidence.as_millisecond(),
    )
    .await?;
    gone += execute(
        connection,
        // The smallest sample is kept beside the others, unless none are wanted at all.
        "DELETE FROM samples WHERE slot >= ?1 AND (slot < 64 OR ?1 = 0)",
        settings.samples.into(),
    )
    .await?;
    while used_bytes(connection).await? > settings.max_size {
        let step = one_step(connection).await?;
        gone += step;
        if step == 0 {
            break;
        }
    }
    sqlx::query("PRAGMA incremental_vacuum")
        .fetch_all(&mut *connection)
        .await?;
    Ok(gone > 0)
}

async fn by_age(connection: &mut SqliteConnection, oldest: Timestamp) -> sqlx::Result<u64> {
    let millisecond = oldest.as_millisecond();
    // The samples that stay stand for so much less of what was drawn from.
    execute(
        connection,
        "UPDATE findings SET drawn = drawn * \
            (SELECT count(*) FROM samples s JOIN exchanges e ON e.id = s.exchange \
             WHERE s.fingerprint = findings.fingerprint AND s.slot < 64 AND e.at >= ?1) / \
            (SELECT count(*) FROM samples s \
             WHERE s.fingerprint = findings.fingerprint AND s.slot < 64) \
         WHERE fingerprint IN \
            (SELECT s.fingerprint FROM samples s JOIN exchanges e ON e.id = s.exchange \
             WHERE s.slot < 64 AND e.at < ?1)",
        millisecond,
    )
    .await?;
    let samples = execute(
        connection,
        "DELETE FROM exchanges WHERE at < ?",
        millisecond,
    )
    .await?;
    let findings = execute(
        connection,
        "DELETE FROM findings WHERE last_seen < ?1 AND imported < ?1",
        millisecond,
    )
    .await?;
    Ok(samples + findings)
}

/// Takes the oldest tenth of the samples, or when there are none, of the findings that are settled.
async fn one_step(connection: &mut SqliteConnection) -> sqlx::Result<u64> {
    let samples = execute(
        connection,
        "DELETE FROM exchanges WHERE id IN (SELECT id FROM exchanges ORDER BY at, id \
         LIMIT (SELECT (count(*) + ?1 - 1) / ?1 FROM exchanges))",
        STEP,
    )
    .await?;
    if samples > 0 {
        return Ok(samples);
    }
    execute(
        connection,
        "WITH settled AS (SELECT * FROM findings WHERE state NOT IN ('open', 'regressed')) \
         DELETE FROM findings WHERE fingerprint IN (SELECT fingerprint FROM settled \
         ORDER BY max(last_seen, imported) LIMIT (SELECT (count(*) + ?1 - 1) / ?1 FROM settled))",
        STEP,
    )
    .await
}

async fn used_bytes(connection: &mut SqliteConnection) -> sqlx::Result<u64> {
    let bytes: i64 = sqlx::query_scalar(
        "SELECT (page_count - freelist_count) * page_size \
         FROM pragma_page_count, pragma_freelist_count, pragma_page_size",
    )
    .fetch_one(connection)
    .await?;
    Ok(bytes.cast_unsigned())
}

async fn execute(
    connection: &mut SqliteConnection,
    sql: &'static str,
    argument: i64,
) -> sqlx::Result<u64> {
    Ok(sqlx::query(sql)
        .bind(argument)
        .execute(connection)
        .await?
        .rows_affected())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::store;
    use std::time::Duration;

    async fn pool(directory: &tempfile::TempDir) -> SqlitePool {
        store::open_for_writing(&directory.path().join("journal.db"))
            .await
            .unwrap()
    }

    async fn number(pool: &SqlitePool, sql: &'static str) -> i64 {
        sqlx::query_scalar(sql).fetch_one(pool).await.unwrap()
    }

    /// `n` findings of one sample each, of `bytes` bytes, one a second from 1970 on.
    async fn fill(pool: &SqlitePool, n: i64, bytes: i64) {
        for sql in [
            "INSERT INTO exchanges SELECT value, value * 1000, printf('%.*c', ?2, 'x') \
             FROM generate_series(1, ?1)",
            "INSERT INTO findings (fingerprint, route, outcome, path, kind, seen, drawn, \
             first_seen, last_seen, state, explanation) SELECT printf('%016x', value), 'r', 'different', '/p', 'value', \
             100, 100, value * 1000, value * 1000, 'open', ?2 FROM generate_series(1, ?1)",
            "INSERT INTO samples SELECT printf('%016x', value), 0, value, ?2 \
             FROM generate_series(1, ?1)",
        ] {
            let sql = sql.replace(
                "generate_series(1, ?1)",
                "(WITH RECURSIVE s(value) AS (SELECT 1 UNION ALL SELECT value + 1 FROM s \
                  WHERE value < ?1) SELECT value FROM s)",
            );
            sqlx::query(sqlx::AssertSqlSafe(sql))
                .bind(n)
                .bind(bytes)
                .execute(pool)
                .await
                .unwrap();
        }
    }

    fn second(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[tokio::test]
    async fn what_is_older_than_keep_goes_and_totals_stay() {
        let directory = tempfile::tempdir().unwrap();
        let pool = pool(&directory).await;
        fill(&pool, 100, 10).await;
        sqlx::query("INSERT INTO counts VALUES ('r', 'eligible', '', 13)")
            .execute(&pool)
            .await
            .unwrap();
        let settings = Settings {
            keep: Duration::from_secs(50),
            ..Settings::default()
        };
        assert!(run(&pool, &settings, second(130)).await.unwrap());
        for table in [
            "SELECT count(*) FROM findings",
            "SELECT count(*) FROM samples",
            "SELECT count(*) FROM exchanges",
        ] {
            assert_eq!(number(&pool, table).await, 21, "{table}");
        }
        let settings = Settings {
            keep: Duration::from_mins(1),
            ..Settings::default()
        };
        assert!(run(&pool, &settings, second(60 * 60)).await.unwrap());
        assert_eq!(number(&pool, "SELECT sum(n) FROM counts").await, 13);
        assert!(!run(&pool, &settings, second(60 * 60)).await.unwrap());
    }

    #[tokio::test]
    async fn samples_that_stay_stand_for_their_share_of_the_draw() {
        let directory = tempfile::tempdir().unwrap();
        let pool = pool(&directory).await;
        fill(&pool, 4, 10).await;
        sqlx::query("UPDATE samples SET fingerprint = printf('%016x', 4), slot = exchange")
            .execute(&pool)
            .await
            .unwrap();
        let settings = Settings {
            keep: Duration::from_secs(1),
            ..Settings::default()
        };
        run(&pool, &settings, second(5)).await.unwrap();
        assert_eq!(number(&pool, "SELECT drawn FROM findings").await, 25);
        assert_eq!(number(&pool, "SELECT count(*) FROM samples").await, 1);
    }

    #[tokio::test]
    async fn a_file_that_is_too_large_loses_its_oldest_samples_and_shrinks() {
        let directory = tempfile::tempdir().unwrap();
        let pool = pool(&directory).await;
        fill(&pool, 400, 20_000).await;
        let settings = Settings {
            max_size: 2 << 20,
            keep: Duration::from_secs(1000),
            ..Settings::default()
        };
        assert!(run(&pool, &settings, second(401)).await.unwrap());
        assert!(number(&pool, "SELECT min(at) FROM exchanges").await > 100_000);
        assert_eq!(
            number(&pool, "SELECT max(at) FROM exchanges").await,
            400_000
        );
        assert_eq!(number(&pool, "SELECT count(*) FROM findings").await, 400);
        sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)")
            .fetch_all(&pool)
            .await
            .unwrap();
        let size = std::fs::metadata(directory.path().join("journal.db"))
            .unwrap()
            .len();
        assert!(size <= 2 << 20, "{size}");
    }

    #[tokio::test]
    async fn fewer_samples_wanted_are_fewer_samples_kept() {
        let directory = tempfile::tempdir().unwrap();
        let pool = pool(&directory).await;
        fill(&pool, 3, 10).await;
        let settings = Settings {
            samples: 0,
            keep: Duration::from_secs(1000),
            ..Settings::default()
        };
        assert!(run(&pool, &settings, second(4)).await.unwrap());
        assert_eq!(number(&pool, "SELECT count(*) FROM exchanges").await, 0);
    }

    #[tokio::test]
    async fn a_file_that_is_too_large_keeps_the_findings_that_a_route_has_to_answer_for() {
        let directory = tempfile::tempdir().unwrap();
        let pool = pool(&directory).await;
        fill(&pool, 1000, 100).await;
        sqlx::query(
            "UPDATE findings SET explanation = printf('%.*c', 4000, 'x'), \
             state = CASE rowid % 4 WHEN 0 THEN 'open' WHEN 1 THEN 'regressed' \
                     WHEN 2 THEN 'fixed' ELSE 'allowed' END",
        )
        .execute(&pool)
        .await
        .unwrap();
        let settings = Settings {
            max_size: 1 << 20,
            keep: Duration::from_secs(10_000),
            ..Settings::default()
        };
        assert!(run(&pool, &settings, second(1001)).await.unwrap());
        let open = "SELECT count(*) FROM findings WHERE state IN ('open', 'regressed')";
        assert_eq!(number(&pool, open).await, 500);
        assert_eq!(number(&pool, "SELECT count(*) FROM findings").await, 500);
        // It is larger than allowed, and nothing more can go.
        assert!(!run(&pool, &settings, second(1002)).await.unwrap());
    }

    #[tokio::test]
    async fn counts_by_minutes_that_were_stored_before_are_added_up() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("journal.db");
        let options = sqlite::for_writing(&file, Duration::from_secs(1)).create_if_missing(true);
        let pool = sqlite::one_connection(options).await.unwrap();
        let mut before = sqlx::migrate!("../migrations/journal");
        before.migrations.to_mut().retain(|step| step.version < 40);
        before.run(&pool).await.unwrap();
        sqlx::query("INSERT INTO counts VALUES ('r',1,'eligible','',5),('r',2,'eligible','',7),('r',0,'served','legacy',1)")
            .execute(&pool).await.unwrap();
        pool.close().await;
        let pool = store::open_for_writing(&file).await.unwrap();
        assert_eq!(
            number(&pool, "SELECT n FROM counts WHERE outcome = 'eligible'").await,
            12
        );
        assert_eq!(number(&pool, "SELECT sum(n) FROM counts").await, 13);
    }
}
