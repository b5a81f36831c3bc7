//! The monolith against its own document.

use kit::testing::fuzz::conforms;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes minutes and needs schemathesis: make fuzz-api"]
async fn every_answer_of_the_monolith_is_documented() {
    let target = crate::sqlite::monolith().await.unwrap();
    let [base, _] = target.bases();
    conforms(base).await;
}
