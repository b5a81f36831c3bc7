//! Which database a URL names.
//!
//! No message here shows more of a URL than its scheme: the rest has a password.

use kit::error::Cause;

use super::{Source, Target, mssql, mysql, postgres, sqlite};

/// A URL that names no database that is supported here.
#[derive(Debug, thiserror::Error)]
pub enum UrlError {
    /// Its scheme is none of those.
    #[error(
        "`{0}` is none of sqlite:FILE, <postgres://USER:PASSWORD@HOST:PORT/NAME>, \
         <mysql://USER:PASSWORD@HOST:PORT/NAME> and <mssql://USER:PASSWORD@HOST:PORT/NAME?trust=true>"
    )]
    Scheme(String),
    /// Rows come from such a database, and go to none.
    #[error("`{0}` can be read, and rows cannot go there: give a SQLite or a PostgreSQL database")]
    ReadOnly(String),
}

/// Opens a database to be read; it is neither made nor changed.
pub async fn source(url: &str) -> Result<Box<dyn Source>, Cause> {
    match scheme(url) {
        "sqlite" => Ok(Box::new(sqlite::Sqlite::to_read(url).await?)),
        "postgres" | "postgresql" => Ok(Box::new(postgres::Postgres::to_read(url).await?)),
        "mysql" | "mariadb" => Ok(Box::new(mysql::Mysql::to_read(url).await?)),
        "mssql" => Ok(Box::new(mssql::Mssql::to_read(url).await?)),
        scheme => Err(UrlError::Scheme(scheme.to_owned()).into()),
    }
}

/// Opens a database that rows go to.
pub async fn target(url: &str) -> Result<Box<dyn Target>, Cause> {
    match scheme(url) {
        "sqlite" => Ok(Box::new(sqlite::Sqlite::to_write(url).await?)),
        "postgres" | "postgresql" => Ok(Box::new(postgres::Postgres::to_write(url).await?)),
        scheme @ ("mysql" | "mariadb" | "mssql") => {
            Err(UrlError::ReadOnly(scheme.to_owned()).into())
        }
        scheme => Err(UrlError::Scheme(scheme.to_owned()).into()),
    }
}

/// Whether a URL names a database that rows can come from, without touching it.
pub fn check_source(url: &str) -> Result<(), Cause> {
    match scheme(url) {
        "sqlite" => Ok(kit::sqlite::check_url(url)?),
        "postgres" | "postgresql" => Ok(kit::postgres::check_url(url)?),
        "mysql" | "mariadb" => mysql::check_url(url),
        "mssql" => mssql::check_url(url),
        scheme => Err(UrlError::Scheme(scheme.to_owned()).into()),
    }
}

/// Whether a URL names a database that rows can go to, without touching it.
pub fn check_target(url: &str) -> Result<(), Cause> {
    match scheme(url) {
        scheme @ ("mysql" | "mariadb" | "mssql") => {
            Err(UrlError::ReadOnly(scheme.to_owned()).into())
        }
        _ => check_source(url),
    }
}

/// What is before the first colon: all of a URL that may be shown, as the rest has a password.
fn scheme(url: &str) -> &str {
    url.split_once(':').map_or("", |(scheme, _)| scheme)
}
