//! Secrets by the names of what holds them: keys of JSON, fields, parameters, headers, columns.
//!
//! Where a text can't be read, names can only be seen to occur in it; it is withheld then.

/// What is secret by its name, unless an operator names others: each for itself, and the long ones at
/// the end of a longer name too, so that `token` is `accessToken` as well, and `pin` no `shipping`.
pub(crate) const DEFAULT: [&str; 27] = [
    "password",
    "passwd",
    "pwd",
    "passphrase",
    "passwordConfirmation",
    "confirmPassword",
    "secret",
    "token",
    "authorization",
    "apiKey",
    "accessKey",
    "privateKey",
    "credential",
    "credentials",
    "sessionId",
    "otp",
    "pin",
    "cardNumber",
    "pan",
    "cvv",
    "cvc",
    "cvv2",
    "iban",
    "ssn",
    "socialSecurityNumber",
    "nationalId",
    "passportNumber",
];

/// A shorter name is only meant where it stands alone.
const LONG: usize = 5;

/// Names of secrets.
#[derive(Clone, Debug)]
pub(super) struct Names(Vec<String>);

impl Default for Names {
    fn default() -> Self {
        Self(DEFAULT.iter().map(|name| plain(name)).collect())
    }
}

impl Names {
    /// Takes these names in the place of the default; one of no letter or digit is no name.
    pub(super) fn new<'n>(names: impl Iterator<Item = &'n str>) -> Self {
        let names = names.map(plain);
        Self(names.filter(|name| !name.is_empty()).collect())
    }

    /// Whether what has this name is a secret, however the name is spelt.
    pub(super) fn hold(&self, name: &str) -> bool {
        let name = plain(name);
        let mut secrets = self.0.iter();
        secrets.any(|secret| name == *secret || secret.len() >= LONG && name.ends_with(secret))
    }

    /// Whether such a name stands in the text. What stands behind it there may be its value, and
    /// nothing tells where that ends.
    pub(super) fn occur_in(&self, text: &str) -> bool {
        let border = |c: char| !(c.is_alphanumeric() || matches!(c, '-' | '_'));
        text.split(border).any(|word| self.hold(word))
    }
}

/// A name without case and signs.
pub(super) fn plain(name: &str) -> String {
    let letters = name.chars().filter(char::is_ascii_alphanumeric);
    letters.map(|c| c.to_ascii_lowercase()).collect()
}
