//! What clients of the sample system ask: four reads to a write, over rows that grow.

use std::cell::RefCell;

use anyhow::{Context as _, Result};
use http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::clients::{Clients, Http, Load};
use crate::servers::Servers;

/// Customers that are there before anything is measured, each with an order and its invoice.
const CUSTOMERS: usize = 500;

/// Reads and writes of every kind.
pub(crate) struct Mix {
    orders_url: String,
    invoices_url: String,
    known: RefCell<Known>,
}

/// Ids of what was made.
#[derive(Default)]
struct Known {
    customers: Vec<String>,
    orders: Vec<String>,
    not_invoiced: Vec<String>,
    invoices: Vec<String>,
}

/// The cheapest answer of both services, in the proportion in which the mix asks them.
pub(crate) struct Health {
    orders: String,
    invoices: String,
}

impl Mix {
    /// The mix, with its first rows made.
    pub(crate) async fn prepared(servers: &Servers, clients: &Clients) -> Result<Self> {
        let mix = Self {
            orders_url: servers.orders.url.clone(),
            invoices_url: servers.invoices.url.clone(),
            known: RefCell::default(),
        };
        for _ in 0..CUSTOMERS {
            let http = clients.http();
            mix.make_customer(http).await.context("a customer")?;
            mix.make_order(http).await.context("an order")?;
            mix.make_invoice(http).await.context("an invoice")?;
        }
        Ok(mix)
    }

    async fn make_customer(&self, http: &Http) -> Option<()> {
        let email = format!("c{:016x}@example.com", fastrand::u64(..));
        let customer = json!({"email": email, "firstName": "Ann", "lastName": "Lee"});
        let url = format!("{}/customers", self.orders_url);
        let id = made(http, url, customer).await?;
        self.known.borrow_mut().customers.push(id);
        Some(())
    }

    async fn make_order(&self, http: &Http) -> Option<()> {
        let customer = self.any(|known| &known.customers)?;
        let order = json!({
            "customerId": customer, "status": "PENDING", "total": 27.5, "subtotal": 25,
            "tax": 2.5, "items": [{"productId": "tea", "quantity": 5, "price": 5}],
        });
        let url = format!("{}/orders", self.orders_url);
        let id = made(http, url, order).await?;
        let mut known = self.known.borrow_mut();
        known.orders.push(id.clone());
        known.not_invoiced.push(id);
        Some(())
    }

    async fn make_invoice(&self, http: &Http) -> Option<()> {
        let order = self.known.borrow_mut().not_invoiced.pop();
        let Some(order) = order else {
            return self.make_order(http).await;
        };
        let url = format!("{}/invoices", self.invoices_url);
        let id = made(http, url, json!({"orderId": order})).await?;
        self.known.borrow_mut().invoices.push(id);
        Some(())
    }

    async fn read(&self, http: &Http, kind: u8) -> Option<()> {
        let (orders, invoices) = (&self.orders_url, &self.invoices_url);
        let customer = self.any(|known| &known.customers)?;
        let url = match kind {
            0..40 => format!("{orders}/orders/{}", self.any(|known| &known.orders)?),
            40..55 => format!("{orders}/customers/{customer}"),
            55..65 => format!("{orders}/customers/{customer}/orders"),
            65..75 => format!("{invoices}/invoices/{}", self.any(|known| &known.invoices)?),
            _ => format!("{invoices}/invoices?customerId={customer}"),
        };
        let read = http.send(Method::GET, url, String::new(), StatusCode::OK);
        read.await.map(drop)
    }

    fn any(&self, of: impl Fn(&Known) -> &Vec<String>) -> Option<String> {
        let known = self.known.borrow();
        fastrand::choice(of(&known)).cloned()
    }
}

impl Load for Mix {
    async fn one(&self, http: &Http) -> bool {
        let done = match fastrand::u8(..100) {
            kind @ 0..80 => self.read(http, kind).await,
            80..85 => self.make_customer(http).await,
            85..95 => self.make_order(http).await,
            _ => self.make_invoice(http).await,
        };
        done.is_some()
    }
}

impl Health {
    pub(crate) fn new(servers: &Servers) -> Self {
        Self {
            orders: format!("{}/health", servers.orders.url),
            invoices: format!("{}/health", servers.invoices.url),
        }
    }
}

impl Load for Health {
    async fn one(&self, http: &Http) -> bool {
        let url = match fastrand::u8(..100) {
            0..80 => &self.orders,
            _ => &self.invoices,
        };
        let read = http.send(Method::GET, url.clone(), String::new(), StatusCode::OK);
        read.await.is_some()
    }
}

async fn made(http: &Http, url: String, body: Value) -> Option<String> {
    let answer = http.send(Method::POST, url, body.to_string(), StatusCode::CREATED);
    let answer: Value = serde_json::from_slice(&answer.await?).ok()?;
    let id = answer.pointer("/data/id")?.as_str()?;
    Some(id.to_owned())
}
