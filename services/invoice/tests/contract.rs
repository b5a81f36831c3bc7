//! The modern side, both services on one database, against the whole contract: the same claims
//! on `SQLite` and on `PostgreSQL`.
#![expect(clippy::unwrap_used, reason = "a test that cannot start panics")]

use invoice_service::OrderClient;
use kit::testing::{Server, Target};
use tempfile::TempDir;

mod sqlite {
    kit::contract_tests!(modern_side);
    kit::modern_contract_tests!(modern_side);

    async fn modern_side() -> kit::testing::Target {
        let directory = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}", directory.path().join("modern.db").display());
        super::modern_side(&url, directory).await
    }
}

mod postgres {
    kit::contract_tests!(modern_side);
    kit::modern_contract_tests!(modern_side);

    async fn modern_side() -> kit::testing::Target {
        let url = kit::testing::servers::postgres_database();
        super::modern_side(&url, tempfile::tempdir().unwrap()).await
    }
}

async fn modern_side(url: &str, directory: TempDir) -> Target {
    let services = order_service::connect(url).await.unwrap();
    let orders = Server::start(order_service::router(services)).await;
    let client = OrderClient::new(&orders.url()).unwrap();
    let services = invoice_service::connect(url, client).await.unwrap();
    let invoices = Server::start(invoice_service::router(services)).await;
    Target::two(&orders.url(), &invoices.url()).keeping(vec![orders, invoices], directory)
}
