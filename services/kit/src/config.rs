//! Flags and environment of a service: what was typed is read as text first and parsed together,
//! so that every mistake is reported at once. Also the set-up of the log.

use std::fmt::Display;
use std::io::IsTerminal as _;
use std::process::ExitCode;
use std::str::FromStr;

use tracing_subscriber::EnvFilter;

/// The exit code of a usage error (`EX_USAGE`).
const USAGE: u8 = 64;

/// The mistakes found while a configuration is parsed.
#[derive(Debug, Default)]
pub struct Mistakes(Vec<String>);

impl Mistakes {
    /// Parses one value; a mistake is kept with the flag's name and the offending text.
    pub fn parse<T: FromStr<Err: Display>>(&mut self, flag: &str, text: &str) -> Option<T> {
        self.keep(
            flag,
            text.parse().map_err(|error| format!("`{text}`: {error}")),
        )
    }

    /// Takes the value of a flag that was parsed otherwise; the error names the offending text.
    pub fn keep<T, E: Display>(&mut self, flag: &str, parsed: Result<T, E>) -> Option<T> {
        parsed
            .map_err(|error| self.0.push(format!("{flag}: {error}")))
            .ok()
    }

    /// Every mistake, one a line.
    pub fn lines(&self) -> String {
        self.0.join("\n")
    }
}

/// Reads the command line as `Raw` and turns it into what the service uses.
///
/// A mistake prints all of them and exits with 64; `--help` and `--version` exit with 0.
pub fn read<Raw: clap::Parser, Config>(
    ready: impl FnOnce(Raw) -> Result<Config, Mistakes>,
) -> Result<Config, ExitCode> {
    let raw = Raw::try_parse().map_err(|error| {
        // Printing to a closed terminal is all that can fail here.
        let _ = error.print();
        if error.use_stderr() {
            ExitCode::from(USAGE)
        } else {
            ExitCode::SUCCESS
        }
    })?;
    ready(raw).map_err(|mistakes| {
        eprintln!("{}", mistakes.lines());
        ExitCode::from(USAGE)
    })
}

/// Sends the log to standard error: to a terminal as text, anywhere else as JSON, one object a
/// line, with the ids of the request it is about.
///
/// `RUST_LOG` chooses what is in it; when unset, it is `info` and nothing of tiberius, which logs
/// the values of the rows that a server refuses.
pub fn log() {
    let filter =
        EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info,tiberius=off"));
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr);
    if std::io::stderr().is_terminal() {
        log.init();
    } else {
        log.json().flatten_event(true).with_span_list(false).init();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_mistake_is_kept_with_its_flag_and_text() {
        let mut mistakes = Mistakes::default();
        assert_eq!(mistakes.parse::<u16>("--port", "80"), Some(80));
        assert_eq!(mistakes.parse::<u16>("--port", "eighty"), None);
        assert_eq!(mistakes.keep::<(), _>("--url", Err("`x` is no URL")), None);
        assert_eq!(
            mistakes.lines(),
            "--port: `eighty`: invalid digit found in string\n--url: `x` is no URL"
        );
    }
}
