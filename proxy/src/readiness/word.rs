//! Whether a text of letters reads like a word, so that it names a kind of thing, and not one of many:
//! a secret may be of letters only.
//!
//! It goes by pairs of letters. A word has hardly any that words don't have; of sixteen letters drawn
//! by lot, one draw in some hundreds has as few. No dictionary, and no promise for what is short.

/// A text so short says nothing, whatever it is.
const SHORT: usize = 4;
/// Capitals within a name such as `customerOrderLines` or `parseXMLFile`.
const CAPITALS: usize = 4;
/// What is known and reads like no word.
const NAMES: [&str; 2] = ["graphql", "jsonrpc"];

/// For each letter, those that come after it in English words, in at least three of 3,400 common ones.
const FOLLOWERS: [&str; 26] = [
    "bcdfgiklmnprstuvwxy",      // a
    "aceijlmorstuy",            // b
    "acefhiklorstuy",           // c
    "adegijlnorstuvwy",         // d
    "abcdefghiklmnopqrstuvwxy", // e
    "aefgilorstuy",             // f
    "aeghilnorsu",              // g
    "aeilmnorstuy",             // h
    "abcdefgklmnoprstvxz",      // i
    "aeosu",                    // j
    "aeilnosu",                 // k
    "abcdefiklnopstuvy",        // l
    "abeilmnopsu",              // m
    "acdefghiklmnopstuvy",      // n
    "abcdefgiklmnoprstuvwx",    // o
    "adeghiloprstuy",           // p
    "u",                        // q
    "abcdefgiklmnoprstuvwy",    // r
    "acefhiklmnoprstuwy",       // s
    "acdefhiloprstuwy",         // t
    "abcdefgilmnoprstz",        // u
    "aeio",                     // v
    "aehilnors",                // w
    "aceiptu",                  // x
    "egilmnopstw",              // y
    "aeioz",                    // z
];

/// Whether every run of letters in the text reads like a word, or like a few of them.
pub(super) fn reads_like_words(text: &str) -> bool {
    let runs = || {
        let runs = text.split(|c: char| !c.is_ascii_alphabetic());
        runs.filter(|run| run.len() > SHORT && !NAMES.contains(run))
    };
    let rare: usize = runs().map(rare_pairs).sum();
    // A word made of two has one.
    rare <= runs().count() && runs().all(|run| capitals(run) <= CAPITALS)
}

/// Capitals behind the first letter; what is written in capitals alone has none.
fn capitals(run: &str) -> usize {
    if run.bytes().all(|b| b.is_ascii_uppercase()) {
        return 0;
    }
    run.bytes().skip(1).filter(u8::is_ascii_uppercase).count()
}

/// Pairs of letters that words hardly have. Where a capital begins another word, there is no pair.
fn rare_pairs(run: &str) -> usize {
    let pairs = run.bytes().zip(run.bytes().skip(1));
    let within = pairs.filter(|(a, b)| a.is_ascii_uppercase() || b.is_ascii_lowercase());
    within.filter(|(a, b)| !follows(*a, *b)).count()
}

fn follows(a: u8, b: u8) -> bool {
    let at = usize::from(a.to_ascii_lowercase().saturating_sub(b'a'));
    let followers = FOLLOWERS.get(at).map_or(&[][..], |all| all.as_bytes());
    followers.contains(&b.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_endpoints_are_called_reads_like_words() {
        let names = "orders invoices subscriptions transactions months strengths webhooks workflows \
                     dashboards checkpoints backgrounds thresholds feedback healthz graphql openid \
                     favicon.ico robots.txt apple-touch-icon.png order_lines customerOrderLines \
                     parseXMLFile API ORDERS kyc gdpr svg jwks.json .well-known rechnungen kunden \
                     commandes pedidos ordini passwords newsletter whoami xml websocket v";
        let unread = names
            .split_whitespace()
            .filter(|name| !reads_like_words(name));
        assert_eq!(unread.collect::<Vec<_>>(), Vec::<&str>::new());
    }

    #[test]
    fn of_a_thousand_tokens_of_letters_hardly_one_reads_like_a_word() {
        let mut dice = fastrand::Rng::with_seed(7);
        for (mixed, length, most) in [(false, 16, 10), (false, 12, 40), (true, 16, 10)] {
            let mut told = 0;
            for _ in 0..1_000 {
                let letter = |dice: &mut fastrand::Rng| {
                    let upper = mixed && dice.bool();
                    if upper {
                        dice.uppercase()
                    } else {
                        dice.lowercase()
                    }
                };
                let token: String = (0..length).map(|_| letter(&mut dice)).collect();
                told += usize::from(reads_like_words(&token));
            }
            assert!(told <= most, "{told} of length {length}");
        }
    }
}
