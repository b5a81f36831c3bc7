//! Replaying a finding: its stored requests are sent to both sides again.
//!
//! A request that was redacted or shortened is not the one that a client sent; it is not replayed,
//! and that is told.

use crate::exchange::CapturedRequest;
use crate::journal::{FindingDetail, Record, RequestRecord, is_redacted as marked};
use crate::mirror::{Mirror, Replayed};
use crate::routing::Route;
use crate::side::Side;
use comparator::fingerprint;
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use serde::Serialize;
use std::sync::Arc;

/// Samples that are sent again for one finding.
const MAX_SAMPLES: usize = 3;

/// What came of a replay.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ReplayResult {
    /// The finding is seen again.
    Differs,
    /// It is not seen any more.
    Gone,
    /// No sample could be replayed and compared, or a side answered with another status than when it
    /// was found, so that nothing was verified.
    Untold,
}

/// A replayed finding.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Replay {
    /// What came of it.
    pub result: ReplayResult,
    /// Samples that were sent and compared.
    pub replayed: usize,
    /// Why others were not.
    pub why: Vec<String>,
}

/// Sends the samples of a finding again, the smallest first. Methods that change something are only
/// sent with `unsafe_too`.
pub async fn replay(
    mirror: &Mirror,
    route: &Arc<Route>,
    detail: &FindingDetail,
    unsafe_too: bool,
) -> Replay {
    let mut replay = Replay {
        result: ReplayResult::Untold,
        replayed: 0,
        why: Vec::new(),
    };
    // What can't be told of one sample is not gone, but another one may show it.
    let mut told = true;
    for sample in detail.samples.iter().take(MAX_SAMPLES) {
        let request = match faithful(&sample.exchange.request) {
            Ok(request) if request.method.is_safe() || unsafe_too => request,
            Ok(request) => {
                let method = request.method;
                replay.note(format!(
                    "{method} may change something; allow it explicitly"
                ));
                continue;
            }
            Err(reason) => {
                replay.note(reason);
                continue;
            }
        };
        let answered_by = sample.exchange.answered_by;
        match mirror.replay(route, answered_by, request).await {
            Ok(replayed) => {
                replay.replayed += 1;
                let finding = &detail.finding;
                let found = &replayed.discrepancies;
                // Stored values may be redacted, so the place and the kind are enough.
                let shows = found.iter().any(|found| {
                    fingerprint(&finding.route, found) == finding.id
                        || (found.general_path() == finding.path
                            && found.kind.as_str() == finding.kind)
                });
                if shows {
                    replay.result = ReplayResult::Differs;
                    return replay;
                }
                if let Some(why) = elsewhere(&replayed, &sample.exchange) {
                    replay.note(why);
                    told = false;
                }
            }
            Err(error) => {
                replay.note(error.to_string());
                told = false;
            }
        }
    }
    if told && replay.replayed > 0 {
        replay.result = ReplayResult::Gone;
    } else if detail.samples.is_empty() {
        replay.note("no samples are kept".to_owned());
    }
    replay
}

/// Why a replay that does not show the finding says nothing of it: what was asked for is no more what
/// it was, or nobody answers that today. A modern side that has come to answer as legacy did is what
/// is hoped for.
fn elsewhere(replayed: &Replayed, stored: &Record) -> Option<String> {
    let [legacy, modern] =
        [&stored.legacy, &stored.modern].map(|answer| Some(answer.as_ref()?.status));
    let told = |side: Side, now: u16, before: u16| {
        Some(format!(
            "{side} answered {now}, and {before} when it was found"
        ))
    };
    match (legacy, modern) {
        (Some(before), _) if replayed.legacy != before => {
            told(Side::Legacy, replayed.legacy, before)
        }
        (_, Some(before)) if ![before, replayed.legacy].contains(&replayed.modern) => {
            told(Side::Modern, replayed.modern, before)
        }
        _ => None,
    }
}

impl Replay {
    fn note(&mut self, reason: String) {
        if !self.why.contains(&reason) {
            self.why.push(reason);
        }
    }
}

/// The request as the client sent it, or why it can't be had.
fn faithful(stored: &RequestRecord) -> Result<CapturedRequest, String> {
    if marked(&stored.target) {
        return Err("its target is redacted".to_owned());
    }
    if let Some((name, _)) = stored.headers.iter().find(|(_, value)| marked(value)) {
        return Err(format!("its header {name} is redacted"));
    }
    let body = match &stored.body.text {
        Some(text) if marked(text) => return Err("its body is redacted".to_owned()),
        Some(text) => vec![text.clone().into()],
        None => Vec::new(),
    };
    if stored.is_cut() || (body.is_empty() && stored.body.bytes > 0) {
        return Err("it was not stored whole".to_owned());
    }
    let no_request = || "it is no request that can be sent".to_owned();
    let method: Method = stored.method.parse().map_err(|_| no_request())?;
    let mut headers = HeaderMap::new();
    for (name, value) in &stored.headers {
        let name: HeaderName = name.parse().map_err(|_| no_request())?;
        let value = HeaderValue::from_str(value).map_err(|_| no_request())?;
        // The stored body has no coding any more.
        if name != http::header::CONTENT_ENCODING {
            headers.append(name, value);
        }
    }
    Ok(CapturedRequest {
        method,
        target: stored.target.clone().into(),
        headers,
        body,
    })
}
