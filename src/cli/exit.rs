//! How a run ends, for the shell.

/// The exit codes; each means one thing, whatever the command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Done; with `--detailed-exitcode`: nothing to submit.
    Done,
    /// An error not listed here, invalid files, at least one job rejected.
    Failed,
    /// With `plan --detailed-exitcode`: there is something to submit.
    Changes,
    /// There are unresolved submissions; goes before every other code.
    Unresolved,
    /// A guard blocks the plan.
    Blocked,
    /// The state is locked by another run, and the wait is over.
    Locked,
    /// The saved plan is stale, or belongs to another target or state.
    Stale,
    /// With `--wait`: a job ended Failed or Cancel.
    JobFailed,
    /// The command line is wrong.
    Usage,
    /// SIGINT; everything sent is recorded.
    Interrupted,
    /// SIGTERM; everything sent is recorded.
    Terminated,
    /// SIGHUP, the terminal is gone; everything sent is recorded.
    HungUp,
}

impl Exit {
    /// The number that the shell sees.
    pub fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Failed => 1,
            Self::Changes => 2,
            Self::Unresolved => 3,
            Self::Blocked => 4,
            Self::Locked => 5,
            Self::Stale => 6,
            Self::JobFailed => 7,
            Self::Usage => 64,
            Self::HungUp => 129,
            Self::Interrupted => 130,
            Self::Terminated => 143,
        }
    }
}
