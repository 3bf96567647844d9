//! What a caller chooses about a bundle, and the bundle it gets.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::diagnostics::Diagnostic;

/// What the bundle is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Purpose {
    /// To be run at once: Node's own choices, and nothing is shaken off (`sideEffects: false` lies: zod 4 loses its
    /// locale by it). `process.env.NODE_ENV` is read when the program runs.
    Run,
    /// To be kept: unused code is shaken off and `process.env.NODE_ENV` is "production".
    Bundle,
}

/// Whether names and white space are squeezed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Minify {
    /// Code stays readable.
    Off,
    /// Smallest code.
    On,
}

/// How to bundle.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct BundleOptions {
    /// What the bundle is for.
    pub purpose: Purpose,
    /// Whether the code is minified.
    pub minify: Minify,
    /// For [`Purpose::Bundle`]: the folder, relative to the bundle, that stands for the program's root: packages that read
    /// their own files look for them in its node_modules. `.` is the bundle's own folder.
    pub assets: String,
}

impl BundleOptions {
    /// What `run` uses.
    pub fn run() -> Self {
        Self { purpose: Purpose::Run, minify: Minify::Off, assets: ".".to_owned() }
    }

    /// What `bundle` uses.
    pub fn bundle() -> Self {
        Self { purpose: Purpose::Bundle, minify: Minify::Off, assets: ".".to_owned() }
    }
}

/// One ESM module made of a program and its packages.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Bundle {
    /// The module's code. `node:` imports stay imports.
    pub code: String,
    /// Its source map (version 3, JSON). Sources are named `src/agent.ts` or `zod@3.25.1/lib/index.js`.
    pub source_map: String,
    /// The builtins that the code imports or requires, as `node:` names, sorted.
    pub builtins: Vec<String>,
    /// Whether the code can look at files at run time: at its packages', at its own, or at any through `node:fs`.
    pub needs_files: bool,
    /// The folders of packages whose files may be read at run time, `node_modules/a/node_modules/b`, sorted.
    pub read_at_run_time: Vec<String>,
    /// What is suspicious but did not stop the build.
    pub warnings: Vec<Diagnostic>,
}

impl Bundle {
    /// SHA-256 of the code, in hexadecimal.
    pub fn hash(&self) -> String {
        Sha256::digest(self.code.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
    }
}
