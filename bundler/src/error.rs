//! What can go wrong between a caller and its worker. What is wrong with the program is a list of diagnostics.

use std::{path::PathBuf, time::Duration};

use crate::diagnostics::Diagnostic;

/// What a worker was doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Starting up.
    Start,
    /// Reading the program's imports.
    Scan,
    /// Bundling.
    Bundle,
    /// Looking at what packages are made of.
    Inspect,
    /// Compiling one file.
    Transform,
}

impl std::fmt::Display for Stage {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(match self {
            Self::Start => "starting",
            Self::Scan => "scanning",
            Self::Bundle => "bundling",
            Self::Inspect => "inspecting",
            Self::Transform => "compiling",
        })
    }
}

/// Why there is no scan or no bundle.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The program or one of its packages cannot be bundled. Never empty.
    #[error("{}", first_message(.0))]
    Bundle(Vec<Diagnostic>),
    /// The worker was killed because it took too long.
    #[error("the bundler took longer than {} ms {stage}{}", .limit.as_millis(), at(.sources))]
    Deadline {
        /// What it was doing.
        stage: Stage,
        /// What it was allowed.
        limit: Duration,
        /// The sources that it was at, as far as is known.
        sources: Vec<String>,
    },
    /// A source nests so deeply that it fills the stack of whoever parses it.
    #[error("{} nests too deeply to be parsed", .source_name.as_deref().unwrap_or("a source"))]
    TooDeep {
        /// What the worker was doing.
        stage: Stage,
        /// The file, below the project's root or in `node_modules`, if it is known.
        source_name: Option<String>,
    },
    /// The worker ended before it answered.
    #[error("the bundler's process died while {stage} ({status}){}", at(.sources))]
    WorkerDied {
        /// What it was doing.
        stage: Stage,
        /// Its exit code or signal.
        status: String,
        /// The last that it wrote to its standard error.
        stderr: String,
        /// The sources that it was at, as far as is known.
        sources: Vec<String>,
    },
    /// Something is larger than its limit.
    #[error("{what}: {measured} is more than the limit of {limit}")]
    TooLarge {
        /// What was measured, with its unit.
        what: String,
        /// How much there was.
        measured: u64,
        /// How much is allowed.
        limit: u64,
        /// The field of [`Limits`](crate::Limits) that raises it.
        knob: &'static str,
    },
    /// The worker could not be started.
    #[error("cannot start the bundler's process {}: {source}", .program.display())]
    Spawn {
        /// The program that should have been started.
        program: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// A local file exists but cannot be read.
    #[error("cannot read {path}: {source}")]
    LocalFile {
        /// The file, relative to the project's root.
        path: String,
        /// Why not.
        source: std::io::Error,
    },
    /// The worker and its owner do not understand each other; also what a worker that was taken over by a hostile
    /// source ends in.
    #[error("the bundler's process broke the protocol: {detail}")]
    Protocol {
        /// What was expected or found.
        detail: String,
    },
}

impl Error {
    /// The stable identifier of this kind of error.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Bundle(_) => "bundle",
            Self::Deadline { .. } => "bundle-deadline",
            Self::TooDeep { .. } => crate::nesting::CODE,
            Self::WorkerDied { .. } => "bundler-died",
            Self::TooLarge { .. } => "bundle-too-large",
            Self::Spawn { .. } => "bundler-spawn",
            Self::LocalFile { .. } => "local-file",
            Self::Protocol { .. } => "bundler-protocol",
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Bundle(diagnostics) => diagnostics.first().and_then(|diagnostic| diagnostic.hint.clone()),
            Self::Deadline { .. } => Some("import less of the packages, or raise `deadline`".to_owned()),
            Self::TooDeep { .. } => Some(DEEP_HINT.to_owned()),
            Self::WorkerDied { stderr, .. } if !stderr.is_empty() => Some(format!("it wrote: {}", stderr.trim_end())),
            Self::TooLarge { knob, .. } => Some(format!("raise `{knob}`")),
            Self::WorkerDied { .. } | Self::Spawn { .. } | Self::LocalFile { .. } | Self::Protocol { .. } => None,
        }
    }
}

/// What to do about a source that nests too deeply.
pub(crate) const DEEP_HINT: &str = "no engine runs such a source: write it flatter, or do without its package";

fn at(sources: &[String]) -> String {
    if sources.is_empty() { String::new() } else { format!(", at {}", sources.join(", ")) }
}

fn first_message(diagnostics: &[Diagnostic]) -> String {
    match diagnostics {
        [] => "the program cannot be bundled".to_owned(),
        [only] => only.to_string(),
        [first, rest @ ..] => format!("{first} (and {} more)", rest.len()),
    }
}
