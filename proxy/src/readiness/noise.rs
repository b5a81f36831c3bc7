//! Noise: what the primary answers otherwise when it is asked the same again.
//!
//! On a share of the exchanges the primary is asked twice. Each of them is a pair of trials for each
//! [`Symptom`]: whether the primary differed from itself so, and whether the candidate differed from
//! the primary. Pure arithmetic on such counts; who asks, and what an exchange ends in, is decided
//! elsewhere.

use super::binomial::{lower_bound, upper_bound};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Symptoms whose noise is told apart; of others it stays unknown.
const MAX_SYMPTOMS: usize = 256;
/// Exchanges in which the primary has to differ from itself before a symptom is called noise.
const ENOUGH: u64 = 10;
/// The confidence of the interval that is shown, on each side.
const SHOWN: f64 = 0.975;
/// How sure it has to be that the candidate differs more often than the primary. Findings are many
/// and are looked at all the time.
const SURE: f64 = 0.999;
/// From here on it looks as if it did, so that nothing is called noise.
const SUSPECT: f64 = 0.75;

/// What asking the primary twice has shown of a route.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Noise {
    /// Exchanges in which the primary was asked twice.
    checked: u64,
    /// Those that were seen.
    symptoms: BTreeMap<Symptom, Counts>,
    /// Whether there were more than are told apart.
    more: bool,
}

/// A sort of difference at a general path. A value that changes all the time excuses no answer that
/// lacks it, or has it as another type.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Symptom(String);

impl Symptom {
    /// That of a finding with this general path and kind.
    pub fn new(path: &str, kind: &str) -> Self {
        // Which of two answers lacks something depends on which is held against which.
        let sort = match kind {
            "missing" | "extra" => "presence",
            other => other,
        };
        Self(format!("{path} {sort}"))
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
struct Counts {
    /// The primary differed from itself.
    own: u64,
    /// The candidate differed from the primary.
    candidate: u64,
    /// Both.
    both: u64,
}

/// Who had one symptom in one exchange.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Differed {
    /// The primary, from itself.
    pub own: bool,
    /// The candidate, from the primary.
    pub candidate: bool,
}

/// Whether a finding is noise.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum NoiseVerdict {
    /// The primary differs from itself so, and the candidate not more often.
    Noise,
    /// The candidate differs so significantly more often than the primary from itself.
    NotNoise,
    /// There is too little to tell.
    Unknown,
}

/// How often the primary differs from itself at the path of a finding, and in its sort.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, utoipa::ToSchema)]
pub struct NoiseRate {
    /// The conclusion.
    pub verdict: NoiseVerdict,
    /// Exchanges of the readiness period in which the primary was asked twice.
    pub checked: u64,
    /// In how many of them the primary differed from itself so.
    pub own: u64,
    /// In how many of them the candidate differed from the primary so.
    pub candidate: u64,
    /// The noise rate, 0 to 1; null where nothing was checked.
    pub rate: Option<f64>,
    /// What it is at least, with 95 % confidence (Clopper and Pearson).
    pub low: f64,
    /// What it is at most.
    pub high: f64,
}

impl Noise {
    /// Adds one exchange: who had which symptom. Of those that nobody had, nothing is said.
    pub(super) fn note(&mut self, differed: BTreeMap<Symptom, Differed>) {
        self.checked = self.checked.saturating_add(1);
        for (symptom, Differed { own, candidate }) in differed {
            self.at(symptom, |counts| {
                counts.own = counts.own.saturating_add(own.into());
                counts.candidate = counts.candidate.saturating_add(candidate.into());
                counts.both = counts.both.saturating_add((own && candidate).into());
            });
        }
    }

    pub(super) fn add(&mut self, more: &Self) {
        self.checked = self.checked.saturating_add(more.checked);
        self.more |= more.more;
        for (symptom, counted) in &more.symptoms {
            self.at(symptom.clone(), |counts| {
                counts.own = counts.own.saturating_add(counted.own);
                counts.candidate = counts.candidate.saturating_add(counted.candidate);
                counts.both = counts.both.saturating_add(counted.both);
            });
        }
    }

    fn at(&mut self, symptom: Symptom, count: impl FnOnce(&mut Counts)) {
        if self.symptoms.len() < MAX_SYMPTOMS || self.symptoms.contains_key(&symptom) {
            count(self.symptoms.entry(symptom).or_default());
        } else {
            self.more = true;
        }
    }

    /// What is known of a symptom.
    pub(super) fn rate(&self, symptom: &Symptom) -> NoiseRate {
        let known = self.symptoms.get(symptom).copied();
        // One without a place of its own may have been anything.
        let checked = if known.is_none() && self.more {
            0
        } else {
            self.checked
        };
        let counts = known.unwrap_or_default();
        NoiseRate {
            verdict: counts.verdict(),
            checked,
            own: counts.own,
            candidate: counts.candidate,
            rate: (checked > 0).then(|| real(counts.own) / real(checked)),
            low: lower_bound(counts.own, checked, SHOWN),
            high: upper_bound(counts.own, checked, SHOWN),
        }
    }
}

impl Counts {
    /// Only exchanges in which one of the two differed, and the other did not, tell them apart; if
    /// both differ equally often, each is as likely as the other (the exact test of `McNemar`, 1947).
    fn verdict(self) -> NoiseVerdict {
        let only_candidate = self.candidate.saturating_sub(self.both);
        let apart = only_candidate.saturating_add(self.own.saturating_sub(self.both));
        let more_often = |confidence| lower_bound(only_candidate, apart, confidence) > 0.5;
        if more_often(SURE) {
            NoiseVerdict::NotNoise
        } else if self.own >= ENOUGH && !more_often(SUSPECT) {
            NoiseVerdict::Noise
        } else {
            NoiseVerdict::Unknown
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "a number for display")]
fn real(count: u64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Exchanges in which primary and candidate differ at `/at` with these probabilities.
    fn seen(noise: &mut Noise, random: &mut fastrand::Rng, own: f64, candidate: f64) {
        let differed = Differed {
            own: random.f64() < own,
            candidate: random.f64() < candidate,
        };
        noise.note(BTreeMap::from([(at(), differed)]));
    }

    fn at() -> Symptom {
        Symptom::new("/at", "value")
    }

    fn verdict(noise: &Noise) -> NoiseVerdict {
        noise.rate(&at()).verdict
    }

    #[test]
    fn small_samples_are_unknown() {
        let mut noise = Noise::default();
        assert_eq!(noise.rate(&at()).rate, None);
        let random = &mut fastrand::Rng::with_seed(1);
        for _ in 0..9 {
            assert_eq!(verdict(&noise), NoiseVerdict::Unknown);
            seen(&mut noise, random, 1.0, 1.0);
        }
        assert_eq!(verdict(&noise), NoiseVerdict::Unknown);
        seen(&mut noise, random, 1.0, 1.0);
        assert_eq!(verdict(&noise), NoiseVerdict::Noise);
        let rate = noise.rate(&at());
        // All of 10: the lower end is 0.025^(1/10).
        assert!(
            (rate.low - 0.691_502_9).abs() < 1e-6 && rate.high >= 1.0,
            "{rate:?}"
        );
    }

    #[test]
    fn what_differs_where_the_primary_is_steady_is_not_noise() {
        let mut noise = Noise::default();
        let random = &mut fastrand::Rng::with_seed(1);
        for _ in 0..10 {
            seen(&mut noise, random, 0.0, 1.0);
        }
        assert_eq!(verdict(&noise), NoiseVerdict::NotNoise);
        for elsewhere in [("/elsewhere", "value"), ("/at", "missing")] {
            let rate = noise.rate(&Symptom::new(elsewhere.0, elsewhere.1));
            assert_eq!((rate.verdict, rate.checked), (NoiseVerdict::Unknown, 10));
        }
    }

    #[test]
    fn a_wrong_value_on_a_volatile_field_shows_and_mere_noise_hardly_ever_passes_for_one() {
        let (mut accused, mut found) = (0, 0);
        for seed in 0..200 {
            let random = &mut fastrand::Rng::with_seed(seed);
            let (mut fair, mut wrong) = (Noise::default(), Noise::default());
            let mut once = false;
            for _ in 0..300 {
                seen(&mut fair, random, 0.3, 0.3);
                seen(&mut wrong, random, 0.3, 0.6);
                // It is looked at after every exchange, and once is enough.
                once |= verdict(&fair) == NoiseVerdict::NotNoise;
            }
            accused += u32::from(once);
            found += u32::from(verdict(&wrong) == NoiseVerdict::NotNoise);
        }
        assert!(accused < 10, "{accused} of 200 were accused");
        assert!(found > 190, "{found} of 200 were found");
    }

    #[test]
    fn symptoms_beyond_the_limit_are_unknown() {
        let mut noise = Noise::default();
        let both = Differed {
            own: true,
            candidate: true,
        };
        let symptom = |i: usize| Symptom::new(&format!("/{i}"), "value");
        for i in 0..MAX_SYMPTOMS + 3 {
            noise.note(BTreeMap::from([(symptom(i), both)]));
        }
        assert_eq!(noise.symptoms.len(), MAX_SYMPTOMS);
        let rate = noise.rate(&symptom(MAX_SYMPTOMS + 9));
        let text = serde_json::to_string(&noise).unwrap();
        assert_eq!((rate.checked, rate.verdict), (0, NoiseVerdict::Unknown));
        assert_eq!(serde_json::from_str::<Noise>(&text).unwrap(), noise);
    }
}
