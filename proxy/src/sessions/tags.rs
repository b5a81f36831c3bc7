//! Entity tags (RFC 9110, 8.8.3), and the conditions that are made of them.

/// An entity tag: whether it is weak, and its text with the quotes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Tag<'t> {
    pub(super) weak: bool,
    pub(super) text: &'t str,
}

impl<'t> Tag<'t> {
    /// The one tag that a text is.
    pub(super) fn of(text: &'t str) -> Option<Self> {
        match list(text)?[..] {
            [tag] => Some(tag),
            _ => None,
        }
    }

    /// As it is written, no stronger than `other`.
    pub(super) fn no_stronger_than(self, other: Self) -> String {
        let weak = if self.weak || other.weak { "W/" } else { "" };
        format!("{weak}{}", self.text)
    }
}

/// The tags of a list; nothing where it is none, `*` included.
pub(super) fn list(text: &str) -> Option<Vec<Tag<'_>>> {
    let mut tags = Vec::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        let (weak, quoted) = match rest.strip_prefix("W/") {
            Some(rest) => (true, rest),
            None => (false, rest),
        };
        let length = quoted.strip_prefix('"')?.find('"')? + 2;
        let (text, after) = quoted.split_at_checked(length)?;
        tags.push(Tag { weak, text });
        let after = after.trim_start();
        rest = match after.strip_prefix(',') {
            Some(next) => next.trim_start_matches([',', ' ', '\t']),
            None if after.is_empty() => after,
            None => return None,
        };
    }
    Some(tags).filter(|tags| !tags.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_has_strong_and_weak_tags_and_commas_may_stand_in_them() {
        let tags = list(r#""a,b" , W/"c",,"""#).unwrap();
        let tags: Vec<_> = tags.iter().map(|tag| (tag.weak, tag.text)).collect();
        assert_eq!(tags, [(false, "\"a,b\""), (true, "\"c\""), (false, "\"\"")]);
        for wrong in [
            "",
            "*",
            "a",
            "\"a",
            "\"a\" \"b\"",
            "w/\"a\"",
            "W/",
            "é\"",
            ",",
        ] {
            assert_eq!(list(wrong), None, "{wrong}");
        }
    }
}
