//! Which keys only one side has, found in memory that does not grow with the table.
//!
//! Keys fall into partitions by their digests, and each partition has a count and a sum of 128
//! bits. Two sides whose partitions have the same sums have the same keys, whatever order either
//! side reads them in, and however a key was converted; only the keys of other partitions have to
//! be looked at, so many at a time as memory allows.

use serde::{Deserialize, Serialize};

use crate::value::{Digest, Key};

/// How many there are: a few keys of a million fall into a few thousandths of the table.
const PARTITIONS: usize = 1024;

/// Counts and sums of digests.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "Vec<String>", try_from = "Vec<String>")]
pub(super) struct Partitions {
    sums: Vec<(u64, u128)>,
}

impl Default for Partitions {
    fn default() -> Self {
        Self {
            sums: vec![(0, 0); PARTITIONS],
        }
    }
}

impl Partitions {
    /// Adds a key.
    pub(super) fn insert(&mut self, digest: Digest) {
        if let Some((count, sum)) = self.sums.get_mut(of(digest)) {
            *count += 1;
            *sum = sum.wrapping_add(digest);
        }
    }

    /// Adds the keys of another part of the table.
    pub(super) fn add(&mut self, other: &Self) {
        for ((count, sum), (more, further)) in self.sums.iter_mut().zip(&other.sums) {
            *count += more;
            *sum = sum.wrapping_add(*further);
        }
    }

    /// The partitions that differ, in groups of at most so many keys of either side.
    pub(super) fn differing(&self, other: &Self, most: u64) -> Vec<Vec<usize>> {
        let mut groups: Vec<Vec<usize>> = Vec::new();
        let mut room = 0_u64;
        for (partition, (one, two)) in self.sums.iter().zip(&other.sums).enumerate() {
            if one == two {
                continue;
            }
            let keys = one.0.max(two.0);
            match groups.last_mut() {
                Some(group) if keys <= room => {
                    group.push(partition);
                    room -= keys;
                }
                _ => {
                    groups.push(vec![partition]);
                    room = most.saturating_sub(keys);
                }
            }
        }
        groups
    }
}

/// The digest of a key's canonical bytes.
pub(super) fn digest(key: &Key) -> Digest {
    super::judge::version(&key.0)
}

/// The partition of a digest.
pub(super) fn of(digest: Digest) -> usize {
    usize::try_from(digest % PARTITIONS as u128).unwrap_or(0)
}

impl From<Partitions> for Vec<String> {
    fn from(partitions: Partitions) -> Self {
        let sums = partitions.sums.iter().enumerate();
        let filled = sums.filter(|(_, (count, _))| *count > 0);
        filled
            .map(|(partition, (count, sum))| format!("{partition:x}.{count:x}.{sum:x}"))
            .collect()
    }
}

impl TryFrom<Vec<String>> for Partitions {
    type Error = String;

    fn try_from(kept: Vec<String>) -> Result<Self, String> {
        let mut partitions = Self::default();
        for text in kept {
            let bad = || format!("`{text}` is no partition");
            let mut parts = text.split('.');
            let mut part = || u128::from_str_radix(parts.next().unwrap_or_default(), 16).ok();
            let (at, count, sum) = (part(), part(), part());
            let at = at.and_then(|at| usize::try_from(at).ok());
            let place = at
                .and_then(|at| partitions.sums.get_mut(at))
                .ok_or_else(bad)?;
            let count = count.and_then(|count| u64::try_from(count).ok());
            *place = count.zip(sum).ok_or_else(bad)?;
        }
        Ok(partitions)
    }
}

#[cfg(test)]
mod tests {
    use super::{Partitions, digest, of};
    use crate::value::{Key, Value};

    fn all(keys: impl Iterator<Item = i64>) -> Partitions {
        let mut partitions = Partitions::default();
        for key in keys {
            partitions.insert(digest(&Key([Value::Int(key)].into())));
        }
        partitions
    }

    #[test]
    fn the_same_keys_in_another_order_have_the_same_sums() {
        let (one, two) = (all(0..10_000), all((0..10_000).rev()));
        assert!(one.differing(&two, 100).is_empty());
        let more = all(0..10_001);
        let differing = one.differing(&more, 100);
        let extra = of(digest(&Key([Value::Int(10_000)].into())));
        assert_eq!(differing, [[extra]]);
    }

    #[test]
    fn differing_partitions_come_in_groups_of_so_many_keys() {
        let groups = all(0..100_000).differing(&Partitions::default(), 10_000);
        assert_eq!(groups.iter().map(Vec::len).sum::<usize>(), 1024);
        assert!((10..=13).contains(&groups.len()), "{}", groups.len());
    }

    #[test]
    fn they_come_back_from_a_checkpoint() {
        let partitions = all(0..3000);
        let json = serde_json::to_string(&partitions).expect("json");
        let back: Partitions = serde_json::from_str(&json).expect("partitions");
        assert_eq!(back, partitions);
        assert!(serde_json::from_str::<Partitions>("[\"fffff.1.1\"]").is_err());
        assert!(serde_json::from_str::<Partitions>("[\"1\"]").is_err());
    }
}
