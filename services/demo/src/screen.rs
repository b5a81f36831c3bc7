//! The terminal: one live line per route, and what happens to the routes above them.

use cutover::outcome::{Outcome, RouteSnapshot};
use cutover::routes::RoutesEvent;
use cutover::server::Running;
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use std::collections::HashMap;
use std::io::IsTerminal;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::broadcast::error::RecvError;

/// How often the lines are drawn anew.
const REFRESH: Duration = Duration::from_millis(500);

/// How often the lines are printed where nothing can be redrawn, in refreshes.
const PRINT_EVERY: u32 = 20;

/// Shows the routes until the future is dropped.
pub(crate) async fn show(proxy: &Running) {
    let mut events = proxy.routes.subscribe();
    let mut ticks = tokio::time::interval(REFRESH);
    let mut screen = Screen::new();
    loop {
        tokio::select! {
            event = events.recv() => match event {
                Ok(RoutesEvent::Loaded(lines)) if lines.is_empty() => screen.say("routes.toml read, no route changed its mode"),
                Ok(RoutesEvent::Loaded(lines)) => lines.iter().for_each(|line| screen.say(line)),
                Ok(RoutesEvent::Refused(problems)) => {
                    screen.say("routes.toml is refused, the running routes stay:");
                    problems.to_string().lines().for_each(|line| screen.say(line));
                }
                Err(RecvError::Lagged(_)) => {}
                Err(RecvError::Closed) => return,
            },
            _ = ticks.tick() => screen.draw(&lines(proxy).await),
        }
    }
}

struct Screen {
    all: MultiProgress,
    bars: Vec<ProgressBar>,
    live: bool,
    ticks: u32,
}

impl Screen {
    fn new() -> Self {
        let live = std::io::stdout().is_terminal();
        let target = if live {
            indicatif::ProgressDrawTarget::stdout()
        } else {
            indicatif::ProgressDrawTarget::hidden()
        };
        Self {
            all: MultiProgress::with_draw_target(target),
            bars: Vec::new(),
            live,
            ticks: 0,
        }
    }

    fn say(&self, line: &str) {
        if !self.live || self.all.println(line).is_err() {
            println!("{line}");
        }
    }

    fn draw(&mut self, lines: &[String]) {
        self.ticks = self.ticks.wrapping_add(1);
        if !self.live {
            if self.ticks.is_multiple_of(PRINT_EVERY) {
                for line in lines {
                    println!("{line}");
                }
            }
            return;
        }
        while self.bars.len() < lines.len() {
            let bar = ProgressBar::new_spinner();
            if let Ok(style) = ProgressStyle::with_template("{msg}") {
                bar.set_style(style);
            }
            self.bars.push(self.all.add(bar));
        }
        for (i, bar) in self.bars.iter().enumerate() {
            bar.set_message(lines.get(i).cloned().unwrap_or_default());
            bar.tick();
        }
    }
}

async fn lines(proxy: &Running) -> Vec<String> {
    let open = proxy.journal.reader().open_discrepancies().await;
    let mut found: HashMap<String, u64> = HashMap::new();
    for open in open.unwrap_or_default() {
        *found.entry(open.route).or_default() += open.count;
    }
    let table = proxy.routes.table();
    let heading = format!(
        "{:<16} {:<15} {:>9} {:>9} {:>9} {:>13}",
        "route", "mode", "requests", "compared", "match", "discrepancies"
    );
    let rows = table.routes.iter().map(|route| {
        let counts: Arc<_> = Arc::clone(&route.counts);
        let now = counts.snapshot();
        let share = route.modern_share;
        let mode = match route.mode {
            cutover::routing::Mode::Shadow if share != cutover::routing::Share::NONE => {
                format!("shadow {share}")
            }
            mode => mode.as_str().to_owned(),
        };
        format!(
            "{:<16} {:<15} {:>9} {:>9} {:>9} {:>13}",
            route.name,
            mode,
            now.requests(),
            now.count(Outcome::Matched) + now.count(Outcome::Different),
            rate(&now),
            found.get(&*route.name).copied().unwrap_or(0)
        )
    });
    std::iter::once(heading).chain(rows).collect()
}

fn rate(now: &RouteSnapshot) -> String {
    now.match_rate()
        .map_or_else(|| "–".to_owned(), |rate| format!("{:.1} %", rate * 100.0))
}
