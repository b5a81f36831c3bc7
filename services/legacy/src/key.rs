//! Keys as clients write them: `17`, and nothing else that a number parser would let through.

/// The key that a text names. `017`, `+17` and ` 17` name none: an id is compared as text, on
/// either side of a cutover.
pub(crate) fn parse_key(text: &str) -> Option<i64> {
    let key = text.parse::<i64>().ok()?;
    (key.to_string() == text).then_some(key)
}

#[cfg(test)]
mod tests {
    use super::parse_key;

    #[test]
    fn only_the_canonical_spelling_names_a_key() {
        assert_eq!(parse_key("17"), Some(17));
        let endless = "9".repeat(5000);
        for text in [
            "",
            " ",
            "017",
            "+17",
            " 17",
            "17 ",
            "1e1",
            "١٧",
            "17\0",
            endless.as_str(),
        ] {
            assert_eq!(parse_key(text), None, "{text:?}");
        }
    }
}
