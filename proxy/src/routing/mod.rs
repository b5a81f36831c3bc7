//! Which route takes a request, and which side answers it.
//!
//! A [`Table`] is immutable: a request sees one table from start to end, and a reload swaps the
//! whole. How the file is read, watched and edited is the business of [`crate::routes`].

mod breaker;
mod choice;
mod client;
mod dial;
mod gate;
mod mode;
mod peer;
mod plan;
mod read;
mod stages;
mod table;
mod template;
mod tree;
mod upstream;

pub use choice::Choice;
pub use client::ClientKey;
pub use dial::Dial;
pub use gate::{MirrorGate, Place, RouteShare};
pub use mode::{Fallback, Mode, Share, ShareError, Writes};
pub use peer::{Idle, Peer};
pub use plan::{Asked, Coverage, Failure, Plan};
pub use stages::Stages;
pub use table::{MirrorLimits, Route, Table, today};
pub(crate) use template::normalise;
pub use template::{Segment, Template};
pub use upstream::{Upstream, UpstreamSpec};
