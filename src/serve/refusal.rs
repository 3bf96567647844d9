//! Requests that the service does not take, before there is any work on them.

use std::time::Duration;

/// Why not.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub(crate) enum Refusal {
    /// The body is not a request.
    #[error("the request is malformed: {problem}")]
    Malformed {
        /// What is wrong with it.
        problem: String,
    },
    /// `Host` names somebody else.
    #[error("this is not the host {host:?}")]
    ForeignHost {
        /// Who.
        host: String,
    },
    /// A page of another origin asks.
    #[error("requests from the origin {origin:?} are not taken")]
    ForeignOrigin {
        /// Which.
        origin: String,
    },
    /// There is nothing at this path.
    #[error("there is nothing at this path")]
    NotFound,
    /// The path takes other methods.
    #[error("this path does not take this method")]
    WrongMethod,
    /// The registry has nothing at this path.
    #[error("this registry has nothing at this path")]
    NotInRegistry,
    /// The registry takes nothing.
    #[error("this registry is read-only")]
    ReadOnlyRegistry,
    /// The body did not arrive.
    #[error("the body did not arrive within {} s", .limit.as_secs_f64())]
    BodyTimeout {
        /// How long it may take.
        limit: Duration,
    },
    /// The body is too large.
    #[error("the body has more bytes than the limit of {limit}")]
    BodyTooLarge {
        /// How many bytes it may have.
        limit: usize,
    },
    /// The body is said to be something else than JSON.
    #[error("the content type is {found:?}, and only application/json is taken")]
    WrongContentType {
        /// What it is said to be.
        found: String,
    },
    /// Everybody is busy and enough are waiting.
    #[error("all {limit} places are taken")]
    Busy {
        /// Requests that are worked on or wait.
        limit: usize,
    },
    /// The request's turn did not come.
    #[error("no turn came within {} s", .limit.as_secs_f64())]
    QueueTimeout {
        /// How long a request waits.
        limit: Duration,
    },
    /// The service is being stopped.
    #[error("the service is being stopped")]
    Stopping,
}

impl Refusal {
    /// The stable identifier.
    pub(crate) fn code(&self) -> &'static str {
        match self {
            Self::Malformed { .. } => "malformed-request",
            Self::ForeignHost { .. } => "foreign-host",
            Self::ForeignOrigin { .. } => "foreign-origin",
            Self::NotFound => "not-found",
            Self::WrongMethod => "wrong-method",
            Self::NotInRegistry => "not-found",
            Self::ReadOnlyRegistry => "read-only-registry",
            Self::BodyTimeout { .. } => "body-timeout",
            Self::BodyTooLarge { .. } => "body-too-large",
            Self::WrongContentType { .. } => "wrong-content-type",
            Self::Busy { .. } => "busy",
            Self::QueueTimeout { .. } => "queue-timeout",
            Self::Stopping => "stopping",
        }
    }

    /// What to do about it.
    pub(crate) fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Malformed { .. } => {
                "send {\"code\": text} or {\"files\": {path: text}, \"entry\": path}, with dependencies, auto and input where needed"
            }
            Self::ForeignHost { .. } => "ask a loopback address, localhost, or the address that the service listens on",
            Self::ForeignOrigin { .. } => "web pages cannot use this service",
            Self::NotFound | Self::WrongMethod => {
                "there is GET /healthz, POST /v1/run and the npm registry below /npm/"
            }
            Self::NotInRegistry => "it has packages, their tarballs and dist-tags",
            Self::ReadOnlyRegistry => "publish to the registry that packages come from",
            Self::WrongContentType { .. } => "send content-type: application/json",
            Self::Busy { .. } | Self::QueueTimeout { .. } => {
                "come again in a moment; --runs and --queue raise the limits"
            }
            Self::Stopping => "come again in a moment",
            Self::BodyTimeout { .. } | Self::BodyTooLarge { .. } => return None,
        };
        Some(hint.to_owned())
    }
}
