//! What no route took, or only the default one: a sketch of which endpoints still lack a route.
//!
//! The sketch has a fixed size. Noting a request is a few comparisons of atomics and waits for
//! nothing. What finds no place is counted by the first segment of its path, and what finds none
//! there either is counted as a whole. The sketch begins anew with every start of the proxy.

use crate::readiness::{GeneralPath, Hashed, word_of};
use http::Method;
use std::collections::BTreeMap;
use std::fmt::Display;
use std::sync::OnceLock;
use std::sync::atomic::{
    AtomicU64,
    Ordering::{Acquire, Relaxed},
};

/// Places for paths with a method each.
const PLACES: usize = 1024;
/// Places that are looked at for one path.
const PROBES: usize = 16;
/// The longest path and host that are kept as an example.
const LONGEST: usize = 512;
/// Segments at one place of a path that are taken for names; more of them are one of many.
const MAX_NAMES: usize = 12;

/// The sketch.
#[derive(Debug)]
pub struct Unrouted {
    places: Box<[Place]>,
    other: AtomicU64,
}

/// One path with its method; its key is 0 while nobody has taken it.
#[derive(Debug, Default)]
struct Place {
    key: AtomicU64,
    seen: OnceLock<Seen>,
    count: AtomicU64,
}

/// What was seen first of those that are counted together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// The method.
    pub method: Method,
    /// The path as a template.
    pub template: String,
    /// The host, if the request named one.
    pub host: Option<String>,
    /// The path as it was.
    pub path: String,
}

/// Requests that could share a route.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Suggestion {
    /// A path template that takes them.
    pub template: String,
    /// How many came with each method.
    pub methods: BTreeMap<String, u64>,
}

impl Suggestion {
    /// How many they are.
    pub fn count(&self) -> u64 {
        self.methods.values().sum()
    }
}

impl Default for Unrouted {
    fn default() -> Self {
        Self {
            places: (0..PLACES).map(|_| Place::default()).collect(),
            other: AtomicU64::new(0),
        }
    }
}

impl Unrouted {
    /// Counts a request that no route took but perhaps the default one.
    pub fn note(&self, host: Option<&str>, path: &str, method: &Method) {
        let counted = self.count(host, path, method, GeneralPath(path)) || {
            let first = path.split('/').nth(1).unwrap_or_default();
            let first = format!("/{first}");
            self.count(
                host,
                path,
                method,
                format_args!("{}/{{*rest}}", GeneralPath(&first)),
            )
        };
        if !counted {
            self.other.fetch_add(1, Relaxed);
        }
    }

    fn count(
        &self,
        host: Option<&str>,
        path: &str,
        method: &Method,
        template: impl Display,
    ) -> bool {
        // A key of 0 is a free place.
        let key = Hashed::of(format_args!("{} {template}", word_of(method))).max(1);
        let first = usize::try_from(key % PLACES as u64).unwrap_or(0);
        let around = self.places.iter().cycle().skip(first).take(PROBES);
        for place in around {
            match place.key.compare_exchange(0, key, Relaxed, Relaxed) {
                Ok(_) => {
                    let cut = |text: &str| text[..text.floor_char_boundary(LONGEST)].to_owned();
                    let seen = Seen {
                        method: method.clone(),
                        template: template.to_string(),
                        host: host.map(cut),
                        path: cut(path),
                    };
                    let _ = place.seen.set(seen);
                }
                Err(there) if there == key => {}
                Err(_) => continue,
            }
            place.count.fetch_add(1, Relaxed);
            return true;
        }
        false
    }

    /// Requests that found no place of their own.
    pub fn other(&self) -> u64 {
        self.other.load(Relaxed)
    }

    /// What was seen and still fits, as few templates, the most frequent ones first.
    pub fn suggestions(&self, still: impl Fn(&Seen) -> bool) -> Vec<Suggestion> {
        let mut counted: BTreeMap<Vec<String>, BTreeMap<String, u64>> = BTreeMap::new();
        for place in &self.places {
            let Some(seen) = place.seen.get().filter(|seen| still(seen)) else {
                continue;
            };
            let segments = seen.template.split('/').skip(1).map(str::to_owned);
            let methods = counted.entry(segments.collect()).or_default();
            *methods.entry(word_of(&seen.method).to_owned()).or_default() +=
                place.count.load(Acquire);
        }
        let mut suggestions: Vec<Suggestion> = merge(counted)
            .into_iter()
            .map(|(segments, methods)| Suggestion {
                template: numbered(&segments),
                methods,
            })
            .collect();
        suggestions.sort_by(|a, b| (b.count(), &a.template).cmp(&(a.count(), &b.template)));
        suggestions
    }
}

type Counted = BTreeMap<Vec<String>, BTreeMap<String, u64>>;

/// Where very many words follow the same beginning, they are one of many and no names.
fn merge(mut counted: Counted) -> Counted {
    let deepest = counted.keys().map(Vec::len).max().unwrap_or(0);
    for depth in 0..deepest {
        let mut names: BTreeMap<Vec<String>, usize> = BTreeMap::new();
        let mut last: Option<&[String]> = None;
        // In order, so that equal beginnings stand together.
        for segments in counted.keys().filter(|segments| segments.len() > depth) {
            let upto = segments.get(..=depth);
            if upto != last {
                let before = segments.get(..depth).unwrap_or_default();
                *names.entry(before.to_vec()).or_default() += 1;
                last = upto;
            }
        }
        let crowded = |segments: &[String]| {
            let before = segments.get(..depth).unwrap_or_default();
            segments.len() > depth && names.get(before).is_some_and(|names| *names > MAX_NAMES)
        };
        let mut merged = Counted::new();
        for (mut segments, methods) in counted {
            if crowded(&segments)
                && let Some(segment) = segments.get_mut(depth)
                && !segment.starts_with("{*")
            {
                "{id}".clone_into(segment);
            }
            let into = merged.entry(segments).or_default();
            for (method, n) in methods {
                *into.entry(method).or_default() += n;
            }
        }
        counted = merged;
    }
    counted
}

/// The segments as a template, each parameter with a name of its own.
fn numbered(segments: &[String]) -> String {
    let mut template = String::new();
    let mut parameters = 0;
    for segment in segments {
        template.push('/');
        if segment.starts_with("{id") {
            parameters += 1;
            template.push_str("{id");
            if parameters > 1 {
                template.push_str(&parameters.to_string());
            }
            template.push('}');
        } else {
            template.push_str(segment);
        }
    }
    template
}

#[cfg(test)]
mod tests {
    use super::*;

    fn suggested(unrouted: &Unrouted) -> Vec<(String, u64)> {
        let suggestions = unrouted.suggestions(|_| true);
        suggestions
            .into_iter()
            .map(|suggestion| (suggestion.template.clone(), suggestion.count()))
            .collect()
    }

    #[test]
    fn paths_of_one_endpoint_are_one_template() {
        let unrouted = Unrouted::default();
        for i in 0..500 {
            unrouted.note(None, &format!("/invoices/{i}"), &Method::GET);
            unrouted.note(None, &format!("/customers/{i}/orders/{i}"), &Method::GET);
        }
        unrouted.note(None, "/invoices/7", &Method::DELETE);
        assert_eq!(
            suggested(&unrouted),
            [
                ("/invoices/{id}".to_owned(), 501),
                ("/customers/{id}/orders/{id2}".to_owned(), 500),
            ]
        );
        let methods = &unrouted.suggestions(|_| true)[0].methods;
        assert_eq!((methods["GET"], methods["DELETE"]), (500, 1));
    }

    #[test]
    fn very_many_words_at_one_place_are_a_parameter() {
        let unrouted = Unrouted::default();
        let word = |i: u32| -> String {
            let letter = |n: u32| char::from_u32(u32::from('a') + n % 26).unwrap();
            [letter(i), letter(i / 26), letter(i / 7)].iter().collect()
        };
        for i in 0..100 {
            unrouted.note(None, &format!("/users/{}/cart/3", word(i)), &Method::GET);
        }
        unrouted.note(None, "/users", &Method::GET);
        unrouted.note(None, "/health", &Method::GET);
        assert_eq!(
            suggested(&unrouted),
            [
                ("/users/{id}/cart/{id2}".to_owned(), 100),
                ("/health".to_owned(), 1),
                ("/users".to_owned(), 1),
            ]
        );
    }

    #[test]
    fn a_flood_of_paths_is_counted_whole_in_a_fixed_size() {
        let unrouted = Unrouted::default();
        let mut random = fastrand::Rng::with_seed(1);
        for _ in 0..20_000 {
            let segment = |random: &mut fastrand::Rng| -> String {
                (0..8).map(|_| random.lowercase()).collect()
            };
            let path = format!("/{}/{}", segment(&mut random), segment(&mut random));
            unrouted.note(None, &path, &Method::GET);
        }
        let counted: u64 = suggested(&unrouted).iter().map(|(_, n)| n).sum();
        assert_eq!(counted + unrouted.other(), 20_000);
        assert!(
            suggested(&unrouted).len() < 30,
            "{:?}",
            suggested(&unrouted)
        );
    }

    #[test]
    fn hostile_paths_are_kept_short_and_make_templates_that_parse() {
        let unrouted = Unrouted::default();
        let long = "/é".repeat(5_000);
        for path in [
            &long,
            "",
            "*",
            "//",
            "/{a}/{*b}/c",
            "/a?b",
            "example.org:443",
        ] {
            unrouted.note(Some(&long), path, &Method::GET);
        }
        for suggestion in unrouted.suggestions(|seen| {
            assert!(seen.path.len() <= LONGEST);
            true
        }) {
            let template = &suggestion.template;
            assert!(template.len() < 400, "{template}");
            let parsed = template.parse::<crate::routing::Template>();
            assert!(parsed.is_ok(), "{parsed:?}");
        }
    }
}
