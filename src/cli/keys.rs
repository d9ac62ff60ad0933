//! Single keys from the terminal, while a command runs on.

use std::io::{self, IsTerminal, Read};

use rustix::process::getpgrp;
use rustix::stdio::stdin;
use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcgetpgrp, tcsetattr};
use tokio::sync::mpsc;

/// The keys of a terminal, one at a time and not shown. The terminal is as before once this is
/// dropped.
pub(super) struct Keys {
    before: Termios,
    pressed: mpsc::UnboundedReceiver<char>,
}

impl Keys {
    /// Listens to the terminal on standard input; none where there is none, or where it is not ours
    /// because the program runs in the background.
    pub(super) fn listen() -> Option<Self> {
        let is_ours = || tcgetpgrp(stdin()).is_ok_and(|group| group == getpgrp());
        if !io::stdin().is_terminal() || !is_ours() {
            return None;
        }
        let before = tcgetattr(stdin()).ok()?;
        let mut single = before.clone();
        // Signals stay what they are: Ctrl-C interrupts.
        single.local_modes -= LocalModes::ICANON | LocalModes::ECHO;
        tcsetattr(stdin(), OptionalActions::Now, &single).ok()?;
        let (sender, pressed) = mpsc::unbounded_channel();
        // A read of the terminal cannot be given up; the thread ends with the program.
        std::thread::spawn(move || {
            let mut key = [0];
            while let Ok(1) = io::stdin().read(&mut key)
                && sender.send(char::from(key[0])).is_ok()
            {}
        });
        Some(Self { before, pressed })
    }

    /// The next key; never returns once the terminal is gone. May be given up and called again.
    pub(super) async fn next(keys: &mut Option<Self>) -> char {
        if let Some(listening) = keys
            && let Some(key) = listening.pressed.recv().await
        {
            return key;
        }
        std::future::pending().await
    }
}

impl Drop for Keys {
    fn drop(&mut self) {
        // A terminal that is gone needs nothing any more.
        let _ = tcsetattr(stdin(), OptionalActions::Now, &self.before);
    }
}
