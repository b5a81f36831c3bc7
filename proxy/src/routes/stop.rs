//! Every route to legacy at once, which must not fail when it is needed most.

use super::RouteEdit;
use super::edit;
use super::live::{Document, LiveRoutes};
use crate::routing::Mode;

/// What a stop did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stopped {
    /// The routes that were elsewhere and are at legacy now.
    pub moved: Vec<String>,
    /// Why the file still says otherwise, where it does.
    pub not_in_file: Option<String>,
}

const TO_LEGACY: RouteEdit = RouteEdit {
    mode: Some(Mode::Legacy),
    modern_share: None,
    sample: None,
};

impl LiveRoutes {
    /// Puts every route that has a legacy side to legacy, those of a file that was saved a moment ago
    /// included. Where the file can't be edited, because it is refused or can't be written, the
    /// routes in use are changed all the same, and the answer says that the file was not. They stay
    /// there until somebody edits the file.
    pub async fn stop(&self) -> Stopped {
        let mut moved = Vec::new();
        let edited = self
            .rewrite(None, |text| {
                moved = self.elsewhere();
                Ok(Ok(to_legacy(text, &moved)?))
            })
            .await;
        let not_in_file = edited.err().map(|error| error.to_string());
        if not_in_file.is_some() {
            moved = self.stop_in_memory().await;
        }
        Stopped { moved, not_in_file }
    }

    async fn stop_in_memory(&self) -> Vec<String> {
        let _change = self.change.lock().await;
        let moved = self.elsewhere();
        if moved.is_empty() {
            return moved;
        }
        let Document { text, in_file } = self.document();
        // It was read with success when it came into use.
        let text = to_legacy(&text, &moved).map_or(text, Into::into);
        if let Err(problems) = self.run(Document { text, in_file }).await {
            tracing::error!("cannot stop:\n{problems}");
            return Vec::new();
        }
        moved
    }

    /// The routes that legacy could answer and that are not in its mode; of the text in use, while
    /// nobody may change that.
    fn elsewhere(&self) -> Vec<String> {
        let table = self.table();
        let routes = table.routes.iter();
        routes
            .filter(|route| route.mode != Mode::Legacy && route.legacy.is_some())
            .map(|route| route.name.to_string())
            .collect()
    }
}

fn to_legacy(text: &str, names: &[String]) -> Result<String, toml_edit::TomlError> {
    let among = |route: &str| names.iter().any(|name| name == route);
    let edited = edit::apply(text, &TO_LEGACY, among)?;
    Ok(edited.unwrap_or_else(|| text.to_owned()))
}
