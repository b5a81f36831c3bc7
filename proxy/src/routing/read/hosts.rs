//! The trees that find a route by host, path and method.

use super::{Reader, is_host};
use crate::routes::raw::RawFile;
use crate::routing::table::Hosts;
use crate::routing::template::Template;
use crate::routing::tree::Tree;
use crate::toml_file::key_path;
use http::Method;
use std::cmp::Reverse;

impl Reader {
    /// The trees of paths; the routes' positions in the file are their positions in the table.
    pub(super) fn hosts(&mut self, raw: &RawFile) -> Hosts {
        let mut hosts = Hosts::default();
        for (i, route) in raw.routes.iter().enumerate() {
            let Some(path) = &route.path else {
                if raw.default.as_ref() != Some(&route.name) {
                    let message = format!(
                        "route \"{}\" has no `path`, and only the default route may leave it out",
                        route.name
                    );
                    self.refuse(key_path!["routes", i], message);
                }
                continue;
            };
            let template: Template = match path.parse() {
                Ok(template) => template,
                Err(error) => {
                    self.refuse(key_path!["routes", i, "path"], error);
                    continue;
                }
            };
            let methods: Vec<Method> = route
                .methods
                .iter()
                .filter_map(|m| m.parse().ok())
                .collect();
            let tree = match route.host.as_deref() {
                None => &mut hosts.any,
                Some(host) if !is_host(host.strip_prefix("*.").unwrap_or(host)) => {
                    self.refuse(key_path!["routes", i, "host"], format!("\"{host}\" is no host name such as \"shop.example.com\" or \"*.example.com\""));
                    continue;
                }
                Some(host) => match host.strip_prefix('*') {
                    None => hosts.exact.entry(host.to_ascii_lowercase()).or_default(),
                    Some(end) => {
                        let end = end.to_ascii_lowercase();
                        let at = hosts.below.iter().position(|(other, _)| *other == end);
                        let at = at.unwrap_or_else(|| {
                            hosts.below.push((end, Tree::default()));
                            hosts.below.len() - 1
                        });
                        &mut hosts.below[at].1
                    }
                },
            };
            if let Err(rival) = tree.insert(&template, &methods, i) {
                let other = &raw.routes[rival].name;
                self.refuse(
                    key_path!["routes", i, "path"],
                    format!(
                        "route \"{}\" takes the same requests as \"{other}\", with the same right",
                        route.name
                    ),
                );
            }
        }
        hosts.below.sort_by_key(|(end, _)| Reverse(end.len()));
        hosts
    }
}
