//! The upstreams of a file.

use super::{Reader, is_host};
use crate::routes::raw::{RawFile, RawUpstream};
use crate::routing::table::Table;
use crate::routing::upstream::{Upstream, UpstreamSpec};
use crate::toml_file::key_path;
use http::Uri;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

/// Mirrored requests under way at once, per candidate, unless the file says otherwise.
pub(super) const CONCURRENCY: u32 = 64;

impl Reader {
    pub(super) fn upstreams(
        &mut self,
        raw: &RawFile,
        running: Option<&Table>,
    ) -> HashMap<Arc<str>, Arc<Upstream>> {
        let mut upstreams = HashMap::new();
        for (name, upstream) in &raw.upstreams {
            let spec = self.upstream(name, upstream, raw);
            let kept = running
                .and_then(|table| table.upstreams.get(name.as_str()))
                .filter(|kept| *kept.spec() == spec);
            let upstream = kept
                .cloned()
                .unwrap_or_else(|| Arc::new(Upstream::new(spec)));
            upstreams.insert(Arc::clone(upstream.name()), upstream);
        }
        upstreams
    }

    fn upstream(&mut self, name: &str, raw: &RawUpstream, file: &RawFile) -> UpstreamSpec {
        let at = |key: &str| key_path!["upstreams", name, key];
        if raw.peers.is_empty() {
            self.refuse(at("peers"), format!("upstream \"{name}\" has no peers"));
        }
        for (i, peer) in raw.peers.iter().enumerate() {
            if !is_address(peer) {
                let at = key_path!["upstreams", name, "peers", i];
                self.refuse(
                    at,
                    format!(
                        "\"{peer}\" is no address such as \"10.0.0.7:8080\" or \"orders:3001\""
                    ),
                );
            }
        }
        let host = raw
            .peers
            .first()
            .and_then(|peer| peer.rsplit_once(':'))
            .map(|(host, _)| host);
        let seconds = Duration::from_secs;
        let health_check = raw.health_check.as_ref().map(|check| {
            let at = |key: &str| key_path!["upstreams", name, "health_check", key];
            let interval = self.duration(at("interval"), check.interval.as_ref(), seconds(5));
            if !check.path.starts_with('/') || check.path.parse::<Uri>().is_err() {
                self.refuse(
                    at("path"),
                    format!("\"{}\" is no path such as \"/health\"", check.path),
                );
            }
            (check.path.parse().unwrap_or_default(), interval)
        });
        let positive = |reader: &mut Self, key: &str, value: Option<u32>, default: u32| {
            match value {
                Some(0) => reader.refuse(
                    key_path!["mirror", key],
                    format!("`{key}` is 0, expected at least 1"),
                ),
                Some(value) => return usize::try_from(value).unwrap_or(usize::MAX),
                None => {}
            }
            usize::try_from(default).unwrap_or(usize::MAX)
        };
        UpstreamSpec {
            name: name.into(),
            peers: raw.peers.clone(),
            tls: raw.tls.unwrap_or(false),
            sni: raw
                .sni
                .clone()
                .or_else(|| host.map(str::to_owned))
                .unwrap_or_default(),
            connect_timeout: self.duration(
                at("connect_timeout"),
                raw.connect_timeout.as_ref(),
                seconds(2),
            ),
            read_timeout: self.duration(at("read_timeout"), raw.read_timeout.as_ref(), seconds(60)),
            write_timeout: self.duration(
                at("write_timeout"),
                raw.write_timeout.as_ref(),
                seconds(60),
            ),
            idle_timeout: self.duration(at("idle_timeout"), raw.idle_timeout.as_ref(), seconds(10)),
            health_check,
            mirror_concurrency: positive(self, "concurrency", file.mirror.concurrency, CONCURRENCY),
            mirror_queue: positive(self, "queue", file.mirror.queue, 1024),
        }
    }
}

fn is_address(text: &str) -> bool {
    let Some((host, port)) = text.rsplit_once(':') else {
        return false;
    };
    let port = port.parse::<u16>().is_ok_and(|port| port > 0);
    port && (text.parse::<std::net::SocketAddr>().is_ok() || is_host(host))
}
