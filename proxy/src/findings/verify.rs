//! A finding's file as a test: its two stored answers, held against rules. Nothing is fetched.

use super::file::{Expect, FindingFile};
use super::judge::{Judged, Trial};
use crate::journal::Record;
use comparator::{Discrepancy, Kind, RulesConfig};
use jiff::civil::Date;
use serde::Serialize;

/// What the stored answers show under the rules.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "result", rename_all = "snake_case")]
pub enum Verified {
    /// The rules hide the finding, and nothing else has appeared.
    Matches,
    /// The finding, as it was.
    Same,
    /// The rules hide the finding, but there is a difference that the file does not tell of.
    Otherwise {
        /// What it is.
        discrepancies: Vec<Discrepancy>,
    },
    /// It can't be told.
    CannotTell {
        /// Why not.
        why: String,
    },
}

impl Verified {
    /// Whether that is what the file expects; `None` where it can't be told.
    pub fn is_as(&self, expected: Expect) -> Option<bool> {
        match self {
            Self::Matches => Some(expected == Expect::Matches),
            Self::Same => Some(expected == Expect::Differs),
            Self::Otherwise { .. } => Some(false),
            Self::CannotTell { .. } => None,
        }
    }
}

/// Compares the stored answers under the rules of a route, on top of those for all, as they apply on
/// a day.
pub fn verify(
    file: &FindingFile,
    global: &RulesConfig,
    route: &RulesConfig,
    day: Date,
) -> Verified {
    let cannot_tell = |why: String| Verified::CannotTell { why };
    let trial = match Trial::new(global, route, day) {
        Ok(trial) => trial,
        Err(errors) => {
            let errors: Vec<String> = errors.iter().map(ToString::to_string).collect();
            return cannot_tell(format!("its rules are wrong: {}", errors.join("; ")));
        }
    };
    let (record, _) = file.record();
    match trial.one(&file.finding, &record) {
        Judged::Shows => Verified::Same,
        Judged::CannotTell => cannot_tell(reason(file, &record)),
        Judged::Hidden => match trial.beyond(&record) {
            discrepancies if discrepancies.is_empty() => Verified::Matches,
            discrepancies => Verified::Otherwise { discrepancies },
        },
    }
}

/// What is in the way of a verdict.
fn reason(file: &FindingFile, record: &Record) -> String {
    if file.finding.kind == Kind::Identity.as_str() {
        return "which ids belong together is not in the file".to_owned();
    }
    let answers = [("legacy", &record.legacy), ("modern", &record.modern)];
    for (side, answer) in answers {
        if let Some(note) = answer.as_ref().and_then(|answer| answer.body.note.as_ref()) {
            return format!("the body of {side} was not stored whole: {note}");
        }
    }
    if file.redacted.is_empty() {
        "the answers do not show it, even without rules".to_owned()
    } else {
        "redaction has taken what it is told by".to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::super::judge::tests::{finding, sample};
    use super::super::{FileRules, FindingFile};
    use super::*;
    use crate::journal::FindingDetail;
    use crate::routing::today;

    const LEGACY: &str = r#"{"id":1,"total":1.00,"mail":"x"}"#;
    const MODERN: &str = r#"{"id":2,"total":1.01,"mail":"x"}"#;

    fn rules(text: &str) -> RulesConfig {
        toml::from_str(text).unwrap()
    }

    fn file(legacy: &str, modern: &str, rules: RulesConfig) -> FindingFile {
        let sample = sample(legacy, modern, "/total");
        let detail = FindingDetail {
            finding: finding(&sample),
            samples: vec![sample],
        };
        let rules = FileRules {
            all_routes: RulesConfig::default(),
            route: rules,
        };
        FindingFile::of(detail, rules, today()).unwrap()
    }

    fn held(file: &FindingFile, rules: &RulesConfig) -> Verified {
        verify(file, &RulesConfig::default(), rules, today())
    }

    #[test]
    fn another_difference_that_the_file_tells_of_does_not_fail_it() {
        let file = file(LEGACY, MODERN, RulesConfig::default());
        assert_eq!(held(&file, &RulesConfig::default()), Verified::Same);
        let hidden = held(&file, &rules("ignore = [\"/total\"]"));
        assert_eq!(hidden, Verified::Matches);
    }

    #[test]
    fn ids_are_not_judged_since_which_belong_together_is_not_in_the_file() {
        let mut file = file(LEGACY, MODERN, RulesConfig::default());
        file.exchange
            .discrepancies
            .retain(|found| found.path != "/id");
        let ignore = "ignore = [\"/total\"]\n";
        let told = held(&file, &rules(ignore));
        assert!(matches!(told, Verified::Otherwise { .. }), "{told:?}");
        let ids = rules(&format!("{ignore}ids = {{ \"/id\" = \"order\" }}"));
        assert_eq!(held(&file, &ids), Verified::Matches);
    }

    #[test]
    fn an_export_expects_what_its_rules_say() {
        let file = file(LEGACY, MODERN, rules("ignore = [\"/total\"]"));
        assert_eq!(file.expect, Expect::Matches);
        let text = file.text().unwrap();
        let again = FindingFile::read(text.as_bytes()).unwrap();
        assert_eq!(again.text().unwrap(), text);
        assert_eq!(held(&again, &again.rules.route), Verified::Matches);
    }

    #[test]
    fn a_body_that_was_cut_can_t_be_told() {
        let mut file = file(LEGACY, MODERN, RulesConfig::default());
        file.exchange.modern.body.note = Some("cut: the first 9 bytes are shown".to_owned());
        let told = held(&file, &RulesConfig::default());
        let Verified::CannotTell { why } = told else {
            panic!("{told:?}")
        };
        assert!(
            why.contains("modern") && why.contains("first 9 bytes"),
            "{why}"
        );
    }
}
