//! Single keys from the terminal, while a command runs on.

use std::io::{self, IsTerminal, Read};

use rustix::process::{Signal, getpgrp, getpid, kill_process};
use rustix::stdio::stdin;
use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcgetpgrp, tcsetattr};
use signal_hook::low_level::emulate_default_handler;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

/// The keys of a terminal, one at a time and not shown. The terminal is as before once this is
/// dropped.
pub(super) struct Keys {
    before: Termios,
    pressed: mpsc::UnboundedReceiver<char>,
    job_control: Option<JoinHandle<()>>,
}

impl Keys {
    /// Listens to the terminal on standard input; none where there is none, or where it is not ours
    /// because the program runs in the background.
    pub(super) fn listen() -> Option<Self> {
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
        let job_control = job_control(before.clone(), single).ok();
        Some(Self {
            before,
            pressed,
            job_control,
        })
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
        if let Some(task) = &self.job_control {
            task.abort();
        }
        // A terminal that is gone needs nothing any more.
        let _ = tcsetattr(stdin(), OptionalActions::Now, &self.before);
    }
}

/// Whether this process may change the terminal: one in the background would be stopped for it.
fn is_ours() -> bool {
    tcgetpgrp(stdin()).is_ok_and(|group| group == getpgrp())
}

/// Gives the terminal back whenever the process is stopped (ctrl-Z) or killed from it (`ctrl-\`), and
/// takes it again when it continues in the foreground.
fn job_control(before: Termios, single: Termios) -> io::Result<JoinHandle<()>> {
    let listen = |number: Signal| signal(SignalKind::from_raw(number.as_raw()));
    let mut stop = listen(Signal::TSTP)?;
    let mut go_on = listen(Signal::CONT)?;
    let mut quit = listen(Signal::QUIT)?;
    let set = move |modes: &Termios| {
        if is_ours() {
            let _ = tcsetattr(stdin(), OptionalActions::Now, modes);
        }
    };
    Ok(tokio::spawn(async move {
        loop {
            tokio::select! {
                _ = stop.recv() => {
                    set(&before);
                    let _ = kill_process(getpid(), Signal::STOP);
                }
                _ = go_on.recv() => set(&single),
                _ = quit.recv() => {
                    set(&before);
                    // Ends the process, and dumps its core, as the signal does without a handler.
                    let _ = emulate_default_handler(Signal::QUIT.as_raw());
                }
            }
        }
    }))
}
