//! A bar on stderr for work that takes longer than a second: bytes done, rate, time left. On terminals only.
//!
//! ```text
//! exporting  ━━━━━━━━━━━━╸            212.5 MB of 512.0 MB, 106.3 MB/s, 3s left
//! ```

use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Work that is shorter needs no bar.
const PATIENCE: Duration = Duration::from_secs(1);

/// How far some work has come. Threads may share it.
#[derive(Debug)]
pub(crate) struct Progress {
    /// `None` where nobody looks.
    bar: Option<ProgressBar>,
    what: &'static str,
    began: Instant,
}

impl Progress {
    /// Nothing is shown.
    pub(crate) fn silent() -> Self {
        Self { bar: None, what: "", began: Instant::now() }
    }

    /// Work on so many bytes, if that is known.
    pub(super) fn new(what: &'static str, total_bytes: Option<u64>) -> Self {
        let bar = ProgressBar::with_draw_target(total_bytes, ProgressDrawTarget::hidden());
        Self { bar: Some(bar), what, began: Instant::now() }
    }

    /// The bar itself, for whoever has to take it away.
    pub(super) fn bar(&self) -> Option<ProgressBar> {
        self.bar.clone()
    }

    /// So many bytes more are done.
    pub(crate) fn advance(&self, bytes: u64) {
        let Some(bar) = &self.bar else { return };
        bar.inc(bytes);
        if bar.is_hidden() && self.began.elapsed() > PATIENCE {
            bar.set_style(style(bar.length().is_some()));
            bar.set_message(self.what);
            bar.set_draw_target(ProgressDrawTarget::stderr());
        }
    }
}

impl Drop for Progress {
    /// The bar goes, and what is said next stands in its place.
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

fn style(has_total: bool) -> ProgressStyle {
    let template = if has_total {
        "{msg}  {bar:24}  {decimal_bytes} of {decimal_total_bytes}, {decimal_bytes_per_sec}, {eta} left"
    } else {
        "{msg}  {spinner}  {decimal_bytes}, {decimal_bytes_per_sec}"
    };
    let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
    style.progress_chars("━╸ ")
}
