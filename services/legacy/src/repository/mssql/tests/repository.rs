//! What is sent for each question, and what is made of answers and refusals.

use jiff::civil::date;
use kit::{
    extract::RequestBody,
    requests::{Activity, CreateCustomer, CreateInvoice, CreateOrder, InvoiceStatus},
};

use super::{
    fake::{Fake, Reply, limits},
    tokens::{
        Cell::{Cents, Date, DateTime, Int, Money, Text},
        error, result,
    },
};
use crate::{
    repository::{
        CustomerRepository, InvoiceFilter, InvoiceRepository, OrderRepository, Repository,
        RepositoryError,
        mssql::{MssqlRepository, call::Call, pool::Pool},
    },
    seed::Seed,
};

/// 2026-02-28T23:59:59.997, in days and ticks.
const LATE: super::tokens::Cell = DateTime(Some((46_079, 25_919_999)));

const CUSTOMER: [&str; 12] = [
    "Id",
    "Email",
    "FirstName",
    "LastName",
    "Phone",
    "Address",
    "City",
    "State",
    "ZipCode",
    "Country",
    "CreatedAt",
    "UpdatedAt",
];
const ORDER: [&str; 10] = [
    "Id",
    "CustomerId",
    "Status",
    "Total",
    "Subtotal",
    "Tax",
    "Discount",
    "Notes",
    "CreatedAt",
    "UpdatedAt",
];
const INVOICE: [&str; 13] = [
    "Id",
    "OrderId",
    "CustomerId",
    "Number",
    "Status",
    "Subtotal",
    "Tax",
    "Discount",
    "Total",
    "DueDate",
    "PaidAt",
    "CreatedAt",
    "UpdatedAt",
];

fn customer() -> Vec<u8> {
    let null = Text(None);
    let row = [
        Int(7),
        Text(Some("zoë@example.com")),
        Text(Some("Zoë")),
        Text(Some("李 🌿")),
        null,
        null,
        Text(Some("Łódź")),
        null,
        null,
        null,
        LATE,
        LATE,
    ];
    result(&CUSTOMER, &[&row])
}

fn orders() -> Vec<u8> {
    let most = 999_999_999_999_999_999;
    let first = [
        Int(3),
        Int(7),
        Text(Some("pending")),
        Cents(most),
        Cents(-1),
        Cents(0),
        Cents(5),
        Text(None),
        LATE,
        LATE,
    ];
    let second = [
        Int(5),
        Int(7),
        Text(Some("Delivered")),
        Cents(1),
        Cents(1),
        Cents(0),
        Cents(0),
        Text(Some("ring twice")),
        LATE,
        LATE,
    ];
    let lines: [&[_]; 3] = [&[Int(5), Int(11)], &[Int(3), Int(12)], &[Int(5), Int(13)]];
    [
        result(&ORDER, &[&first, &second]),
        result(&["OrderId", "Id"], &lines),
    ]
    .concat()
}

fn invoice() -> Vec<u8> {
    let row = [
        Int(2),
        Int(3),
        Int(7),
        Text(Some("INV-202602-0001")),
        Text(Some("paid")),
        Cents(1025),
        Cents(102),
        Cents(0),
        Cents(1127),
        Date(Some(739_674)),
        LATE,
        LATE,
        LATE,
    ];
    result(&INVOICE, &[&row])
}

async fn answering(answer: Vec<u8>) -> (Fake, MssqlRepository) {
    let fake = Fake::start(move |request| match request.text.as_str() {
        "LOGIN" => Reply::Tokens(Vec::new()),
        _ => Reply::Tokens(answer.clone()),
    })
    .await;
    let pool = Pool::new(fake.address(), limits());
    (fake, MssqlRepository { pool })
}

/// The statement that the one request was.
fn sent(fake: &Fake) -> String {
    let requests = fake.requests();
    assert_eq!(requests.len(), 1);
    let from = requests[0].find("EXECUTE").unwrap();
    // The declaration of the parameters follows, after bytes that are no text.
    let ascii = requests[0][from..].split(|letter: char| !(' '..='~').contains(&letter));
    ascii.take(1).collect()
}

fn body<T: RequestBody>(json: &str) -> T {
    T::parse(json.as_bytes()).unwrap()
}

fn new_order() -> CreateOrder {
    body(
        r#"{"customerId":"7","status":"PENDING","total":1e300,"subtotal":20.5,
            "items":[{"productId":"tea","quantity":2,"price":5.25}]}"#,
    )
}

fn new_customer() -> CreateCustomer {
    body(r#"{"email":"zoe@example.com","firstName":"Zoë","lastName":"李","city":"Łódź"}"#)
}

fn new_invoice() -> CreateInvoice {
    body(r#"{"orderId":"3","taxRate":0.0775,"dueDate":"2999-12-31"}"#)
}

#[tokio::test]
async fn a_customer_is_read_exactly_and_only_what_is_given_is_sent() {
    let (fake, repository) = answering(customer()).await;
    let made = repository.create_customer(&new_customer()).await.unwrap();
    assert_eq!(
        sent(&fake),
        "EXECUTE dbo.CreateCustomer @Email = @P1,@FirstName = @P2,@LastName = @P3,@City = @P4"
    );
    assert_eq!((made.id, made.last_name.as_str()), (7, "李 🌿"));
    assert_eq!((made.phone, made.city.as_deref()), (None, Some("Łódź")));
    assert_eq!(made.created_at.to_string(), "2026-02-28T23:59:59.997");
}

#[tokio::test]
async fn orders_come_with_their_amounts_to_the_cent_and_their_own_lines() {
    let known = result(&["Id"], &[&[Int(7)]]);
    let (fake, repository) = answering([known, orders()].concat()).await;
    let listed = repository.orders_of(7, Some(Activity::Inactive)).await;
    assert_eq!(
        sent(&fake),
        "EXECUTE dbo.CustomerOrders @CustomerId = @P1,@IsActive = @P2"
    );
    let listed = listed.unwrap().unwrap();
    assert_eq!(listed[0].total.to_string(), "9999999999999999.99");
    assert_eq!(listed[0].subtotal.to_string(), "-0.01");
    assert_eq!(listed[1].status.name(), "DELIVERED");
    assert_eq!(listed[0].line_ids, [12]);
    assert_eq!(listed[1].line_ids, [11, 13]);
}

#[tokio::test]
async fn a_customer_who_is_not_there_has_no_list_of_orders() {
    let nobody = [
        result(&["Id"], &[]),
        result(&ORDER, &[]),
        result(&["OrderId", "Id"], &[]),
    ];
    let (_fake, repository) = answering(nobody.concat()).await;
    assert_eq!(repository.orders_of(7, None).await.unwrap(), None);
}

#[tokio::test]
async fn an_order_is_sent_with_amounts_that_no_column_holds() {
    let (fake, repository) = answering(orders()).await;
    repository.create_order(&new_order()).await.unwrap();
    assert_eq!(
        sent(&fake),
        "EXECUTE dbo.CreateOrder @CustomerId = @P1,@Status = @P2,@Total = @P3,@Subtotal = @P4,\
         @Tax = @P5,@Discount = @P6,@Lines = @P7"
    );
    let request = fake.requests().concat();
    assert!(
        request.contains("@P3 numeric(29,0),@P4 numeric(3,1)"),
        "{request}"
    );
    let line = r#"{"line":0,"price":"5.25","productId":"tea                 ","quantity":2}"#;
    assert!(request.contains(line), "{request}");
}

#[tokio::test]
async fn an_invoice_is_read_exactly() {
    let (fake, repository) = answering(invoice()).await;
    let made = repository.create_invoice(&new_invoice()).await.unwrap();
    assert_eq!(
        sent(&fake),
        "EXECUTE dbo.CreateInvoice @OrderId = @P1,@TaxRate = @P2,@Discount = @P3,@DueDate = @P4"
    );
    assert_eq!(made.status, InvoiceStatus::Paid);
    assert_eq!(
        (made.tax.to_string(), made.total.to_string()),
        ("1.02".into(), "11.27".into())
    );
    assert_eq!(made.due_date, Some(date(2026, 2, 28)));
    assert_eq!(made.paid_at, Some(made.created_at));
}

#[test]
fn a_date_is_sent_in_days_and_one_before_the_first_is_refused() {
    let sent = Call::of("dbo.Echo").date("Day", date(2026, 2, 28)).unwrap();
    assert!(format!("{sent:?}").contains("Date(739674)"), "{sent:?}");
    let refused = Call::of("dbo.Echo").date("Day", date(-1, 1, 1));
    assert_eq!(
        refused.unwrap_err().to_string(),
        "-000001-01-01 does not fit parameter Day"
    );
}

#[tokio::test]
async fn a_filter_sends_what_it_restricts() {
    let (fake, repository) = answering(result(&INVOICE, &[])).await;
    let filter = InvoiceFilter {
        customer_id: Some(7),
        order_id: None,
        status: Some(InvoiceStatus::Draft),
    };
    assert_eq!(repository.invoices(filter).await.unwrap(), []);
    assert_eq!(
        sent(&fake),
        "EXECUTE dbo.FindInvoices @CustomerId = @P1,@Status = @P2"
    );
}

#[tokio::test]
async fn a_key_beyond_the_columns_range_is_nobodys_and_asks_nothing() {
    let (fake, repository) = answering(customer()).await;
    let beyond = i64::from(i32::MAX) + 1;
    assert_eq!(repository.customer(beyond).await.unwrap(), None);
    assert_eq!(repository.order(beyond).await.unwrap(), None);
    assert_eq!(repository.orders_of(beyond, None).await.unwrap(), None);
    assert_eq!(repository.invoice(-beyond - 1).await.unwrap(), None);
    let filter = InvoiceFilter {
        order_id: Some(beyond),
        ..InvoiceFilter::default()
    };
    assert_eq!(repository.invoices(filter).await.unwrap(), []);
    let order = CreateOrder {
        customer_id: beyond.to_string(),
        ..new_order()
    };
    let refused = repository.create_order(&order).await;
    assert!(matches!(refused, Err(RepositoryError::UnknownCustomer)));
    assert!(fake.requests().is_empty());
}

#[tokio::test]
async fn a_column_that_holds_something_else_is_named() {
    let wrong: [(&str, _); 4] = [
        ("Id", Text(Some("7"))),
        ("Email", Text(None)),
        ("CreatedAt", DateTime(Some((0, u32::MAX)))),
        ("UpdatedAt", DateTime(None)),
    ];
    for (column, cell) in wrong {
        let mut row = [Text(Some("x")); 12];
        (row[0], row[10], row[11]) = (Int(7), LATE, LATE);
        row[CUSTOMER.iter().position(|name| *name == column).unwrap()] = cell;
        let (_fake, repository) = answering(result(&CUSTOMER, &[&row])).await;
        let RepositoryError::Store(error) = repository.customer(7).await.unwrap_err() else {
            panic!("{column} was read");
        };
        let cause = std::error::Error::source(&error).unwrap().to_string();
        assert!(
            cause.starts_with(&format!("column {column} holds ")),
            "{cause}"
        );
    }
}

#[tokio::test]
async fn a_date_beyond_the_calendar_is_an_error() {
    let mut row = [Text(Some("draft")); 13];
    (row[0], row[1], row[2]) = (Int(1), Int(1), Int(1));
    row[5..9].fill(Cents(0));
    (row[9], row[10], row[11], row[12]) = (Date(Some(0xff_ffff)), LATE, LATE, LATE);
    let (_fake, repository) = answering(result(&INVOICE, &[&row])).await;
    assert!(repository.invoice(1).await.is_err());
}

#[tokio::test]
async fn an_amount_with_a_part_of_a_cent_is_not_rounded_in_silence() {
    let row = |total| {
        let zero = Money(0);
        [
            Int(2),
            Int(3),
            Int(7),
            Text(Some("n")),
            Text(Some("paid")),
            zero,
            zero,
            zero,
            Money(total),
            Date(None),
            DateTime(None),
            LATE,
            LATE,
        ]
    };
    let (_fake, repository) = answering(result(&INVOICE, &[&row(12_300)])).await;
    let read = repository.invoice(2).await.unwrap().unwrap();
    assert_eq!(read.total.to_string(), "1.23");
    let (_fake, repository) = answering(result(&INVOICE, &[&row(12_301)])).await;
    assert!(repository.invoice(2).await.is_err());
}

#[tokio::test]
async fn a_number_of_the_servers_is_the_rule_that_it_stands_for() {
    use RepositoryError::{
        AmountTooLarge, DiscountAboveSubtotal, DuplicateEmail, InvoiceExists, Store,
        UnknownCustomer, UnknownOrder,
    };
    type Expected = fn(&[RepositoryError; 3]) -> bool;
    let cases: [(i32, &str, Expected); 11] = [
        (2627, "key 'UQ_Customers_Email'", |e| {
            matches!(e, [DuplicateEmail, Store(_), Store(_)])
        }),
        (2601, "index 'UQ_Customers_Email'", |e| {
            matches!(e[0], DuplicateEmail)
        }),
        (2627, "key 'UQ_Invoices_OrderId'", |e| {
            matches!(e, [Store(_), Store(_), InvoiceExists])
        }),
        (2627, "key 'UQ_Invoices_Number'", |e| {
            matches!(e[2], Store(_))
        }),
        (547, "'FK_Orders_Customers'", |e| {
            matches!(e, [Store(_), UnknownCustomer, Store(_)])
        }),
        (547, "'CK_Orders_Status'", |e| matches!(e[1], Store(_))),
        (51001, "", |e| matches!(e[1], UnknownCustomer)),
        (51002, "", |e| matches!(e[2], UnknownOrder)),
        (51003, "", |e| matches!(e[2], DiscountAboveSubtotal)),
        (8115, "numeric", |e| {
            matches!(e, [_, AmountTooLarge(_), AmountTooLarge(_)])
        }),
        (8114, "nvarchar to numeric", |e| {
            matches!(e[1], AmountTooLarge(_))
        }),
    ];
    for (number, message, expected) in cases {
        let (_fake, repository) = answering(error(number, 14, message)).await;
        let errors = [
            repository
                .create_customer(&new_customer())
                .await
                .unwrap_err(),
            repository.create_order(&new_order()).await.unwrap_err(),
            repository.create_invoice(&new_invoice()).await.unwrap_err(),
        ];
        assert!(expected(&errors), "{number} {message}: {errors:?}");
    }
}

#[tokio::test]
async fn the_whole_seed_goes_in_one_call() {
    let (fake, repository) = answering(result(&["Seeded"], &[&[Int(0)]])).await;
    assert!(!repository.seed(&Seed::sample()).await.unwrap());
    assert_eq!(
        sent(&fake),
        "EXECUTE dbo.SeedWhenEmpty @Customers = @P1,@Orders = @P2,@Lines = @P3,@Invoices = @P4"
    );
    let request = fake.requests().concat();
    let first = r#""createdAt":"2025-09-05T13:56:57.883","email":"ada.marsh@example.com""#;
    assert!(request.contains(first));
}
