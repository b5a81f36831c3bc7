//! What an operator says about the journal: the `journal` table of routes.toml.
//!
//! [`JournalConfig`] is what was typed, [`Settings`] is what is ready to use. Where the journal's
//! file is belongs to the command line, not here.

use super::redaction::{Redaction, SECRET_NAMES, Secret};
use crate::routes::size::parse_size;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::time::Duration;

/// What the journal keeps, how long, and what it must never hold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct JournalConfig {
    /// How long findings and their samples are kept: `7d`, `12h`. Counts are kept for ever.
    /// Default 7d.
    pub keep: String,
    /// The size that the journal may have; beyond it the oldest samples go first, and then findings
    /// that are fixed or allowed. What is open stays, up to a thousand findings per route. At least
    /// 1MiB. Default 256MiB.
    pub max_size: String,
    /// How many exchanges are kept for each finding, a fair sample of all of them; 0 to 64.
    /// Default 5.
    pub samples: u32,
    /// Headers whose values are never stored, besides `Authorization`, `Proxy-Authorization`,
    /// `Cookie`, `Set-Cookie`, `X-Api-Key`, `Api-Key`, `X-Auth-Token`, `X-Csrf-Token`, `X-Xsrf-Token`
    /// and those that `tokens` declare.
    pub redact_headers: Vec<String>,
    /// JSON paths whose values are never stored, in requests, answers and discrepancies:
    /// `/data/attributes/email`, `/**/password`. A body that isn't JSON is then not stored at all.
    pub redact_paths: Vec<String>,
    /// Names of what is never stored, at any depth: keys of JSON, form fields, parameters, headers and
    /// columns, whatever their case and with or without `-` and `_`; one of five letters or more also
    /// at the end of a longer name, as `token` in `accessToken`. What is neither JSON nor a form and
    /// holds such a name is not stored at all. It replaces the default; `[]` hides nothing by name.
    /// Default password, passwd, pwd, passphrase, passwordConfirmation, confirmPassword, secret, token,
    /// authorization, apiKey, accessKey, privateKey, credential, credentials, sessionId, otp, pin,
    /// cardNumber, pan, cvv, cvc, cvv2, iban, ssn, socialSecurityNumber, nationalId, passportNumber.
    pub redact_names: Vec<String>,
    /// Parameters of queries, fragments and segments of paths, and form fields, whose values are never
    /// stored.
    pub redact_query: Vec<String>,
    /// What is never stored wherever it stands, because of how it looks: `card`, a payment card's
    /// number; `token`, a bearer token or JSON web token; `email`, an address. Default all.
    /// In the place of whatever is redacted stands a keyed hash, equal for equal values. Its key is
    /// the file `redaction.key` beside the journal.
    pub redact_patterns: Vec<Secret>,
}

impl Default for JournalConfig {
    fn default() -> Self {
        Self {
            keep: "7d".to_owned(),
            max_size: "256MiB".to_owned(),
            samples: 5,
            redact_headers: Vec::new(),
            redact_paths: Vec::new(),
            redact_names: SECRET_NAMES.map(str::to_owned).to_vec(),
            redact_query: Vec::new(),
            redact_patterns: Secret::ALL.to_vec(),
        }
    }
}

/// A mistake in a [`JournalConfig`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct SettingError {
    /// The key within the table.
    pub key: &'static str,
    /// The position, where the key holds an array.
    pub index: Option<usize>,
    /// The offending value.
    pub value: String,
    /// What is wrong with it.
    pub message: String,
}

impl fmt::Display for SettingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            key,
            index,
            value,
            message,
        } = self;
        match index {
            Some(index) => write!(f, "{key}[{index}]: {value:?}: {message}"),
            None => write!(f, "{key}: {value:?}: {message}"),
        }
    }
}

/// Checked settings of the journal.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The age at which things go.
    pub keep: Duration,
    /// The size in bytes at which the oldest things go.
    pub max_size: u64,
    /// Exchanges kept per finding.
    pub samples: u32,
    /// What is never stored.
    pub(crate) redaction: Redaction,
}

impl Settings {
    /// The most samples that a finding can have: one bit each in the writer's map of slots.
    pub const MAX_SAMPLES: u32 = 64;
    const MIN_SIZE: u64 = 1 << 20;
}

impl Settings {
    /// Hides what the rules of a route declare as tokens.
    pub fn hide_tokens(&mut self, rules: &[comparator::TokenRule]) {
        self.redaction.hide(rules);
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            keep: Duration::from_hours(7 * 24),
            max_size: 256 << 20,
            samples: 5,
            redaction: Redaction::default(),
        }
    }
}

impl TryFrom<&JournalConfig> for Settings {
    type Error = Vec<SettingError>;

    fn try_from(config: &JournalConfig) -> Result<Self, Self::Error> {
        let mut errors = Vec::new();
        let mut refuse = |key, value: &str, message: String| {
            errors.push(SettingError {
                key,
                index: None,
                value: value.to_owned(),
                message,
            });
        };
        let keep = humantime::parse_duration(&config.keep);
        match &keep {
            Err(error) => refuse(
                "keep",
                &config.keep,
                format!("no duration such as 7d: {error}"),
            ),
            Ok(keep) if keep.is_zero() => {
                refuse(
                    "keep",
                    &config.keep,
                    "is nothing; use at least 1s".to_owned(),
                );
            }
            Ok(_) => {}
        }
        let max_size = parse_size(&config.max_size);
        match &max_size {
            Err(error) => refuse("max_size", &config.max_size, error.to_string()),
            Ok(size) if *size < Self::MIN_SIZE => {
                refuse("max_size", &config.max_size, "is less than 1MiB".to_owned());
            }
            Ok(_) => {}
        }
        if config.samples > Self::MAX_SAMPLES {
            let message = format!("is more than {}", Self::MAX_SAMPLES);
            refuse("samples", &config.samples.to_string(), message);
        }
        let redaction = Redaction::parse(config, &mut errors);
        match (keep, max_size) {
            (Ok(keep), Ok(max_size)) if errors.is_empty() => Ok(Self {
                keep,
                max_size,
                samples: config.samples,
                redaction,
            }),
            _ => Err(errors),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_of_both_types_agree() {
        let settings = Settings::try_from(&JournalConfig::default()).unwrap();
        let default = Settings::default();
        assert_eq!(settings.keep, default.keep);
        assert_eq!(settings.max_size, default.max_size);
        assert_eq!(settings.samples, default.samples);
    }

    #[test]
    fn every_mistake_is_reported_at_once() {
        let config = JournalConfig {
            keep: "soon".to_owned(),
            max_size: "1KB".to_owned(),
            samples: 65,
            redact_headers: vec!["x-fine".to_owned(), "no header".to_owned()],
            redact_paths: vec!["email".to_owned()],
            redact_names: vec!["--".to_owned()],
            redact_query: vec![String::new()],
            ..JournalConfig::default()
        };
        let errors = Settings::try_from(&config).unwrap_err();
        let at: Vec<_> = errors.iter().map(|e| (e.key, e.index)).collect();
        let expected = [
            ("keep", None),
            ("max_size", None),
            ("samples", None),
            ("redact_headers", Some(1)),
            ("redact_paths", Some(0)),
            ("redact_names", Some(0)),
            ("redact_query", Some(0)),
        ];
        assert_eq!(at, expected);
        assert!(errors[0].to_string().contains("\"soon\""), "{}", errors[0]);
    }
}
