//! URLs of databases, and how errors name them: never with a password.

use std::str::FromStr as _;

use sqlx::postgres::PgConnectOptions;

/// A URL that the driver does not take.
#[derive(Debug, thiserror::Error)]
#[error("`{url}` is not a PostgreSQL URL such as postgres://user:password@host:5433/modern")]
pub struct UrlError {
    /// What was given, without what could be a password.
    url: String,
    /// What the driver says, when it was asked.
    #[source]
    source: Option<sqlx::Error>,
}

/// Whether [`Database::open`](super::Database::open) would take the URL, without a connection.
pub fn check_url(url: &str) -> Result<(), UrlError> {
    parsed(url).map(drop)
}

/// Whether a URL is meant for `PostgreSQL`.
pub(crate) fn is_ours(url: &str) -> bool {
    ["postgres:", "postgresql:"]
        .iter()
        .any(|scheme| url.starts_with(scheme))
}

/// The driver's options, and how errors name the database.
pub(super) fn parsed(url: &str) -> Result<(PgConnectOptions, String), UrlError> {
    let wrong = |source| UrlError {
        url: redacted(url),
        source,
    };
    if !is_ours(url) {
        return Err(wrong(None));
    }
    let options = PgConnectOptions::from_str(url).map_err(|error| wrong(Some(error)))?;
    let host = match options.get_socket() {
        Some(socket) => socket.display().to_string(),
        None => format!("{}:{}", options.get_host(), options.get_port()),
    };
    let user = options.get_username();
    let database = options.get_database().unwrap_or(user);
    let named = format!("postgres://{user}@{host}/{database}");
    Ok((options, named))
}

/// A URL as an error may repeat it. A malformed one hides rather too much: where its password
/// ends, nobody can say.
pub(crate) fn redacted(url: &str) -> String {
    let (url, query) = match url.split_once('?') {
        Some((url, _)) => (url, "?…"),
        None => (url, ""),
    };
    let hidden = url.rsplit_once('@').and_then(|(before, host)| {
        let authority = before.find("://").map_or(0, |at| at.saturating_add(3));
        let colon = before
            .get(authority..)?
            .find(':')?
            .saturating_add(authority);
        Some(format!("{}:…@{host}", before.get(..colon)?))
    });
    format!("{}{query}", hidden.as_deref().unwrap_or(url))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_names_a_server_and_a_database() {
        for url in [
            "postgres://modern@localhost:5433/modern",
            "postgresql://localhost/modern?sslmode=require",
            "postgres:///modern?host=/run/postgresql",
        ] {
            assert!(check_url(url).is_ok(), "{url}");
        }
        for url in ["", "modern", "sqlite:modern.db", "mysql://localhost/modern"] {
            let error = check_url(url).unwrap_err().to_string();
            assert!(error.contains(url), "{error}");
        }
        assert!(check_url("postgres://localhost/modern?sslmode=maybe").is_err());
    }

    #[test]
    fn no_error_repeats_a_password() {
        for url in [
            "postgres://modern:secret@localhost:notaport/modern",
            "postgres://modern:se/c?ret@localhost/modern?sslmode=maybe",
            "postgres://modern:x@secret@[localhost/modern",
            "postgres://modern@localhost:0x1/modern?password=secret",
            "mysql://modern:secret@localhost/modern",
            "modern:secret@localhost",
        ] {
            let error = check_url(url).unwrap_err();
            let shown = format!("{error} {:?}", error.source);
            assert!(
                !shown.contains("secret") && !shown.contains("ret@"),
                "{shown}"
            );
        }
        let (_, named) = parsed("postgres://modern:secret@db:5433/sales?password=s2").unwrap();
        assert_eq!(named, "postgres://modern@db:5433/sales");
    }
}
