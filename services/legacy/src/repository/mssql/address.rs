//! Where the database is: `mssql://user:password@host:1433/database?trust=true`.
//!
//! Every mistake of a URL is named at once, and by its part: the text around it may be a password.

use std::fmt;

use percent_encoding::percent_decode_str;
use tiberius::{AuthMethod, Config, EncryptionLevel};

/// SQL Server's own port.
const PORT: u16 = 1433;
/// The longest name that SQL Server gives to anything.
const LONGEST_NAME: usize = 128;

/// A database on a server, and how to log in.
#[derive(Clone, PartialEq, Eq)]
pub struct Address {
    user: String,
    password: String,
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) database: String,
    /// Whether the server's certificate goes unchecked.
    pub(super) trust: bool,
}

/// A text that is no URL of a database on SQL Server.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "this is not a SQL Server URL such as mssql://user:password@host:1433/database?trust=true: {}",
    mistakes.join("; ")
)]
pub struct AddressError {
    mistakes: Vec<String>,
}

impl Address {
    /// Reads a URL; its parts are percent-decoded.
    pub fn parse(url: &str) -> Result<Self, AddressError> {
        let mut mistakes = Vec::new();
        let rest = url.strip_prefix("mssql://").unwrap_or_else(|| {
            mistakes.push("it does not begin with mssql://".to_owned());
            ""
        });
        let (place, options) = rest.split_once('?').unwrap_or((rest, ""));
        let (authority, database) = place.split_once('/').unwrap_or((place, ""));
        let (login, server) = authority.rsplit_once('@').unwrap_or(("", authority));
        let (user, password) = login.split_once(':').unwrap_or((login, ""));
        if database.contains('@') {
            mistakes.push("a `/` of the user or the password is written %2F".to_owned());
        }
        let (host, port) = server_of(server, &mut mistakes);
        let address = Self {
            user: part("user", user, &mut mistakes),
            password: part("password", password, &mut mistakes),
            host,
            port,
            database: part("database", database, &mut mistakes),
            trust: trust_of(options, &mut mistakes),
        };
        if address.database.encode_utf16().count() > LONGEST_NAME {
            mistakes.push(format!(
                "the database has more than {LONGEST_NAME} characters"
            ));
        }
        if mistakes.is_empty() {
            Ok(address)
        } else {
            Err(AddressError { mistakes })
        }
    }

    /// The same server and login, another database.
    #[must_use]
    pub fn with_database(&self, database: &str) -> Self {
        Self {
            database: database.to_owned(),
            ..self.clone()
        }
    }

    /// What the driver needs to log in. Its own time limits are off: they begin anew with every
    /// packet, where the pool's are for the whole.
    pub(super) fn config(&self, encryption: EncryptionLevel) -> Config {
        let mut config = Config::new();
        config.host(&self.host);
        config.port(self.port);
        config.database(&self.database);
        config.application_name("legacy-monolith");
        config.authentication(AuthMethod::sql_server(&self.user, &self.password));
        config.encryption(encryption);
        config.handshake_timeout(None);
        config.command_timeout(None);
        if self.trust {
            config.trust_cert();
        }
        config
    }
}

/// As in a log: nobody's password.
impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            user,
            host,
            port,
            database,
            ..
        } = self;
        if host.contains(':') {
            write!(f, "mssql://{user}@[{host}]:{port}/{database}")
        } else {
            write!(f, "mssql://{user}@{host}:{port}/{database}")
        }
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A part that has to be there, decoded. A mistake names the part and never shows it.
fn part(name: &str, text: &str, mistakes: &mut Vec<String>) -> String {
    let decoded = percent_decode_str(text).decode_utf8().unwrap_or_default();
    if text.is_empty() {
        mistakes.push(format!("the {name} is missing"));
    } else if decoded.is_empty() {
        mistakes.push(format!("the {name} is not UTF-8 once percent-decoded"));
    } else if decoded.contains(char::is_control) {
        mistakes.push(format!("the {name} contains control characters"));
    }
    decoded.into_owned()
}

/// `host`, `host:port`, `[address]` or `[address]:port`.
fn server_of(server: &str, mistakes: &mut Vec<String>) -> (String, u16) {
    let (host, port) = match server.strip_prefix('[') {
        Some(rest) => {
            let (host, port) = rest.split_once(']').unwrap_or((rest, "?"));
            if host.parse::<std::net::Ipv6Addr>().is_err() {
                mistakes.push(format!("`{host}` is not an IPv6 address"));
            }
            (host, port)
        }
        None => server.split_at(server.find(':').unwrap_or(server.len())),
    };
    let port = match (port, port.strip_prefix(':').map(str::parse)) {
        ("", _) => PORT,
        (_, Some(Ok(port))) if port != 0 => port,
        (text, _) => {
            mistakes.push(format!("`{text}` is not a port such as :1433"));
            PORT
        }
    };
    (part("host", host, mistakes), port)
}

fn trust_of(options: &str, mistakes: &mut Vec<String>) -> bool {
    let mut trust = None;
    for option in options.split('&').filter(|option| !option.is_empty()) {
        let value = match option {
            "trust=true" => true,
            "trust=false" => false,
            other => {
                mistakes.push(format!("`{other}` is not an option such as trust=true"));
                continue;
            }
        };
        if trust.replace(value).is_some() {
            mistakes.push("the option trust is given twice".to_owned());
        }
    }
    trust.unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(url: &str) -> Address {
        Address::parse(url).unwrap()
    }

    fn mistakes(url: &str) -> Vec<String> {
        Address::parse(url).unwrap_err().mistakes
    }

    #[test]
    fn every_part_of_a_url_is_read_and_decoded() {
        let address =
            parsed("mssql://s%61:p%40ss%2F%3A%C3%A9@db.example:14330/My%20Shop?trust=true");
        assert_eq!(
            (address.user.as_str(), address.password.as_str()),
            ("sa", "p@ss/:é")
        );
        assert_eq!((address.host.as_str(), address.port), ("db.example", 14330));
        assert_eq!(
            (address.database.as_str(), address.trust),
            ("My Shop", true)
        );
    }

    #[test]
    fn port_and_trust_have_defaults() {
        let address = parsed("mssql://sa:secret@db/shop");
        assert_eq!((address.port, address.trust), (1433, false));
        assert!(!parsed("mssql://sa:secret@db/shop?trust=false").trust);
    }

    #[test]
    fn an_ipv6_host_is_in_brackets() {
        let address = parsed("mssql://sa:secret@[::1]:14330/shop");
        assert_eq!((address.host.as_str(), address.port), ("::1", 14330));
        assert_eq!(address.to_string(), "mssql://sa@[::1]:14330/shop");
        assert_eq!(parsed("mssql://sa:secret@[fe80::2]/shop").port, 1433);
        assert_eq!(
            mistakes("mssql://sa:secret@[db]/shop"),
            ["`db` is not an IPv6 address"]
        );
        assert_eq!(
            mistakes("mssql://sa:secret@[::1/shop"),
            ["`?` is not a port such as :1433"]
        );
    }

    #[test]
    fn every_mistake_is_named_at_once() {
        assert_eq!(
            mistakes("mssql://@:0?trust=yes&encrypt=1&trust=true&trust=true"),
            [
                "`:0` is not a port such as :1433",
                "the host is missing",
                "the user is missing",
                "the password is missing",
                "the database is missing",
                "`trust=yes` is not an option such as trust=true",
                "`encrypt=1` is not an option such as trust=true",
                "the option trust is given twice",
            ]
        );
        assert_eq!(
            mistakes("mssql://sa:secret@db:/shop"),
            ["`:` is not a port such as :1433"]
        );
        assert_eq!(mistakes("mssql://sa:secret@db:1:2/shop").len(), 1);
        assert_eq!(mistakes("mssql://sa:%FF@db/shop").len(), 1);
        assert_eq!(mistakes("mssql://sa:secret@db/a%00b").len(), 1);
        assert_eq!(
            mistakes(&format!("mssql://sa:secret@db/{}", "x".repeat(129))).len(),
            1
        );
        assert!(Address::parse("").is_err());
        assert!(Address::parse("mssql:sa:secret@db/shop").is_err());
    }

    #[test]
    fn a_password_is_shown_nowhere() {
        let address = parsed("mssql://sa:hunter2@db/shop");
        assert!(!format!("{address} {address:?}").contains("hunter2"));
        for url in [
            "mssql://sa:hunter2@db:99999/shop",
            "mssql://sa:hunter2@/shop?x=1",
            "mssql://sa:hun/ter2hunter2@db/shop",
            "mssql://sa:hunter2%FF@db/shop",
            "sa:hunter2@db/shop",
        ] {
            let error = Address::parse(url).unwrap_err();
            assert!(!format!("{error} {error:?}").contains("hunter2"), "{error}");
        }
    }
}
