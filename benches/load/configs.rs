//! The configuration files of the proxies: one route to one backend, connections kept open, and a
//! second backend to mirror to where that is asked for.

use std::net::SocketAddr;

use serde_json::json;

/// `cutover`, in shadow mode when there is a sample.
pub(crate) fn routes(legacy: SocketAddr, modern: SocketAddr, sample: Option<u8>) -> String {
    let mode = match sample {
        None => "mode = \"legacy\"".to_owned(),
        Some(percent) => format!("mode = \"shadow\"\nsample = \"{percent}%\""),
    };
    format!(
        r#"[upstreams.legacy]
peers = ["{legacy}"]
[upstreams.modern]
peers = ["{modern}"]

[[routes]]
name = "order-read"
path = "/orders/{{id}}"
methods = ["GET"]
legacy = "legacy"
modern = "modern"
{mode}
"#
    )
}

pub(crate) fn nginx(
    directory: &str,
    listen: SocketAddr,
    legacy: SocketAddr,
    modern: Option<SocketAddr>,
) -> String {
    let pool = |name: &str, peer: SocketAddr| {
        format!(
            "upstream {name} {{ server {peer}; keepalive 512; keepalive_requests 1000000000; }}\n"
        )
    };
    let pass = "proxy_http_version 1.1; proxy_set_header Connection \"\";";
    let mut pools = pool("legacy", legacy);
    let (mut mirror, mut mirrored) = ("", String::new());
    if let Some(peer) = modern {
        pools += &pool("modern", peer);
        mirror = "mirror /mirrored;";
        mirrored = format!(
            "location = /mirrored {{ internal; proxy_pass http://modern$request_uri; {pass} }}"
        );
    }
    format!(
        r"daemon off; worker_processes 1; user root; pid {directory}/nginx.pid; error_log stderr error;
events {{ worker_connections 8192; }}
http {{
access_log off;
client_body_temp_path {directory}/body; proxy_temp_path {directory}/proxy;
fastcgi_temp_path {directory}/fastcgi; uwsgi_temp_path {directory}/uwsgi;
scgi_temp_path {directory}/scgi;
{pools}server {{
  listen {listen}; keepalive_requests 1000000000;
  location / {{ proxy_pass http://legacy; {pass} {mirror} }}
  {mirrored}
}} }}
"
    )
}

pub(crate) fn envoy(listen: SocketAddr, legacy: SocketAddr, modern: Option<SocketAddr>) -> String {
    let socket = |address: SocketAddr| {
        json!({"socket_address": {
            "address": address.ip().to_string(), "port_value": address.port()
        }})
    };
    let cluster = |name: &str, peer: SocketAddr| {
        json!({"name": name, "type": "STATIC", "load_assignment": {
            "cluster_name": name,
            "endpoints": [{"lb_endpoints": [{"endpoint": {"address": socket(peer)}}]}]
        }})
    };
    let mut route = json!({"cluster": "legacy"});
    let mut clusters = vec![cluster("legacy", legacy)];
    if let Some(peer) = modern {
        clusters.push(cluster("modern", peer));
        route = json!({
            "cluster": "legacy", "request_mirror_policies": [{"cluster": "modern"}]
        });
    }
    let filters = "type.googleapis.com/envoy.extensions.filters";
    json!({"static_resources": {
        "listeners": [{"address": socket(listen), "filter_chains": [{"filters": [{
            "name": "http",
            "typed_config": {
                "@type": format!("{filters}.network.http_connection_manager.v3.HttpConnectionManager"),
                "stat_prefix": "http",
                "http_filters": [{"name": "router", "typed_config": {
                    "@type": format!("{filters}.http.router.v3.Router")
                }}],
                "route_config": {"virtual_hosts": [{
                    "name": "all", "domains": ["*"],
                    "routes": [{"match": {"prefix": "/"}, "route": route}]
                }]}
            }
        }]}]}],
        "clusters": clusters
    }})
    .to_string()
}
