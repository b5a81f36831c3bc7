//! How a comparison goes about it.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::value::Digest;

/// How a comparison goes about it.
#[derive(Debug, Clone)]
pub struct Options {
    /// How far down the ladder it goes.
    pub depth: Depth,
    /// Which share of the rows is compared, by digests of their keys; all where there is none.
    pub sample: Option<Share>,
    /// The tables that are compared, as the mapping names the source's; all where it is empty.
    pub only: Vec<String>,
    /// Ranges of a table that are read beside each other.
    pub parallel: usize,
    /// Rows of a range, about.
    pub range: u64,
    /// How long reading a page may take; pages grow and shrink to that.
    pub page: Duration,
    /// Bytes of a page, about. A run holds `parallel * 6` pages of either side at most.
    pub bytes: usize,
    /// How long to wait before a suspect is read again: longer than the target lags behind.
    pub settle: Duration,
    /// Reads after the first in which a suspect must be as it was before it is reported.
    pub reads: u32,
    /// Suspects of a table that are read again; further ones are counted as unconfirmed.
    pub most_suspects: usize,
}

/// How far down the ladder a comparison goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Depth {
    /// Counts and sums of ranges: never more than a first look.
    Figures,
    /// Every row.
    Rows,
}

/// A share of rows, in millionths.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Share(u32);

/// A share that is none.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no share: write 1% or 0.1%, above 0% and below 100%")]
pub struct BadShare(String);

const ALL: u32 = 1_000_000;

impl Default for Options {
    fn default() -> Self {
        Self {
            depth: Depth::Rows,
            sample: None,
            only: Vec::new(),
            parallel: 2,
            range: 100_000,
            page: Duration::from_millis(500),
            bytes: 4 << 20,
            settle: Duration::from_secs(1),
            reads: 2,
            most_suspects: 100_000,
        }
    }
}

impl Share {
    /// Whether the row with this digest of its key is among them.
    pub(super) fn holds(self, digest: Digest) -> bool {
        // The lower half cuts partitions, so that the two are independent.
        (digest >> 64) % u128::from(ALL) < u128::from(self.0)
    }
}

impl FromStr for Share {
    type Err = BadShare;

    fn from_str(text: &str) -> Result<Self, BadShare> {
        let bad = || BadShare(text.to_owned());
        let number = text.strip_suffix('%').ok_or_else(bad)?;
        let number: crate::value::Number = number.trim().parse().map_err(|_| bad())?;
        let millionths = number.rounded(4).at_scale(4).ok_or_else(bad)?;
        match u32::try_from(millionths) {
            Ok(share @ 1..ALL) => Ok(Self(share)),
            _ => Err(bad()),
        }
    }
}

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let number = crate::value::Number::new(self.0.into(), 4);
        write!(f, "{} %", number.unwrap_or(crate::value::Number::ZERO))
    }
}

#[cfg(test)]
mod tests {
    use super::Share;

    #[test]
    fn a_share_is_a_percentage_between_none_and_all() {
        for (text, shown) in [("1%", "1 %"), ("0.1%", "0.1 %"), ("99.9 %", "99.9 %")] {
            assert_eq!(text.parse::<Share>().expect(text).to_string(), shown);
        }
        for text in ["", "1", "0%", "100%", "-1%", "0.00001%", "x%"] {
            assert!(text.parse::<Share>().is_err(), "{text}");
        }
    }

    #[test]
    fn about_its_share_of_the_keys_is_taken() {
        let share: Share = "10%".parse().expect("a share");
        let digest = |key: u32| xxhash_rust::xxh3::xxh3_128(&key.to_le_bytes());
        let taken = (0..100_000).filter(|key| share.holds(digest(*key))).count();
        assert!((9_000..11_000).contains(&taken), "{taken}");
    }
}
