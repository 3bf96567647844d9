//! Every bound of the bundler, with its unit, default and reason. Owns no policy: a caller may raise any of them.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// What one worker may use. A worker serves one program, so the sums are per program.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Limits {
    /// Longest time for a scan or for a bundle, each. A build of 700 modules takes a third of a second in release and
    /// four in debug; a plugin that panics would otherwise hang for ever.
    pub deadline: Duration,
    /// The worker's own writable memory, in bytes (`RLIMIT_DATA`). A large bundle was measured at 130 MB resident.
    pub memory_bytes: u64,
    /// How often a scan may come back for more local files: one round per level of the import chain.
    pub file_rounds: u32,
    /// Local files that a scan may ask for, those that turn out absent included (an import without an extension asks
    /// for some twenty names).
    pub files: u32,
    /// Bare imports in a program's own files.
    pub imports: u32,
    /// Bytes of one local file.
    pub file_bytes: u64,
    /// Bytes of all local files.
    pub local_bytes: u64,
    /// Bytes of the bundled code, and of its source map.
    pub output_bytes: u64,
    /// Packages that one bundle may mount.
    pub packages: u32,
    /// Diagnostics reported for one build; a broken program can have thousands, and nobody reads them.
    pub diagnostics: u32,
    /// Bytes kept of what the worker writes to its standard error, for the report of its death.
    pub stderr_bytes: usize,
    /// Threads for parsing, and as many for linking; file reads get twice as many. More gain little on one program.
    pub threads: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            deadline: Duration::from_secs(60),
            memory_bytes: 4 << 30,
            file_rounds: 64,
            files: 20_000,
            imports: 20_000,
            file_bytes: 8 << 20,
            local_bytes: 64 << 20,
            output_bytes: 64 << 20,
            packages: 10_000,
            diagnostics: 20,
            stderr_bytes: 16 << 10,
            threads: 4,
        }
    }
}
