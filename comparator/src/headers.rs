//! The headers that the rules name, each as the list of its values.

use http::header::ETAG;
use http::{HeaderMap, HeaderValue};

use crate::content::same_header;
use crate::report::{Report, shorten, shorten_pair};
use crate::rules::{Effects, Hits, Rules, Scalar, Verb};
use crate::{Discrepancy, Kind, TokenPlace};

/// Compares the headers that the rules name, and reports how they differ and which rules hid
/// something.
pub(crate) fn compare(
    legacy: &HeaderMap,
    modern: &HeaderMap,
    rules: &Rules,
    report: &mut Report,
    hits: &mut Hits,
) {
    for name in &rules.headers {
        let mine: Vec<_> = legacy.get_all(name).iter().collect();
        let theirs: Vec<_> = modern.get_all(name).iter().collect();
        let effects = rules.header(name);
        let before = hits.mark();
        let mut pairs = mine.iter().zip(&theirs);
        let same = mine.len() == theirs.len()
            && pairs.all(|(a, b)| {
                same_header(name, a, b)
                    // Each side has its own, as it has its own tokens.
                    || name == ETAG
                    || allowed(rules, &effects, (a, b), hits)
            });
        if same {
            continue;
        }
        hits.back_to(before);
        if let Some((rule, _)) = rules.ruling(&effects, Verb::Ignore) {
            hits.add(rule);
            continue;
        }
        report.add(|| {
            let (legacy, modern) = match (joined(&mine), joined(&theirs)) {
                (Some(mine), Some(theirs)) => {
                    let (mine, theirs) = shorten_pair(&mine, &theirs);
                    (Some(mine), Some(theirs))
                }
                (mine, theirs) => (mine.as_deref().map(shorten), theirs.as_deref().map(shorten)),
            };
            Discrepancy {
                path: format!("headers/{name}"),
                kind: Kind::Header,
                legacy,
                modern,
            }
        });
    }
}

/// Notes what the two sides minted in headers, whether these are compared or not.
pub(crate) fn learn(legacy: &HeaderMap, modern: &HeaderMap, rules: &Rules, report: &mut Report) {
    for rule in rules.tokens() {
        let TokenPlace::Header(name) = &rule.place else {
            continue;
        };
        let pairs = legacy.get_all(name).iter().zip(modern.get_all(name));
        for (mine, theirs) in pairs {
            if let (Ok(mine), Ok(theirs)) = (mine.to_str(), theirs.to_str()) {
                report.add_tokens(mine, theirs, rule.parameter.as_deref());
            }
        }
    }
}

fn allowed(
    rules: &Rules,
    effects: &Effects,
    (legacy, modern): (&HeaderValue, &HeaderValue),
    hits: &mut Hits,
) -> bool {
    let (Ok(legacy), Ok(modern)) = (
        std::str::from_utf8(legacy.as_bytes()),
        std::str::from_utf8(modern.as_bytes()),
    ) else {
        return false;
    };
    rules.allow(effects, Scalar::text(legacy), Scalar::text(modern), hits)
}

/// A header's values in one line; `None` if it is not there.
fn joined(values: &[&HeaderValue]) -> Option<String> {
    let values = values
        .iter()
        .map(|value| String::from_utf8_lossy(value.as_bytes()));
    let values: Vec<_> = values.collect();
    (!values.is_empty()).then(|| values.join(", "))
}
