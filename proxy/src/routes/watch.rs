//! Following the file.
//!
//! The file is read four times a second and compared as a whole. That costs a few microseconds,
//! and sees what notifications miss: rename-and-replace, the swapped symbolic links of a
//! Kubernetes `ConfigMap`, network file systems, and two edits within one tick of the clock.
//! A text counts once two readings in a row agree, so a half-written file is not taken for one.

use super::live::LiveRoutes;
use crate::toml_file::{Problem, Problems, read_text};
use std::time::Duration;

const INTERVAL: Duration = Duration::from_millis(250);

impl LiveRoutes {
    /// Follows the file until the future is dropped.
    pub async fn watch(&self) {
        let mut seen = Some(self.document().in_file.to_string());
        let mut settled = seen.clone();
        let mut ticks = tokio::time::interval(INTERVAL);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            self.follow_the_day().await;
            let path = self.path().to_owned();
            let read = tokio::task::spawn_blocking(move || read_text(&path)).await;
            let (now, error) = match read {
                Ok(Ok(text)) => (Some(text), None),
                Ok(Err(error)) => (None, Some(error.to_string())),
                Err(_) => continue,
            };
            if now != seen {
                seen = now;
                continue;
            }
            if now == settled {
                continue;
            }
            if let Some(text) = &now {
                self.reload(text).await;
            } else {
                let message = format!("cannot read the file: {}", error.unwrap_or_default());
                let problem = Problem {
                    line: 1,
                    column: 1,
                    message,
                };
                self.refuse(Problems::new(self.path(), vec![problem]));
            }
            settled = now;
        }
    }
}
