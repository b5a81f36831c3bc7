//! routes.toml as it is typed: strings and options, nothing judged yet.
//!
//! The comments on these fields are the reference of the file's keys; `cutover routes-reference`
//! prints them. [`crate::routing::Table`] is what they become.

use crate::guard::GuardConfig;
use crate::journal::JournalConfig;
use crate::readiness::ReadinessConfig;
use crate::routing::{Mode, Writes};
use comparator::RulesConfig;
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeMap;

/// The file routes.toml.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawFile {
    /// Name of the route that takes what no other route matches. Without it such a request is
    /// answered 404.
    pub default: Option<String>,
    /// The systems behind the proxy, by name.
    #[serde(default)]
    pub upstreams: BTreeMap<String, RawUpstream>,
    /// How much mirroring may take.
    #[serde(default)]
    pub mirror: RawMirror,
    /// How a client is recognised, so that the dial is sticky.
    #[serde(default)]
    pub client: RawClient,
    /// How operators send a request to a side that they name.
    #[serde(rename = "override")]
    pub choice: Option<RawChoice>,
    /// What the journal keeps, how long, and what it must never hold.
    #[serde(default)]
    pub journal: JournalConfig,
    /// When two answers count as equal, on all routes.
    #[serde(default)]
    pub compare: RulesConfig,
    /// When a route is ready to move, on all routes.
    #[serde(default)]
    pub readiness: ReadinessConfig,
    /// When a dial is turned back by itself, on all routes.
    #[serde(default)]
    pub guard: GuardConfig,
    /// Who compares the data behind the answers. Default: nobody is asked.
    pub reconciliation: Option<RawReconciliation>,
    /// The endpoints.
    #[serde(default)]
    pub routes: Vec<RawRoute>,
}

/// A system behind the proxy.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawUpstream {
    /// Addresses, `host:port` each; requests go round them. Names are looked up again every ten
    /// seconds.
    pub peers: Vec<String>,
    /// Speak TLS to the peers. Default false.
    pub tls: Option<bool>,
    /// The name to expect in the peers' certificate. Default: the peer's host.
    pub sni: Option<String>,
    /// How long a connection may take. Default 2s.
    pub connect_timeout: Option<String>,
    /// How long the peer may be silent while an answer is expected. Default 60s.
    pub read_timeout: Option<String>,
    /// How long the peer may take no bytes. Default 60s.
    pub write_timeout: Option<String>,
    /// How long an unused connection is kept; keep it below the peer's own limit. Default 10s.
    pub idle_timeout: Option<String>,
    /// How it is checked whether a peer can take requests. Default: not checked.
    pub health_check: Option<RawHealthCheck>,
}

/// A health check of every peer of an upstream.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawHealthCheck {
    /// The path that answers 200 when the peer is well.
    pub path: String,
    /// Time between two checks. Default 5s.
    pub interval: Option<String>,
}

/// Limits of mirroring, over all routes.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawMirror {
    /// Bytes that captured requests and answers may hold together. Default 64MiB.
    pub max_bytes: Option<String>,
    /// Bytes of one body that are captured; a longer one is proxied but not compared. Default 1MiB.
    pub max_body: Option<String>,
    /// Exchanges that may wait for their turn, per candidate. Default 1024.
    pub queue: Option<u32>,
    /// Mirrored requests under way at once, per candidate. Default 64.
    pub concurrency: Option<u32>,
    /// How long a mirrored exchange may wait for its turn, and then the candidate may take to answer; the
    /// same for each try of a write. Default 5s.
    pub timeout: Option<String>,
    /// How long it is tried to deliver a mirrored write: until the candidate answers it, whatever
    /// it answers. Between tries it waits in the outbox, a file beside the journal. A write that
    /// is given up taints its lanes. An answer of 429, 502, 503 or 504 to a write that the primary has
    /// done is none: it is tried again. Default 1h.
    pub write_patience: Option<String>,
    /// Mirrored writes that may wait in the outbox, up to 100000; what is beyond is lost and
    /// taints its lanes. Default 10000.
    pub outbox_writes: Option<u32>,
    /// Bytes that they may hold together. Default 256MiB.
    pub outbox_bytes: Option<String>,
}

/// How a client is recognised.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawClient {
    /// `address`, `header:NAME` or `cookie:NAME`. A request without that header or cookie counts
    /// by its address. Default address.
    pub key: Option<String>,
}

/// A header by which operators send a request to a side that they name, wherever its client stands
/// on the dial and in every mode, as far as the route has that side.
///
/// The header is taken from every request, and counts from the listed networks or with a signature:
/// `legacy` or `modern` from a network; `modern;until=1764000000;mac=HEX` from anywhere, where
/// `until` is a time in seconds since 1970 and `HEX` the HMAC-SHA-256 under the secret of what
/// stands before `;mac=`.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawChoice {
    /// The header's name. Default Cutover-Side.
    pub header: Option<String>,
    /// Networks in CIDR notation, `10.0.0.0/8`, by the address of the connection: where another
    /// proxy stands before this one, everybody comes from there.
    #[serde(default)]
    pub networks: Vec<String>,
    /// The shared secret, of at least 32 characters; let nobody read the file then.
    pub secret: Option<String>,
}

/// Who compares the data behind the answers: the migration service, `cutover-data serve`. It is
/// asked for the rows that a finding's requests name by the lanes of their route, so that the
/// finding says whether the data drifted or the code differs. And each route's readiness has a
/// criterion more, `data_parity`.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawReconciliation {
    /// Where the service is: `http://127.0.0.1:3000`. It is asked for at most three seconds, and
    /// never while a client waits.
    pub url: String,
}

/// One endpoint.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawRoute {
    /// The route's name in metrics, journal and dashboard; unique in the file.
    pub name: String,
    /// The host that requests must name: `shop.example.com`, or `*.example.com` for any name
    /// below. Default: any host.
    pub host: Option<String>,
    /// The path: literal segments, `{param}` for one segment, a trailing `{*rest}` for any number.
    /// The most specific route wins, whatever the order in the file. Only the default route may
    /// leave it out.
    pub path: Option<String>,
    /// The methods. Default: any.
    #[serde(default)]
    pub methods: Vec<String>,
    /// Who answers: `legacy`, `shadow` or `modern`.
    pub mode: Mode,
    /// The upstream that is being replaced.
    pub legacy: Option<String>,
    /// The upstream that replaces it.
    pub modern: Option<String>,
    /// In shadow mode, the share of clients that modern answers: `0%` to `100%`. A client stays on
    /// its side while the share only rises. Default 0%.
    pub modern_share: Option<String>,
    /// The group whose routes move together: they have one mode and one `modern_share`, which are
    /// edited and turned back for all of them at once. Default: the route moves alone.
    pub group: Option<String>,
    /// In shadow mode, the shares that `modern_share` climbs by itself, such as `["1%", "5%", "25%",
    /// "50%", "100%"]`: to the next one when it has stood on one, or on 0%, for `stage_time` and all
    /// criteria of readiness are green; when as many of its requests were compared meanwhile as its
    /// guard's `minimum` says, one of them, of the group's, within the guard's `window`; and when modern
    /// was not failing within that. Each rise is an edit of this file. What a hand does takes
    /// precedence: a dial that is turned up climbs on from there, one that is turned down stays
    /// there until a hand turns it up or the stages are written anew. A dial that the guard turned
    /// back starts over when it is held no more. Default: it is turned by hand alone.
    #[serde(default)]
    pub stages: Vec<String>,
    /// How long each stage lasts at least, `1s` to `31d`. Default 1h.
    pub stage_time: Option<String>,
    /// Whether legacy answers when modern should and can't: it could not be reached, which holds
    /// for any request because nothing of it was sent; or it failed before the first byte of its
    /// answer, which holds for safe methods only. The failure counts against modern. Default false.
    #[serde(default)]
    pub fallback: bool,
    /// Whether an answer with a 5xx to a safe method counts as such a failure. Needs `fallback`.
    /// Default false.
    #[serde(default)]
    pub fallback_on_5xx: bool,
    /// In shadow mode, the share of requests that are compared. Mirrored writes are all sent, or
    /// the candidate's data would drift. Default 100%.
    pub sample: Option<String>,
    /// The share of the compared requests with a safe method after which the primary is asked the
    /// same once more, as a mirrored request. Where it differs from itself, a difference of the
    /// candidate of the same sort in this exchange is noise: it does not count in the match rate.
    /// Findings are told how noisy they are. A second answer is not looked at where a write of the
    /// request's lanes has begun since the first. It is so much more load on the primary. Default 0%.
    pub noise_sample: Option<String>,
    /// Whether requests that change something are mirrored: `skip` or `mirror`. One at which the
    /// primary says that it failed (5xx) is counted and not mirrored. One that may be done there or
    /// not, because it was sent and got no answer, or a gateway's 502 or 504, is not mirrored either,
    /// and taints its lanes like a lost write. Default skip.
    #[serde(default)]
    pub writes: Writes,
    /// The entities that a request touches, one lane each: `order:{id}` by a parameter of the path,
    /// `order:query:id` by one of its query, `customer:json:/customerId` by a text or number in the
    /// request's JSON body, `tenant:header:X-Tenant` by a header, `session:client` by the client as
    /// `[client]` knows it. The word before the colon names the entity; `order:17` is one lane on
    /// all routes. Answers add lanes: where `compare.ids` declares `/data/id` as `order`, what a
    /// successful write made is in the lane of its id. Exchanges of a lane reach the candidate in
    /// the order in which the primary answered: a write waits for all before it, a read for the
    /// writes before it. What overlapped a write of its lane on the primary is not compared
    /// (`skipped: overlapped`), nor what follows a lost write (`skipped: tainted`) until an operator
    /// has cleared the lane. A write that one side takes while the lane has one under way that the
    /// other took crosses it: that taints the lane as well. A request without the value is in no lane
    /// by it. Lanes are shown with
    /// their values, but for that of the client: declare none by a secret. Writes that are in no
    /// lane at all are kept in the order of their route, one after the other; declare lanes to let
    /// them run in parallel. At most 16. Default none.
    #[serde(default)]
    pub lanes: Vec<String>,
    /// How long a mirrored exchange of this route may wait, and then the candidate take. Default: that
    /// of `timeout` in `[mirror]`.
    pub mirror_timeout: Option<String>,
    /// Mirrored requests of this route under way at once, of those that `[mirror]` allows a candidate:
    /// what is beyond waits its turn, so that a slow route leaves places to the others. Default: three
    /// quarters of them.
    pub mirror_concurrency: Option<u32>,
    /// When two answers count as equal, besides what holds on all routes.
    #[serde(default)]
    pub compare: RulesConfig,
    /// When this route is ready to move, where that is another matter than on all routes.
    #[serde(default)]
    pub readiness: ReadinessConfig,
    /// When this route's dial is turned back by itself, where that is another matter than on all
    /// routes.
    #[serde(default)]
    pub guard: GuardConfig,
}
