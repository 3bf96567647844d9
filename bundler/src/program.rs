//! The program's own files: found from the entry, import by import, asking for what is lacking until nothing is.
//! Leaves packages alone; collects which are imported, and says of every local import that leads nowhere who has it.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    sync::Arc,
};

use oxc_resolver::TsConfig;

use crate::{
    diagnostics::Diagnostic,
    file_system::{LocalFiles, ROOT, VirtualFiles},
    layer::LayerPlan,
    layer_plan::{self, PlannedFile},
    resolution::{Failure, FailureKind, Resolution, Resolved},
    scan::{self, FoundImport, Import, ImportKind, ModuleScan, Scan},
    source::Language,
    specifier::{self, Specifier},
};

/// The compiler options that TypeScript's own file sets for local files.
const TSCONFIG: &str = "tsconfig.json";

/// How local files are transformed, from the tsconfig.json in the project's root.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Dialect {
    /// Whether decorators are TypeScript's older ones.
    pub(crate) legacy_decorators: bool,
    pub(crate) decorator_metadata: bool,
    /// The package whose `jsx-runtime` makes elements; React when absent.
    pub(crate) jsx_import_source: Option<String>,
    /// Whether JSX becomes calls of a function in scope, and of which ones.
    pub(crate) jsx_classic: bool,
    pub(crate) jsx_factory: Option<String>,
    pub(crate) jsx_fragment_factory: Option<String>,
    /// `useDefineForClassFields: false`.
    pub(crate) assigned_class_fields: bool,
}

/// How a round of the search ended.
#[derive(Debug)]
pub(crate) enum Round {
    /// These paths must be answered first.
    Lacking(BTreeSet<String>),
    /// The whole program is known.
    Complete(Scan),
    /// The program is wrong.
    Wrong(Vec<Diagnostic>),
}

/// Imports that lead nowhere, beyond which one walk notes no more.
const MOST_DIAGNOSTICS: usize = 100;

/// Bare imports, beyond which no layer is planned: its planning compares each with each.
const MOST_PLANNED: usize = 2_000;
/// Local files that are asked for at once, beyond which a walk goes no further: no program has so many.
const MOST_LACKING: usize = 50_000;

/// A program while it is being found, and after.
#[derive(Debug)]
pub(crate) struct Program {
    entry: String,
    files: LocalFiles,
    scans: BTreeMap<String, Arc<ModuleScan>>,
    dialect: Dialect,
    reached: BTreeSet<String>,
    /// For each file the local files that its imports lead to, by where they are written.
    links: BTreeMap<String, BTreeMap<usize, String>>,
}

impl Program {
    /// A program of which only the entry's path (below the project's root) is known.
    pub(crate) fn new(entry: &str) -> Self {
        Self {
            entry: entry.to_owned(),
            files: LocalFiles::new(),
            scans: BTreeMap::new(),
            dialect: Dialect::default(),
            reached: BTreeSet::new(),
            links: BTreeMap::new(),
        }
    }

    /// Adds a local file, or that there is none.
    pub(crate) fn answer(&mut self, path: String, bytes: Option<Arc<[u8]>>) {
        self.files.insert(path, bytes);
    }

    /// Below the project's root.
    pub(crate) fn entry(&self) -> &str {
        &self.entry
    }

    pub(crate) fn files(&self) -> &LocalFiles {
        &self.files
    }

    pub(crate) fn dialect(&self) -> &Dialect {
        &self.dialect
    }

    /// The local files that are ES modules by their syntax.
    pub(crate) fn modules(&self) -> BTreeSet<String> {
        let is_module = |path: &&String| {
            self.scans.get(path.as_str()).is_some_and(|scan| scan.has_module_syntax)
                && !path.ends_with(".cjs")
                && !path.ends_with(".cts")
        };
        self.reached.iter().filter(is_module).cloned().collect()
    }

    /// Follows the imports as far as the known files allow.
    pub(crate) fn advance(&mut self) -> Round {
        let first: BTreeSet<String> = [self.entry.clone(), TSCONFIG.to_owned()]
            .into_iter()
            .filter(|path| !self.files.contains_key(path))
            .collect();
        if !first.is_empty() {
            return Round::Lacking(first);
        }
        if let Some(wrong) = self.read_dialect() {
            return Round::Wrong(vec![wrong]);
        }
        let mut walk = Walk::new(self.files.clone());
        let mut queue = vec![self.entry.clone()];
        while let Some(path) = queue.pop() {
            if !walk.reached.insert(path.clone()) {
                continue;
            }
            match self.scan_file(&path) {
                Ok(scan) => queue.extend(walk.follow(&path, &scan)),
                Err(diagnostics) => walk.diagnostics.extend(diagnostics),
            }
        }
        let lacking = walk.files.lacking();
        if !lacking.is_empty() {
            return Round::Lacking(lacking);
        }
        self.reached = walk.reached;
        self.links = walk.links;
        if walk.diagnostics.is_empty() {
            return Round::Complete(self.collect_imports());
        }
        walk.diagnostics.sort_by(|left, right| left.place().cmp(&right.place()));
        Round::Wrong(walk.diagnostics)
    }

    /// Says what is wrong with the tsconfig.json, if anything is.
    fn read_dialect(&mut self) -> Option<Diagnostic> {
        let Some(Some(bytes)) = self.files.get(TSCONFIG) else { return None };
        let path = Path::new(ROOT).join(TSCONFIG);
        let text = String::from_utf8_lossy(bytes).into_owned();
        let config = match TsConfig::parse(true, &path, &path, text) {
            Ok(config) => config,
            Err(error) => {
                let message = format!("tsconfig.json cannot be understood: {error}");
                return Some(Diagnostic::new("json-syntax", message).file(TSCONFIG));
            }
        };
        let options = config.compiler_options;
        self.dialect = Dialect {
            legacy_decorators: options.experimental_decorators.unwrap_or(false),
            decorator_metadata: options.emit_decorator_metadata.unwrap_or(false),
            jsx_classic: options.jsx.as_deref() == Some("react"),
            jsx_import_source: options.jsx_import_source,
            jsx_factory: options.jsx_factory,
            jsx_fragment_factory: options.jsx_fragment_factory,
            assigned_class_fields: options.use_define_for_class_fields == Some(false),
        };
        None
    }

    fn scan_file(&mut self, path: &str) -> Result<Arc<ModuleScan>, Vec<Diagnostic>> {
        if let Some(scan) = self.scans.get(path) {
            return Ok(Arc::clone(scan));
        }
        let Some(Some(bytes)) = self.files.get(path) else {
            let message = format!("there is no file {path:?} in the project");
            return Err(vec![Diagnostic::new("local-file-not-found", message).file(path)]);
        };
        let mut found = ModuleScan::default();
        if Language::of(path) != Language::Data {
            let text = crate::file_system::decode(bytes);
            found = scan::scan(&text, path).map_err(|errors| syntax_errors(&text, path, errors))?;
            self.check_decorators(&text, path, &found)?;
            self.imply_jsx_runtime(path, &mut found);
        }
        let found = Arc::new(found);
        self.scans.insert(path.to_owned(), Arc::clone(&found));
        Ok(found)
    }

    /// The engine passes the newer decorators through as they stand, and V8 has none.
    fn check_decorators(&self, text: &str, path: &str, found: &ModuleScan) -> Result<(), Vec<Diagnostic>> {
        let Some(offset) = found.decorator else { return Ok(()) };
        if self.dialect.legacy_decorators && Language::of(path).is_typescript() {
            return Ok(());
        }
        let message = "decorators of the ECMAScript proposal are not supported";
        Err(vec![
            Diagnostic::new("decorators-unsupported", message)
                .file(path)
                .at_offset(text, offset)
                .hint("write TypeScript with \"experimentalDecorators\": true in the tsconfig.json, or call the decorator as a function"),
        ])
    }

    /// JSX is compiled to imports that nobody wrote.
    fn imply_jsx_runtime(&self, path: &str, found: &mut ModuleScan) {
        let Some(offset) = found.jsx else { return };
        if found.jsx_import_source.is_none() && (found.jsx_classic || self.dialect.jsx_classic) {
            return;
        }
        let source = found.jsx_import_source.as_ref().or(self.dialect.jsx_import_source.as_ref());
        let specifier = format!("{}/jsx-runtime", source.map_or("react", String::as_str));
        if matches!(Language::of(path), Language::Jsx | Language::Tsx) {
            found.imports.push(FoundImport { specifier, kind: ImportKind::Static, offset });
        }
    }

    fn collect_imports(&self) -> Scan {
        let mut imports = BTreeSet::new();
        for path in &self.reached {
            let Some(scan) = self.scans.get(path) else { continue };
            let text = match self.files.get(path) {
                Some(Some(bytes)) => crate::file_system::decode(bytes),
                Some(None) | None => continue,
            };
            let newlines: Vec<usize> = text.match_indices('\n').map(|(offset, _)| offset).collect();
            for import in &scan.imports {
                let Specifier::Package(package) = specifier::parse(&import.specifier) else { continue };
                let line = newlines.partition_point(|&newline| newline < import.offset) + 1;
                imports.insert(Import {
                    specifier: import.specifier.clone(),
                    package: package.name,
                    range: package.range,
                    subpath: package.subpath,
                    importer: path.clone(),
                    line: u32::try_from(line).unwrap_or(u32::MAX),
                });
            }
        }
        let plan = match imports.len() {
            count if count > MOST_PLANNED => LayerPlan::Whole { reason: format!("the program has {count} imports") },
            _ => self.plan(),
        };
        Scan { imports: imports.into_iter().collect(), plan }
    }

    fn plan(&self) -> LayerPlan {
        let texts: Vec<_> = self
            .reached
            .iter()
            .filter_map(|path| Some((path, self.scans.get(path)?, self.files.get(path)?.as_ref()?)))
            .map(|(path, scan, bytes)| (path, scan, crate::file_system::decode(bytes)))
            .collect();
        let nothing = BTreeMap::new();
        let files: Vec<_> = texts
            .iter()
            .filter(|(path, ..)| Language::of(path) != Language::Data)
            .map(|(path, scan, text)| PlannedFile {
                path,
                text,
                scan,
                leads_to: self.links.get(*path).unwrap_or(&nothing),
            })
            .collect();
        layer_plan::plan(&self.entry, &files, &self.dialect)
    }
}

/// One walk over what is known.
struct Walk {
    files: VirtualFiles,
    resolution: Resolution,
    reached: BTreeSet<String>,
    links: BTreeMap<String, BTreeMap<usize, String>>,
    diagnostics: Vec<Diagnostic>,
}

impl Walk {
    fn new(local: LocalFiles) -> Self {
        let files = VirtualFiles::local(local);
        let resolution = Resolution::new(files.clone(), BTreeMap::new(), BTreeSet::new());
        Self { files, resolution, reached: BTreeSet::new(), links: BTreeMap::new(), diagnostics: Vec::new() }
    }

    /// The local files that a file imports.
    fn follow(&mut self, path: &str, scan: &ModuleScan) -> Vec<String> {
        let importer = format!("{ROOT}/{path}");
        // The type of a file is in the nearest package.json, which must be known before anything is bundled.
        self.resolution.package_json_of(&importer);
        let mut next = Vec::new();
        let mut links = BTreeMap::new();
        for import in &scan.imports {
            if self.files.lacking_count() > MOST_LACKING {
                break;
            }
            if matches!(specifier::parse(&import.specifier), Specifier::Package(_)) {
                continue;
            }
            match self.resolution.resolve(&importer, &import.specifier, import.kind) {
                Resolved::File { path, .. } => {
                    if let Some(local) = path.strip_prefix(ROOT).and_then(|rest| rest.strip_prefix('/'))
                        && crate::resolution::is_local(&path)
                    {
                        links.insert(import.offset, local.to_owned());
                        next.push(local.to_owned());
                    }
                }
                Resolved::Builtin(_) | Resolved::Data => {}
                // `#x` may lead to a package, which is not here yet; bundling will tell.
                Resolved::Failed(_) if import.specifier.starts_with('#') => {}
                // Each costs a look at the whole source.
                Resolved::Failed(_) if self.diagnostics.len() >= MOST_DIAGNOSTICS => {}
                Resolved::Failed(failure) => self.diagnostics.push(self.explain(path, import, &failure)),
            }
        }
        self.links.insert(path.to_owned(), links);
        next
    }

    fn explain(&self, path: &str, import: &FoundImport, failure: &Failure) -> Diagnostic {
        let text = self.files.text(&format!("{ROOT}/{path}")).unwrap_or_default();
        Diagnostic::new(failure.kind.code(), failure.message.clone())
            .file(path)
            .at_offset(&text, import.offset)
            .chain(vec![path.to_owned()])
            .hint(match failure.kind {
                FailureKind::OutsideRoot => "a program may only import files below its project's root",
                FailureKind::UnsupportedScheme => "import an npm package by its name, or a builtin as `node:...`",
                FailureKind::NativeAddon => "use a package that is pure JavaScript or WebAssembly",
                FailureKind::NotFound
                | FailureKind::NotExported
                | FailureKind::BadPackageJson
                | FailureKind::InvalidSpecifier => "check the path; it is relative to the file that imports it",
            })
    }
}

fn syntax_errors(text: &str, path: &str, errors: Vec<crate::source::SyntaxError>) -> Vec<Diagnostic> {
    errors.into_iter().map(|error| error.diagnostic(text, path)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Advances with the given files until the end, and says how many rounds it took.
    fn run(entry: &str, files: &[(&str, &str)]) -> (Round, usize) {
        let mut program = Program::new(entry);
        for round in 1..20 {
            match program.advance() {
                Round::Lacking(paths) => {
                    for path in paths {
                        let text = files.iter().find(|(name, _)| *name == path).map(|(_, text)| text.as_bytes());
                        program.answer(path, text.map(Arc::from));
                    }
                }
                end @ (Round::Complete(_) | Round::Wrong(_)) => return (end, round),
            }
        }
        panic!("no end");
    }

    fn specifiers(entry: &str, files: &[(&str, &str)]) -> Vec<String> {
        match run(entry, files).0 {
            Round::Complete(scan) => scan.imports.into_iter().map(|import| import.specifier).collect(),
            other => panic!("{other:?}"),
        }
    }

    fn wrong(entry: &str, files: &[(&str, &str)]) -> Diagnostic {
        match run(entry, files).0 {
            Round::Wrong(mut diagnostics) => diagnostics.remove(0),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn local_files_are_followed() {
        let files = [
            (
                "src/agent.ts",
                "import { a } from './a'; import './b.js'; import c from '../c/'; import '#d'; import 'zod@3/v4'; a; c",
            ),
            ("src/a.tsx", "export const a = <p>{import('npm:left-pad')}</p>"),
            ("src/b.ts", "import 'node:fs'; import 'fs'; import data from './data.json'; export { data }"),
            ("src/data.json", "{}"),
            ("c/index.mjs", "export { default } from 'lodash'; require('@a/b')"),
            ("package.json", r##"{"imports": {"#d": "./d.cjs"}}"##),
            ("d.cjs", "require('d')"),
        ];
        assert_eq!(
            specifiers("src/agent.ts", &files),
            ["@a/b", "d", "lodash", "npm:left-pad", "react/jsx-runtime", "zod@3/v4"]
        );
    }

    #[test]
    fn jsx_runtimes() {
        let jsx = [("a.tsx", "/** @jsxImportSource preact */ export default <p/>")];
        assert_eq!(specifiers("a.tsx", &jsx), ["preact/jsx-runtime"]);
        let config = (
            "tsconfig.json",
            "{ /* hi */ \"compilerOptions\": {\"jsx\": \"react-jsx\", \"jsxImportSource\": \"hono/jsx\"} }",
        );
        assert_eq!(specifiers("a.tsx", &[("a.tsx", "export default <p/>"), config]), ["hono/jsx/jsx-runtime"]);
        let classic = [("a.jsx", "/* @jsxRuntime classic */ import h from 'h'; export default <p/>")];
        assert_eq!(specifiers("a.jsx", &classic), ["h"]);
    }

    #[test]
    fn what_is_wrong_is_said_with_its_place() {
        let missing = wrong("a.ts", &[("a.ts", "\nimport x from './nothing.js'; x")]);
        assert_eq!((missing.code.as_str(), missing.line, missing.column), ("unresolved-import", Some(2), Some(15)));
        assert_eq!(wrong("a.ts", &[]).code, "local-file-not-found");
        assert_eq!(wrong("a.ts", &[("a.ts", "import '../b'")]).code, "outside-root");
        assert_eq!(wrong("a.ts", &[("a.ts", "import '/etc/passwd'")]).code, "outside-root");
        assert_eq!(wrong("a/b.ts", &[("a/b.ts", "import './../../b'")]).code, "outside-root");
        assert_eq!(wrong("a.ts", &[("a.ts", "import 'https://a.b/c.js'")]).code, "unsupported-scheme");
        assert_eq!(wrong("a.ts", &[("a.ts", "import 'file:///etc/passwd'")]).code, "unsupported-scheme");
        assert_eq!(wrong("a.ts", &[("a.ts", "import 'node:nothing'")]).code, "unsupported-scheme");
        assert_eq!(wrong("a.ts", &[("a.ts", "class A { @b c() {} }")]).code, "decorators-unsupported");
        let syntax = wrong("a.ts", &[("a.ts", "import './b'"), ("b.ts", "const = 1")]);
        assert_eq!((syntax.code.as_str(), syntax.file.as_deref()), ("syntax-error", Some("b.ts")));
        let legacy = ("tsconfig.json", r#"{"compilerOptions": {"experimentalDecorators": true}}"#);
        assert!(specifiers("a.ts", &[("a.ts", "class A { @b c() {} }"), legacy]).is_empty());
    }

    #[test]
    fn cycles_end() {
        let files = [("a.ts", "import './b'"), ("b.ts", "import './a'; import 'x'")];
        let (round, rounds) = run("a.ts", &files);
        assert!(matches!(round, Round::Complete(_)));
        assert!(rounds <= 4, "{rounds}");
    }
}
