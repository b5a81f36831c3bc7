//! The demo's own copy of routes.toml, with the addresses of this run.

use anyhow::{Context, ensure};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use toml_edit::{Array, DocumentMut, Item};

const SHIPPED: &str = include_str!("../../../routes.toml");

/// Where the sample system is served, by the name of the upstream.
pub(crate) type Addresses = [(&'static str, SocketAddr); 3];

/// Writes the shipped routes.toml into the data directory, or keeps the one that is there, and
/// points its upstreams at this run's ports.
///
/// The migration service compares the rows behind a discrepancy. The tables as a whole are no
/// criterion of readiness here: what visitors make has other ids on the modern side.
pub(crate) fn copy(
    folder: &Path,
    addresses: &Addresses,
    migration: SocketAddr,
) -> anyhow::Result<PathBuf> {
    let path = folder.join("routes.toml");
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => SHIPPED.to_owned(),
        Err(error) => return Err(error).with_context(|| format!("cannot read {}", path.display())),
    };
    let mut document: DocumentMut = text
        .parse()
        .with_context(|| format!("{} is no TOML", path.display()))?;
    for (name, address) in addresses {
        let peers = document
            .get_mut("upstreams")
            .and_then(|upstreams| upstreams.get_mut(name))
            .and_then(|upstream| upstream.get_mut("peers"));
        ensure!(
            peers.is_some(),
            "{} has no [upstreams.{name}] with peers; delete the file for a fresh one",
            path.display()
        );
        if let Some(peers) = peers {
            *peers = Item::Value(Array::from_iter([address.to_string()]).into());
        }
    }
    let reconciliation = document
        .entry("reconciliation")
        .or_insert(toml_edit::table());
    if let Some(reconciliation) = reconciliation.as_table_like_mut() {
        reconciliation.insert("url", toml_edit::value(format!("http://{migration}")));
    }
    let readiness = document.entry("readiness").or_insert(toml_edit::table());
    if let Some(readiness) = readiness.as_table_like_mut()
        && !readiness.contains_key("tables")
    {
        readiness.insert("tables", toml_edit::value(Array::new()));
    }
    std::fs::write(&path, document.to_string())
        .with_context(|| format!("cannot write {}", path.display()))?;
    Ok(path)
}
