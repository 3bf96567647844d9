//! Each module keeps what Node gives it: its own `import.meta.url`, `dirname`, `filename` and `resolve`, in CommonJS
//! `__dirname`, `__filename` and `module`, and, for whatever is not a call with a literal, a `require` and an
//! `import(...)` of its own. Calls that can only fail become throws of the error that Node would throw. A CommonJS module
//! that a bundle, which is strict, cannot hold is loaded from its file instead.
//!
//! Works on the syntax tree and its scopes: what a module has declared under these names is its own affair. Text is
//! edited without new lines, and with a map.

mod meta;
mod module;
mod require;
mod sloppy;

use std::collections::BTreeMap;

use oxc::{
    allocator::Allocator,
    ast::{AstKind, ast::Program},
    semantic::{NodeId, Semantic},
    span::{GetSpan, Span},
};
use oxc_sourcemap::SourceMap;
use string_wizard::{Hires, MagicString, SourceMapOptions};

use crate::{
    edits::{self, Edits},
    options::Purpose,
    scan::ImportKind,
    source,
};

/// What an import with a literal leads to, as far as this module must know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Target {
    /// The engine deals with it.
    Bundled,
    /// It throws when it is reached.
    Throws { message: String, code: &'static str },
}

/// Where the imports of one module lead.
pub(crate) trait Targets {
    /// For `require("...")` and `import("...")`.
    fn target(&self, specifier: &str, kind: ImportKind) -> Target;
    /// What `require.resolve("...")` or `import.meta.resolve("...")` gives: a path, or the name of a builtin.
    fn resolved(&self, specifier: &str, kind: ImportKind) -> Option<String>;
}

/// What a module may do at run time that no bundle can foresee.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Uses {
    /// It knows where its files are.
    pub(crate) paths: bool,
    /// It loads files through Node's loader.
    pub(crate) loader: bool,
    /// It sees modules as Node's loader has them.
    pub(crate) modules: bool,
    /// It can get at builtins that nobody sees it ask for.
    pub(crate) builtins: bool,
}

impl Uses {
    /// What loads files does it all.
    const LOADER: Self = Self { paths: true, loader: true, modules: true, builtins: false };

    fn add(&mut self, other: Self) {
        self.paths |= other.paths;
        self.loader |= other.loader;
        self.modules |= other.modules;
        self.builtins |= other.builtins;
    }
}

/// A module's text, changed, and the map back.
#[derive(Debug)]
pub(crate) struct Rewritten {
    pub(crate) code: String,
    pub(crate) map: SourceMap<'static>,
    pub(crate) uses: Uses,
}

/// Words for the sake of which a module of either kind is looked at.
const WORDS: [&str; 6] = ["require", "createRequire", "__dirname", "__filename", ".wasm", "getBuiltinModule"];

/// Whether a source may have to be changed. Parsing takes time, and most ES modules import and export and no more.
pub(crate) fn is_of_interest(text: &str) -> bool {
    let asks = |rest: &str| rest.trim_start().starts_with(['(', '.', '/']);
    WORDS.iter().any(|word| text.contains(word))
        || text.match_indices("import").any(|(at, word)| asks(&text[at + word.len()..]))
        || !text.lines().any(is_module_line)
}

fn is_module_line(line: &str) -> bool {
    let rest = line.strip_prefix("export").or_else(|| line.strip_prefix("import"));
    rest.is_some_and(|rest| rest.starts_with([' ', '{', '*', '"', '\'']))
}

/// Rewrites the module at `path`; `None` when nothing changes, or when it cannot be parsed (which the engine reports).
pub(crate) fn rewrite(text: &str, path: &str, purpose: Purpose, targets: &dyn Targets) -> Option<Rewritten> {
    if !is_of_interest(text) {
        return None;
    }
    let allocator = Allocator::default();
    let (program, errors) = source::parse(&allocator, text, path);
    if !errors.is_empty() {
        return sloppy::is_commonjs(text, path).then(|| outside(text, path));
    }
    let (semantic, errors) = source::analyse(&program);
    let mut editor = Editor::new(path, purpose, &program, &semantic, targets);
    if !editor.is_module
        && !source::Language::of(path).is_typescript()
        && (editor.needs_sloppy_mode(&program) || (!errors.is_empty() && sloppy::is_only_sloppy(text, path)))
    {
        return Some(outside(text, path));
    }
    editor.nodes();
    editor.folder_names();
    editor.requires();
    editor.created_requires();
    editor.modules();
    editor.arguments();
    editor.evals();
    editor.undeclared(&program);
    editor.global_this(&program);
    editor.finish(text, &program)
}

/// Whether a module may ask Node's loader for what is in a bundle.
pub(crate) fn sees_loader(text: &str, path: &str) -> bool {
    struct Anywhere;
    impl Targets for Anywhere {
        fn target(&self, _specifier: &str, _kind: ImportKind) -> Target {
            Target::Bundled
        }

        fn resolved(&self, _specifier: &str, _kind: ImportKind) -> Option<String> {
            None
        }
    }
    rewrite(text, path, Purpose::Run, &Anywhere).is_some_and(|rewritten| rewritten.uses.modules)
}

/// A module that is loaded from its file.
fn outside(text: &str, path: &str) -> Rewritten {
    let mut magic = MagicString::new(text);
    let code = "require(\"hoist:require\").outside(module);";
    magic.prepend(code);
    let map = magic.source_map(SourceMapOptions { include_content: true, source: path.into(), hires: Hires::Boundary });
    Rewritten { code: code.to_owned(), map, uses: Uses::LOADER }
}

/// Something that belongs to one module, as its code may name it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Own {
    Url,
    Folder,
    File,
    Require,
    Import,
    Resolve,
}

impl Own {
    /// The module of ours that makes it, what it is called there, and here.
    fn origin(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Self::Url => ("hoist:url", "url", "__hoist_url"),
            Self::Folder => ("hoist:file", "folder", "__hoist_folder"),
            Self::File => ("hoist:file", "file", "__hoist_file"),
            Self::Require => ("hoist:require", "own", "__hoist_require"),
            Self::Import => ("hoist:import", "target", "__hoist_import"),
            Self::Resolve => ("hoist:import", "resolver", "__hoist_resolve"),
        }
    }
}

struct Editor<'s, 'a> {
    path: &'s str,
    purpose: Purpose,
    semantic: &'s Semantic<'a>,
    targets: &'s dyn Targets,
    /// Whether the source has the syntax of an ES module.
    is_module: bool,
    edits: Edits,
    /// Names of what is its own, where the text uses them.
    own: BTreeMap<Own, String>,
    uses: Uses,
    /// Declarations that need those of the prelude.
    late: String,
}

impl<'s, 'a> Editor<'s, 'a> {
    fn new(
        path: &'s str,
        purpose: Purpose,
        program: &Program<'a>,
        semantic: &'s Semantic<'a>,
        targets: &'s dyn Targets,
    ) -> Self {
        let uses_meta = || semantic.nodes().iter().any(|node| matches!(node.kind(), AstKind::ImportMeta(_)));
        let is_module = source::has_module_syntax(program) || uses_meta();
        Self {
            path,
            purpose,
            semantic,
            targets,
            is_module,
            edits: Edits::default(),
            own: BTreeMap::new(),
            uses: Uses::default(),
            late: String::new(),
        }
    }

    fn edit(&mut self, span: Span, text: String) {
        self.edits.replace(span, text);
    }

    /// How the code says what is its own: a name, or, in a run, where paths are known, a literal.
    fn own(&mut self, own: Own) -> String {
        match own {
            Own::Url | Own::Folder | Own::File => self.uses.paths = true,
            Own::Require | Own::Import | Own::Resolve => self.uses.add(Uses::LOADER),
        }
        match (self.purpose, own) {
            (Purpose::Run, Own::Url) => return quote(&url_of(self.path)),
            (Purpose::Run, Own::Folder) => return quote(folder_of(self.path)),
            (Purpose::Run, Own::File) => return quote(self.path),
            (Purpose::Run, Own::Require | Own::Import | Own::Resolve) | (Purpose::Bundle, _) => {}
        }
        if let Some(name) = self.own.get(&own) {
            return name.clone();
        }
        let name = self.unused_name(own.origin().2);
        self.own.insert(own, name.clone());
        name
    }

    /// A path as code: a literal in a run, else found from where the bundle is.
    fn path_elsewhere(&mut self, path: &str) -> String {
        self.uses.paths = true;
        match self.purpose {
            Purpose::Run => quote(path),
            Purpose::Bundle => format!("{}({})", self.maker("hoist:file", "file"), quote(&below_root(path))),
        }
    }

    /// A URL as code.
    fn url_elsewhere(&mut self, path: &str) -> String {
        self.uses.paths = true;
        match self.purpose {
            Purpose::Run => quote(&url_of(path)),
            Purpose::Bundle => format!("{}({})", self.maker("hoist:url", "url"), quote(&below_root(path))),
        }
    }

    /// A function of a module of ours, as code.
    fn maker(&mut self, specifier: &str, name: &str) -> String {
        if !self.is_module {
            return format!("require({}).{name}", quote(specifier));
        }
        let local = self.unused_name(&format!("__hoist_make_{name}"));
        let import = format!("import{{{name} as {local}}}from{};", quote(specifier));
        if !self.edits.prelude.contains(&import) {
            self.edits.prelude.push_str(&import);
        }
        local
    }

    /// Declares what is the module's own, and makes the bundle's modules known where somebody may look for them.
    fn declare_own(&mut self) {
        let path = quote(&below_root(self.path));
        let own = std::mem::take(&mut self.own);
        for (own, name) in &own {
            let (specifier, export, _) = own.origin();
            let maker = self.maker(specifier, export);
            let keyword = if self.is_module { "const" } else { "var" };
            self.edits.prelude.push_str(&format!("{keyword} {name}={maker}({path});"));
        }
        let known = own.keys().any(|own| matches!(own, Own::Require | Own::Import | Own::Resolve));
        if self.uses.modules && !known {
            let import = if self.is_module { "import\"hoist:require\";" } else { "require(\"hoist:require\");" };
            self.edits.prelude.insert_str(0, import);
        }
        self.edits.prelude.push_str(&std::mem::take(&mut self.late));
    }

    /// The value references to a name that no scope of the module declares.
    fn references(&self, name: &str) -> Vec<FoundReference> {
        let scoping = self.semantic.scoping();
        let Some(ids) = scoping.root_unresolved_references().get(name) else { return Vec::new() };
        let nodes = self.semantic.nodes();
        ids.iter()
            .map(|&id| scoping.get_reference(id))
            .filter(|reference| reference.is_value())
            .map(|reference| {
                let node = reference.node_id();
                let span = nodes.kind(node).span();
                let shorthand =
                    matches!(nodes.parent_kind(node), AstKind::ObjectProperty(property) if property.shorthand);
                FoundReference { node, span, shorthand, written: reference.is_write() }
            })
            .collect()
    }

    fn declares(&self, name: &str) -> bool {
        self.semantic.scoping().symbol_names().any(|used| used == name)
    }

    fn unused_name(&self, wanted: &str) -> String {
        source::unused_name(wanted, self.semantic)
    }

    fn finish(mut self, text: &str, program: &Program<'_>) -> Option<Rewritten> {
        self.declare_own();
        let edits::Rewritten { code, map } = self.edits.apply(text, self.path, program)?;
        Some(Rewritten { code, map, uses: self.uses })
    }
}

struct FoundReference {
    node: NodeId,
    span: Span,
    shorthand: bool,
    written: bool,
}

fn error(message: &str, code: &str) -> String {
    format!("Object.assign(new Error({}),{{code:{}}})", quote(message), quote(code))
}

/// The folder of a path.
pub(crate) fn folder_of(path: &str) -> &str {
    path.rsplit_once('/').map_or("/", |(folder, _)| folder)
}

/// A path below the root, encoded as in a URL.
pub(crate) fn below_root(path: &str) -> String {
    let url = url_of(path);
    url.strip_prefix("file:///hoist/").map(str::to_owned).unwrap_or(url)
}

/// The `file:` URL of a path, as `pathToFileURL` makes it.
pub(crate) fn url_of(path: &str) -> String {
    let mut url = String::from("file://");
    for byte in path.bytes() {
        match byte {
            b'/' | b'-' | b'_' | b'.' | b'!' | b'~' | b'*' | b'\'' | b'(' | b')' | b'@' | b'$' | b'&' | b'+' | b','
            | b':' | b';' | b'=' => url.push(char::from(byte)),
            _ if byte.is_ascii_alphanumeric() => url.push(char::from(byte)),
            _ => url.push_str(&format!("%{byte:02X}")),
        }
    }
    url
}

/// A JavaScript string literal. JSON is one, since ES2019.
pub(crate) fn quote(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

#[cfg(test)]
mod tests;
