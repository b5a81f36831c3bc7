//! The body of `POST /customers`.

use utoipa::ToSchema;

use super::fields::Fields;
use crate::extract::RequestBody;

/// A customer to be made.
#[derive(Debug, Clone, PartialEq, Eq, ToSchema)]
#[schema(rename_all = "camelCase")]
#[serde(deny_unknown_fields)]
#[expect(
    missing_docs,
    reason = "the fields are the contract's, and their names say it all"
)]
pub struct CreateCustomer {
    #[schema(format = "email", example = "ann@example.com")]
    pub email: String,
    #[schema(
        min_length = 1,
        max_length = 100,
        pattern = r"^[^\u0000]*[^\s\u0000][^\u0000]*$"
    )]
    pub first_name: String,
    #[schema(
        min_length = 1,
        max_length = 100,
        pattern = r"^[^\u0000]*[^\s\u0000][^\u0000]*$"
    )]
    pub last_name: String,
    #[schema(max_length = 50, pattern = r"^[^\u0000]*$")]
    pub phone: Option<String>,
    #[schema(max_length = 255, pattern = r"^[^\u0000]*$")]
    pub address: Option<String>,
    #[schema(max_length = 100, pattern = r"^[^\u0000]*$")]
    pub city: Option<String>,
    #[schema(max_length = 100, pattern = r"^[^\u0000]*$")]
    pub state: Option<String>,
    #[schema(max_length = 20, pattern = r"^[^\u0000]*$")]
    pub zip_code: Option<String>,
    #[schema(max_length = 100, pattern = r"^[^\u0000]*$")]
    pub country: Option<String>,
}

impl RequestBody for CreateCustomer {
    fn parse(body: &[u8]) -> Result<Self, Vec<String>> {
        let mut fields = Fields::of_body(body)?;
        let customer = Self {
            email: fields.email("email"),
            first_name: fields.text("firstName", 100),
            last_name: fields.text("lastName", 100),
            phone: fields.optional_text("phone", 50),
            address: fields.optional_text("address", 255),
            city: fields.optional_text("city", 100),
            state: fields.optional_text("state", 100),
            zip_code: fields.optional_text("zipCode", 20),
            country: fields.optional_text("country", 100),
        };
        fields.finish(customer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn violations(body: &str) -> Vec<String> {
        CreateCustomer::parse(body.as_bytes()).unwrap_err()
    }

    #[test]
    fn every_violated_rule_is_listed_in_a_stable_order() {
        let body = r#"{"zoo":1,"email":"ann@","lastName":7,"phone":[],"__proto__":{}}"#;
        assert_eq!(
            violations(body),
            [
                "property __proto__ should not exist",
                "property zoo should not exist",
                "email must be an email",
                "firstName should not be empty",
                "firstName must be a string",
                "lastName should not be empty",
                "lastName must be a string",
                "phone must be a string",
            ]
        );
    }

    #[test]
    fn absent_and_null_are_the_same() {
        let body = r#"{"email":"a@b.co","firstName":"A","lastName":"B","phone":null}"#;
        assert_eq!(CreateCustomer::parse(body.as_bytes()).unwrap().phone, None);
        let body = r#"{"email":null,"firstName":"A","lastName":"B"}"#;
        assert_eq!(
            violations(body),
            ["email should not be empty", "email must be an email"]
        );
    }

    #[test]
    fn blank_overlong_and_null_characters_are_refused() {
        let long = "x".repeat(101);
        let body =
            format!(r#"{{"email":"a@b.co","firstName":"  ","lastName":"{long}","city":"\u0000"}}"#);
        assert_eq!(
            violations(&body),
            [
                "firstName should not be empty",
                "lastName must be shorter than or equal to 100 characters",
                "city must not contain null characters",
            ]
        );
    }

    #[test]
    fn a_body_that_is_no_object_is_a_violation() {
        for body in ["", "{", "{\"a\":}", "nul", "{} {}", "\u{1}"] {
            let lines = violations(body);
            assert!(
                lines.len() == 1 && lines[0].starts_with("body must be valid JSON"),
                "{body}"
            );
        }
        for body in ["[]", "null", "1", "\"text\""] {
            assert_eq!(violations(body), ["body must be an object"], "{body}");
        }
        assert!(CreateCustomer::parse(b"{\"email\":\"\xff\"}").is_err());
    }

    #[test]
    fn a_deep_or_crowded_body_costs_no_more_than_its_length() {
        let deep = format!("{{\"email\":{}", "[".repeat(200_000));
        assert_eq!(violations(&deep).len(), 1);
        let crowded: Vec<_> = (0..20_000).map(|n| format!("\"k{n}\":0")).collect();
        assert_eq!(violations(&format!("{{{}}}", crowded.join(","))).len(), 100);
    }
}
