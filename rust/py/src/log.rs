//! `LAKEBED_LOG`: what the core tells of its work, as lines on standard error.
//!
//! A subscriber of our own, as those of `tracing-subscriber` keep locks: a child that is forked while
//! another thread writes a line would wait for them for ever. This one has none, and hears nobody
//! but the core: other crates might tell a signed URL or a header.

use std::fmt::{self, Write as _};
use std::io::{self, Write as _};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use pyo3::exceptions::PyUserWarning;
use pyo3::prelude::*;
use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::subscriber::set_global_default;
use tracing::{Event, Level, Metadata, Subscriber, span};

const VARIABLE: &str = "LAKEBED_LOG";

/// Whose events are written: those of `lakebed-core`.
const TARGETS: &str = "lakebed";

const LEVELS: [(&str, Level); 5] = [
    ("error", Level::ERROR),
    ("warn", Level::WARN),
    ("info", Level::INFO),
    ("debug", Level::DEBUG),
    ("trace", Level::TRACE),
];

/// Writes from now on what the environment asks for; a value that is no level is warned of.
///
/// # Errors
/// The warning, where warnings are errors.
pub(crate) fn install(py: Python<'_>) -> PyResult<()> {
    let Some(given) = std::env::var_os(VARIABLE) else { return Ok(()) };
    let text = given.to_string_lossy().trim().to_lowercase();
    if text.is_empty() {
        return Ok(());
    }
    let Some((_, level)) = LEVELS.iter().find(|(name, _)| *name == text) else {
        let message = c"LAKEBED_LOG is no level, and nothing is logged; \
                        it can be error, warn, info, debug or trace";
        return PyErr::warn(py, &py.get_type::<PyUserWarning>(), message, 1);
    };
    // It fails where a subscriber is there already: ours, of an earlier import.
    let _ = set_global_default(Lines { level: *level });
    Ok(())
}

struct Lines {
    level: Level,
}

impl Subscriber for Lines {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        *metadata.level() <= self.level && metadata.target().starts_with(TARGETS)
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(self.level.into())
    }

    fn event(&self, event: &Event<'_>) {
        // There is nobody to tell that standard error cannot be written to.
        let _ = write_line(&line(event, SystemTime::now()));
    }

    // The core has events only.
    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}

    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

    fn enter(&self, _: &span::Id) {}

    fn exit(&self, _: &span::Id) {}
}

/// In one write, so that lines of several processes do not mix.
fn write_line(line: &str) -> io::Result<()> {
    #[cfg(unix)]
    let mut out = {
        use std::os::fd::AsFd as _;
        // Not by way of the standard library's lock on standard error; see above.
        std::fs::File::from(io::stderr().as_fd().try_clone_to_owned()?)
    };
    #[cfg(not(unix))]
    let mut out = io::stderr();
    out.write_all(line.as_bytes())
}

/// `time process LEVEL message name=value ...`
fn line(event: &Event<'_>, now: SystemTime) -> String {
    let level = event.metadata().level();
    let mut line = Line(format!("{} {} {level:5}", time(now), std::process::id()));
    event.record(&mut line);
    line.0.push('\n');
    line.0
}

struct Line(String);

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.add(field, &format!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.add(field, value);
    }
}

impl Line {
    /// Control characters are escaped: a line is one line.
    fn add(&mut self, field: &Field, value: &str) {
        self.0.push(' ');
        if field.name() != "message" {
            self.0.push_str(field.name());
            self.0.push('=');
        }
        for character in value.chars() {
            if character.is_control() {
                self.0.extend(character.escape_default());
            } else {
                self.0.push(character);
            }
        }
    }
}

/// UTC, as in RFC 3339.
fn time(now: SystemTime) -> String {
    let since = now.duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
    let (days, second) = (since.as_secs() / 86_400, since.as_secs() % 86_400);
    let (year, month, day) = date(days);
    let mut text = String::new();
    let _ = write!(
        text,
        "{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}.{:03}Z",
        second / 3600,
        second / 60 % 60,
        second % 60,
        since.subsec_millis()
    );
    text
}

/// The date so many days after 1970-01-01: years begin in March, so that leap days are their last.
fn date(days: u64) -> (u64, u64, u64) {
    let shifted = days + 719_468; // from 0000-03-01
    let (era, of_era) = (shifted / 146_097, shifted % 146_097); // 400 years each
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    (era * 400 + year + u64::from(month <= 2), month, day)
}
