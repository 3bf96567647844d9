//! What a package and those below it are made of, as far as sources tell: which of Node's modules they use, native code,
//! WebAssembly, code made from text. States facts; what follows from them is the caller's judgement.
//!
//! Follows the package's entry points through its own sources and into its dependencies. Bounded like any build: by the
//! worker's deadline, and by a number of sources.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use oxc::{
    allocator::Allocator,
    ast::{AstKind, ast::Expression},
    semantic::Semantic,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    dialect::Dialect,
    file_system::{ROOT, VirtualFiles},
    names::Names,
    options::BundleOptions,
    resolution::{Resolution, Resolved},
    scan::{self, Erased, ImportKind, ModuleScan},
    source::{self, Language, Lines, SyntaxError},
};

/// Sources that are read, beyond which an inspection is not complete.
const MOST_SOURCES: usize = 20_000;
/// Things of one kind that are told of one package.
const MOST_OF_A_KIND: usize = 20;

/// What a package and its closure are made of.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Inspection {
    /// The package's entry points that were found, below its folder.
    pub entries: Vec<String>,
    /// Every package of the closure, by `name@version`; the inspected one too.
    pub packages: BTreeMap<String, PackageFacts>,
    /// Whether every source that the entry points reach was read.
    pub is_complete: bool,
}

/// What one package is made of.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PackageFacts {
    /// The licence that its package.json names.
    pub licence: Option<String>,
    /// Files in its tarball.
    pub files: u64,
    /// Their bytes.
    pub unpacked_bytes: u64,
    /// Its sources that were reached.
    pub sources: u64,
    /// Node's modules by their `node:` names, with the first place that imports each.
    pub builtins: BTreeMap<String, Place>,
    /// Where code is made from text: `eval`, `Function`.
    pub evaluates: BTreeMap<String, Place>,
    /// Native code: `.node` files, `binding.gyp`, prebuilt folders; some of them.
    pub native: Vec<String>,
    /// Scripts that npm would run when it installs the package, by name.
    pub install_scripts: BTreeMap<String, String>,
    /// WebAssembly files; some of them.
    pub wasm: Vec<String>,
    /// The systems and processors that it is made for, when it says so.
    pub platforms: Vec<String>,
    /// Sources that were reached and cannot be parsed, with what is wrong.
    pub broken: BTreeMap<String, String>,
}

/// A place in a package.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Place {
    /// The file, below the package's folder.
    pub file: String,
    /// The line, from 1.
    pub line: u32,
}

impl std::fmt::Display for Place {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{}:{}", self.file, self.line)
    }
}

/// Inspects the package that the root imports as `name`.
pub(crate) fn inspect(name: &str, files: &VirtualFiles) -> Inspection {
    let names = Names::new(&BundleOptions::run(), &Dialect::default());
    let resolution = Resolution::new(files.clone(), names, BTreeMap::new(), BTreeSet::new());
    let mut inspection = Inspection { is_complete: true, ..Inspection::default() };
    for (mount, display) in files.mounts() {
        inspection.packages.entry(display.to_owned()).or_insert_with(|| facts(files, mount));
    }
    let entries = entries(name, files, &resolution);
    inspection.entries = entries.iter().map(|path| place_in_package(files, path).1).collect();
    let mut seen = entries.clone();
    let mut queue: VecDeque<String> = entries.into_iter().collect();
    while let Some(path) = queue.pop_front() {
        for next in read(&path, files, &resolution, &mut inspection) {
            if seen.len() >= MOST_SOURCES {
                inspection.is_complete = false;
            } else if seen.insert(next.clone()) {
                queue.push_back(next);
            }
        }
    }
    inspection
}

fn place_in_package(files: &VirtualFiles, path: &str) -> (String, String) {
    match files.package_of(path) {
        Some((package, rest)) => (package.display.clone(), rest.to_owned()),
        None => (String::new(), path.to_owned()),
    }
}

/// What the names of a package's files and its package.json say.
fn facts(files: &VirtualFiles, mount: &str) -> PackageFacts {
    let mut facts = PackageFacts::default();
    for (path, bytes) in files.files_of(mount) {
        facts.files += 1;
        facts.unpacked_bytes += bytes;
        let is_native = path == "binding.gyp" || [".node", ".so", ".dylib"].iter().any(|end| path.ends_with(end));
        if is_native && facts.native.len() < MOST_OF_A_KIND {
            facts.native.push(path.to_owned());
        }
        if path.ends_with(".wasm") && facts.wasm.len() < MOST_OF_A_KIND {
            facts.wasm.push(path.to_owned());
        }
    }
    let manifest = files.text(&format!("{ROOT}/{mount}/package.json"));
    if let Some(Value::Object(manifest)) = manifest.and_then(|text| serde_json::from_str(&text).ok()) {
        read_manifest(&manifest, &mut facts);
    }
    facts
}

fn read_manifest(manifest: &serde_json::Map<String, Value>, facts: &mut PackageFacts) {
    let old_spelling = || manifest.get("licenses").and_then(|licences| licences.get(0));
    facts.licence = manifest.get("license").or_else(old_spelling).and_then(|licence| match licence {
        Value::String(name) => Some(name.clone()),
        other => other.get("type").and_then(Value::as_str).map(str::to_owned),
    });
    // What npm runs for a dependency (npm, "Scripts", "npm install").
    for name in ["preinstall", "install", "postinstall"] {
        if let Some(script) = manifest.get("scripts").and_then(|scripts| scripts.get(name)).and_then(Value::as_str) {
            facts.install_scripts.insert(name.to_owned(), script.chars().take(200).collect());
        }
    }
    for field in ["os", "cpu"] {
        let names = manifest.get(field).and_then(Value::as_array).into_iter().flatten();
        facts.platforms.extend(names.filter_map(Value::as_str).take(MOST_OF_A_KIND).map(str::to_owned));
    }
}

/// The files that the package can be entered by: its main entry and whatever its `exports` name, as Node would find them
/// for an import and for a require.
fn entries(name: &str, files: &VirtualFiles, resolution: &Resolution) -> BTreeSet<String> {
    let mount = format!("node_modules/{name}");
    let importer = format!("{ROOT}/index.js");
    let manifest: Value = files
        .text(&format!("{ROOT}/{mount}/package.json"))
        .and_then(|text| serde_json::from_str(&text).ok())
        .unwrap_or_default();
    let mut specifiers = vec![name.to_owned()];
    let mut found = BTreeSet::new();
    for (key, target) in manifest.get("exports").and_then(Value::as_object).into_iter().flatten() {
        let Some(subpath) = key.strip_prefix('.') else { continue };
        match subpath.contains('*') {
            false => specifiers.push(format!("{name}{subpath}")),
            true => matching(target, &mount, files, &mut found),
        }
    }
    for specifier in specifiers {
        for kind in [ImportKind::Static, ImportKind::Require] {
            if let Resolved::File { path, .. } = resolution.resolve(&importer, &specifier, kind) {
                found.insert(path);
            }
        }
    }
    found
}

/// The files that a target with a `*` can stand for, under the conditions that count here.
fn matching(target: &Value, mount: &str, files: &VirtualFiles, found: &mut BTreeSet<String>) {
    match target {
        Value::String(pattern) => {
            let Some((before, after)) = pattern.trim_start_matches("./").split_once('*') else { return };
            let fits = |path: &&str| {
                path.len() >= before.len() + after.len() && path.starts_with(before) && path.ends_with(after)
            };
            let paths = files.files_of(mount).map(|(path, _)| path).filter(fits).filter(|path| is_source(path));
            found.extend(paths.map(|path| format!("{ROOT}/{mount}/{path}")));
        }
        Value::Object(conditions) => {
            let counts = |name: &&String| matches!(name.as_str(), "node" | "import" | "require" | "default");
            for (_, target) in conditions.iter().filter(|(name, _)| counts(name)) {
                matching(target, mount, files, found);
            }
        }
        Value::Array(targets) => targets.iter().for_each(|target| matching(target, mount, files, found)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn is_source(path: &str) -> bool {
    let is_declaration = [".d.ts", ".d.mts", ".d.cts", ".map"].iter().any(|end| path.ends_with(end));
    !is_declaration && Language::of(path) != Language::Data
}

/// Notes what is in a source, and says which files it leads to.
fn read(path: &str, files: &VirtualFiles, resolution: &Resolution, inspection: &mut Inspection) -> Vec<String> {
    let (package, file) = place_in_package(files, path);
    let Some(facts) = inspection.packages.get_mut(&package) else { return Vec::new() };
    if !is_source(path) {
        return Vec::new();
    }
    facts.sources += 1;
    let text = files.text(path).unwrap_or_default();
    let (scan, read_as) = match scan_as_node(&text, path) {
        Ok(found) => found,
        Err(errors) => {
            let message = errors.into_iter().next().map(|error| error.message).unwrap_or_default();
            if facts.broken.len() < MOST_OF_A_KIND {
                facts.broken.insert(file, message);
            }
            return Vec::new();
        }
    };
    let lines = Lines::of(&text);
    for (what, offset) in evaluations(&text, &read_as) {
        note(&mut facts.evaluates, what, &file, lines.at(offset));
    }
    let mut next = Vec::new();
    for import in scan.imports {
        match resolution.resolve(path, &import.specifier, import.kind) {
            Resolved::Builtin(name) => note(&mut facts.builtins, &name, &file, lines.at(import.offset)),
            Resolved::File { path, .. } => next.push(path),
            // What is missing is optional, or the bundle says so.
            Resolved::Data | Resolved::External(_) | Resolved::Failed(_) => {}
        }
    }
    next
}

/// Scans a source as the module that its syntax makes it, else as CommonJS, which allows more; says under which name.
fn scan_as_node(text: &str, path: &str) -> Result<(ModuleScan, String), Vec<SyntaxError>> {
    match scan::scan(text, path, Language::of(path), Erased::Nothing) {
        Ok(scan) => Ok((scan, path.to_owned())),
        Err(errors) => {
            let commonjs = format!("{path}.cjs");
            scan::scan(text, &commonjs, Language::of(&commonjs), Erased::Nothing)
                .map(|scan| (scan, commonjs))
                .map_err(|_| errors)
        }
    }
}

/// Keeps the first place, whatever order the sources are read in.
fn note(places: &mut BTreeMap<String, Place>, what: &str, file: &str, line: u32) {
    let place = Place { file: file.to_owned(), line };
    match places.get_mut(what) {
        Some(known) if *known <= place => {}
        Some(known) => *known = place,
        None => {
            places.insert(what.to_owned(), place);
        }
    }
}

/// Where a source makes code from text.
fn evaluations(text: &str, path: &str) -> Vec<(&'static str, usize)> {
    if !text.contains("eval") && !text.contains("Function") {
        return Vec::new();
    }
    let allocator = Allocator::default();
    let (program, _) = source::parse(&allocator, text, path);
    let (semantic, _) = source::analyse(&program);
    let found = semantic.nodes().iter().filter_map(|node| {
        let (callee, offset) = match node.kind() {
            AstKind::CallExpression(call) => (&call.callee, call.span.start),
            AstKind::NewExpression(new) => (&new.callee, new.span.start),
            _ => return None,
        };
        Some((evaluator(callee, &semantic)?, usize::try_from(offset).unwrap_or(0)))
    });
    found.collect()
}

fn evaluator(callee: &Expression<'_>, semantic: &Semantic<'_>) -> Option<&'static str> {
    let Expression::Identifier(name) = callee else { return None };
    match name.name.as_str() {
        "eval" if semantic.is_reference_to_global_variable(name) => Some("eval"),
        "Function" if semantic.is_reference_to_global_variable(name) => Some("Function"),
        _ => None,
    }
}

#[cfg(test)]
#[path = "inspect_tests.rs"]
mod tests;
