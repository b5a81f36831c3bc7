//! What a new table changes, in words for a terminal or a log.

use crate::routing::{Route, Table};

/// One line for each route that was added, removed or flipped.
pub(super) fn between(old: &Table, new: &Table) -> Vec<String> {
    let mut lines = Vec::new();
    for route in &new.routes {
        match old.route(&route.name) {
            None => lines.push(format!("{}: added, {}", route.name, stand(route))),
            Some(before) if stand(before) != stand(route) => {
                lines.push(format!(
                    "{}: {} → {}",
                    route.name,
                    stand(before),
                    stand(route)
                ));
            }
            Some(_) => {}
        }
    }
    let removed = old
        .routes
        .iter()
        .filter(|route| new.route(&route.name).is_none());
    lines.extend(removed.map(|route| format!("{}: removed", route.name)));
    lines
}

fn stand(route: &Route) -> String {
    match route.mode {
        crate::routing::Mode::Shadow => {
            format!(
                "shadow, modern {}, sample {}",
                route.modern_share, route.sample
            )
        }
        mode => mode.as_str().to_owned(),
    }
}
