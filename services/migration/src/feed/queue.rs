//! Changes recorded by triggers, in a table beside each table: a queue of keys.
//!
//! What was applied is deleted from the queue, and nothing of it is skipped: a transaction that
//! commits late puts its keys in late, and they are read then, whatever number they have. The
//! triggers are made only where someone asks for them, and a source without them is never written
//! to. What fires no trigger is not recorded; `PostgreSQL`'s TRUNCATE is, as a change without a key
//! that ends the feed.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use kit::error::Cause;
use parking_lot::Mutex;

use super::recorder::Recorder;
use super::{Batch, Feed, FeedError, failed};
use crate::plan::TablePlan;
use crate::schema::{ColumnSchema, TableName, Type};
use crate::store::{self, Dialect, Range, Select, Source};
use crate::value::{Key, Row, Value};

/// The number of a change, and when it was made.
const NUMBER: &str = "cutover_number";
const MADE_AT: &str = "cutover_made_at";

/// What is put before the name of a table, for its queue and its triggers.
const BEFORE: &str = "cutover_changes_";

/// The same for the trigger of TRUNCATE: behind a long name, another ending would be cut off.
const BEFORE_TRUNCATE: &str = "cutover_truncate_";

/// The queues of a database.
pub(super) struct Queue {
    source: Box<dyn Source>,
    recorder: Recorder,
    dialect: Dialect,
    /// What reads each queue, once that is known.
    selects: Mutex<HashMap<String, Arc<Select>>>,
}

impl Queue {
    pub(super) async fn open(url: &str, dialect: Dialect) -> Result<Self, Cause> {
        Ok(Self {
            source: store::source(url).await?,
            recorder: Recorder::open(url, dialect).await?,
            dialect,
            selects: Mutex::default(),
        })
    }

    /// What reads a table's queue: its number, and the key's columns, as the database describes
    /// them.
    async fn select(&self, table: &TablePlan) -> Result<Arc<Select>, Cause> {
        let known = |selects: &HashMap<String, Arc<Select>>| selects.get(&table.source).cloned();
        if let Some(select) = known(&self.selects.lock()) {
            return Ok(select);
        }
        let queue = queue_of(&table.select.table);
        let described = self.source.describe(&queue).await?;
        let described =
            described.ok_or("its feed was never started: cutover-data follow --start")?;
        let names = table.select.key_columns().map(|column| &*column.name);
        let columns = std::iter::once(NUMBER).chain(names).map(|name| {
            let column = described.column(name).cloned();
            column.ok_or_else(|| {
                format!("{queue} has no column `{name}`: stop the feed and start it")
            })
        });
        let select = Arc::new(Select {
            columns: columns.collect::<Result<_, _>>()?,
            table: queue,
            key: vec![0],
            filter: None,
        });
        let mut selects = self.selects.lock();
        selects.insert(table.source.clone(), Arc::clone(&select));
        Ok(select)
    }
}

#[async_trait]
impl Feed for Queue {
    async fn unseen(&self, table: &TablePlan) -> Result<Vec<String>, FeedError> {
        let cascades = self.recorder.cascades(&table.select.table).await;
        cascades.map_err(failed(table))
    }

    async fn start(&self, table: &TablePlan) -> Result<(), FeedError> {
        for statement in definitions(self.dialect, &table.select) {
            let made = self.recorder.execute(&statement).await;
            made.map_err(failed(table))?;
        }
        Ok(())
    }

    async fn next(&self, table: &TablePlan, limit: u32) -> Result<Batch, FeedError> {
        let select = self.select(table).await.map_err(failed(table))?;
        let rows = self.source.page(&select, &Range::default(), limit).await;
        let rows = rows.map_err(failed(table))?;
        if rows.is_empty() {
            return Ok(Batch::default());
        }
        let no_key = |row: &Row| row.iter().skip(1).all(|value| *value == Value::Null);
        if self.dialect == Dialect::Postgres && rows.iter().any(no_key) {
            return Err(FeedError::Expired {
                table: table.source.clone(),
                position: "its TRUNCATE".to_owned(),
            });
        }
        let oldest = age(self.dialect, &select.table);
        let lag = self
            .recorder
            .seconds(&oldest)
            .await
            .map_err(failed(table))?;
        let numbers: Vec<String> = rows
            .iter()
            .filter_map(|row| row.first())
            .map(Value::to_string)
            .collect();
        Ok(Batch {
            more: rows.len() >= limit as usize,
            keys: rows
                .into_iter()
                .map(|row| Key(row.into_iter().skip(1).collect()))
                .collect(),
            position: numbers.join(", "),
            lag: Duration::try_from_secs_f64(lag.max(0.0)).unwrap_or_default(),
        })
    }

    async fn applied(&self, table: &TablePlan, batch: &Batch) -> Result<(), FeedError> {
        if batch.position.is_empty() {
            return Ok(());
        }
        let delete = format!(
            "DELETE FROM {} WHERE {} IN ({})",
            self.dialect.table(&queue_of(&table.select.table)),
            self.dialect.name(NUMBER),
            batch.position
        );
        self.recorder.execute(&delete).await.map_err(failed(table))
    }

    async fn stop(&self, table: &TablePlan) -> Result<(), FeedError> {
        self.selects.lock().remove(&table.source);
        for statement in removals(self.dialect, &table.select.table) {
            self.recorder
                .execute(&statement)
                .await
                .map_err(failed(table))?;
        }
        Ok(())
    }
}

fn queue_of(table: &TableName) -> TableName {
    TableName {
        schema: table.schema.clone(),
        name: format!("{BEFORE}{}", table.name),
    }
}

/// What makes the queue and the triggers that fill it, where they are missing.
fn definitions(dialect: Dialect, select: &Select) -> Vec<String> {
    let queue = dialect.table(&queue_of(&select.table));
    let (number, made_at) = (dialect.name(NUMBER), dialect.name(MADE_AT));
    let (numbered, now) = match dialect {
        Dialect::Postgres => (
            "bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY",
            "timestamptz NOT NULL DEFAULT clock_timestamp()",
        ),
        Dialect::Mysql => (
            "BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY",
            "TIMESTAMP(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6)",
        ),
        _ => (
            "INTEGER PRIMARY KEY AUTOINCREMENT",
            "TEXT NOT NULL DEFAULT (strftime('%Y-%m-%d %H:%M:%f', 'now'))",
        ),
    };
    let keys: Vec<String> = select
        .key_columns()
        .map(|column| {
            format!(
                "{} {}",
                dialect.name(&column.name),
                kept_as(dialect, column)
            )
        })
        .collect();
    let charset = match dialect {
        Dialect::Mysql => " CHARACTER SET utf8mb4 COLLATE utf8mb4_bin",
        _ => "",
    };
    let mut statements = vec![format!(
        "CREATE TABLE IF NOT EXISTS {queue} ({number} {numbered}, {made_at} {now}, {}){charset}",
        keys.join(", ")
    )];
    statements.extend(match dialect {
        Dialect::Postgres => of_postgres(select, &queue),
        _ => EVENTS
            .iter()
            .map(|event| trigger(dialect, select, &queue, *event))
            .collect(),
    });
    statements
}

/// The type by which the queue has a column of the key: the widest of its family, since a write would
/// fail that a wider column takes and its queue does not.
fn kept_as(dialect: Dialect, column: &ColumnSchema) -> &str {
    let native = column.native.as_str();
    match (dialect, &column.kind) {
        // One of a list, or a text of a charset of its own, is kept as the text that it is.
        (Dialect::Mysql, Type::Text { .. }) => "TEXT",
        (Dialect::Mysql, Type::Int { .. }) if native.starts_with("bigint") => native,
        (Dialect::Mysql, Type::Int { .. }) if !native.starts_with("year") => "BIGINT",
        (Dialect::Postgres, Type::Int { .. }) => "bigint",
        (Dialect::Postgres, Type::Text { .. }) if native.starts_with("character varying") => {
            "character varying"
        }
        _ => native,
    }
}

/// The events, and the rows whose keys they put into the queue.
const EVENTS: [(&str, &[&str]); 3] = [
    ("INSERT", &["NEW"]),
    // A key that changes is the end of one row and the beginning of another.
    ("UPDATE", &["OLD", "NEW"]),
    ("DELETE", &["OLD"]),
];

fn trigger(dialect: Dialect, select: &Select, queue: &str, event: (&str, &[&str])) -> String {
    let (event, sides) = event;
    let names = dialect.order(select);
    let puts = sides.iter().map(|side| {
        let values = values(dialect, select, side);
        format!("INSERT INTO {queue} ({names}) VALUES ({values});")
    });
    let puts: Vec<String> = puts.collect();
    format!(
        "CREATE TRIGGER IF NOT EXISTS {} AFTER {event} ON {} FOR EACH ROW BEGIN {} END",
        dialect.name(&name(&select.table, event)),
        dialect.table(&select.table),
        puts.join(" ")
    )
}

fn of_postgres(select: &Select, queue: &str) -> Vec<String> {
    let dialect = Dialect::Postgres;
    let names = dialect.order(select);
    let put = |side| {
        format!(
            "INSERT INTO {queue} ({names}) VALUES ({});",
            values(dialect, select, side)
        )
    };
    let (old, new) = (put("OLD"), put("NEW"));
    let function = dialect.table(&queue_of(&select.table));
    let trigger = dialect.name(&format!("{BEFORE}{}", select.table.name));
    let truncate = dialect.name(&format!("{BEFORE_TRUNCATE}{}", select.table.name));
    let table = dialect.table(&select.table);
    let keys = select.key_columns();
    let no_key: Vec<String> = keys
        .map(|column| format!("{} IS NULL", dialect.name(&column.name)))
        .collect();
    vec![
        // With the rights of whoever makes it: who writes to the table has none to the queue. So
        // nothing in it may be found by the writer's search path.
        format!(
            "CREATE OR REPLACE FUNCTION {function}() RETURNS trigger LANGUAGE plpgsql
             SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $cutover$
             BEGIN
                 IF TG_OP = 'TRUNCATE' THEN
                     INSERT INTO {queue} DEFAULT VALUES;
                     RETURN NULL;
                 END IF;
                 IF TG_OP <> 'INSERT' THEN {old} END IF;
                 IF TG_OP <> 'DELETE' THEN {new} END IF;
                 RETURN NULL;
             END $cutover$"
        ),
        format!(
            "CREATE OR REPLACE TRIGGER {trigger} AFTER INSERT OR UPDATE OR DELETE ON {table}
             FOR EACH ROW EXECUTE FUNCTION {function}()"
        ),
        format!(
            "CREATE OR REPLACE TRIGGER {truncate} AFTER TRUNCATE ON {table}
             FOR EACH STATEMENT EXECUTE FUNCTION {function}()"
        ),
        parts_of_postgres(&select.table, &function),
        // A TRUNCATE before now is a matter of the copy that comes.
        format!("DELETE FROM {queue} WHERE {}", no_key.join(" AND ")),
    ]
}

/// A TRUNCATE of a part fires the triggers of the part alone.
fn parts_of_postgres(table: &TableName, function: &str) -> String {
    const SQL: Dialect = Dialect::Postgres;
    format!(
        "DO $cutover$
         DECLARE part regclass;
         BEGIN
             FOR part IN SELECT c.oid FROM pg_partition_tree({}::regclass) AS t
                 JOIN pg_class AS c ON c.oid = t.relid
                 WHERE t.level > 0 AND c.relkind IN ('r', 'p')
             LOOP
                 EXECUTE format('CREATE OR REPLACE TRIGGER %I AFTER TRUNCATE ON %s
                     FOR EACH STATEMENT EXECUTE FUNCTION %s()', {}, part, {});
             END LOOP;
         END $cutover$",
        SQL.text(&SQL.table(table)),
        SQL.text(&format!("{BEFORE_TRUNCATE}{}", table.name)),
        SQL.text(function),
    )
}

/// Takes away every trigger of a function: those of parts that are the table's no more, too.
fn without_triggers(function: &str) -> String {
    let function = Dialect::Postgres.text(&format!("{function}()"));
    format!(
        "DO $cutover$
         DECLARE made record;
         BEGIN
             FOR made IN SELECT tgname, tgrelid::regclass AS of_table FROM pg_trigger
                 WHERE tgfoid = to_regprocedure({function}) AND tgparentid = 0
             LOOP
                 EXECUTE format('DROP TRIGGER %I ON %s', made.tgname, made.of_table);
             END LOOP;
         END $cutover$"
    )
}

fn removals(dialect: Dialect, table: &TableName) -> Vec<String> {
    let queue = dialect.table(&queue_of(table));
    let mut statements = match dialect {
        Dialect::Postgres => vec![
            without_triggers(&queue),
            format!("DROP FUNCTION IF EXISTS {queue}()"),
        ],
        _ => EVENTS
            .iter()
            .map(|(event, _)| {
                format!(
                    "DROP TRIGGER IF EXISTS {}",
                    dialect.name(&name(table, event))
                )
            })
            .collect(),
    };
    statements.push(format!("DROP TABLE IF EXISTS {queue}"));
    statements
}

fn name(table: &TableName, event: &str) -> String {
    format!("{BEFORE}{}_{}", table.name, event.to_lowercase())
}

/// The key of a row that a trigger sees.
fn values(dialect: Dialect, select: &Select, side: &str) -> String {
    let values: Vec<String> = select
        .key_columns()
        .map(|column| format!("{side}.{}", dialect.name(&column.name)))
        .collect();
    values.join(", ")
}

/// The age of the first change, in seconds, by the source's own clock. It is found by its number: to
/// look through a long queue for the oldest, again and again, would burden the source.
fn age(dialect: Dialect, queue: &TableName) -> String {
    let (queue, number) = (dialect.table(queue), dialect.name(NUMBER));
    let made_at = dialect.name(MADE_AT);
    let age = match dialect {
        Dialect::Postgres => {
            format!("extract(epoch FROM clock_timestamp() - {made_at})::float8")
        }
        Dialect::Mysql => format!(
            "CAST(timestampdiff(MICROSECOND, {made_at}, current_timestamp(6)) / 1000000 AS DOUBLE)"
        ),
        _ => format!("(julianday('now') - julianday({made_at})) * 86400.0"),
    };
    let first = format!("SELECT {age} FROM {queue} ORDER BY {number} LIMIT 1");
    match dialect {
        Dialect::Postgres => format!("SELECT coalesce(({first}), 0)::float8"),
        Dialect::Mysql => format!("SELECT CAST(coalesce(({first}), 0) AS DOUBLE)"),
        _ => format!("SELECT coalesce(({first}), 0.0)"),
    }
}
