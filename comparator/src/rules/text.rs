//! Texts that are equal in another form, and expressions that are taken out of them.

use std::borrow::Cow;

use regex::{Regex, RegexBuilder};
use unicode_normalization::{UnicodeNormalization, is_nfc};

use super::config::TextForm;

/// What a compiled expression may take, in bytes.
const LARGEST: usize = 1 << 20;

/// In what texts may differ.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Forms {
    case: bool,
    space: bool,
    unicode: bool,
}

impl Forms {
    pub(crate) fn new(forms: &[TextForm]) -> Self {
        Self {
            case: forms.contains(&TextForm::Case),
            space: forms.contains(&TextForm::Space),
            unicode: forms.contains(&TextForm::Unicode),
        }
    }

    /// The text in the form in which equal ones are the same.
    pub(crate) fn of(self, text: &str) -> Cow<'_, str> {
        let mut text = Cow::Borrowed(text);
        if self.case && text.chars().any(|c| !c.is_lowercase()) {
            text = Cow::Owned(text.to_lowercase());
        }
        if self.unicode && !is_nfc(&text) {
            text = Cow::Owned(text.nfc().collect());
        }
        if self.space {
            let words = || text.split_whitespace();
            if !words().map(str::len).sum::<usize>().eq(&text.len()) {
                text = Cow::Owned(words().collect::<Vec<_>>().join(" "));
            }
        }
        text
    }
}

/// Compiles an expression, or says why it can't be.
pub(super) fn expression(text: &str) -> Result<Regex, String> {
    if text.is_empty() {
        return Err("it matches nothing".to_owned());
    }
    let regex = RegexBuilder::new(text)
        .size_limit(LARGEST)
        .dfa_size_limit(LARGEST)
        .build();
    match regex {
        Ok(regex) => Ok(regex),
        Err(regex::Error::CompiledTooBig(_)) => Err("the expression is too large".to_owned()),
        // The first lines show the expression again, with a mark below; the last says what is wrong.
        Err(error) => {
            let text = error.to_string();
            let last = text.lines().last().unwrap_or_default();
            let reason = last.strip_prefix("error: ").unwrap_or(last);
            Err(format!("no regular expression: {reason}"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn same(forms: &[TextForm], legacy: &str, modern: &str) -> bool {
        let forms = Forms::new(forms);
        forms.of(legacy) == forms.of(modern)
    }

    #[test]
    fn each_form_allows_its_difference_and_no_other() {
        use TextForm::{Case, Space, Unicode};
        assert!(same(&[Case], "STRASSE Äß", "strasse äß"));
        assert!(same(&[Space], " a \t b\n", "a b") && same(&[Space], "", "  "));
        assert!(same(&[Unicode], "é", "e\u{301}"));
        assert!(same(&[Case, Unicode, Space], " E\u{301} ", "é"));
        assert!(!same(&[Case], "a ", "a") && !same(&[Case], "é", "e\u{301}"));
        assert!(!same(&[Space], "a b", "ab") && !same(&[Space], "A", "a"));
        assert!(!same(&[Unicode], "é", "e") && !same(&[Unicode], "É", "é"));
        assert!(!same(&[], "a", "b"));
    }

    #[test]
    fn expressions_have_a_bound_and_mistakes_are_told_in_one_line() {
        let refusal = |text| expression(text).err();
        assert_eq!(refusal(r"\d+"), None);
        assert_eq!(
            refusal("(").as_deref(),
            Some("no regular expression: unclosed group")
        );
        assert_eq!(
            refusal(r"(\w{1000}){1000}").as_deref(),
            Some("the expression is too large")
        );
        assert_eq!(refusal("").as_deref(), Some("it matches nothing"));
    }
}
