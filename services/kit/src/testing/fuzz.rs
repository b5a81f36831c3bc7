//! An API held against the document that it gives of itself, by requests that schemathesis makes
//! up: sound ones, broken ones, and chains of them along the document's links.
//!
//! `make fuzz-api` installs the program and runs these tests; others do without.

use std::process::Command;
use std::sync::Once;

use super::Target;

/// The program, where it is not in the `PATH`.
const VARIABLE: &str = "SCHEMATHESIS";

/// The documented server errors: amounts that are valid numbers and too large for their columns.
const TOO_LARGE: [&str; 2] = [
    r#"method="POST",route="/orders",status="500""#,
    r#"method="POST",route="/invoices",status="500""#,
];

/// What is judged otherwise here, or cannot be judged from a document.
const EXCEPT: &str = "not_a_server_error,positive_data_acceptance";

/// Asks the API at this base whatever schemathesis comes up with. Every answer is as documented,
/// and none is a server error but the documented one.
pub async fn conforms(base: &str) {
    // The causes of server errors are told nowhere else.
    static LOG: Once = Once::new();
    LOG.call_once(crate::config::log);
    let program = std::env::var(VARIABLE).unwrap_or_else(|_| "schemathesis".to_owned());
    let directory = tempfile::tempdir().expect("a directory");
    let mut schemathesis = Command::new(&program);
    schemathesis
        // It leaves notes where it is run.
        .current_dir(&directory)
        .args(["run", "--exclude-checks", EXCEPT, "--max-examples", "200"])
        .args(["--continue-on-failure", "--suppress-health-check", "all"])
        .arg(format!("{base}/api/docs/openapi.json"));
    let status = tokio::task::block_in_place(|| schemathesis.status());
    let status = status.unwrap_or_else(|error| panic!("{program}: {error}"));
    assert!(status.success(), "{base} does not conform to its document");
    let metrics = Target::one(base).get("/metrics").await.expect(200).text;
    let undocumented: Vec<_> = metrics
        .lines()
        .filter(|line| line.starts_with("http_requests_total") && line.contains(r#"status="5"#))
        .filter(|line| !TOO_LARGE.iter().any(|documented| line.contains(documented)))
        .collect();
    assert!(undocumented.is_empty(), "{undocumented:?}");
}
