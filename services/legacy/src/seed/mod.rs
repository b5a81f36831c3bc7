//! The rows that a new database starts with: the same ones, to the bit, every time.
//!
//! Both sides of a cutover start from them. They hold what a comparison may stumble over: ids that
//! do not follow time, null optionals, names in many scripts, zero tax, the largest amounts that
//! modern can hold. No two orders and no two invoices share a creation time, so newest-first has
//! one answer.

mod dice;
mod people;
mod sales;

use jiff::civil;
use kit::money::Money;

use crate::model::{Customer, Invoice, Order};
use dice::Dice;
use people::{PEOPLE, PLACES};

/// The seeded year begins here; customers came in the months before.
const FIRST_DAY: civil::Date = civil::date(2025, 11, 1);

/// A row of `OrderLines`, which the API shows by its id only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderLine {
    /// Its key.
    pub id: i64,
    /// The order that it belongs to.
    pub order_id: i64,
    /// What was ordered.
    pub product_id: String,
    /// How many.
    pub quantity: i64,
    /// For one piece.
    pub price: Money,
    /// For all of them.
    pub total: Money,
}

/// Rows of every table, each table in the order of its ids.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seed {
    /// `Customers`.
    pub customers: Vec<Customer>,
    /// `Orders`.
    pub orders: Vec<Order>,
    /// `OrderLines`.
    pub lines: Vec<OrderLine>,
    /// `Invoices`.
    pub invoices: Vec<Invoice>,
}

impl Seed {
    /// The sample system's rows.
    pub fn sample() -> Self {
        let mut dice = Dice::new(20_251_101);
        let customers = customers(&mut dice);
        let (orders, lines) = sales::orders(&mut dice);
        let invoices = sales::invoices(&mut dice, &orders);
        Self {
            customers,
            orders,
            lines,
            invoices,
        }
    }
}

fn customers(dice: &mut Dice) -> Vec<Customer> {
    let mut customers = Vec::with_capacity(PEOPLE.len());
    for (id, (email, first_name, last_name)) in (1_i64..).zip(PEOPLE) {
        let (city, state, zip_code, country) = dice.pick(&PLACES);
        let house = dice.between(1, 240);
        let days_before = dice.between(1, 90);
        let created_at = dice.time_on(FIRST_DAY, -days_before);
        // Every sixth customer gave nothing but the required fields.
        let given = |text: &str| (id % 6 != 0).then(|| text.to_owned());
        customers.push(Customer {
            id,
            email: email.to_owned(),
            first_name: first_name.to_owned(),
            last_name: last_name.to_owned(),
            phone: given(&format!("+1-555-01{id:02}")),
            address: given(&format!("{house} Mill Lane")),
            city: given(city),
            state: state.and_then(given),
            zip_code: given(zip_code),
            country: given(country),
            created_at,
            updated_at: created_at,
        });
    }
    customers
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use kit::Money;

    use super::Seed;

    #[test]
    fn two_samples_are_the_same() {
        assert_eq!(Seed::sample(), Seed::sample());
    }

    #[test]
    fn every_status_and_edge_is_there() {
        let seed = Seed::sample();
        let orders: HashSet<_> = seed
            .orders
            .iter()
            .map(|order| order.status.name())
            .collect();
        let invoices: HashSet<_> = seed
            .invoices
            .iter()
            .map(|made| made.status.name())
            .collect();
        assert_eq!((orders.len(), invoices.len()), (7, 5));
        assert_eq!(
            (seed.customers.len(), seed.orders.len(), seed.invoices.len()),
            (40, 120, 40)
        );
        assert!(seed.orders.iter().any(|order| order.tax == Money::ZERO));
        assert!(
            seed.orders
                .iter()
                .any(|order| order.total.to_string() == "99999999.99")
        );
        assert!(seed.invoices.iter().any(|made| made.paid_at.is_some()));
        assert!(
            seed.customers
                .iter()
                .any(|customer| customer.phone.is_none())
        );
    }

    #[test]
    fn creation_times_are_distinct_and_do_not_follow_ids() {
        let seed = Seed::sample();
        let orders: Vec<_> = seed.orders.iter().map(|order| order.created_at).collect();
        let invoices: Vec<_> = seed
            .invoices
            .iter()
            .map(|invoice| invoice.created_at)
            .collect();
        for times in [orders, invoices] {
            assert_eq!(times.iter().collect::<HashSet<_>>().len(), times.len());
            assert!(!times.is_sorted());
        }
    }

    #[test]
    fn newest_first_differs_from_id_order_for_most_customers_with_orders() {
        let seed = Seed::sample();
        let differing = seed.customers.iter().filter(|customer| {
            let of_customer = seed
                .orders
                .iter()
                .filter(|order| order.customer_id == customer.id);
            !of_customer
                .map(|order| order.created_at)
                .is_sorted_by(|one, next| one > next)
        });
        let count = differing.count();
        assert!(count >= 20, "{count}");
    }
}
