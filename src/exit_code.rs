//! The one table from stable codes to the exit code of a command and the status of an HTTP answer.
//!
//! Exit codes are below 128, so that none looks like a death by signal. A code that the table does not know is a fault
//! of ours.

use std::process::ExitCode;

use executor::Outcome;

use crate::error::Error;

/// How a command ends. The numbers stand in the README and do not change.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[repr(u8)]
pub(crate) enum Exit {
    /// A value or a response; a bundle was written; the service was stopped.
    Done = 0,
    /// The program threw, or left a rejection unhandled.
    Threw = 1,
    /// The command line or the configuration is wrong.
    Usage = 2,
    /// A manifest or a range is invalid, or an import is not listed.
    Manifest = 3,
    /// No such package, no such version.
    Resolution = 4,
    /// The registry or the way to it.
    Registry = 5,
    /// A tarball is not what its registry announced, or is refused.
    Tarball = 6,
    /// The program does not bundle.
    Bundle = 7,
    /// A limit ended the run.
    Limit = 8,
    /// The program called `process.exit`, with whatever code.
    Exited = 9,
    /// The program's promise can never settle.
    NeverSettled = 10,
    /// JSON cannot hold the program's value.
    Unserializable = 11,
    /// Another process holds the cache, and it cannot be used through that one.
    CacheBusy = 12,
    /// A local file is missing, unreadable or outside the project.
    LocalFile = 13,
    /// SIGINT or SIGTERM.
    Interrupted = 14,
    /// The supply-chain policy refuses a package.
    Refused = 15,
    /// A fault of ours or of the system's, or the guest's process crashed.
    Internal = 70,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        ExitCode::from(exit as u8)
    }
}

/// Error codes, with how a command ends and what the service answers.
const TABLE: &[(&str, Exit, u16)] = &[
    ("manifest-file", Exit::Manifest, 422),
    ("manifest-syntax", Exit::Manifest, 422),
    ("manifest-shape", Exit::Manifest, 422),
    ("invalid-package-name", Exit::Manifest, 422),
    ("invalid-range", Exit::Manifest, 422),
    ("unsupported-dependency", Exit::Manifest, 422),
    ("unsupported-transitive-dependency", Exit::Manifest, 422),
    ("invalid-overrides", Exit::Manifest, 422),
    ("invalid-resolutions", Exit::Manifest, 422),
    ("lock-file", Exit::Manifest, 422),
    ("lock-syntax", Exit::Manifest, 422),
    ("lock-version", Exit::Manifest, 422),
    ("invalid-lock", Exit::Manifest, 422),
    ("unsupported-lock-entry", Exit::Manifest, 422),
    ("lock-without-integrity", Exit::Manifest, 422),
    ("lock-drift", Exit::Manifest, 422),
    ("no-lock", Exit::Manifest, 422),
    ("unlisted-import", Exit::Manifest, 422),
    ("unknown-package", Exit::Resolution, 422),
    ("unknown-version", Exit::Resolution, 422),
    ("resolution-failed", Exit::Resolution, 422),
    ("registry-denied", Exit::Registry, 502),
    ("registry-status", Exit::Registry, 502),
    ("registry-body", Exit::Registry, 502),
    ("registry-truncated", Exit::Registry, 502),
    ("registry-timeout", Exit::Registry, 504),
    ("registry-unreachable", Exit::Registry, 502),
    ("registry-redirect", Exit::Registry, 502),
    ("registry-busy", Exit::Registry, 504),
    ("registry-certificate", Exit::Registry, 502),
    ("offline", Exit::Registry, 504),
    ("no-integrity", Exit::Tarball, 502),
    ("no-tarball", Exit::Tarball, 502),
    ("wrong-integrity", Exit::Tarball, 502),
    ("broken-tarball", Exit::Tarball, 502),
    ("refused-tarball-entry", Exit::Tarball, 422),
    ("package-limit", Exit::Tarball, 422),
    ("name-denied", Exit::Refused, 422),
    ("name-not-allowed", Exit::Refused, 422),
    ("release-too-young", Exit::Refused, 422),
    ("wrong-signature", Exit::Refused, 422),
    ("unsigned-package", Exit::Refused, 422),
    ("look-alike-name", Exit::Refused, 422),
    ("known-vulnerability", Exit::Refused, 422),
    ("mirror-broken", Exit::Tarball, 422),
    ("mirror-version", Exit::Tarball, 422),
    ("mirror-signature", Exit::Tarball, 422),
    ("mirror-untrusted", Exit::Tarball, 403),
    ("mirror-file", Exit::LocalFile, 500),
    ("no-such-version", Exit::Resolution, 404),
    ("no-such-tarball", Exit::Resolution, 404),
    ("read-only-registry", Exit::Usage, 405),
    ("bundle", Exit::Bundle, 422),
    ("bundle-deadline", Exit::Bundle, 422),
    ("source-too-deep", Exit::Bundle, 422),
    ("bundle-too-large", Exit::Bundle, 422),
    ("program-too-large", Exit::Bundle, 422),
    ("input-too-large", Exit::Usage, 413),
    ("malformed-input", Exit::Usage, 422),
    ("local-file", Exit::LocalFile, 422),
    ("output-file", Exit::LocalFile, 500),
    ("cache-busy", Exit::CacheBusy, 503),
    ("owner-version", Exit::CacheBusy, 503),
    ("owner-settings", Exit::CacheBusy, 503),
    ("owner-silent", Exit::CacheBusy, 503),
    ("owner-gone", Exit::CacheBusy, 503),
    ("owner-protocol", Exit::CacheBusy, 503),
    ("owner-stranger", Exit::Usage, 500),
    ("owner-folder", Exit::Usage, 500),
    ("usage", Exit::Usage, 400),
    ("invalid-npmrc", Exit::Usage, 500),
    ("network-settings", Exit::Usage, 500),
    ("configuration", Exit::Usage, 500),
    ("invalid-policy", Exit::Usage, 500),
    ("invalid-advisories", Exit::Usage, 500),
    ("no-cache-folder", Exit::Usage, 500),
    ("no-config-folder", Exit::Usage, 500),
    ("cache-folder", Exit::Usage, 500),
    ("listen", Exit::Usage, 500),
    ("malformed-request", Exit::Usage, 400),
    ("foreign-host", Exit::Usage, 403),
    ("foreign-origin", Exit::Usage, 403),
    ("not-found", Exit::Usage, 404),
    ("wrong-method", Exit::Usage, 405),
    ("body-timeout", Exit::Usage, 408),
    ("body-too-large", Exit::Usage, 413),
    ("wrong-content-type", Exit::Usage, 415),
    ("busy", Exit::Internal, 429),
    ("queue-timeout", Exit::Internal, 503),
    ("stopping", Exit::Internal, 503),
    ("store-failed", Exit::Internal, 500),
    ("store-damaged", Exit::Internal, 500),
    ("cache-full", Exit::Internal, 500),
    ("image-failed", Exit::Internal, 500),
    ("graph-inconsistent", Exit::Internal, 500),
    ("bundler-died", Exit::Internal, 500),
    ("bundler-spawn", Exit::Internal, 500),
    ("bundler-protocol", Exit::Internal, 500),
    ("worker-spawn", Exit::Internal, 500),
    ("worker-channel", Exit::Internal, 500),
    ("sandbox", Exit::Internal, 500),
    ("internal", Exit::Internal, 500),
];

fn row(code: &str) -> (Exit, u16) {
    let row = TABLE.iter().find(|(known, _, _)| *known == code);
    row.map_or((Exit::Internal, 500), |(_, exit, status)| (*exit, *status))
}

/// How a command ends after this error.
pub(crate) fn exit_of_error(error: &Error) -> Exit {
    row(error.code()).0
}

/// What the service answers with after this error.
pub(crate) fn status_of_error(error: &Error) -> u16 {
    row(error.code()).1
}

/// How a command ends when guest code was run.
pub(crate) fn exit_of_outcome(outcome: &Outcome) -> Exit {
    match outcome {
        Outcome::Value(_) | Outcome::Response(_) => Exit::Done,
        Outcome::Threw(_) => Exit::Threw,
        Outcome::Exited { .. } => Exit::Exited,
        Outcome::Unserializable { .. } => Exit::Unserializable,
        Outcome::NeverSettled => Exit::NeverSettled,
        Outcome::Limit { .. } => Exit::Limit,
        Outcome::Crashed { .. } => Exit::Internal,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_code_stands_once_and_below_128() {
        let codes: BTreeSet<&str> = TABLE.iter().map(|(code, _, _)| *code).collect();
        assert_eq!(codes.len(), TABLE.len());
        assert!(
            TABLE
                .iter()
                .all(|(_, exit, status)| (*exit as u8) < 128 && *exit != Exit::Done && (400..=599).contains(status))
        );
    }

    #[test]
    fn an_unknown_code_is_our_fault() {
        assert_eq!(row("never-heard-of"), (Exit::Internal, 500));
    }
}
