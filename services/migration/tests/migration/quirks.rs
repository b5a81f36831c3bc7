//! The monolith and the modern services, migrated and side by side: what the comparator finds
//! between them is the monolith's list of quirks, all of it and nothing else.

use std::collections::BTreeSet;

use bytes::Bytes;
use comparator::{Response, Rules, RulesConfig, Verdict, compare};
use http::Method;
use kit::testing::{Answer, Target};
use legacy_monolith::quirks::QUIRKS;

use crate::sides::Sides;

type Finding = (String, String, String);

/// Both sides, and what was found between their answers.
struct Pair {
    legacy: Target,
    modern: Target,
    rules: Rules,
    findings: BTreeSet<Finding>,
}

impl Pair {
    async fn of(sides: &Sides) -> Self {
        let (legacy, modern) = sides.served().await;
        Self {
            legacy,
            modern,
            rules: rules(),
            findings: BTreeSet::new(),
        }
    }

    async fn read(&mut self, route: &str, path: &str) -> Answer {
        let legacy = self.legacy.get(path).await;
        let modern = self.modern.get(path).await;
        self.judge(route, &legacy, &modern);
        legacy
    }

    /// A list of one row that was just made: its ids differ, so nothing is paired by them.
    async fn read_fresh(&mut self, route: &str, path: &str) {
        let listed = std::mem::replace(&mut self.rules, fresh_rules());
        self.read(route, path).await;
        self.rules = listed;
    }

    /// A write, mirrored as the proxy does it: with the id that the primary gave.
    async fn write(&mut self, route: &str, body: &str) -> Answer {
        let entity = route.trim_end_matches("-create");
        let path = format!("/{entity}s");
        let legacy = self.legacy.post(&path, body).await;
        let id = legacy.json["data"]["id"].as_str().unwrap_or("0");
        let primary = format!("{entity}={id}");
        let headers = [
            ("cutover-shadow", "1"),
            ("cutover-primary-id", primary.as_str()),
        ];
        let modern = self.modern.send(Method::POST, &path, &headers, body).await;
        self.judge(route, &legacy, &modern);
        legacy
    }

    fn judge(&mut self, route: &str, legacy: &Answer, modern: &Answer) {
        let (one, two) = (
            [Bytes::from(legacy.text.clone())],
            [Bytes::from(modern.text.clone())],
        );
        let comparison = compare(
            &Response {
                status: legacy.status,
                headers: &legacy.headers,
                body: &one,
            },
            &Response {
                status: modern.status,
                headers: &modern.headers,
                body: &two,
            },
            &self.rules,
        );
        assert!(
            !matches!(comparison.verdict, Verdict::Undecodable(_)),
            "{}",
            legacy.text
        );
        self.findings
            .extend(comparison.discrepancies.iter().map(|found| {
                (
                    route.to_owned(),
                    found.general_path(),
                    found.kind.as_str().to_owned(),
                )
            }));
    }
}

/// Ids of fresh rows differ, and orders pair up by theirs.
fn rules() -> Rules {
    let ids = [
        "/data/id",
        "/data/attributes/customerId",
        "/data/attributes/orderId",
        "/data/relationships/customer/data/id",
        "/data/relationships/items/data/*/id",
    ];
    let config = RulesConfig {
        ignore: ids.map(str::to_owned).to_vec(),
        keyed: [("/data".to_owned(), "/id".to_owned())].into(),
        ..RulesConfig::default()
    };
    Rules::try_from(&config).unwrap()
}

fn fresh_rules() -> Rules {
    let ids = ["id", "attributes/customerId", "attributes/orderId"];
    let config = RulesConfig {
        ignore: ids.map(|id| format!("/data/*/{id}")).to_vec(),
        ..RulesConfig::default()
    };
    Rules::try_from(&config).unwrap()
}

fn order(customer: &str, subtotal: &str) -> String {
    format!(
        r#"{{"customerId":"{customer}","status":"PENDING","total":{subtotal},"subtotal":{subtotal},
            "items":[{{"productId":"tea","quantity":2,"price":5.25}}]}}"#
    )
}

fn listed() -> BTreeSet<Finding> {
    let findings = QUIRKS.iter().flat_map(|quirk| quirk.findings);
    findings
        .map(|(route, path, kind)| ((*route).into(), (*path).into(), (*kind).into()))
        .collect()
}

async fn read_everything(pair: &mut Pair) {
    for id in 0..=121 {
        pair.read("customer-read", &format!("/customers/{id}"))
            .await;
        pair.read("order-read", &format!("/orders/{id}")).await;
        pair.read("invoice-read", &format!("/invoices/{id}")).await;
        for query in ["", "?isActive=true", "?isActive=false", "?isActive=x"] {
            pair.read("customer-orders", &format!("/customers/{id}/orders{query}"))
                .await;
        }
        pair.read("invoice-list", &format!("/invoices?customerId={id}"))
            .await;
        pair.read("invoice-list", &format!("/invoices?orderId={id}"))
            .await;
    }
    for status in [
        "",
        "?status=DRAFT",
        "?status=PAID",
        "?status=paid",
        "?status=&status=PAID",
    ] {
        pair.read("invoice-list", &format!("/invoices{status}"))
            .await;
    }
}

async fn write_and_read_back(pair: &mut Pair) {
    let customer = r#"{"email":"new.one@example.com","firstName":"New","lastName":"One"}"#;
    let made = pair.write("customer-create", customer).await.id();
    pair.read("customer-read", &format!("/customers/{made}"))
        .await;
    pair.write("customer-create", customer).await;
    pair.write("customer-create", &customer.replace("new.one", "New.One"))
        .await;
    for (customer, subtotal) in [("1", "10.25"), (made.as_str(), "10.35"), ("2", "0.05")] {
        let order = pair
            .write("order-create", &order(customer, subtotal))
            .await
            .id();
        pair.read("order-read", &format!("/orders/{order}")).await;
        let invoice = format!(r#"{{"orderId":"{order}","dueDate":"2999-12-31"}}"#);
        let made = pair.write("invoice-create", &invoice).await.id();
        pair.read("invoice-read", &format!("/invoices/{made}"))
            .await;
        pair.read_fresh("invoice-list", &format!("/invoices?orderId={order}"))
            .await;
        pair.write("invoice-create", &invoice.replace("2999", "1999"))
            .await;
    }
    // Half a cent only: the tax of an even cent is the same on both sides.
    for rate in ["0", "1", "0.2", "0.075"] {
        let order = pair.write("order-create", &order("3", "10.00")).await.id();
        let invoice = format!(r#"{{"orderId":"{order}","taxRate":{rate},"discountAmount":1}}"#);
        pair.write("invoice-create", &invoice).await;
    }
    pair.write("order-create", &order("1", "100000000")).await;
    pair.write("order-create", &order("1", "9999999999999999.99"))
        .await;
}

async fn ask_amiss(pair: &mut Pair) {
    let endless = "9".repeat(3000);
    for id in [
        "nobody",
        "01",
        "%20",
        "%FF",
        "-1",
        "%00",
        "1%2F2",
        "é",
        endless.as_str(),
    ] {
        pair.read("customer-read", &format!("/customers/{id}"))
            .await;
        pair.read("customer-orders", &format!("/customers/{id}/orders"))
            .await;
        pair.read("order-read", &format!("/orders/{id}")).await;
        pair.read("invoice-read", &format!("/invoices/{id}")).await;
        pair.read(
            "invoice-list",
            &format!("/invoices?customerId={id}&orderId={id}"),
        )
        .await;
    }
    let bodies = [
        "",
        "{",
        "[]",
        "null",
        "{}",
        r#"{"email":"a..b@example"}"#,
        r#"{"orderId":"","x":1}"#,
        r#"{"orderId":"nothing"}"#,
        r#"{"orderId":"1","taxRate":2,"discountAmount":-1}"#,
        r#"{"orderId":"1","discountAmount":99999999}"#,
        r#"{"orderId":"1","dueDate":"1999-01-01"}"#,
        r#"{"customerId":"nobody","status":"PENDING","total":1,"subtotal":1}"#,
        r#"{"customerId":"01","status":"PENDING","total":1e300,"subtotal":1}"#,
        r#"{"customerId":"1","status":"PENDING","total":1e300,"subtotal":1}"#,
        r#"{"customerId":"1","status":"pending","total":0,"items":[{}]}"#,
    ];
    for body in bodies {
        for route in ["customer-create", "order-create", "invoice-create"] {
            pair.write(route, body).await;
        }
    }
}

pub(crate) async fn what_the_comparator_finds_is_the_list_of_quirks_and_nothing_else(
    sides: &Sides,
) {
    let mut pair = Pair::of(sides).await;
    read_everything(&mut pair).await;
    write_and_read_back(&mut pair).await;
    ask_amiss(&mut pair).await;
    let listed = listed();
    let unlisted: Vec<_> = pair.findings.difference(&listed).collect();
    assert!(unlisted.is_empty(), "found and not listed: {unlisted:#?}");
    let missing: Vec<_> = listed.difference(&pair.findings).collect();
    assert!(missing.is_empty(), "listed and not found: {missing:#?}");
}
