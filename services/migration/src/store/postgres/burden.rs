//! Indexes and foreign keys that are taken away while a table is loaded, and made again.
//!
//! How to make one again is kept in `cutover_deferred`, in the transaction that takes it away,
//! and forgotten in the one that makes it: whatever dies between, the next run finds it there. A
//! foreign key waits until both of its tables are loaded.

use kit::error::Cause;
use sqlx::{PgConnection, PgPool};

use super::orphans::orphans;
use super::schema;
use super::session::{cause, refused, run, transaction};
use crate::store::{Destination, Dialect, Naming, Waiting, WriteError};

const SQL: Dialect = Dialect::Postgres;

/// What is loaded has such an entry until it is restored.
const LOADING: &str = "loading";

/// A table's quoted name with its schema, whatever the search path.
const NAME: &str = "
SELECT format('%I.%I', n.nspname, c.relname)
FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE c.oid = $1::text::regclass";

/// Indexes that guard nothing: no constraint's, not unique, and no part of another.
const INDEXES: &str = "
SELECT format('%I.%I', n.nspname, c.relname), pg_get_indexdef(c.oid)
FROM pg_index AS i
JOIN pg_class AS c ON c.oid = i.indexrelid JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE i.indrelid = $1::text::regclass AND NOT i.indisunique AND NOT c.relispartition
  AND NOT EXISTS (SELECT FROM pg_constraint AS k WHERE k.conindid = c.oid)
ORDER BY c.oid";

/// Foreign keys of a table and of those that refer to it.
const FOREIGN_KEYS: &str = "
SELECT 0::bigint AS id, NULL AS source,
       format('%I.%I', n.nspname, c.relname) AS of_table,
       format('%I.%I', tn.nspname, t.relname) AS to_table,
       ARRAY(SELECT a.attname::text FROM unnest(k.conkey) WITH ORDINALITY AS u (number, place)
             JOIN pg_attribute AS a ON a.attrelid = k.conrelid AND a.attnum = u.number
             ORDER BY u.place) AS of_columns,
       ARRAY(SELECT a.attname::text FROM unnest(k.confkey) WITH ORDINALITY AS u (number, place)
             JOIN pg_attribute AS a ON a.attrelid = k.confrelid AND a.attnum = u.number
             ORDER BY u.place) AS to_columns,
       quote_ident(k.conname) AS name, pg_get_constraintdef(k.oid) AS definition
FROM pg_constraint AS k
JOIN pg_class AS c ON c.oid = k.conrelid JOIN pg_namespace AS n ON n.oid = c.relnamespace
JOIN pg_class AS t ON t.oid = k.confrelid JOIN pg_namespace AS tn ON tn.oid = t.relnamespace
WHERE k.contype = 'f' AND k.conparentid = 0
  AND $1::text::regclass IN (k.conrelid, k.confrelid)
ORDER BY k.oid";

const KEEP: &str = "
INSERT INTO cutover_deferred (kind, of_table, to_table, of_columns, to_columns, name, definition)
VALUES ($1, $2, $3, $4, $5, $6, $7)";

/// Foreign keys of a table or to it, neither side of which is being loaded; its own first, since
/// the rows that go with them may be referred to.
const READY: &str = "
SELECT d.id, d.of_table, d.to_table, d.of_columns, d.to_columns, d.name, d.definition, d.source
FROM cutover_deferred AS d
WHERE d.kind = 'foreign key' AND $1 IN (d.of_table, d.to_table)
  AND NOT EXISTS (SELECT FROM cutover_deferred AS l
                  WHERE l.kind = 'loading' AND l.of_table IN (d.of_table, d.to_table))
ORDER BY d.of_table = $1 DESC, d.id";

/// What waits; a table that an older version made has no time.
const WAITING: &str = "
SELECT d.kind, d.name, d.of_table, d.to_table, to_jsonb(d) ->> 'since'
FROM cutover_deferred AS d WHERE d.kind <> 'loading' ORDER BY d.id";

type WaitingColumns = (String, String, String, Option<String>, Option<String>);

/// How to make one again.
#[derive(sqlx::FromRow)]
pub(super) struct ForeignKey {
    /// Of its entry, once there is one.
    id: i64,
    pub(super) of_table: String,
    pub(super) to_table: String,
    pub(super) of_columns: Vec<String>,
    pub(super) to_columns: Vec<String>,
    pub(super) name: String,
    pub(super) definition: String,
    pub(super) source: Option<String>,
}

pub(super) async fn unburden(pool: &PgPool, destination: &Destination) -> Result<(), Cause> {
    let done = transaction(pool, async |connection| {
        take_away(connection, &SQL.table(&destination.table)).await
    });
    done.await.map_err(cause)
}

async fn take_away(connection: &mut PgConnection, table: &str) -> Result<(), WriteError> {
    let name = name(connection, table).await.map_err(refused)?;
    // Nobody may make one while they are listed.
    run(
        connection,
        format!("LOCK TABLE {name} IN ACCESS EXCLUSIVE MODE"),
    )
    .await?;
    let indexes: Vec<(String, String)>;
    let keys: Vec<ForeignKey>;
    {
        // Without a search path, definitions name everything in full.
        run(connection, "SET LOCAL search_path = ''").await?;
        let query = sqlx::query_as(INDEXES).bind(&name);
        indexes = query.fetch_all(&mut *connection).await.map_err(refused)?;
        let query = sqlx::query_as(FOREIGN_KEYS).bind(&name);
        keys = query.fetch_all(&mut *connection).await.map_err(refused)?;
        run(connection, "SET LOCAL search_path TO DEFAULT").await?;
    }
    let none: Option<&str> = None;
    let columns: Option<&[String]> = None;
    let loading = sqlx::query("DELETE FROM cutover_deferred WHERE kind = $1 AND of_table = $2");
    let loading = loading.bind(LOADING).bind(&name);
    loading.execute(&mut *connection).await.map_err(refused)?;
    let marked = sqlx::query(KEEP).bind(LOADING).bind(&name).bind(none);
    let marked = marked.bind(columns).bind(columns).bind(&name).bind("");
    marked.execute(&mut *connection).await.map_err(refused)?;
    for (index, definition) in indexes {
        let kept = sqlx::query(KEEP).bind("index").bind(&name).bind(none);
        let kept = kept.bind(columns).bind(columns);
        let kept = kept.bind(&index).bind(&definition);
        kept.execute(&mut *connection).await.map_err(refused)?;
        run(connection, format!("DROP INDEX {index}")).await?;
    }
    for key in keys {
        let (of, name) = (&key.of_table, &key.name);
        let kept = sqlx::query(KEEP).bind("foreign key");
        let kept = kept.bind(of).bind(&key.to_table);
        let kept = kept.bind(&key.of_columns).bind(&key.to_columns);
        let kept = kept.bind(name).bind(&key.definition);
        kept.execute(&mut *connection).await.map_err(refused)?;
        run(
            connection,
            format!("ALTER TABLE {of} DROP CONSTRAINT {name}"),
        )
        .await?;
    }
    Ok(())
}

pub(super) async fn restore(
    pool: &PgPool,
    source: &str,
    destination: &Destination,
    naming: &dyn Naming,
) -> Result<u64, Cause> {
    let table = &SQL.table(&destination.table);
    let loaded = transaction(pool, async |connection| {
        let name = name(connection, table).await.map_err(refused)?;
        let query = sqlx::query("DELETE FROM cutover_deferred WHERE kind = $1 AND of_table = $2");
        let query = query.bind(LOADING).bind(&name);
        query.execute(&mut *connection).await.map_err(refused)?;
        // Rows that a foreign key refuses later, when the other table is there, are of this one.
        let query = sqlx::query("UPDATE cutover_deferred SET source = $1 WHERE of_table = $2");
        let query = query.bind(source).bind(&name);
        query.execute(&mut *connection).await.map_err(refused)?;
        Ok(name)
    });
    let name = loaded.await.map_err(cause)?;
    let indexes: Vec<(i64, String)> = sqlx::query_as(
        "SELECT id, definition FROM cutover_deferred
         WHERE kind = 'index' AND of_table = $1 ORDER BY id",
    )
    .bind(&name)
    .fetch_all(pool)
    .await?;
    for (id, definition) in indexes {
        let made = transaction(pool, async |connection| {
            remade(connection, id, definition).await
        });
        made.await.map_err(cause)?;
    }
    let keys: Vec<ForeignKey> = sqlx::query_as(READY).bind(&name).fetch_all(pool).await?;
    let mut ready = Vec::with_capacity(keys.len());
    for key in keys {
        let columns = schema::key(pool, &key.of_table).await?;
        ready.push((key, columns));
    }
    let made = transaction(pool, async |connection| {
        let mut gone = 0;
        // What goes by one key may be what rows refer to by another. One that stood already would refuse
        // that, or have them go unseen.
        loop {
            let before = gone;
            for (key, columns) in &ready {
                gone += orphans(connection, key, columns, naming).await?;
            }
            if gone == before || ready.len() < 2 {
                break;
            }
        }
        for (key, _) in &ready {
            let (child, name, definition) = (&key.of_table, &key.name, &key.definition);
            let add = format!("ALTER TABLE {child} ADD CONSTRAINT {name} {definition}");
            remade(connection, key.id, add).await?;
        }
        Ok(gone)
    });
    made.await.map_err(cause)
}

/// What waits; nothing where no copy was ever prepared.
pub(super) async fn waiting(pool: &PgPool) -> Result<Vec<Waiting>, Cause> {
    let there: bool = sqlx::query_scalar("SELECT to_regclass('cutover_deferred') IS NOT NULL")
        .fetch_one(pool)
        .await?;
    if !there {
        return Ok(Vec::new());
    }
    let rows: Vec<WaitingColumns> = sqlx::query_as(WAITING).fetch_all(pool).await?;
    let waiting = rows
        .into_iter()
        .map(|(kind, name, table, refers_to, since)| Waiting {
            kind,
            name,
            table,
            refers_to,
            since,
        });
    Ok(waiting.collect())
}

async fn name(connection: &mut PgConnection, table: &str) -> sqlx::Result<String> {
    let query = sqlx::query_scalar(NAME).bind(table);
    query.fetch_one(connection).await
}

/// Makes it again and forgets it.
async fn remade(
    connection: &mut PgConnection,
    id: i64,
    definition: String,
) -> Result<(), WriteError> {
    // An index of a large table takes as long as it takes.
    run(connection, "SET LOCAL statement_timeout = 0").await?;
    run(connection, definition).await?;
    let query = sqlx::query("DELETE FROM cutover_deferred WHERE id = $1").bind(id);
    query.execute(connection).await.map_err(refused)?;
    Ok(())
}
