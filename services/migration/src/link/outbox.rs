//! The mirrored writes that the proxy holds, and the lanes that lost one.

use std::fmt;

use http::{HeaderValue, Method, StatusCode};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{LinkError, Proxy};

/// Pairs that are asked for at a time.
const PAIRS: usize = 500;

/// The hold that stands, whoever has it.
#[derive(Debug, Clone, Deserialize)]
pub struct Standing {
    /// Since when, as the proxy writes it.
    pub since: String,
    /// Names it.
    pub tag: String,
    /// Who has it, as they call themselves.
    pub holder: Option<String>,
}

/// A hold on mirrored writes, as who has it speaks to the proxy.
#[derive(Debug, Clone)]
pub struct Hold<'p> {
    proxy: &'p Proxy,
    tag: String,
}

/// The proxy's outbox.
#[derive(Debug, Clone, Deserialize)]
pub struct Outbox {
    /// The hold, while there is one.
    pub hold: Option<Standing>,
    /// Writes that are being delivered to modern this instant.
    pub delivering: usize,
    /// The last mark before which no write is under way on the primary any more.
    pub passed: u64,
}

/// A mirrored write that waits.
#[derive(Debug, Clone, Deserialize)]
pub struct HeldWrite {
    /// Its number.
    pub number: u64,
    /// The position at which it began on the primary.
    pub began: u64,
    /// The route that it came by.
    pub route: String,
    /// The lanes of what it changed; none if the primary refused it.
    pub doubt: Vec<String>,
}

/// What the end of a hold did.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
pub struct Released {
    /// Writes that are delivered.
    pub delivered: u64,
    /// Writes that were lost, and tainted their lanes.
    pub lost: u64,
}

/// A lane that lost a write.
#[derive(Debug, Clone, Deserialize)]
pub struct Tainted {
    /// Its name.
    pub lane: String,
    /// The side that lacks the write.
    pub lost_by: Option<String>,
    /// Stands for this taint.
    pub tag: String,
}

/// Two ids of one thing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pair {
    /// What they identify.
    pub entity: String,
    /// What legacy calls it.
    pub legacy: String,
    /// What modern calls it.
    pub modern: String,
}

#[derive(Deserialize)]
struct Begun {
    hold: Standing,
}

#[derive(Deserialize)]
struct Mark {
    position: u64,
}

#[derive(Deserialize)]
struct Contradictions {
    contradicted: Vec<Pair>,
}

#[derive(Deserialize)]
struct Settled {
    settled: u64,
}

impl Proxy {
    /// Has mirrored writes to modern wait, where there is no hold.
    pub async fn hold(&self, holder: &str) -> Result<Hold<'_>, LinkError> {
        self.held_by(holder, None).await
    }

    /// Takes the hold with this tag over, unless somebody else has done so: who had it does not any
    /// more.
    pub async fn go_on(&self, holder: &str, tag: &str) -> Result<Hold<'_>, LinkError> {
        self.held_by(holder, quoted(tag)).await
    }

    /// Takes the hold that stands away from whoever has it.
    pub async fn take_over(&self, holder: &str) -> Result<Hold<'_>, LinkError> {
        let any = HeaderValue::from_static("*");
        self.held_by(holder, Some(any)).await
    }

    async fn held_by(
        &self,
        holder: &str,
        named: Option<HeaderValue>,
    ) -> Result<Hold<'_>, LinkError> {
        let document = json!({ "holder": holder });
        let begun: Begun = self.post_as("/api/outbox/hold", named, &document).await?;
        Ok(Hold {
            proxy: self,
            tag: begun.hold.tag,
        })
    }

    /// The outbox as it is.
    pub async fn outbox(&self) -> Result<Outbox, LinkError> {
        self.get("/api/outbox").await
    }

    /// Every write that waits, in the order in which the primary answered.
    pub async fn held(&self) -> Result<Vec<HeldWrite>, LinkError> {
        let mut all: Vec<HeldWrite> = Vec::new();
        loop {
            let after = all.last().map_or(0, |write| write.number);
            let page = format!("/api/outbox/held?after={after}");
            let page: Vec<HeldWrite> = self.get(&page).await?;
            if page.is_empty() || page.iter().any(|write| write.number <= after) {
                return Ok(all);
            }
            all.extend(page);
        }
    }

    /// Every lane that lost a write.
    pub async fn taints(&self) -> Result<Vec<Tainted>, LinkError> {
        let mut all: Vec<Tainted> = Vec::new();
        loop {
            let page = match all.last() {
                None => "/api/taints".to_owned(),
                Some(last) => format!("/api/taints?after={}", escaped(&last.lane)),
            };
            let page: Vec<Tainted> = self.get(&page).await?;
            let after = all
                .last()
                .map(|last| last.lane.as_str())
                .unwrap_or_default();
            if page.is_empty() || page.iter().any(|taint| &*taint.lane <= after) {
                return Ok(all);
            }
            all.extend(page);
        }
    }

    /// Says that a lane is as it should be, if no other write was lost there meanwhile. Whether it
    /// is clear now.
    pub async fn clear(&self, lane: &str, tag: &str) -> Result<bool, LinkError> {
        let path = format!("/api/lanes/{}/taint", escaped(lane));
        let deleted = self.ask(Method::DELETE, &path, quoted(tag), Vec::new());
        let (status, body) = deleted.await?;
        match status {
            // Somebody else may have cleared it.
            StatusCode::NO_CONTENT | StatusCode::NOT_FOUND => Ok(true),
            StatusCode::PRECONDITION_FAILED => Ok(false),
            _ => Err(self.refused(&path, status, &body)),
        }
    }

    /// Tells pairs of ids, as [`super::tell_ids`] does all. One that is not taken is an error: what
    /// names it would be delivered under an id that the other side does not know.
    pub async fn tell_pairs(&self, pairs: &[Pair]) -> Result<(), LinkError> {
        for some in pairs.chunks(PAIRS) {
            let told: super::Told = self.post("/api/ids", &some).await?;
            if !told.is_complete() {
                return Err(LinkError::Untaken(told));
            }
        }
        Ok(())
    }

    /// What the proxy knows of ids that contradicts these pairs.
    pub async fn contradictions(&self, pairs: &[Pair]) -> Result<Vec<Pair>, LinkError> {
        let mut all = Vec::new();
        for some in pairs.chunks(PAIRS) {
            let found: Contradictions = self.post("/api/ids/check", &some).await?;
            all.extend(found.contradicted);
        }
        Ok(all)
    }
}

impl<'p> Hold<'p> {
    /// The proxy that holds.
    pub fn proxy(&self) -> &'p Proxy {
        self.proxy
    }

    /// Whether it is the one that stands.
    pub fn is(&self, standing: Option<&Standing>) -> bool {
        standing.is_some_and(|standing| standing.tag == self.tag)
    }

    /// Takes a mark: a write that begins from now on has a greater position.
    pub async fn mark(&self) -> Result<u64, LinkError> {
        let mark: Mark = self.post("/api/outbox/mark", &json!({})).await?;
        Ok(mark.position)
    }

    /// Ends writes that wait: their rows are there, or for a reason they are lost. How many there
    /// were.
    pub async fn settle(&self, writes: &[u64], lost: Option<&str>) -> Result<u64, LinkError> {
        let mut settled = 0_u64;
        for some in writes.chunks(PAIRS) {
            let document = json!({ "writes": some, "lost": lost });
            let done: Settled = self.post("/api/outbox/settle", &document).await?;
            settled = settled.saturating_add(done.settled);
        }
        Ok(settled)
    }

    /// Has what waits delivered, but for writes that began up to a position: those are lost.
    pub async fn release(&self, up_to: Option<u64>) -> Result<Released, LinkError> {
        let document = json!({ "up_to": up_to });
        self.post("/api/outbox/release", &document).await
    }

    async fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        document: &(impl Serialize + Sync),
    ) -> Result<T, LinkError> {
        let done = self.proxy.post_as(path, quoted(&self.tag), document).await;
        done.map_err(|error| match error {
            LinkError::Refused {
                status: StatusCode::PRECONDITION_FAILED | StatusCode::NOT_FOUND,
                said,
                ..
            } => LinkError::Over(said),
            other => other,
        })
    }
}

impl fmt::Display for Standing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let holder = self.holder.as_deref().unwrap_or("somebody without a name");
        write!(
            f,
            "mirrored writes are held since {} by {holder}",
            self.since
        )
    }
}

/// A tag as `If-Match` takes it.
fn quoted(tag: &str) -> Option<HeaderValue> {
    HeaderValue::from_str(&format!("\"{tag}\"")).ok()
}

/// A text as a part of a path or a query.
fn escaped(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::routing::post;
    use kit::testing::Server;

    use super::*;

    #[tokio::test]
    async fn a_pair_that_the_proxy_does_not_take_is_an_error() {
        let pair = Pair {
            entity: "order".to_owned(),
            legacy: "1".to_owned(),
            modern: "a".to_owned(),
        };
        for (refused, full, is_told) in [(0, 0, true), (1, 0, false), (0, 1, false)] {
            let answer = json!({ "learned": 0, "known": 1, "refused": refused, "full": full });
            let router = Router::new().route("/api/ids", post(async || axum::Json(answer)));
            let server = Server::start(router).await;
            let proxy: Proxy = server.url().parse().unwrap();
            let told = proxy.tell_pairs(std::slice::from_ref(&pair)).await;
            assert_eq!(told.is_ok(), is_told, "{told:?}");
        }
    }
}
