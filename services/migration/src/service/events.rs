//! A run as server-sent events: `progress` while it is under way, and one `end`.

use std::convert::Infallible;
use std::time::Duration;

use axum::response::sse::{Event, KeepAlive, Sse};
use futures::Stream;
use futures::stream::unfold;

use super::board::Board;
use super::run::{Kind, Run};

/// How often progress is told.
const PACE: Duration = Duration::from_millis(250);

/// Where a stream of events stands.
enum Step {
    /// This is to be told.
    Tell(Board, Run),
    /// After a pause, this run is to be looked at.
    Look(Board, Kind, String),
    /// All is told.
    Done,
}

/// The events of a run. They end with the run, with the service, and where the run is forgotten.
pub(super) fn of(board: Board, run: Run) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let events = unfold(Step::Tell(board, run), |step| async move {
        let (board, run) = match step {
            Step::Tell(board, run) => (board, run),
            Step::Look(board, kind, id) => {
                tokio::select! {
                    () = tokio::time::sleep(PACE) => {}
                    () = board.closing().cancelled() => return None,
                }
                let run = board.show(kind, id.parse().ok()?).await.ok()??;
                (board, run)
            }
            Step::Done => return None,
        };
        let ended = run.summary.state.has_ended();
        let event = Event::default().event(if ended { "end" } else { "progress" });
        let event = event.json_data(&run).ok()?;
        let next = if ended {
            Step::Done
        } else {
            Step::Look(board, run.summary.kind, run.summary.id)
        };
        Some((Ok(event), next))
    });
    Sse::new(events).keep_alive(KeepAlive::default())
}
