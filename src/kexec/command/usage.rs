//! Wrong usage of the `kexec` command, and what to write instead.

/// Wrong usage; kexec-tools prints its help and exits with 1.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum UsageError {
    /// No option of this name.
    #[error("unrecognized option '{0}'")]
    Unknown(String),
    /// The beginning of more than one option.
    #[error("option '{0}' is ambiguous; it may be {1}")]
    Ambiguous(String, String),
    /// The value is missing.
    #[error("option '{0}' requires an argument")]
    NoValue(String),
    /// The option takes no value.
    #[error("option '{0}' does not allow an argument")]
    Value(String),
    /// The value is empty where that means nothing: a script's variable was not set.
    #[error("option '{0}' has an empty value; is a variable unset? Leave the option out, or give it a value")]
    Empty(String),
    /// A second word that is no option.
    #[error("'{second}' is one word too many: the kernel is '{first}'{hint}")]
    SecondKernel {
        /// The word that is taken for the kernel.
        first: String,
        /// The next one.
        second: String,
        /// A hint at what was meant.
        hint: &'static str,
    },
    /// A kernel is named beside an action that loads none.
    #[error("'{kernel}' is named, and {action} loads no kernel; -l loads it, -f loads and starts it")]
    KernelNotLoaded {
        kernel: String,
        /// The action that counts, the last one.
        action: &'static str,
    },
    /// A crash kernel is started by a panic only.
    #[error("option '{0}' does not go with -p: a crash kernel starts when this one panics")]
    CrashStarts(&'static str),
    /// The system call that was chosen has no way to do it.
    #[error("option '{0}' cannot be honoured by {1}; leave {2} out")]
    NotBy(&'static str, &'static str, &'static str),
    /// No number.
    #[error("option '{0}': '{1}' is not an address; write it as 0x1000000, 4096 or 010")]
    Address(String, String),
    /// Understood, and not possible.
    #[error("option '{0}' is not supported: {1}")]
    Unsupported(&'static str, &'static str),
    /// A loader's option beside an action that loads nothing.
    #[error("option '{0}' goes with --load")]
    LoadsNothing(&'static str),
    /// Anything else that the arguments' own syntax forbids.
    #[error("{0}")]
    Syntax(String),
}
