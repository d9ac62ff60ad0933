//! Where output goes and how it looks.

use std::io::{self, IsTerminal, Write};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use anstream::AutoStream;
use anstyle::{AnsiColor, Style};

use super::hint::pasteable;
use super::steering::{Allowed, Fence, styled};

/// Whether output is coloured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ColorChoice {
    /// On a terminal.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// How much is said beside the data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Verbosity {
    /// Only errors.
    Quiet,
    /// What people want to know.
    #[default]
    Normal,
}

/// What texts depend on: width and colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Look {
    /// Columns of a line.
    pub width: usize,
}

/// The styles of all output, one for each meaning.
pub(super) mod style {
    use super::{AnsiColor, Style};

    pub(crate) const STRONG: Style = Style::new().bold();
    pub(crate) const FAINT: Style = Style::new().dimmed();
    pub(crate) const GOOD: Style = AnsiColor::Green.on_default();
    pub(crate) const CHANGE: Style = AnsiColor::Yellow.on_default();
    pub(crate) const BAD: Style = AnsiColor::Red.on_default().bold();
}

/// How often progress is written to a log, unless the environment says otherwise.
const PROGRESS_INTERVAL: Duration = Duration::from_secs(10);

/// Standard output and standard error, with what was decided about them.
#[derive(Debug, Clone, Copy)]
pub struct Ui {
    color: ColorChoice,
    verbosity: Verbosity,
    look: Look,
    /// How often a line says how far the work is, where there is no terminal.
    progress_interval: Duration,
    /// Whether others write to the terminal while something is under way.
    is_shared: bool,
    /// Whether standard output is a terminal.
    shows_data: bool,
    /// Whether standard error is a terminal.
    shows_messages: bool,
}

/// Why the end of some output was lost, if it was.
static LOST_OUTPUT: Mutex<Option<io::Error>> = Mutex::new(None);

/// Writes what is left of standard output, and tells whether any of it was lost. A reader that has
/// seen enough loses nothing.
pub fn finish_output() -> io::Result<()> {
    note_loss(io::stdout().flush());
    let mut lost = LOST_OUTPUT.lock().unwrap_or_else(PoisonError::into_inner);
    lost.take().map_or(Ok(()), Err)
}

fn note_loss(result: io::Result<()>) {
    if let Err(error) = result
        && error.kind() != io::ErrorKind::BrokenPipe
    {
        let mut lost = LOST_OUTPUT.lock().unwrap_or_else(PoisonError::into_inner);
        lost.get_or_insert(error);
    }
}

/// Buffered output. A failure to write the rest when it is dropped is not lost.
struct Buffered<W: Write>(io::BufWriter<W>);

impl<W: Write> Buffered<W> {
    fn new(out: W) -> Self {
        Self(io::BufWriter::with_capacity(64 * 1024, out))
    }
}

impl<W: Write> Write for Buffered<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

impl<W: Write> Drop for Buffered<W> {
    fn drop(&mut self) {
        note_loss(self.0.flush());
    }
}

impl Ui {
    /// Decides once for the run. `width` is that of the terminal, if there is one.
    pub fn new(color: ColorChoice, verbosity: Verbosity, width: Option<usize>) -> Self {
        let width = width.unwrap_or(80).max(40);
        Self {
            color,
            verbosity,
            look: Look { width },
            progress_interval: PROGRESS_INTERVAL,
            is_shared: false,
            shows_data: io::stdout().is_terminal(),
            shows_messages: io::stderr().is_terminal(),
        }
    }

    /// The same where others write to the terminal meanwhile: no bars that move, but one line that
    /// gives way.
    #[must_use]
    pub fn shared(self) -> Self {
        Self {
            is_shared: true,
            ..self
        }
    }

    /// Sets how often a line says how far the work is, where there is no terminal.
    #[must_use]
    pub fn with_progress_interval(self, progress_interval: Duration) -> Self {
        Self {
            progress_interval,
            ..self
        }
    }

    /// How often a line says how far the work is, where there is no terminal.
    pub(super) fn progress_interval(&self) -> Duration {
        self.progress_interval
    }

    /// How texts look.
    pub fn look(&self) -> Look {
        self.look
    }

    /// Whether standard error is a place for bars that move.
    pub fn draws_progress(&self) -> bool {
        !self.is_shared && self.has_terminal()
    }

    /// Whether standard error is a place for one [`transient`](Self::transient) line.
    pub fn draws_line(&self) -> bool {
        self.is_shared && self.has_terminal()
    }

    /// Standard output: data.
    pub fn data(&self) -> impl Write + use<> {
        let choice = self.choice(self.shows_data);
        let stream = AutoStream::new(io::stdout(), choice);
        Fence::new(Buffered::new(stream), Allowed::Styles)
    }

    /// Standard output, for programs: what is written has no styles.
    pub fn plain_data(&self) -> impl Write + use<> {
        Fence::new(Buffered::new(io::stdout().lock()), Allowed::Text)
    }

    /// Standard error: everything else.
    pub fn messages(&self) -> impl Write + use<> {
        let stream = AutoStream::new(io::stderr(), self.choice(self.shows_messages));
        Fence::new(stream, Allowed::Styles)
    }

    /// Clears the terminal, if standard output is one.
    pub fn clear_screen(&self) -> io::Result<()> {
        let terminal = console::Term::stdout();
        if terminal.is_term() {
            terminal.clear_screen()?;
        }
        Ok(())
    }

    /// Rings the bell of the terminal, if standard output is one.
    pub fn ring(&self) -> io::Result<()> {
        let mut terminal = console::Term::stdout();
        if terminal.is_term() {
            terminal.write_all(b"\x07")?;
        }
        Ok(())
    }

    /// Says something on standard error, unless people asked for quiet.
    pub fn note(&self, words: impl AsRef<str>) -> io::Result<()> {
        if self.verbosity == Verbosity::Quiet {
            return Ok(());
        }
        if self.is_shared {
            self.transient("")?;
        }
        // A line is one write: there may be very many, and others may write there as well.
        let choice = self.choice(self.shows_messages);
        let mut line = AutoStream::new(Vec::new(), choice);
        writeln!(line, "{}", styled(&pasteable(words.as_ref())))?;
        io::stderr().write_all(&line.into_inner())
    }

    /// Shows words on the terminal until they are replaced by others or by none; says nothing where
    /// standard error is no terminal.
    pub fn transient(&self, words: &str) -> io::Result<()> {
        if !self.has_terminal() {
            return Ok(());
        }
        let mut terminal = io::stderr();
        write!(terminal, "\r\x1b[2K{}", styled(words))?;
        terminal.flush()
    }

    fn has_terminal(&self) -> bool {
        self.verbosity != Verbosity::Quiet && self.shows_messages
    }

    fn choice(&self, is_terminal: bool) -> anstream::ColorChoice {
        match self.color {
            ColorChoice::Always => anstream::ColorChoice::Always,
            ColorChoice::Auto if is_terminal => anstream::ColorChoice::Always,
            ColorChoice::Auto | ColorChoice::Never => anstream::ColorChoice::Never,
        }
    }
}
