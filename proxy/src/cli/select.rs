//! Which findings of a running proxy a command is about.

use super::control::{Control, encoded};
use clap::Args;
use serde_json::Value;

/// Findings by their ids, or by what they are.
#[derive(Debug, Args)]
pub(super) struct Selected {
    /// Findings, by their ids.
    #[arg(value_name = "ID", required_unless_present_any = ["open", "route"])]
    ids: Vec<String>,
    /// Every finding that is open or regressed.
    #[arg(long, conflicts_with = "ids")]
    open: bool,
    /// Those of this route alone.
    #[arg(long, value_name = "NAME", conflicts_with = "ids")]
    route: Option<String>,
}

impl Selected {
    /// Their ids; without any, those of all findings that count against their routes.
    pub(super) fn ids(&self, control: &Control) -> Result<Vec<String>, String> {
        if !self.ids.is_empty() {
            return Ok(self.ids.clone());
        }
        let route = self.route.as_deref().map(encoded);
        let route = route.map_or_else(String::new, |route| format!("&route={route}"));
        let mut ids = Vec::new();
        for state in ["open", "regressed"] {
            let mut after = String::new();
            loop {
                let path =
                    format!("/api/discrepancies?state={state}&sort=recent&limit=500{route}{after}");
                let page = control.granted(control.get(&path))?;
                let page: Value = serde_json::from_str(&page)
                    .map_err(|error| format!("cannot read the answer: {error}"))?;
                let found = page["discrepancies"].as_array().into_iter().flatten();
                ids.extend(found.filter_map(|found| found["id"].as_str().map(str::to_owned)));
                match page["next"].as_str() {
                    Some(next) => after = format!("&after={}", encoded(next)),
                    None => break,
                }
            }
        }
        Ok(ids)
    }
}
