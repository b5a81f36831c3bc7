//! What sort of change leads from legacy's value to modern's: in words, and as the rule that would
//! allow it.
//!
//! It is read off the two sides as a discrepancy shows them, so it can be told of stored ones too,
//! and tells nothing of what was redacted. Of a side that was cut short it says nothing.

use std::fmt;

use jiff::SignedDuration;
use serde::{Deserialize, Serialize};

use crate::json::unescape;
use crate::rules::{Decimal, Forms, TextForm, instant};
use crate::{Discrepancy, Kind};

/// One of the two sides of a comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    /// The system that is being replaced.
    Legacy,
    /// The system that replaces it.
    Modern,
}

impl Side {
    fn as_str(self) -> &'static str {
        match self {
            Self::Legacy => "legacy",
            Self::Modern => "modern",
        }
    }
}

/// A sort of change that is recognised.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// Modern's number is legacy's plus this, in decimal: `0.01`, `-3`.
    Number(String),
    /// The same number in two spellings, of texts: `"1.50"` and `"1.5"`.
    NumberSpelling,
    /// This side has a text that is the other side's number.
    NumberAsText(Side),
    /// One side has `1` or `0` where this one has `true` or `false`, or either has it as a text.
    OtherBoolean,
    /// The timestamp of this side has no zone.
    MissingZone {
        /// The side without a zone.
        side: Side,
        /// The zone in which it would be the other side's: `UTC` or an offset such as `+02:00`.
        zone: String,
        /// How far apart they are then.
        apart: SignedDuration,
    },
    /// One instant in two spellings.
    TimeSpelling,
    /// Modern's timestamp is later than legacy's by this.
    Time(SignedDuration),
    /// This side has the text in lower case.
    LowerCased(Side),
    /// This side has the text in upper case.
    UpperCased(Side),
    /// The texts differ in case alone.
    OtherCase,
    /// This side has blanks at the end.
    TrailingBlank(Side),
    /// The texts differ in white space alone.
    WhiteSpace,
    /// The texts are composed of other Unicode characters that mean the same.
    UnicodeForm,
    /// This side has null where the other one has nothing.
    NullForMissing(Side),
    /// This side has null where the other one has an empty text.
    NullForEmpty(Side),
    /// Another status of the same class.
    StatusOfClass,
    /// The same elements in another order.
    Order,
}

impl Discrepancy {
    /// The sort of change, if it is one that is recognised.
    pub fn change(&self) -> Option<Change> {
        match (self.kind, self.legacy.as_deref(), self.modern.as_deref()) {
            (Kind::Missing, Some("null"), None) => Some(Change::NullForMissing(Side::Legacy)),
            (Kind::Extra, None, Some("null")) => Some(Change::NullForMissing(Side::Modern)),
            (Kind::Order, ..) => Some(Change::Order),
            (Kind::Status, Some(legacy), Some(modern)) => {
                (legacy.get(..1) == modern.get(..1)).then_some(Change::StatusOfClass)
            }
            (Kind::Header, Some(legacy), Some(modern)) => {
                let whole = ![legacy, modern].iter().any(|text| text.contains('…'));
                whole.then(|| of_texts(legacy, modern)).flatten()
            }
            (Kind::Value | Kind::Type, Some(legacy), Some(modern)) => {
                of_values(&Value::read(legacy)?, &Value::read(modern)?)
            }
            _ => None,
        }
    }

    /// The rule that would allow this change at all such paths, as an inline table for the `rules`
    /// of a route. Its author is for the one to fill in who takes it over.
    pub fn allowing_rule(&self) -> Option<String> {
        let change = self.change()?;
        let allows = match &change {
            Change::Number(by) => {
                let by = by.strip_prefix('-').unwrap_or(by);
                format!("number = {{ tolerance = \"{by}\" }}")
            }
            Change::NumberSpelling => "number = { tolerance = \"0\" }".to_owned(),
            Change::NumberAsText(_) => "number = { or_text = true }".to_owned(),
            Change::OtherBoolean | Change::NullForEmpty(_) => {
                let content = |side: &Option<String>| match Value::read(side.as_deref()?)? {
                    Value::Text(text) => Some(text),
                    Value::Other(token) => Some(token.to_owned()),
                };
                let (legacy, modern) = (content(&self.legacy)?, content(&self.modern)?);
                format!("map = {{ {} = {} }}", quoted(&legacy), quoted(&modern))
            }
            Change::MissingZone { zone, apart, .. } if apart.is_zero() => {
                format!("time = {{ naive = \"{zone}\" }}")
            }
            Change::MissingZone { zone, apart, .. } => {
                format!("time = {{ naive = \"{zone}\", tolerance = \"{apart:#}\" }}")
            }
            Change::TimeSpelling => "time = {}".to_owned(),
            Change::Time(by) => format!("time = {{ tolerance = \"{:#}\" }}", by.abs()),
            Change::LowerCased(_) | Change::UpperCased(_) | Change::OtherCase => {
                "text = [\"case\"]".to_owned()
            }
            Change::TrailingBlank(_) | Change::WhiteSpace => "text = [\"space\"]".to_owned(),
            Change::UnicodeForm => "text = [\"unicode\"]".to_owned(),
            Change::NullForMissing(_) => "null_is_missing = true".to_owned(),
            Change::StatusOfClass => "same_class = true".to_owned(),
            Change::Order => "unordered = true".to_owned(),
        };
        let path = quoted(&self.general_path());
        let reason = quoted(&change.to_string());
        Some(format!(
            "{{ path = {path}, {allows}, author = \"\", reason = {reason} }}"
        ))
    }
}

impl Change {
    /// What tells this sort of change from others, without amounts; `None` for sorts that are
    /// amounts and nothing else.
    pub(crate) fn mark(&self) -> Option<String> {
        let (word, side) = match self {
            // Two orders or two statuses at one path are told apart by their kind already.
            Self::Number(_) | Self::Time(_) | Self::Order | Self::StatusOfClass => return None,
            Self::NumberSpelling => ("number_spelling", None),
            Self::NumberAsText(side) => ("number_as_text", Some(side)),
            Self::OtherBoolean => ("other_boolean", None),
            Self::MissingZone { side, .. } => ("missing_zone", Some(side)),
            Self::TimeSpelling => ("time_spelling", None),
            // Which of the three it is may change from value to value.
            Self::LowerCased(_) | Self::UpperCased(_) | Self::OtherCase => ("case", None),
            Self::TrailingBlank(side) => ("trailing_blank", Some(side)),
            Self::WhiteSpace => ("white_space", None),
            Self::UnicodeForm => ("unicode_form", None),
            Self::NullForMissing(side) => ("null_for_missing", Some(side)),
            Self::NullForEmpty(side) => ("null_for_empty", Some(side)),
        };
        Some(side.map_or_else(
            || word.to_owned(),
            |side| format!("{word}:{}", side.as_str()),
        ))
    }
}

impl fmt::Display for Change {
    /// The change in words, for one line.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(by) if by.starts_with('-') => f.write_str(by),
            Self::Number(by) => write!(f, "+{by}"),
            Self::NumberSpelling => f.write_str("the same number, written otherwise"),
            Self::NumberAsText(side) => write!(f, "number as text in {}", side.as_str()),
            Self::OtherBoolean => f.write_str("the same truth value, of another type"),
            Self::MissingZone { side, zone, apart } => {
                write!(f, "missing zone in {}, which is {zone}", side.as_str())?;
                if !apart.is_zero() {
                    write!(f, ", and {apart:#} apart")?;
                }
                Ok(())
            }
            Self::TimeSpelling => f.write_str("the same instant, written otherwise"),
            Self::Time(by) if by.is_negative() => write!(f, "{:#} earlier", by.abs()),
            Self::Time(by) => write!(f, "{by:#} later"),
            Self::LowerCased(side) => write!(f, "lower-cased in {}", side.as_str()),
            Self::UpperCased(side) => write!(f, "upper-cased in {}", side.as_str()),
            Self::OtherCase => f.write_str("upper and lower case alone"),
            Self::TrailingBlank(side) => write!(f, "trailing blank in {}", side.as_str()),
            Self::WhiteSpace => f.write_str("white space alone"),
            Self::UnicodeForm => f.write_str("Unicode composition alone"),
            Self::NullForMissing(side) => write!(f, "null for missing in {}", side.as_str()),
            Self::NullForEmpty(side) => write!(f, "null for an empty text in {}", side.as_str()),
            Self::StatusOfClass => f.write_str("another status of the same class"),
            Self::Order => f.write_str("the same elements in another order"),
        }
    }
}

/// A scalar out of a discrepancy.
enum Value<'a> {
    Text(String),
    /// The token of a number or a literal.
    Other(&'a str),
}

impl<'a> Value<'a> {
    /// Reads a token that was not cut short.
    fn read(token: &'a str) -> Option<Self> {
        match token.as_bytes() {
            [b'"', inner @ .., b'"'] => {
                let text = unescape(inner).into_owned();
                String::from_utf8(text).ok().map(Self::Text)
            }
            [b'-' | b'0'..=b'9' | b't' | b'f' | b'n', ..] if !token.ends_with('…') => {
                Some(Self::Other(token))
            }
            _ => None,
        }
    }
}

fn of_values(legacy: &Value<'_>, modern: &Value<'_>) -> Option<Change> {
    let same_number = |text: &str, token: &str| {
        let (text, token) = (Decimal::new(text)?, Decimal::new(token)?);
        text.minus(token).filter(|apart| apart.is_zero())
    };
    match (legacy, modern) {
        (Value::Text(legacy), Value::Text(modern)) => of_texts(legacy, modern),
        (Value::Text(text), Value::Other(token)) if same_number(text, token).is_some() => {
            Some(Change::NumberAsText(Side::Legacy))
        }
        (Value::Other(token), Value::Text(text)) if same_number(text, token).is_some() => {
            Some(Change::NumberAsText(Side::Modern))
        }
        (Value::Other("null"), Value::Text(text)) if text.is_empty() => {
            Some(Change::NullForEmpty(Side::Legacy))
        }
        (Value::Text(text), Value::Other("null")) if text.is_empty() => {
            Some(Change::NullForEmpty(Side::Modern))
        }
        (Value::Other(legacy), Value::Other(modern)) if number(legacy, modern).is_some() => {
            number(legacy, modern)
        }
        _ => {
            let truth = |value: &Value<'_>| match value {
                Value::Text(text) => truth(text),
                Value::Other(token) => truth(token),
            };
            (truth(legacy)? == truth(modern)?).then_some(Change::OtherBoolean)
        }
    }
}

fn truth(text: &str) -> Option<bool> {
    match text {
        "true" | "1" => Some(true),
        "false" | "0" => Some(false),
        _ => None,
    }
}

fn number(legacy: &str, modern: &str) -> Option<Change> {
    let apart = Decimal::new(modern)?.minus(Decimal::new(legacy)?)?;
    Some(Change::Number(apart.to_string()))
}

fn of_texts(legacy: &str, modern: &str) -> Option<Change> {
    if let (Some(mine), Some(theirs)) = (Decimal::new(legacy), Decimal::new(modern)) {
        let apart = theirs.minus(mine)?;
        return Some(if apart.is_zero() {
            Change::NumberSpelling
        } else {
            Change::Number(apart.to_string())
        });
    }
    if let Some(change) = times(legacy, modern) {
        return Some(change);
    }
    let alike = |form| {
        let forms = Forms::new(&[form]);
        forms.of(legacy) == forms.of(modern)
    };
    if alike(TextForm::Space) {
        return Some(if legacy.trim_end() == modern {
            Change::TrailingBlank(Side::Legacy)
        } else if modern.trim_end() == legacy {
            Change::TrailingBlank(Side::Modern)
        } else {
            Change::WhiteSpace
        });
    }
    if alike(TextForm::Case) {
        return Some(if *modern == legacy.to_lowercase() {
            Change::LowerCased(Side::Modern)
        } else if *modern == legacy.to_uppercase() {
            Change::UpperCased(Side::Modern)
        } else if *legacy == modern.to_lowercase() {
            Change::LowerCased(Side::Legacy)
        } else if *legacy == modern.to_uppercase() {
            Change::UpperCased(Side::Legacy)
        } else {
            Change::OtherCase
        });
    }
    alike(TextForm::Unicode).then_some(Change::UnicodeForm)
}

fn times(legacy: &str, modern: &str) -> Option<Change> {
    let (mine, theirs) = (instant(legacy)?, instant(modern)?);
    let later = theirs.at.duration_since(mine.at);
    if mine.zoned == theirs.zoned {
        return Some(if later.is_zero() {
            Change::TimeSpelling
        } else {
            Change::Time(later)
        });
    }
    // The clock of the side without a zone runs ahead of UTC by the zone's offset.
    let (side, ahead) = if theirs.zoned {
        (Side::Legacy, -later)
    } else {
        (Side::Modern, later)
    };
    let quarters = (ahead.as_secs() + ahead.as_secs().signum() * 450) / 900;
    // No zone is further away; what is, are two instants.
    if quarters.abs() > 14 * 4 {
        return Some(Change::MissingZone {
            side,
            zone: "UTC".to_owned(),
            apart: ahead.abs(),
        });
    }
    let offset = SignedDuration::from_secs(quarters * 900);
    let zone = if quarters == 0 {
        "UTC".to_owned()
    } else {
        let sign = if quarters < 0 { '-' } else { '+' };
        let quarters = quarters.abs();
        format!("{sign}{:02}:{:02}", quarters / 4, quarters % 4 * 15)
    };
    Some(Change::MissingZone {
        side,
        zone,
        apart: (ahead - offset).abs(),
    })
}

/// A text as TOML has it between quotes.
fn quoted(text: &str) -> String {
    use std::fmt::Write;

    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            c if c.is_control() => {
                // Writing to a string cannot fail.
                let _ = write!(out, "\\u{:04X}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests;
