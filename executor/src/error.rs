//! What can go wrong on our side of a run.

/// An error that is not guest code's doing.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The worker process could not be started.
    #[error("cannot start the worker {program}")]
    Spawn {
        /// The binary.
        program: String,
        /// Why.
        source: std::io::Error,
    },
    /// The program is larger than a run accepts.
    #[error("the program has {bytes} bytes, {limit} are allowed")]
    ProgramTooLarge {
        /// Code, map and input together.
        bytes: usize,
        /// [`crate::Limits::program_bytes`].
        limit: usize,
    },
    /// The input is larger than a run accepts.
    #[error("the input has {bytes} bytes, {limit} are allowed")]
    InputTooLarge {
        /// Its text.
        bytes: usize,
        /// [`crate::Limits::input_bytes`].
        limit: usize,
    },
    /// The input is not what its codec says.
    #[error("the input is not in the tagged form: {problem}")]
    MalformedInput {
        /// What is wrong with it.
        problem: String,
    },
    /// Talking to the worker failed before it answered.
    #[error("cannot talk to the worker")]
    Worker(#[source] std::io::Error),
    /// The sandbox cannot be entered.
    #[error("cannot enter the sandbox: {0}")]
    Sandbox(String),
}

impl Error {
    /// The error's stable identifier.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Spawn { .. } => "worker-spawn",
            Self::ProgramTooLarge { .. } => "program-too-large",
            Self::InputTooLarge { .. } => "input-too-large",
            Self::MalformedInput { .. } => "malformed-input",
            Self::Worker(_) => "worker-channel",
            Self::Sandbox(_) => "sandbox",
        }
    }

    /// What to do about it, where something can be done.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::ProgramTooLarge { .. } => Some("import less, or raise the limit `program_bytes`".to_string()),
            Self::InputTooLarge { .. } => Some("raise it with --input-size".to_string()),
            Self::MalformedInput { .. } => Some("README, \"Values beyond JSON\", has the tags".to_string()),
            Self::Spawn { .. } | Self::Worker(_) | Self::Sandbox(_) => None,
        }
    }
}
