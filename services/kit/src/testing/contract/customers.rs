//! Claims on customers.
#![expect(missing_docs, reason = "the name of a claim says what it claims")]

use serde_json::{Value, json};

use super::samples;
use crate::testing::Target;

pub async fn a_customer_is_made_and_read_back(target: &Target) {
    let body = json!({
        "email": samples::email(), "firstName": "Zoë", "lastName": "O'Neil 李", "phone": "+1 555",
        "address": "1 Main St", "city": "Springfield", "state": "IL", "zipCode": "62701",
        "country": "US",
    });
    let made = target.post("/customers", &body).await.expect(201);
    assert_eq!(made.headers["content-type"], "application/json");
    assert_eq!(made.json["data"]["type"], "customer");
    for (name, value) in body.as_object().unwrap() {
        assert_eq!(made.attribute(name), value);
    }
    assert_eq!(made.attribute("createdAt"), made.attribute("updatedAt"));
    assert_eq!(
        made.json["data"]["attributes"].as_object().unwrap().len(),
        11
    );
    let read = target
        .get(&format!("/customers/{}", made.id()))
        .await
        .expect(200);
    assert_eq!(read.text, made.text);
}

pub async fn fields_that_were_left_out_are_null(target: &Target) {
    let made = target
        .post("/customers", samples::customer())
        .await
        .expect(201);
    for name in ["phone", "address", "city", "state", "zipCode", "country"] {
        assert!(
            made.json["data"]["attributes"]
                .as_object()
                .unwrap()
                .contains_key(name),
            "{name}"
        );
        assert_eq!(*made.attribute(name), Value::Null, "{name}");
    }
}

pub async fn every_violated_rule_of_a_customer_is_listed(target: &Target) {
    let body = json!({"email": "ann..lee@example", "firstName": "", "admin": true});
    target.post("/customers", body).await.violates(&[
        "property admin should not exist",
        "email must be an email",
        "firstName should not be empty",
        "lastName should not be empty",
        "lastName must be a string",
    ]);
}

pub async fn malformed_json_is_a_violation(target: &Target) {
    for body in ["", "{", "{\"email\":", "email=ann@example.com"] {
        let answer = target.post("/customers", body).await.expect(400);
        assert_eq!(answer.json["statusCode"], 400, "{}", answer.text);
        assert_eq!(
            answer.json["message"].as_array().unwrap().len(),
            1,
            "{}",
            answer.text
        );
    }
    target
        .post("/customers", "[]")
        .await
        .violates(&["body must be an object"]);
}

pub async fn an_email_already_there_is_a_duplicate(target: &Target) {
    let body = samples::customer();
    let _ = target.post("/customers", &body).await.expect(201);
    let answer = target.post("/customers", &body).await;
    let error = answer.refused(409, "DUPLICATE_ENTRY");
    assert_eq!(error["source"]["pointer"], "/data/attributes/email");
}

pub async fn of_eight_customers_racing_for_one_email_one_is_made(target: &Target) {
    let body = samples::customer();
    let answers = super::at_once(8, |_| target.post("/customers", &body)).await;
    let made = answers.iter().filter(|answer| answer.status == 201).count();
    let refused = answers.iter().filter(|answer| answer.status == 409).count();
    assert_eq!((made, refused), (1, 7));
}

pub async fn an_unknown_customer_is_not_found(target: &Target) {
    for id in samples::unknown_ids() {
        target
            .get(&format!("/customers/{id}"))
            .await
            .refused(404, "NOT_FOUND");
    }
    let answer = target.get("/customers/no%20body").await;
    assert_eq!(
        answer.json["errors"][0]["detail"],
        "Customer with ID no body not found"
    );
}
