//! What both tiers have in common.

use std::time::Duration;

use bytes::Bytes;

/// How long a lease stands: longer than a query may take. Whoever comes back later stores nothing.
pub(super) const LEASE_LIFE: Duration = Duration::from_secs(10);

/// The answer to a look-up.
#[derive(Debug)]
pub(super) enum Looked<L> {
    /// An entry: a value, another reader's lease, or rubbish.
    Found(Bytes),
    /// Nothing was there; the lease to store it is ours.
    Leased(L),
}
