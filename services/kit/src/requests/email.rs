//! What the contract takes for an e-mail address: an address that the mail of the world delivers,
//! which is narrower than what the RFCs allow.
//!
//! No quoted names, no addresses of machines, no names without a top-level domain.

/// The longest path that SMTP carries, without its brackets (RFC 5321, 4.5.3.1.3).
const LONGEST: usize = 254;

/// Whether `text` is such an address.
///
/// The characters and the lengths of labels are garde's; what HTML forms let pass is refused here.
pub(super) fn is_valid(text: &str) -> bool {
    let Some((user, domain)) = text.split_once('@') else {
        return false;
    };
    text.len() <= LONGEST
        && garde::rules::email::parse_email(text).is_ok()
        && user.split('.').all(|part| !part.is_empty())
        && domain
            .rsplit_once('.')
            .is_some_and(|(_, last)| is_top_level(last))
}

/// Letters only, two at least, or a name in punycode.
fn is_top_level(label: &str) -> bool {
    let letters = label.bytes().all(|byte| byte.is_ascii_alphabetic());
    label.len() >= 2 && (letters || label.to_ascii_lowercase().starts_with("xn--"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_that_mail_delivers_are_valid() {
        let longest_user = format!("{}@example.com", "a".repeat(64));
        for email in [
            "ann@example.com",
            "ann.lee+shop@mail.example.co.uk",
            "o'neil_x-y@sub-domain.example.museum",
            "a@b.co",
            "ann@xn--bcher-kva.xn--p1ai",
            &longest_user,
        ] {
            assert!(is_valid(email), "{email}");
        }
    }

    #[test]
    fn addresses_that_forms_let_pass_are_refused() {
        let long_user = format!("{}@example.com", "a".repeat(65));
        let label = "b".repeat(63);
        let too_long = format!("{}@{label}.{label}.{label}.com", "a".repeat(60));
        for email in [
            "",
            "@",
            "ann",
            "ann@",
            "@example.com",
            "ann@example",
            "ann@localhost",
            "ann..lee@example.com",
            ".ann@example.com",
            "ann.@example.com",
            "ann@example..com",
            "ann@.example.com",
            "ann@example.com.",
            "ann@-example.com",
            "ann@example-.com",
            "ann@example.c",
            "ann@example.123",
            "ann@127.0.0.1",
            "ann@[127.0.0.1]",
            "ann@@example.com",
            "ann@lee@example.com",
            "ann lee@example.com",
            " ann@example.com",
            "ann@example.com ",
            "ann@example.com\n",
            "\"ann\"@example.com",
            "ann@exam_ple.com",
            "änn@example.com",
            "ann\0@example.com",
            &long_user,
            &too_long,
        ] {
            assert!(!is_valid(email), "{email:?}");
        }
    }
}
