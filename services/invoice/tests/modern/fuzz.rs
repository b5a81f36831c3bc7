//! Both services, on the servers that they have in production, against their own documents.

use kit::testing::fuzz::conforms;
use kit::testing::servers::{Redis, postgres_database};

use crate::side::on_postgres;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes minutes and needs schemathesis: make fuzz-api"]
async fn every_answer_of_both_services_is_documented() {
    let redis = Redis::start();
    let target = on_postgres(&postgres_database(), Some(&redis)).await;
    for base in target.bases() {
        conforms(base).await;
    }
}
