//! The words that a shadowed request can end in, and the ledger that counts them.
//!
//! Every eligible request ends in exactly one [`Ending`]. An ending belongs to one [`Outcome`]
//! (the word on the dashboard) and has a reason (the word behind it). What the endings mean for
//! readiness is not decided here.

mod ledger;
mod unrouted;

pub use ledger::{Ledger, RouteCounts, RouteSnapshot, Ticket};
pub use unrouted::{Seen, Suggestion, Unrouted};

use serde::Serialize;

/// The one word that an eligible request ends in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Both answers are equal under the rules.
    Matched,
    /// The answers differ.
    Different,
    /// The candidate gave no usable answer.
    CandidateError,
    /// The candidate gave no answer in time.
    CandidateTimeout,
    /// The mirror shed the exchange to protect production.
    Dropped,
    /// The exchange can't be mirrored or compared, by its nature.
    Skipped,
    /// The answers could not be decoded within the limits.
    Undecodable,
    /// The primary gave no answer, or a write failed there and so wasn't mirrored.
    PrimaryError,
}

impl Outcome {
    /// All outcomes in the order in which they are shown.
    pub const ALL: [Self; 8] = [
        Self::Matched,
        Self::Different,
        Self::CandidateError,
        Self::CandidateTimeout,
        Self::Dropped,
        Self::Skipped,
        Self::Undecodable,
        Self::PrimaryError,
    ];

    /// The word in API, metrics and dashboard.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Matched => "matched",
            Self::Different => "different",
            Self::CandidateError => "candidate_error",
            Self::CandidateTimeout => "candidate_timeout",
            Self::Dropped => "dropped",
            Self::Skipped => "skipped",
            Self::Undecodable => "undecodable",
            Self::PrimaryError => "primary_error",
        }
    }
}

/// Declares [`Ending`] and its table in one place, so that no ending lacks an outcome or a reason.
macro_rules! endings {
    ($($(#[$doc:meta])* $name:ident => $outcome:ident, $reason:literal;)*) => {
        /// How an eligible request ended: an outcome together with its reason.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Ending { $($(#[$doc])* $name,)* }

        impl Ending {
            /// All endings; an ending's position here is its index.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The outcome that this ending is counted under.
            pub const fn outcome(self) -> Outcome {
                match self { $(Self::$name => Outcome::$outcome,)* }
            }

            /// The reason, a stable word; unique within the outcome.
            pub const fn reason(self) -> &'static str {
                match self { $(Self::$name => $reason,)* }
            }
        }
    };
}

impl Ending {
    /// The ending with these words, if there is one.
    pub fn named(outcome: &str, reason: &str) -> Option<Self> {
        let mut all = Self::ALL.iter().copied();
        all.find(|ending| ending.outcome().as_str() == outcome && ending.reason() == reason)
    }
}

endings! {
    /// Equal under the rules.
    Matched => Matched, "equal";
    /// At least one discrepancy.
    Different => Different, "discrepancies";
    /// Discrepancies only where the primary, asked again, differed from itself as well.
    Noise => Different, "noise";
    /// No connection to the candidate.
    CandidateConnect => CandidateError, "connect";
    /// No peer of the candidate is known or healthy.
    CandidateNoPeer => CandidateError, "no_peer";
    /// The connection broke before the answer was whole.
    CandidateReset => CandidateError, "reset";
    /// The candidate's bytes are no HTTP.
    CandidateProtocol => CandidateError, "protocol";
    /// The candidate's answer is longer than the capture limit, where the primary's was not.
    CandidateTooLarge => CandidateError, "too_large";
    /// The candidate went on refusing a write as if it were busy: 429, 502, 503, 504.
    CandidateRefused => CandidateError, "refused";
    /// No whole answer before the deadline.
    CandidateDeadline => CandidateTimeout, "deadline";
    /// The request names something by an id that means something else to the candidate.
    Misleading => Skipped, "misleading_id";
    /// The request holds a token or a tag of which the candidate's own is not known.
    UnknownToken => Skipped, "unknown_token";
    /// The exchange waited for its turn until the deadline.
    QueueDeadline => Dropped, "queue_deadline";
    /// Too many exchanges were waiting already.
    QueueFull => Dropped, "queue_full";
    /// The candidate failed several times in a row and is left alone for a moment.
    Breaker => Dropped, "breaker";
    /// The byte budget for captures was spent.
    Budget => Dropped, "budget";
    /// The outbox had no room for a write.
    OutboxFull => Dropped, "outbox_full";
    /// The proxy stopped before the exchange was compared.
    Restart => Dropped, "restart";
    /// The comparison was abandoned by a defect; never expected.
    Lost => Dropped, "lost";
    /// A body is longer than the capture limit.
    TooLarge => Skipped, "too_large";
    /// The connection was upgraded; what follows is no exchange.
    Upgrade => Skipped, "upgrade";
    /// The primary answered before it had read the whole request.
    RequestCut => Skipped, "request_cut";
    /// The client went away before it had the whole answer.
    ClientAborted => Skipped, "client_aborted";
    /// The proxy refused the request before it reached the primary.
    Refused => Skipped, "refused";
    /// A write of the same lane was under way on the primary at the same time.
    Overlapped => Skipped, "overlapped";
    /// A write of the same lane was lost before, and not reconciled yet.
    Tainted => Skipped, "tainted";
    /// Deliveries to the candidate were held while its database was filled.
    Held => Skipped, "held";
    /// A write whose rows were brought over by key in the place of its delivery.
    Resynchronised => Skipped, "resynchronised";
    /// A body's encoding is unknown or broken.
    UndecodableEncoding => Undecodable, "encoding";
    /// A limit of the comparator was reached.
    UndecodableLimit => Undecodable, "limit";
    /// No connection to the primary.
    PrimaryConnect => PrimaryError, "connect";
    /// The primary broke off or timed out.
    PrimaryReset => PrimaryError, "reset";
    /// A write failed on the primary and so wasn't mirrored.
    PrimaryWriteFailed => PrimaryError, "write_failed";
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn an_outcome_and_a_reason_name_one_ending() {
        let names: HashSet<_> = Ending::ALL
            .iter()
            .map(|e| (e.outcome(), e.reason()))
            .collect();
        assert_eq!(names.len(), Ending::ALL.len());
    }

    #[test]
    fn every_outcome_has_an_ending() {
        for outcome in Outcome::ALL {
            assert!(
                Ending::ALL.iter().any(|e| e.outcome() == outcome),
                "{outcome:?}"
            );
        }
    }
}
