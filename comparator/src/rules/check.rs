//! From what an operator wrote to rules that are ready to use, with every mistake at once.

use super::config::RulesConfig;
use super::error::{KeySegment, RuleError};
use super::pattern::{self, Pattern};
use super::time::TimeTolerance;
use super::{IdRule, Limits, Rules, Trie};

/// Deeper documents could exhaust the stack of a small thread.
const DEEPEST: usize = 256;
/// Offsets into a body have 32 bits; this leaves room.
const LARGEST: usize = 1 << 30;

impl TryFrom<&RulesConfig> for Rules {
    type Error = Vec<RuleError>;

    fn try_from(config: &RulesConfig) -> Result<Self, Vec<RuleError>> {
        let mut check = Check {
            rules: Self::without(config),
            errors: Vec::new(),
        };
        check.headers(config);
        check.ignore(config);
        check.unordered(config);
        check.keyed(config);
        check.time(config);
        check.ids(config);
        check.limits(config);
        if check.errors.is_empty() {
            Ok(check.rules)
        } else {
            Err(check.errors)
        }
    }
}

impl Rules {
    /// No rules but the limits.
    pub(super) fn without(config: &RulesConfig) -> Self {
        Self {
            ids: Vec::new(),
            headers: Vec::new(),
            ignore_status: false,
            ignore_body: false,
            paths: Trie::default(),
            keys: Vec::new(),
            times: Vec::new(),
            limits: Limits {
                body: config.max_body,
                depth: config.max_depth,
                work: config.max_work,
            },
        }
    }
}

/// Rules in the making.
struct Check {
    rules: Rules,
    errors: Vec<RuleError>,
}

impl Check {
    fn headers(&mut self, config: &RulesConfig) {
        for (at, name) in config.headers.iter().enumerate() {
            match name.parse() {
                Ok(name) if self.rules.headers.contains(&name) => {}
                Ok(name) => self.rules.headers.push(name),
                Err(_) => self.wrong(["headers".into(), at.into()], name, "not a header name"),
            }
        }
    }

    fn ignore(&mut self, config: &RulesConfig) {
        for (at, path) in config.ignore.iter().enumerate() {
            let key = ["ignore".into(), at.into()];
            match path.strip_prefix("headers/") {
                Some("*") => self.rules.headers.clear(),
                Some(name) => match name.parse::<http::HeaderName>() {
                    Ok(name) => self.rules.headers.retain(|other| *other != name),
                    Err(_) => self.wrong(key, path, "not a header name after headers/"),
                },
                None if path == "status" => self.rules.ignore_status = true,
                None if path == "body" => self.rules.ignore_body = true,
                None => match path.parse::<Pattern>() {
                    Ok(pattern) => self.rules.paths.insert(&pattern).ignore = true,
                    Err(error) => {
                        let message = format!("{error}; or it is status, body or headers/<name>");
                        self.wrong(key, path, message);
                    }
                },
            }
        }
    }

    fn unordered(&mut self, config: &RulesConfig) {
        for (at, path) in config.unordered.iter().enumerate() {
            if let Some(pattern) = self.pattern(["unordered".into(), at.into()], path) {
                self.rules.paths.insert(&pattern).unordered = true;
            }
        }
    }

    fn keyed(&mut self, config: &RulesConfig) {
        let mut keyed = Vec::new();
        for (path, pointer) in &config.keyed {
            let key = || ["keyed".into(), path.as_str().into()];
            let pattern = self.pattern(key(), path);
            match pattern::split(pointer) {
                Ok(pointer) => keyed.extend(pattern.map(|pattern| (pattern, pointer))),
                Err(error) => self.wrong(key(), pointer, error),
            }
        }
        // In order of precedence, so that the greatest index wins where several fit.
        keyed.sort();
        for (at, (pattern, pointer)) in keyed.into_iter().enumerate() {
            self.rules.paths.insert(&pattern).keyed = Some(at);
            self.rules.keys.push(pointer);
        }
    }

    fn time(&mut self, config: &RulesConfig) {
        let mut times: Vec<(Pattern, TimeTolerance)> = Vec::new();
        for (at, rule) in config.time.iter().enumerate() {
            let key = || ["time".into(), at.into(), "path".into()];
            let tolerance = TimeTolerance::new(rule, at, &mut self.errors);
            let Some(pattern) = self.pattern(key(), &rule.path) else {
                continue;
            };
            if times.iter().any(|(other, _)| *other == pattern) {
                self.wrong(key(), &rule.path, "this path has a time rule already");
            }
            times.push((pattern, tolerance));
        }
        times.sort_by(|a, b| a.0.cmp(&b.0));
        for (at, (pattern, tolerance)) in times.into_iter().enumerate() {
            self.rules.paths.insert(&pattern).time = Some(at);
            self.rules.times.push(tolerance);
        }
    }

    fn ids(&mut self, config: &RulesConfig) {
        for (path, entity) in &config.ids {
            let key = || ["ids".into(), path.as_str().into()];
            if entity.is_empty() {
                self.wrong(key(), entity, "the entity has no name");
            }
            if let Some(pattern) = self.pattern(key(), path) {
                self.rules.ids.push(IdRule {
                    pattern,
                    entity: entity.clone(),
                });
            }
        }
    }

    fn limits(&mut self, config: &RulesConfig) {
        if !(1..=LARGEST).contains(&config.max_body) {
            let message = format!("not between 1 and {LARGEST}");
            self.wrong(["max_body".into()], config.max_body.to_string(), message);
        }
        if !(1..=DEEPEST).contains(&config.max_depth) {
            let message = format!("not between 1 and {DEEPEST}");
            self.wrong(["max_depth".into()], config.max_depth.to_string(), message);
        }
        if config.max_work == 0 {
            self.wrong(
                ["max_work".into()],
                "0",
                "nothing can be compared without work",
            );
        }
    }

    fn pattern<const N: usize>(&mut self, key: [KeySegment; N], path: &str) -> Option<Pattern> {
        let pattern = path.parse();
        pattern
            .map_err(|error: pattern::PatternError| self.wrong(key, path, error))
            .ok()
    }

    fn wrong<const N: usize>(
        &mut self,
        key: [KeySegment; N],
        value: impl Into<String>,
        message: impl std::fmt::Display,
    ) {
        self.errors.push(RuleError::new(key, value, message));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Rules, Vec<RuleError>> {
        Rules::try_from(&toml::from_str::<RulesConfig>(text).unwrap())
    }

    #[test]
    fn every_mistake_is_told_at_once_with_its_key() {
        let errors = parse(
            r#"
            ignore = ["/ok", "data/id", "headers/a b", "/x~y"]
            keyed = { "/data" = "id", "items" = "/id" }
            unordered = ["*"]
            headers = ["content type"]
            time = [{ path = "/t" }, { path = "/t", tolerance = "soon" }]
            ids = { "/data/id" = "" }
            max_body = 0
            max_depth = 257
            max_work = 0
            "#,
        )
        .unwrap_err();
        let places: Vec<_> = errors
            .iter()
            .map(|error| {
                error
                    .to_string()
                    .split(": ")
                    .next()
                    .unwrap_or_default()
                    .to_owned()
            })
            .collect();
        assert_eq!(
            places,
            [
                "headers[0]",
                "ignore[1]",
                "ignore[2]",
                "ignore[3]",
                "unordered[0]",
                "keyed.\"/data\"",
                "keyed.items",
                "time[1].tolerance",
                "time[1].path",
                "ids.\"/data/id\"",
                "max_body",
                "max_depth",
                "max_work",
            ]
        );
    }

    #[test]
    fn the_most_literal_key_wins_whatever_the_order_of_the_file() {
        let text = r#"keyed = { "/$x" = "/literal", "/*" = "/star", "/**" = "/deep" }"#;
        let rules = parse(text).unwrap();
        let of = |path: &str| {
            let mut stack = Vec::new();
            let root = rules.paths.root(&mut stack);
            let reached =
                rules
                    .paths
                    .step(&mut stack, root, super::super::Step::Key(path.as_bytes()));
            rules
                .paths
                .effects(&stack[reached])
                .keyed
                .map(|at| rules.keys[at][0].clone())
        };
        assert_eq!(of("$x").as_deref(), Some("literal"));
        assert_eq!(of("y").as_deref(), Some("star"));
    }

    #[test]
    fn unknown_keys_are_refused_and_defaults_are_sound() {
        assert!(toml::from_str::<RulesConfig>("ignored = []").is_err());
        assert!(toml::from_str::<RulesConfig>("[[time]]\npath = \"/t\"\nzone = \"UTC\"").is_err());
        let empty = toml::from_str::<RulesConfig>("").unwrap();
        assert_eq!(empty, RulesConfig::default());
        let rules = Rules::try_from(&empty).unwrap();
        assert_eq!(rules.headers, Rules::default().headers);
        assert_eq!(rules.headers, ["content-type"]);
    }

    #[test]
    fn ignored_headers_are_not_compared_and_names_have_no_case() {
        let rules = parse(
            r#"headers = ["ETag", "etag", "Vary"]
            ignore = ["headers/VARY", "status", "body"]"#,
        )
        .unwrap();
        assert_eq!(rules.headers, ["etag"]);
        assert!(rules.ignore_status && rules.ignore_body);
        assert!(
            parse(r#"ignore = ["headers/*"]"#)
                .unwrap()
                .headers
                .is_empty()
        );
    }
}
