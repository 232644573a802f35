//! How a command fails: the number that `$?` shows, and GRUB's error message in our words.

/// A command's status other than 0.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommandFailure {
    /// The value of `$?`: GRUB's own numbers (`grub_err_t`).
    pub status: u64,
    /// The message; empty for a plain “false”.
    pub message: String,
}

/// The result of a command.
pub type CommandResult = Result<(), CommandFailure>;

/// The statuses that commands give.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "each is the name of what went wrong")]
pub enum Status {
    False = 1,
    OutOfMemory = 3,
    BadFileType = 4,
    FileNotFound = 5,
    BadNumber = 10,
    UnknownDevice = 12,
    BadDevice = 13,
    UnknownCommand = 16,
    InvalidCommand = 17,
    BadArgument = 18,
    NoKernel = 22,
    NotSupported = 24,
    Menu = 27,
    Recursion = 47,
}

impl CommandFailure {
    /// The command's answer is no.
    #[must_use]
    pub fn no() -> Self {
        Self { status: Status::False as u64, message: String::new() }
    }

    /// A failure with something to tell.
    #[must_use]
    pub fn new(status: Status, message: impl Into<String>) -> Self {
        Self { status: status as u64, message: message.into() }
    }

    /// The command was given the wrong arguments.
    #[must_use]
    pub fn usage(message: impl Into<String>) -> Self {
        Self::new(Status::BadArgument, message)
    }
}

/// The outcome of a command that answers a question.
///
/// # Errors
/// The plain “false”.
pub fn answer(yes: bool) -> CommandResult {
    if yes { Ok(()) } else { Err(CommandFailure::no()) }
}
