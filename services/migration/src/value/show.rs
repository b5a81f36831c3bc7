//! Values as messages and reports show them: short, and with control characters escaped.

use std::fmt;

use super::{Value, time};

/// Characters of a text that are shown; one of megabytes explains nothing more than its start.
const SHOWN: usize = 60;

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => write!(f, "null"),
            Self::Bool(truth) => write!(f, "{truth}"),
            Self::Int(integer) => write!(f, "{integer}"),
            Self::Number(number) => write!(f, "{number}"),
            Self::Float(float) => write!(f, "{float:?}"),
            Self::Text(text) => match text.char_indices().nth(SHOWN) {
                Some((end, _)) => write!(
                    f,
                    "{:?}… ({} bytes)",
                    text.get(..end).unwrap_or_default(),
                    text.len()
                ),
                None => write!(f, "{:?}", text.as_str()),
            },
            Self::Bytes(bytes) => {
                write!(f, "0x")?;
                for byte in bytes.iter().take(SHOWN / 2) {
                    write!(f, "{byte:02x}")?;
                }
                if bytes.len() > SHOWN / 2 {
                    write!(f, "… ({} bytes)", bytes.len())?;
                }
                Ok(())
            }
            Self::Date(days) => match time::date(*days) {
                Some(date) => write!(f, "{date}"),
                None => write!(f, "{days} days since 1970"),
            },
            Self::Time(ticks) => f.write_str(&time::show_time(*ticks, time::digits(*ticks))),
            Self::Naive(ticks) => f.write_str(&time::show_naive(*ticks, ' ', time::digits(*ticks))),
            Self::Instant(ticks) => {
                write!(
                    f,
                    "{}Z",
                    time::show_naive(*ticks, 'T', time::digits(*ticks))
                )
            }
            Self::Uuid(bytes) => write!(f, "{}", uuid::Uuid::from_bytes(*bytes)),
            Self::Unreadable(what) => write!(f, "{what}"),
        }
    }
}
