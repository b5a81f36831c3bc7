//! What other sites' pages may do through somebody's browser: nothing. They could begin runs, which
//! may delete rows, and read rows of both databases.
//!
//! A browser sends requests of any page to loopback. A page can't forge `Origin` or `Host`, so what
//! comes from elsewhere is refused, and so is a host name, which an attacker could point at this
//! machine (DNS rebinding). This is no access control.

use std::net::IpAddr;

use axum::extract::Request;
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use http::header::{HOST, ORIGIN};
use http::uri::Authority;
use http::{HeaderMap, HeaderName};
use kit::ApiError;

/// Refuses what a foreign page sends.
pub(super) async fn own_pages(request: Request, next: Next) -> Response {
    match check(request.uri().path(), request.headers()) {
        Ok(()) => next.run(request).await,
        Err(why) => ApiError::bad_request(why).into_response(),
    }
}

fn check(path: &str, headers: &HeaderMap) -> Result<(), &'static str> {
    let host = text(headers, &HOST);
    // Probes and scrapers use whatever name their network has, and no page gains by these.
    let is_probe = matches!(path, "/health" | "/health/ready" | "/metrics");
    if !is_probe && !host.is_some_and(is_own_name) {
        return Err("the host name is not allowed: use localhost or an address");
    }
    let is_own = |origin: &str| origin.strip_prefix("http://") == host && host.is_some();
    if headers.contains_key(ORIGIN) && !text(headers, &ORIGIN).is_some_and(is_own) {
        return Err("requests of other sites' pages are refused");
    }
    Ok(())
}

/// Loopback's name, or an address, which no name server can move.
fn is_own_name(host: &str) -> bool {
    let Ok(authority) = host.parse::<Authority>() else {
        return false;
    };
    let name = authority.host();
    // Behind the name there is a port or nothing.
    if host != name
        && authority
            .port_u16()
            .is_none_or(|port| host != format!("{name}:{port}"))
    {
        return false;
    }
    let bare = name
        .strip_prefix('[')
        .and_then(|name| name.strip_suffix(']'));
    name.eq_ignore_ascii_case("localhost") || bare.unwrap_or(name).parse::<IpAddr>().is_ok()
}

fn text<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Option<&'h str> {
    headers.get(name)?.to_str().ok()
}

#[cfg(test)]
mod tests {
    use super::is_own_name;

    #[test]
    fn only_localhost_and_addresses_are_own_names() {
        for host in [
            "localhost:3000",
            "LOCALHOST",
            "127.0.0.1:3000",
            "10.0.0.7",
            "[::1]:3000",
        ] {
            assert!(is_own_name(host), "{host}");
        }
        for host in [
            "",
            "evil.example:3000",
            "localhost.evil.example",
            "127.0.0.1.evil.example",
            "[::1].evil.example",
        ] {
            assert!(!is_own_name(host), "{host}");
        }
    }
}
