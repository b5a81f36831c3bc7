//! Where the migration service is.

use http::Uri;
use http::uri::Scheme;
use std::str::FromStr;

/// The migration service's address, ready to be connected to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RowService {
    /// `host:port`.
    pub(super) address: String,
}

/// A URL at which it can't be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("\"{0}\" is no URL such as \"http://127.0.0.1:3000\"")]
pub struct RowServiceError(String);

impl FromStr for RowService {
    type Err = RowServiceError;

    fn from_str(text: &str) -> Result<Self, RowServiceError> {
        let wrong = || RowServiceError(without_user(text));
        let uri: Uri = text.parse().map_err(|_| wrong())?;
        let authority = uri.authority().ok_or_else(wrong)?;
        let plain = uri.scheme() == Some(&Scheme::HTTP)
            && !authority.host().is_empty()
            && (authority.as_str() == authority.host() || authority.port_u16().is_some())
            && !authority.as_str().contains('@')
            && matches!(uri.path(), "" | "/")
            && uri.query().is_none();
        if !plain {
            return Err(wrong());
        }
        let port = authority.port_u16().unwrap_or(80);
        Ok(Self {
            address: format!("{}:{port}", authority.host()),
        })
    }
}

/// A URL as an error may repeat it: without user and password.
fn without_user(url: &str) -> String {
    let hidden = url.rsplit_once('@').map(|(before, host)| {
        let scheme = before.split_once("://").map_or("", |(scheme, _)| scheme);
        format!("{scheme}://…@{host}")
    });
    hidden.unwrap_or_else(|| url.to_owned())
}

#[cfg(test)]
mod tests {
    use super::RowService;

    #[test]
    fn a_service_is_at_a_plain_http_address() {
        for (url, address) in [
            ("http://127.0.0.1:3000", "127.0.0.1:3000"),
            ("http://migration/", "migration:80"),
            ("http://[::1]:3000", "[::1]:3000"),
        ] {
            assert_eq!(url.parse::<RowService>().unwrap().address, address);
        }
        for url in [
            "",
            "migration:3000",
            "https://migration",
            "http://m/rows",
            "http://m?x=1",
            "http://m:99999",
        ] {
            let error = url.parse::<RowService>().unwrap_err().to_string();
            assert!(error.contains(&format!("\"{url}\"")), "{error}");
        }
        for url in ["http://u:secret@m", "http://u:se@cret@m:80", "u:secret@m"] {
            let error = url.parse::<RowService>().unwrap_err().to_string();
            assert!(!error.contains("cret") && error.contains("@m"), "{error}");
        }
    }
}
