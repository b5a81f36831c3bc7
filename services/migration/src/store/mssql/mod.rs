//! SQL Server, as a source, by the connections of the legacy monolith.

mod schema;
mod wire;

use async_trait::async_trait;
use kit::error::Cause;
use legacy_monolith::repository::mssql::{Address, Reader};
use tiberius::ColumnData;

use self::wire::{kind, value};
use super::declared::declare;
use super::{Dialect, Figures, NoBound, Range, Select, Source};
use crate::schema::{ColumnSchema, TableName, TableSchema, Type};
use crate::value::{Key, Number, Row};

pub(crate) use self::wire::selected;

const SQL: Dialect = Dialect::Mssql;

/// Keys of one statement: each is a condition, of which a statement may not have too many.
const KEYS: usize = 500;

/// Rows from which a sample is enough for cuts, and how many of them are sampled for each part.
const MANY: u64 = 1_000_000;
const SAMPLED: f64 = 2000.0;

/// A database of a server.
#[derive(Debug)]
pub(crate) struct Mssql {
    name: String,
    reader: Reader,
}

impl Mssql {
    /// Opens a database, which is only read.
    pub(crate) async fn to_read(url: &str) -> Result<Self, Cause> {
        Ok(Self {
            // Which shows no password.
            name: Address::parse(url)?.to_string(),
            reader: Reader::connect(url).await?,
        })
    }

    /// The rows of a query that gives these columns, as [`selected`] asks for them.
    pub(crate) async fn rows(
        &self,
        columns: &[ColumnSchema],
        sql: String,
    ) -> Result<Vec<Row>, Cause> {
        let own: Vec<Type> = columns.iter().map(|column| kind(&column.native)).collect();
        let found = self.reader.rows(sql, &[]).await?;
        let decoded = |row: &tiberius::Row| -> Row {
            let cells = row.cells().zip(&own);
            cells.map(|((_, cell), own)| value(cell, own)).collect()
        };
        let mut rows: Vec<Row> = found.iter().map(decoded).collect();
        declare(columns, &mut rows, |column| kind(&column.native));
        Ok(rows)
    }
}

/// A column that a query makes by itself, of a type as the server writes it.
pub(crate) fn made(name: &str, native: &str) -> ColumnSchema {
    ColumnSchema {
        name: name.to_owned(),
        kind: kind(native),
        native: native.to_owned(),
        nullable: true,
        optional: false,
        generated: true,
        ordered: wire::is_ordered(native),
    }
}

/// Whether a URL is one of a database, without touching it.
pub(super) fn check_url(url: &str) -> Result<(), Cause> {
    Address::parse(url)?;
    Ok(())
}

fn page_query(select: &Select, range: &Range, limit: u32) -> Result<String, NoBound> {
    Ok(format!(
        "SELECT TOP ({limit}) {} FROM {} WHERE {} ORDER BY {}",
        selected(&select.columns),
        SQL.table(&select.table),
        SQL.within(select, range)?,
        SQL.order(select),
    ))
}

/// Every n-th key, of a sample where the table is large.
fn cuts_query(
    select: &Select,
    columns: &[ColumnSchema],
    rows: u64,
    parts: usize,
) -> Result<String, NoBound> {
    #[expect(clippy::cast_precision_loss, reason = "a share need not be exact")]
    let percent = 100.0 * SAMPLED * parts as f64 / rows.max(1) as f64;
    let sample = if rows >= MANY && percent < 50.0 {
        // The same pages every time, so that a plan that is made again has the same parts.
        format!(" TABLESAMPLE ({percent:.6} PERCENT) REPEATABLE (1)")
    } else {
        String::new()
    };
    Ok(format!(
        "SELECT TOP ({limit}) {shown} FROM (
             SELECT {names}, ROW_NUMBER() OVER (ORDER BY {names}) AS cutover_row,
                    COUNT_BIG(*) OVER () AS cutover_rows
             FROM {table}{sample} WHERE {within}) AS cutover_keys
         WHERE cutover_row % NULLIF(cutover_rows / {parts}, 0) = 0 ORDER BY cutover_row",
        limit = parts.saturating_sub(1),
        shown = selected(columns),
        names = SQL.order(select),
        table = SQL.table(&select.table),
        within = SQL.within(select, &Range::default())?,
    ))
}

fn figures_query(select: &Select, range: &Range, sums: &[usize]) -> Result<String, NoBound> {
    let sum = |column: &ColumnSchema| {
        let places = match &column.kind {
            Type::Decimal {
                bounds: Some((_, places)),
            } => *places,
            _ => 0,
        };
        let name = SQL.name(&column.name);
        format!(", CAST(SUM(CAST({name} AS decimal(38, {places}))) AS varchar(50))")
    };
    let columns = sums
        .iter()
        .filter_map(|position| select.columns.get(*position));
    Ok(format!(
        "SELECT COUNT_BIG(*){} FROM {} WHERE {}",
        columns.map(sum).collect::<String>(),
        SQL.table(&select.table),
        SQL.within(select, range)?,
    ))
}

#[async_trait]
impl Source for Mssql {
    fn dialect(&self) -> Dialect {
        SQL
    }

    fn name(&self) -> String {
        self.name.clone()
    }

    async fn describe(&self, table: &TableName) -> Result<Option<TableSchema>, Cause> {
        schema::describe(&self.reader, table).await
    }

    async fn tables(&self) -> Result<Vec<TableName>, Cause> {
        schema::tables(&self.reader).await
    }

    async fn cuts(&self, select: &Select, parts: usize) -> Result<Vec<Key>, Cause> {
        if parts < 2 || select.key.is_empty() {
            return Ok(Vec::new());
        }
        let about = schema::describe(&self.reader, &select.table).await?;
        let about = about.and_then(|table| table.rows).unwrap_or(0);
        let columns: Vec<ColumnSchema> = select.key_columns().cloned().collect();
        let query = cuts_query(select, &columns, about, parts)?;
        let rows = self.rows(&columns, query).await?;
        Ok(rows.into_iter().map(|row| Key(row.into())).collect())
    }

    async fn page(&self, select: &Select, range: &Range, limit: u32) -> Result<Vec<Row>, Cause> {
        let query = page_query(select, range, limit)?;
        self.rows(&select.columns, query).await
    }

    async fn at(&self, select: &Select, keys: &[Key]) -> Result<Vec<Row>, Cause> {
        let mut found = Vec::with_capacity(keys.len());
        for keys in keys.chunks(KEYS) {
            let query = format!(
                "SELECT {} FROM {} WHERE {}",
                selected(&select.columns),
                SQL.table(&select.table),
                SQL.among(select, keys),
            );
            found.extend(self.rows(&select.columns, query).await?);
        }
        Ok(found)
    }

    async fn figures(
        &self,
        select: &Select,
        range: &Range,
        sums: &[usize],
    ) -> Result<Figures, Cause> {
        let query = figures_query(select, range, sums)?;
        let rows = self.reader.rows(query, &[]).await?;
        let row = rows.first().ok_or("the figures have no row")?;
        let mut cells = row.cells().map(|(_, cell)| cell);
        let Some(ColumnData::I64(Some(count))) = cells.next() else {
            return Err("the number of rows is none".into());
        };
        // Where there are no rows, there is no sum.
        let sum = |cell: &ColumnData<'static>| match cell {
            ColumnData::String(Some(sum)) => sum.parse().ok(),
            _ => Some(Number::ZERO),
        };
        Ok(Figures {
            rows: u64::try_from(*count)?,
            sums: cells.map(sum).collect(),
        })
    }

    async fn close(&self) {
        self.reader.close();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::Value;

    fn select() -> Select {
        let column = |name: &str, native: &str| ColumnSchema {
            name: name.to_owned(),
            kind: kind(native),
            native: native.to_owned(),
            nullable: false,
            optional: false,
            generated: false,
            ordered: true,
        };
        Select {
            table: "dbo.Lines".parse().expect("a name"),
            columns: vec![
                column("Id", "int"),
                column("Code", "varchar(9)"),
                column("Price", "money"),
            ],
            key: vec![0, 1],
            filter: Some("Id <> 3".to_owned()),
        }
    }

    #[test]
    fn a_page_is_a_range_of_keys_and_compares_texts_in_their_own_type() {
        let range = Range {
            after: Some(Key([Value::Int(7), Value::text("it's")].into())),
            until: None,
        };
        // Against a text of another type no index would serve.
        assert_eq!(
            page_query(&select(), &range, 10).expect("a query"),
            "SELECT TOP (10) [Id], CAST([Code] AS nvarchar(9)), CAST([Price] AS decimal(19, 4)) \
             FROM [dbo].[Lines] WHERE (Id <> 3) AND (([Id] > 7) OR ([Id] = 7 AND \
             [Code] > CAST(N'it''s' AS varchar(8000)))) ORDER BY [Id], [Code]"
        );
    }

    #[test]
    fn sums_are_exact_and_come_as_text() {
        assert_eq!(
            figures_query(&select(), &Range::default(), &[0, 2]).expect("a query"),
            "SELECT COUNT_BIG(*), CAST(SUM(CAST([Id] AS decimal(38, 0))) AS varchar(50)), \
             CAST(SUM(CAST([Price] AS decimal(38, 4))) AS varchar(50)) \
             FROM [dbo].[Lines] WHERE (Id <> 3)"
        );
    }

    #[test]
    fn only_a_large_table_is_sampled_for_its_cuts() {
        let select = select();
        let key = select.columns[..2].to_vec();
        let small = cuts_query(&select, &key, 1000, 4).expect("a query");
        assert!(!small.contains("TABLESAMPLE"), "{small}");
        assert!(
            small.starts_with("SELECT TOP (3) [Id], CAST([Code]"),
            "{small}"
        );
        let large = cuts_query(&select, &key, 10_000_000, 4).expect("a query");
        assert!(
            large.contains("TABLESAMPLE (0.080000 PERCENT) REPEATABLE (1)"),
            "{large}"
        );
    }
}
