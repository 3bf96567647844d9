//! What a caller gets: one ESM module, and what it is made of.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::diagnostics::Diagnostic;

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
    /// The files in it, in the order of the code; empty unless details were asked for.
    pub modules: Vec<BundledModule>,
    /// The licences of the packages in it, by name and version; empty unless details were asked for.
    pub licenses: Vec<License>,
}

impl Bundle {
    /// SHA-256 of the code, in hexadecimal.
    pub fn hash(&self) -> String {
        hex(&Sha256::digest(self.code.as_bytes()))
    }
}

/// A digest as it is shown.
pub(crate) fn hex(digest: &[u8]) -> String {
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// One file, compiled on its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transformed {
    /// The code.
    pub code: String,
    /// Its source map (version 3, JSON). The source is named by its path below the project's root.
    pub source_map: String,
    /// What is suspicious.
    pub warnings: Vec<Diagnostic>,
}

/// One file in a bundle.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BundledModule {
    /// `src/agent.ts` or `zod@3.25.1/lib/index.js`.
    pub path: String,
    /// The package that it belongs to, `zod@3.25.1`; none for the program's own files.
    pub package: Option<String>,
    /// Bytes of the code that come from it.
    pub bytes: u64,
    /// What it imports, in the order of paths: other files of the bundle, builtins and externals.
    pub imports: Vec<ModuleImport>,
}

/// What a file imports.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ModuleImport {
    /// A file of the bundle, a `node:` name, or the specifier of an external.
    pub path: String,
    /// How.
    pub kind: ModuleImportKind,
}

/// How a file imports another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ModuleImportKind {
    /// `import` and `export … from`.
    Static,
    /// `import("…")`.
    Dynamic,
    /// `require("…")`.
    Require,
}

/// What a package says about its licence.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct License {
    /// The package's name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// What its package.json says: an SPDX expression, as a rule.
    pub expression: Option<String>,
    /// The text of its LICENSE file.
    pub text: Option<String>,
}
