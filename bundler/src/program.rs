//! The program's own files: found from the entry, import by import, asking for what is lacking until nothing is.
//! Leaves packages alone; collects which are imported, and says of every local import that leads nowhere who has it.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use crate::{
    attributes, availability,
    decorators::Kind,
    diagnostics::Diagnostic,
    dialect::{self, Dialect},
    file_system::{LocalFiles, ROOT, VirtualFiles},
    layer::LayerPlan,
    layer_plan::{self, PlannedFile},
    loaders::{Loader, Loaders},
    names::Names,
    options::BundleOptions,
    resolution::{Failure, FailureKind, Resolution, Resolved},
    scan::{self, Erased, FoundImport, Import, ImportKind, ModuleScan, Scan},
    source::{Language, Lines},
    specifier::{self, Specifier},
};

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
    options: BundleOptions,
    dialect: Dialect,
    reached: BTreeSet<String>,
    /// For each file the local files that its imports lead to, by where they are written.
    links: BTreeMap<String, BTreeMap<usize, String>>,
    /// An import that means another package than it says.
    renamed: Option<String>,
    imports: BTreeSet<Import>,
    warnings: Vec<Diagnostic>,
}

impl Program {
    /// A program of which only the entry's path (below the project's root) is known.
    pub(crate) fn new(entry: &str, options: BundleOptions) -> Self {
        Self {
            entry: entry.to_owned(),
            files: LocalFiles::new(),
            scans: BTreeMap::new(),
            options,
            dialect: Dialect::default(),
            reached: BTreeSet::new(),
            links: BTreeMap::new(),
            renamed: None,
            imports: BTreeSet::new(),
            warnings: Vec::new(),
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

    pub(crate) fn options(&self) -> &BundleOptions {
        &self.options
    }

    /// What is suspicious.
    pub(crate) fn warnings(&self) -> &[Diagnostic] {
        &self.warnings
    }

    /// What the entry is made of, when there is no other file.
    pub(crate) fn only_file(&self) -> Option<&ModuleScan> {
        if self.reached.len() > 1 {
            return None;
        }
        self.scans.get(&self.entry).map(|scan| &**scan)
    }

    /// The local files whose decorators the engine leaves as they are.
    pub(crate) fn decorated(&self) -> BTreeSet<String> {
        let is_decorated = |path: &&String| {
            let has_any = self.scans.get(path.as_str()).is_some_and(|scan| scan.decorator.is_some());
            let language = self.options.loaders.language(path);
            has_any && Kind::of(&self.dialect, language) == Kind::Proposal
        };
        self.reached.iter().filter(is_decorated).cloned().collect()
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

    /// Reads how local files are compiled. `None` when that is known.
    pub(crate) fn advance_dialect(&mut self) -> Option<Round> {
        let files = VirtualFiles::local(self.files.clone());
        files.text(&format!("{ROOT}/{}", self.entry));
        let read = dialect::read(&files, &self.options.jsx);
        let lacking = files.lacking();
        if !lacking.is_empty() {
            return Some(Round::Lacking(lacking));
        }
        match read {
            dialect::Read::Wrong(wrong) => Some(Round::Wrong(vec![wrong])),
            dialect::Read::Done(dialect, warning) => {
                self.dialect = dialect;
                self.warnings = warning.into_iter().collect();
                None
            }
        }
    }

    /// Follows the imports as far as the known files allow.
    pub(crate) fn advance(&mut self) -> Round {
        if let Some(round) = self.advance_dialect() {
            return round;
        }
        let mut walk = Walk::new(self.files.clone(), Names::new(&self.options, &self.dialect));
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
        self.renamed = walk.renamed;
        if walk.diagnostics.is_empty() {
            self.imports = walk.imports;
            walk.warnings.sort_by(|left, right| left.place().cmp(&right.place()));
            self.warnings.extend(walk.warnings);
            return Round::Complete(Scan { imports: self.imports.iter().cloned().collect(), plan: self.plan() });
        }
        walk.diagnostics.sort_by(|left, right| left.place().cmp(&right.place()));
        Round::Wrong(walk.diagnostics)
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
        let language = self.options.loaders.language(path);
        if language != Language::Data {
            let text = crate::file_system::decode(bytes);
            let erased = match (language.is_typescript(), self.dialect.verbatim_imports) {
                (false, _) => Erased::Nothing,
                (true, true) => Erased::Types,
                (true, false) => Erased::Unused,
            };
            found = scan::scan(&text, path, language, erased).map_err(|errors| syntax_errors(&text, path, errors))?;
            self.imply_jsx_runtime(language, &mut found);
        }
        let found = Arc::new(found);
        self.scans.insert(path.to_owned(), Arc::clone(&found));
        Ok(found)
    }

    /// JSX is compiled to imports that nobody wrote.
    fn imply_jsx_runtime(&self, language: Language, found: &mut ModuleScan) {
        let Some(offset) = found.jsx else { return };
        if found.jsx_import_source.is_none() && (found.jsx_classic || self.dialect.jsx_classic) {
            return;
        }
        let source = found.jsx_import_source.as_ref().or(self.dialect.jsx_import_source.as_ref());
        let specifier = format!("{}/jsx-runtime", source.map_or("react", String::as_str));
        if matches!(language, Language::Jsx | Language::Tsx) {
            found.imports.push(FoundImport { specifier, kind: ImportKind::Static, offset, attribute: None });
        }
    }

    /// Whether a file is code, and of another language than linking would take it for.
    fn is_loaded_otherwise(&self, path: &str) -> bool {
        let language = self.options.loaders.language(path);
        language != Language::Data && language != Language::of(path)
    }

    fn plan(&self) -> LayerPlan {
        if self.imports.len() > MOST_PLANNED {
            return LayerPlan::Whole { reason: format!("the program has {} imports", self.imports.len()) };
        }
        if let Some(reason) = &self.renamed {
            return LayerPlan::Whole { reason: reason.clone() };
        }
        if let Some(path) = self.reached.iter().find(|path| self.is_loaded_otherwise(path)) {
            return LayerPlan::Whole { reason: format!("{path} is not what its extension says") };
        }
        let texts: Vec<_> = self
            .reached
            .iter()
            .filter(|path| self.options.loaders.language(path) != Language::Data)
            .filter_map(|path| Some((path, self.scans.get(path)?, self.files.get(path)?.as_ref()?)))
            .map(|(path, scan, bytes)| (path, scan, crate::file_system::decode(bytes)))
            .collect();
        let nothing = BTreeMap::new();
        let files: Vec<_> = texts
            .iter()
            .map(|(path, scan, text)| PlannedFile {
                path,
                text,
                scan,
                leads_to: self.links.get(*path).unwrap_or(&nothing),
            })
            .collect();
        layer_plan::plan(&self.entry, &files, &self.dialect, &self.options)
    }
}

/// One walk over what is known.
struct Walk {
    files: VirtualFiles,
    loaders: Loaders,
    resolution: Resolution,
    reached: BTreeSet<String>,
    links: BTreeMap<String, BTreeMap<usize, String>>,
    renamed: Option<String>,
    imports: BTreeSet<Import>,
    diagnostics: Vec<Diagnostic>,
    warnings: Vec<Diagnostic>,
}

impl Walk {
    fn new(local: LocalFiles, names: Names) -> Self {
        let files = VirtualFiles::local(local);
        let loaders = names.loaders.clone();
        let resolution = Resolution::new(files.clone(), names, BTreeMap::new(), BTreeSet::new());
        Self {
            files,
            loaders,
            resolution,
            reached: BTreeSet::new(),
            links: BTreeMap::new(),
            renamed: None,
            imports: BTreeSet::new(),
            diagnostics: Vec::new(),
            warnings: Vec::new(),
        }
    }

    /// The local files that a file imports as code.
    fn follow(&mut self, path: &str, scan: &ModuleScan) -> Vec<String> {
        let importer = format!("{ROOT}/{path}");
        // The type of a file is in the nearest package.json, which must be known before anything is bundled.
        self.resolution.package_json_of(&importer);
        let (mut next, mut packages, mut limited) = (Vec::new(), Vec::new(), BTreeSet::new());
        let mut links = BTreeMap::new();
        for import in &scan.imports {
            if self.files.lacking_count() > MOST_LACKING {
                break;
            }
            if let Some(specifier) = self.resolution.package_specifier(&importer, &import.specifier, import.kind) {
                if specifier != import.specifier {
                    let reason = || format!("{path} imports {specifier:?} as {:?}", import.specifier);
                    self.renamed.get_or_insert_with(reason);
                }
                packages.push((specifier, import.offset));
                continue;
            }
            if let Some(kind) = import.attribute.as_deref().filter(|kind| Loader::of_attribute(kind).is_none()) {
                self.diagnostics.push(self.unknown_attribute(path, import, kind));
                continue;
            }
            let asserted = attributes::specifier_with(&import.specifier, import.attribute.as_deref(), &self.loaders);
            let is_data = asserted.is_some();
            let specifier = asserted.unwrap_or_else(|| import.specifier.clone());
            match self.resolution.resolve(&importer, &specifier, import.kind) {
                Resolved::File { path, .. } => {
                    if let Some(local) = path.strip_prefix(ROOT).and_then(|rest| rest.strip_prefix('/'))
                        && crate::resolution::is_local(&path)
                        && !is_data
                    {
                        links.insert(import.offset, local.to_owned());
                        next.push(local.to_owned());
                    }
                }
                // One for each builtin and file.
                Resolved::Builtin(name) if limited.insert(name.clone()) => {
                    let warning = availability::warning(&name).map(|warning| self.place(path, import, warning));
                    self.warnings.extend(warning);
                }
                Resolved::Builtin(_) | Resolved::Data | Resolved::External(_) => {}
                // Each costs a look at the whole source.
                Resolved::Failed(_) if self.diagnostics.len() >= MOST_DIAGNOSTICS => {}
                Resolved::Failed(failure) => self.diagnostics.push(self.explain(path, import, &failure)),
            }
        }
        self.links.insert(path.to_owned(), links);
        self.note_packages(path, packages);
        next
    }

    /// Notes the packages that a file imports, by specifier and place.
    fn note_packages(&mut self, path: &str, packages: Vec<(String, usize)>) {
        if packages.is_empty() {
            return;
        }
        let text = self.files.text(&format!("{ROOT}/{path}")).unwrap_or_default();
        let lines = Lines::of(&text);
        for (specifier, offset) in packages {
            let Specifier::Package(package) = specifier::parse(&specifier) else { continue };
            self.imports.insert(Import {
                specifier,
                package: package.name,
                range: package.range,
                subpath: package.subpath,
                importer: path.to_owned(),
                line: lines.at(offset),
            });
        }
    }

    fn place(&self, path: &str, import: &FoundImport, diagnostic: Diagnostic) -> Diagnostic {
        let text = self.files.text(&format!("{ROOT}/{path}")).unwrap_or_default();
        diagnostic.file(path).at_offset(&text, import.offset).chain(vec![path.to_owned()])
    }

    fn unknown_attribute(&self, path: &str, import: &FoundImport, kind: &str) -> Diagnostic {
        let message = format!("an import attribute asks for the type {kind:?}, which is unknown");
        let diagnostic = Diagnostic::new("unknown-import-attribute", message)
            .hint("there are \"json\", \"text\" and \"bytes\"; --loader .ext=kind says what files of an extension are");
        self.place(path, import, diagnostic)
    }

    fn explain(&self, path: &str, import: &FoundImport, failure: &Failure) -> Diagnostic {
        let diagnostic = Diagnostic::new(failure.kind.code(), failure.message.clone()).hint(match failure.kind {
            FailureKind::OutsideRoot => "a program may only import files below its project's root",
            FailureKind::UnsupportedScheme => "import an npm package by its name, or a builtin as `node:...`",
            FailureKind::NativeAddon => "use a package that is pure JavaScript or WebAssembly",
            FailureKind::Blocked => "change the address in the import map, or the import",
            FailureKind::NoLoader => {
                "say it with --loader .ext=kind (text, binary, base64, dataurl, json, js, ts), or at the import: with { type: \"text\" }"
            }
            FailureKind::NotExported if import.specifier.starts_with('#') => {
                "add the name to the \"imports\" of the package.json"
            }
            FailureKind::NotFound
            | FailureKind::NotExported
            | FailureKind::BadPackageJson
            | FailureKind::InvalidSpecifier => "check the path; it is relative to the file that imports it",
        });
        self.place(path, import, diagnostic)
    }
}

pub(crate) fn syntax_errors(text: &str, path: &str, errors: Vec<crate::source::SyntaxError>) -> Vec<Diagnostic> {
    errors.into_iter().map(|error| error.diagnostic(text, path)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Advances with the given files until the end, and says how many rounds it took.
    fn run(entry: &str, files: &[(&str, &str)]) -> (Round, usize) {
        let mut program = Program::new(entry, BundleOptions::run());
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
        let syntax = wrong("a.ts", &[("a.ts", "import './b'"), ("b.ts", "const = 1")]);
        assert_eq!((syntax.code.as_str(), syntax.file.as_deref()), ("syntax-error", Some("b.ts")));
    }

    #[test]
    fn cycles_end() {
        let files = [("a.ts", "import './b'"), ("b.ts", "import './a'; import 'x'")];
        let (round, rounds) = run("a.ts", &files);
        assert!(matches!(round, Round::Complete(_)));
        assert!(rounds <= 4, "{rounds}");
    }
}
