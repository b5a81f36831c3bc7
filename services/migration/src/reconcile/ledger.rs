//! What became of each row that was looked at, and what that says of both databases.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Rows, each in exactly one of these counts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ledger {
    /// Both sides have it, and it is equal.
    pub equal: u64,
    /// Both sides have it, and it is not equal.
    pub different: u64,
    /// The target does not have it.
    pub missing: u64,
    /// The source does not have it.
    pub extra: u64,
    /// It changed each time that it was looked at, and was never found equal.
    pub unstable: u64,
    /// It was not equal when it was read first, and was not read again: there were too many, or
    /// the run was stopped.
    pub unconfirmed: u64,
    /// It was refused by the load, and is not there.
    pub quarantined: u64,
    /// It cannot be compared, because a value of it cannot be read or brought over exactly.
    pub not_comparable: u64,
}

/// What a comparison says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Every row was compared, and is equal.
    Equal,
    /// A difference was found, and was found again.
    Different,
    /// No difference was found, and not every row was compared.
    NotVerified,
}

/// The summary for people who read one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Health {
    /// At least 99.9 % of the rows are equal.
    Healthy,
    /// At least 99 % of the rows are equal.
    Warning,
    /// Fewer are.
    Critical,
    /// Rows were left out, so that there is no share to tell.
    NotVerified,
}

impl Ledger {
    /// Rows in all: of either side, and those of both counted once.
    pub fn rows(&self) -> u64 {
        self.equal
            .saturating_add(self.differing())
            .saturating_add(self.unverified())
    }

    /// Rows that surely differ.
    pub fn differing(&self) -> u64 {
        self.different
            .saturating_add(self.missing)
            .saturating_add(self.extra)
    }

    /// Rows of which nothing is sure.
    pub fn unverified(&self) -> u64 {
        self.unstable
            .saturating_add(self.unconfirmed)
            .saturating_add(self.quarantined)
            .saturating_add(self.not_comparable)
    }

    /// Adds the counts of other rows.
    pub fn add(&mut self, other: &Self) {
        let counts = [
            (&mut self.equal, other.equal),
            (&mut self.different, other.different),
            (&mut self.missing, other.missing),
            (&mut self.extra, other.extra),
            (&mut self.unstable, other.unstable),
            (&mut self.unconfirmed, other.unconfirmed),
            (&mut self.quarantined, other.quarantined),
            (&mut self.not_comparable, other.not_comparable),
        ];
        for (count, more) in counts {
            *count = count.saturating_add(more);
        }
    }

    /// The verdict on these rows; `complete` where they are all that there are.
    pub fn verdict(&self, complete: bool) -> Verdict {
        if self.differing() > 0 {
            Verdict::Different
        } else if complete && self.unverified() == 0 {
            Verdict::Equal
        } else {
            Verdict::NotVerified
        }
    }

    /// The share of equal rows in one word. What is not known to be equal counts against it.
    pub fn health(&self, complete: bool) -> Health {
        let rows = u128::from(self.rows());
        let at_least = |per_mille: u128| u128::from(self.equal) * 1000 >= rows * per_mille;
        match complete {
            false => Health::NotVerified,
            true if at_least(999) => Health::Healthy,
            true if at_least(990) => Health::Warning,
            true => Health::Critical,
        }
    }
}

impl Verdict {
    /// The verdict on both: a difference outweighs what is not known.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Different, _) | (_, Self::Different) => Self::Different,
            (Self::NotVerified, _) | (_, Self::NotVerified) => Self::NotVerified,
            (Self::Equal, Self::Equal) => Self::Equal,
        }
    }

    /// What a command that is a gate ends with.
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Equal => 0,
            Self::Different => 1,
            Self::NotVerified => 2,
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Equal => "equal",
            Self::Different => "different",
            Self::NotVerified => "not verified",
        })
    }
}

impl fmt::Display for Health {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Healthy => "HEALTHY",
            Self::Warning => "WARNING",
            Self::Critical => "CRITICAL",
            Self::NotVerified => "NOT VERIFIED",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{Health, Ledger, Verdict};

    fn ledger(equal: u64, different: u64, unstable: u64) -> Ledger {
        Ledger {
            equal,
            different,
            unstable,
            ..Ledger::default()
        }
    }

    #[test]
    fn nothing_unverified_is_equal() {
        assert_eq!(ledger(7, 0, 0).verdict(true), Verdict::Equal);
        assert_eq!(ledger(7, 0, 0).verdict(false), Verdict::NotVerified);
        assert_eq!(ledger(7, 0, 1).verdict(true), Verdict::NotVerified);
        assert_eq!(ledger(7, 1, 1).verdict(false), Verdict::Different);
        for unverified in [
            Ledger {
                unconfirmed: 1,
                ..Ledger::default()
            },
            Ledger {
                quarantined: 1,
                ..Ledger::default()
            },
            Ledger {
                not_comparable: 1,
                ..Ledger::default()
            },
        ] {
            assert_eq!(unverified.verdict(true), Verdict::NotVerified);
            assert_eq!(unverified.rows(), 1);
        }
    }

    #[test]
    fn health_is_the_share_of_equal_rows_and_unknown_where_rows_were_left_out() {
        assert_eq!(ledger(999, 1, 0).health(true), Health::Healthy);
        assert_eq!(ledger(998, 1, 1).health(true), Health::Warning);
        assert_eq!(ledger(990, 0, 10).health(true), Health::Warning);
        assert_eq!(ledger(989, 11, 0).health(true), Health::Critical);
        assert_eq!(ledger(1000, 0, 0).health(false), Health::NotVerified);
        assert_eq!(ledger(0, 0, 0).health(true), Health::Healthy);
    }

    #[test]
    fn verdicts_add_up_to_the_worst_and_end_in_a_code_each() {
        use Verdict::{Different, Equal, NotVerified};
        assert_eq!(Equal.and(NotVerified), NotVerified);
        assert_eq!(NotVerified.and(Different), Different);
        assert_eq!(
            [Equal, Different, NotVerified].map(Verdict::exit_code),
            [0, 1, 2]
        );
    }
}
