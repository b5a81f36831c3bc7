//! A system behind the proxy: its peers, how to speak to them, and how much mirroring may ask of
//! them at once.

use super::gate::MirrorGate;
use super::peer::Peer;
use arc_swap::ArcSwap;
use async_trait::async_trait;
use http::Uri;
use parking_lot::Mutex;
use pingora::http::RequestHeader;
use pingora::lb::discovery::ServiceDiscovery;
use pingora::lb::health_check::HttpHealthCheck;
use pingora::lb::{Backend, Backends};
use pingora::upstreams::peer::{HttpPeer, Peer as _, PeerOptions};
use std::collections::{BTreeSet, HashMap};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

/// How often peers' names are looked up again.
const LOOKUP_INTERVAL: Duration = Duration::from_secs(10);

/// Everything that routes.toml says of an upstream; equal specs share one [`Upstream`] over
/// reloads, connections and health included.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UpstreamSpec {
    /// The name in the file.
    pub name: Arc<str>,
    /// `host:port` each.
    pub peers: Vec<String>,
    /// Whether to speak TLS.
    pub tls: bool,
    /// The name to expect in the certificate.
    pub sni: String,
    /// Limit of a connection's making.
    pub connect_timeout: Duration,
    /// Limit of the peer's silence.
    pub read_timeout: Duration,
    /// Limit of the peer's taking no bytes.
    pub write_timeout: Duration,
    /// How long an unused connection is kept.
    pub idle_timeout: Duration,
    /// Path and interval of the health check.
    pub health_check: Option<(Uri, Duration)>,
    /// Mirrored requests under way at once.
    pub mirror_concurrency: usize,
    /// Exchanges that may wait for their turn.
    pub mirror_queue: usize,
}

/// A running upstream.
pub struct Upstream {
    spec: UpstreamSpec,
    backends: Backends,
    /// The peers that can be asked now.
    ready: ArcSwap<Vec<Arc<Peer>>>,
    turn: AtomicUsize,
    options: PeerOptions,
    /// The turnstile of mirrored requests.
    pub mirror: MirrorGate,
}

impl std::fmt::Debug for Upstream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Upstream")
            .field("spec", &self.spec)
            .finish_non_exhaustive()
    }
}

impl Upstream {
    /// An upstream whose peers are not looked up yet; [`Self::keep_current`] does that.
    pub fn new(spec: UpstreamSpec) -> Self {
        let mut backends = Backends::new(Box::new(Names(spec.peers.clone(), Mutex::default())));
        if let Some((path, _)) = &spec.health_check {
            backends.set_health_check(Box::new(health_check(&spec, path)));
        }
        let mut options = PeerOptions::new();
        options.connection_timeout = Some(spec.connect_timeout);
        options.total_connection_timeout = Some(spec.connect_timeout);
        options.read_timeout = Some(spec.read_timeout);
        options.write_timeout = Some(spec.write_timeout);
        options.idle_timeout = Some(spec.idle_timeout);
        Self {
            backends,
            ready: ArcSwap::default(),
            turn: AtomicUsize::new(0),
            mirror: MirrorGate::new(spec.mirror_concurrency, spec.mirror_queue),
            options,
            spec,
        }
    }

    /// What the file says of it.
    pub fn spec(&self) -> &UpstreamSpec {
        &self.spec
    }

    /// The name in the file.
    pub fn name(&self) -> &Arc<str> {
        &self.spec.name
    }

    /// The peer whose turn it is.
    pub fn peer(&self) -> Option<Arc<Peer>> {
        let ready = self.ready.load();
        let turn = match ready.len() {
            0 | 1 => 0,
            peers => self.turn.fetch_add(1, Ordering::Relaxed) % peers,
        };
        ready.get(turn).cloned()
    }

    /// The peer behind one that has just refused; whose turn it is may be that one's again.
    pub fn peer_behind(&self, refused: &Arc<Peer>) -> Option<Arc<Peer>> {
        let ready = self.ready.load();
        let at = ready.iter().position(|peer| Arc::ptr_eq(peer, refused));
        let behind = at.and_then(|at| ready.iter().cycle().nth(at + 1));
        behind.cloned().or_else(|| self.peer())
    }

    /// How many peers can be asked now.
    pub fn peers(&self) -> usize {
        self.ready.load().len()
    }

    /// Looks the peers up once, now.
    pub async fn look_up(&self) {
        if let Err(error) = self.backends.update(|_| {}).await {
            tracing::warn!(upstream = %self.spec.name, %error, "cannot look up peers");
        }
        self.settle();
    }

    /// Notes which peers can be asked. When every peer is unwell, all of them all the same: a
    /// health check that is wrong must not stop traffic that would flow.
    fn settle(&self) {
        let known = self.backends.get_backend();
        let mut ready: Vec<&Backend> = known.iter().filter(|b| self.backends.ready(b)).collect();
        if ready.is_empty() {
            ready = known.iter().collect();
        }
        let before = self.ready.load_full();
        let peer = |backend: &Backend| {
            // A peer that stays keeps its connections.
            if let Some(peer) = before.iter().find(|p| *p.address.address() == backend.addr) {
                return Some(Arc::clone(peer));
            }
            let address = *backend.addr.as_inet()?;
            let mut peer = HttpPeer::new(address, self.spec.tls, self.spec.sni.clone());
            peer.options = self.options.clone();
            Some(Arc::new(Peer::new(peer, self.spec.idle_timeout)))
        };
        self.ready
            .store(Arc::new(ready.into_iter().filter_map(peer).collect()));
    }

    /// Looks the peers up, checks their health and closes what was unused for too long, for as
    /// long as the upstream is in use. A name server that is silent holds up no health check.
    pub async fn keep_current(upstream: Weak<Self>) {
        tokio::join!(Self::follow_names(&upstream), Self::watch_health(&upstream));
    }

    async fn follow_names(upstream: &Weak<Self>) {
        let address = |peer: &String| peer.parse::<std::net::SocketAddr>().is_ok();
        loop {
            // Whoever began this has looked them up.
            tokio::time::sleep(LOOKUP_INTERVAL).await;
            match upstream.upgrade() {
                Some(this) if !this.spec.peers.iter().all(address) => this.look_up().await,
                _ => return,
            }
        }
    }

    async fn watch_health(upstream: &Weak<Self>) {
        while let Some(this) = upstream.upgrade() {
            let check = this.spec.health_check.as_ref();
            let interval = check.map_or(LOOKUP_INTERVAL, |(_, interval)| *interval);
            this.backends.run_health_check(true).await;
            this.settle();
            this.ready.load().iter().for_each(|peer| peer.reap());
            drop(this);
            tokio::time::sleep(interval).await;
        }
    }
}

fn health_check(spec: &UpstreamSpec, path: &Uri) -> HttpHealthCheck {
    let host = if spec.sni.is_empty() {
        "localhost"
    } else {
        &spec.sni
    };
    let mut check = HttpHealthCheck::new(host, spec.tls);
    let mut request = RequestHeader::build_no_case(
        http::Method::GET,
        path.path_and_query()
            .map_or("/", http::uri::PathAndQuery::as_str)
            .as_bytes(),
        Some(1),
    );
    if let Ok(request) = &mut request {
        // A host that came through validation is a header value.
        let _ = request.append_header("host", host);
    }
    if let Ok(request) = request {
        check.req = request;
    }
    check.peer_template.options.connection_timeout = Some(spec.connect_timeout);
    check.peer_template.options.total_connection_timeout = Some(spec.connect_timeout);
    check.peer_template.options.read_timeout = Some(spec.connect_timeout);
    check.peer_template.options.write_timeout = Some(spec.connect_timeout);
    check
}

/// Peers by name; a name that can't be resolved keeps the addresses that it last had.
struct Names(Vec<String>, Mutex<HashMap<String, Vec<Backend>>>);

#[async_trait]
impl ServiceDiscovery for Names {
    async fn discover(&self) -> pingora::Result<(BTreeSet<Backend>, HashMap<u64, bool>)> {
        let mut found = BTreeSet::new();
        for name in &self.0 {
            let looked_up = tokio::net::lookup_host(name.as_str()).await;
            let backends: Vec<Backend> = match looked_up {
                Ok(addresses) => addresses
                    .filter_map(|a| Backend::new(&a.to_string()).ok())
                    .collect(),
                Err(error) => {
                    tracing::warn!(peer = %name, %error, "cannot resolve peer");
                    self.1.lock().get(name).cloned().unwrap_or_default()
                }
            };
            self.1.lock().insert(name.clone(), backends.clone());
            found.extend(backends);
        }
        Ok((found, HashMap::new()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A name server that counts how often it was asked, and says nothing or that there is nobody.
    struct Asked {
        times: Arc<AtomicUsize>,
        silent: bool,
    }

    #[async_trait]
    impl ServiceDiscovery for Asked {
        async fn discover(&self) -> pingora::Result<(BTreeSet<Backend>, HashMap<u64, bool>)> {
            self.times.fetch_add(1, Ordering::SeqCst);
            if self.silent {
                std::future::pending::<()>().await;
            }
            Ok((BTreeSet::new(), HashMap::new()))
        }
    }

    /// An upstream that is kept current, and how often its names were looked up.
    fn kept(checked_every: u64, silent: bool) -> (Arc<Upstream>, Arc<AtomicUsize>) {
        let (limit, times) = (Duration::from_secs(1), Arc::new(AtomicUsize::new(0)));
        let interval = Duration::from_secs(checked_every);
        let spec = UpstreamSpec {
            name: "a".into(),
            peers: vec!["a:80".to_owned()],
            tls: false,
            sni: String::new(),
            connect_timeout: limit,
            read_timeout: limit,
            write_timeout: limit,
            idle_timeout: limit,
            health_check: Some((Uri::from_static("/health"), interval)),
            mirror_concurrency: 1,
            mirror_queue: 1,
        };
        let asked = Asked {
            times: Arc::clone(&times),
            silent,
        };
        let upstream = Arc::new(Upstream {
            backends: Backends::new(Box::new(asked)),
            ..Upstream::new(spec)
        });
        tokio::spawn(Upstream::keep_current(Arc::downgrade(&upstream)));
        (upstream, times)
    }

    #[tokio::test(start_paused = true)]
    async fn names_are_looked_up_every_ten_seconds_however_rarely_health_is_checked() {
        for checked_every in [3, 7, 600] {
            let (_upstream, times) = kept(checked_every, false);
            tokio::time::sleep(Duration::from_secs(105)).await;
            assert_eq!(times.load(Ordering::SeqCst), 10, "{checked_every}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn health_is_checked_while_a_name_server_is_silent() {
        let (upstream, times) = kept(5, true);
        tokio::time::sleep(Duration::from_secs(30)).await;
        assert_eq!(times.load(Ordering::SeqCst), 1);
        // Each check says anew who is ready.
        let before = upstream.ready.load_full();
        tokio::time::sleep(Duration::from_secs(30)).await;
        assert!(!Arc::ptr_eq(&before, &upstream.ready.load_full()));
    }
}
