//! Each module keeps what Node gives it: its own `import.meta.url`, `dirname` and `filename`, in CommonJS `__dirname`
//! and `__filename`, and, for whatever is not a call with a literal, a `require` of its own. Calls that can only fail
//! become throws of the error that Node would throw.
//!
//! Works on the syntax tree and its scopes: what a module has declared under these names is its own affair. Text is
//! edited without new lines, and with a map.

use oxc::{
    allocator::Allocator,
    ast::{
        AstKind,
        ast::{CallExpression, Program},
    },
    semantic::{NodeId, Semantic},
    span::{GetSpan, Span},
    syntax::symbol::SymbolId,
};
use oxc_sourcemap::SourceMap;
use string_wizard::{Hires, MagicString, SourceMapOptions};

use crate::{production, requires::CreatedRequires, scan::ImportKind, source};

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
    /// For `require("…")` and `import("…")`.
    fn target(&self, specifier: &str, kind: ImportKind) -> Target;
    /// What `require.resolve("…")` gives.
    fn resolved(&self, specifier: &str) -> Option<String>;
}

/// A module's text, changed, and the map back.
#[derive(Debug)]
pub(crate) struct Rewritten {
    pub(crate) code: String,
    pub(crate) map: SourceMap<'static>,
}

/// Words without one of which a source needs no look.
const WORDS: [&str; 5] = ["require", "import.meta", "__dirname", "__filename", "import("];

/// Rewrites the module at `path`; `None` when nothing changes, or when it cannot be parsed (which the engine reports).
pub(crate) fn rewrite(text: &str, path: &str, targets: &dyn Targets) -> Option<Rewritten> {
    if !WORDS.iter().any(|word| text.contains(word)) && !text.contains("import") {
        return None;
    }
    let allocator = Allocator::default();
    let (program, errors) = source::parse(&allocator, text, path);
    if !errors.is_empty() {
        return None;
    }
    let (semantic, _) = source::analyse(&program);
    let mut editor = Editor::new(path, &program, &semantic, targets);
    editor.nodes();
    editor.folder_names();
    editor.requires();
    editor.created_requires();
    editor.finish(text, &program)
}

/// A replacement of a part of the text.
struct Edit {
    span: Span,
    text: String,
}

struct Editor<'s, 'a> {
    path: &'s str,
    semantic: &'s Semantic<'a>,
    targets: &'s dyn Targets,
    /// Whether the source has the syntax of an ES module.
    is_module: bool,
    edits: Vec<Edit>,
    /// Declarations to stand before the first statement.
    prelude: String,
}

impl<'s, 'a> Editor<'s, 'a> {
    fn new(path: &'s str, program: &Program<'a>, semantic: &'s Semantic<'a>, targets: &'s dyn Targets) -> Self {
        let uses_meta = || semantic.nodes().iter().any(|node| matches!(node.kind(), AstKind::ImportMeta(_)));
        let is_module = source::has_module_syntax(program) || uses_meta();
        Self { path, semantic, targets, is_module, edits: Vec::new(), prelude: String::new() }
    }

    fn edit(&mut self, span: Span, text: String) {
        self.edits.push(Edit { span, text });
    }

    /// `import.meta`, and `import("…")` of what is not there.
    fn nodes(&mut self) {
        for node in self.semantic.nodes().iter() {
            match node.kind() {
                AstKind::ImportMeta(meta) => self.import_meta(node.id(), meta.span),
                AstKind::ImportExpression(import) => {
                    let Some(specifier) = source::literal(&import.source) else { continue };
                    if let Target::Throws { message, code } = self.targets.target(specifier, ImportKind::Dynamic) {
                        self.edit(import.span, format!("Promise.reject({})", error(&message, code)));
                    }
                }
                _ => {}
            }
        }
    }

    fn import_meta(&mut self, id: NodeId, span: Span) {
        let (url, folder, file) = (quote(&url_of(self.path)), quote(folder_of(self.path)), quote(self.path));
        let nodes = self.semantic.nodes();
        match nodes.parent_kind(id) {
            AstKind::StaticMemberExpression(member) if member.object.span() == span => {
                let value = match member.property.name.as_str() {
                    "url" => url,
                    "dirname" => folder,
                    "filename" => file,
                    _ => return,
                };
                if !is_written(nodes.parent_kind(nodes.parent_id(id)), member.span) {
                    self.edit(member.span, value);
                }
            }
            AstKind::ComputedMemberExpression(member) if member.object.span() == span => {}
            _ => self.edit(span, format!("({{__proto__:null,url:{url},dirname:{folder},filename:{file}}})")),
        }
    }

    /// `__dirname` and `__filename`: Node has them in CommonJS only, we give them to local TypeScript too.
    fn folder_names(&mut self) {
        if self.is_module && !crate::resolution::is_local(self.path) {
            return;
        }
        for (name, value) in [("__dirname", folder_of(self.path)), ("__filename", self.path)] {
            let references = self.references(name);
            if references.iter().any(|reference| reference.written) {
                self.prelude.push_str(&format!("var {name}={};", quote(value)));
                continue;
            }
            for reference in references {
                let text = if reference.shorthand { format!("{name}:{}", quote(value)) } else { quote(value) };
                self.edit(reference.span, text);
            }
        }
    }

    /// Everything that happens to `require` where it is nobody's variable.
    fn requires(&mut self) {
        let references = self.references("require");
        if references.iter().any(|reference| reference.written) {
            return;
        }
        let own = self.unused_name("__hoist_require");
        let mut used = false;
        for reference in references {
            match self.require_use(&reference) {
                RequireUse::Left => {}
                RequireUse::Replaced(span, text) => self.edit(span, text),
                RequireUse::Own => {
                    used = true;
                    let text = if reference.shorthand { format!("require:{own}") } else { own.clone() };
                    self.edit(reference.span, text);
                }
            }
        }
        if used {
            let url = quote(&url_of(self.path));
            if self.is_module {
                let create = self.unused_name("__hoist_create_require");
                self.prelude.push_str(&format!(
                    "import{{createRequire as {create}}}from\"node:module\";const {own}={create}({url});"
                ));
            } else {
                self.prelude.push_str(&format!("var {own}=require(\"node:module\").createRequire({url});"));
            }
        }
    }

    fn require_use(&self, reference: &FoundReference) -> RequireUse {
        let nodes = self.semantic.nodes();
        match nodes.parent_kind(reference.node) {
            AstKind::UnaryExpression(unary) if unary.operator.is_typeof() => RequireUse::Left,
            AstKind::CallExpression(call) if call.callee.span() == reference.span && !call.optional => {
                match self.require_call(call) {
                    // Not bundled, and not forgotten: should the branch be taken after all, the module's own `require`
                    // looks for it.
                    RequireUse::Left if production::is_dead(reference.node, self.semantic) => RequireUse::Own,
                    other => other,
                }
            }
            AstKind::StaticMemberExpression(member) if member.property.name == "resolve" => {
                let parent = nodes.parent_id(reference.node);
                match nodes.parent_kind(parent) {
                    AstKind::CallExpression(call) if call.callee.span() == member.span => self.resolve_call(call),
                    _ => RequireUse::Own,
                }
            }
            _ => RequireUse::Own,
        }
    }

    fn require_call(&self, call: &CallExpression<'_>) -> RequireUse {
        let Some(specifier) = call.arguments.first().and_then(source::literal_argument) else {
            return RequireUse::Own;
        };
        match self.targets.target(specifier, ImportKind::Require) {
            Target::Bundled => RequireUse::Left,
            Target::Throws { message, code } => {
                RequireUse::Replaced(call.span, format!("(()=>{{throw {}}})()", error(&message, code)))
            }
        }
    }

    fn resolve_call(&self, call: &CallExpression<'_>) -> RequireUse {
        let only = match call.arguments.as_slice() {
            [only] => source::literal_argument(only),
            _ => None,
        };
        match only.and_then(|specifier| self.targets.resolved(specifier)) {
            Some(path) => RequireUse::Replaced(call.span, quote(&path)),
            None => RequireUse::Own,
        }
    }

    /// Calls through a `require` that the module has made become calls of the `require` that the engine understands.
    fn created_requires(&mut self) {
        let semantic = self.semantic;
        let created = CreatedRequires::find(semantic);
        let scoping = semantic.scoping();
        let named = |symbol: &SymbolId| scoping.symbol_name(*symbol) == "require";
        let hidden: Vec<_> = created.variables().iter().copied().filter(|(symbol, _)| named(symbol)).collect();
        let all = scoping.symbol_ids().filter(named).count();
        if all != hidden.len() {
            // Somebody else's `require` may be in the way.
            return;
        }
        for node in semantic.nodes().iter() {
            let AstKind::CallExpression(call) = node.kind() else { continue };
            if call.optional || !created.is_callee(&call.callee, semantic) {
                continue;
            }
            match self.require_call(call) {
                RequireUse::Left => self.edit(call.callee.span(), "require".to_owned()),
                RequireUse::Replaced(span, text) => self.edit(span, text),
                RequireUse::Own => {}
            }
        }
        // Under its own name the variable would catch those calls.
        let name = self.unused_name("__hoist_created_require");
        for (symbol, declaration) in hidden {
            self.edit(declaration, name.clone());
            for reference in scoping.get_resolved_references(symbol) {
                let node = reference.node_id();
                let span = semantic.nodes().kind(node).span();
                let text = match semantic.nodes().parent_kind(node) {
                    AstKind::ObjectProperty(property) if property.shorthand => format!("require:{name}"),
                    AstKind::ExportSpecifier(_) => format!("{name} as require"),
                    _ => name.clone(),
                };
                self.edits.push(Edit { span, text });
            }
        }
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

    fn unused_name(&self, wanted: &str) -> String {
        let scoping = self.semantic.scoping();
        let is_used = |name: &str| {
            scoping.root_unresolved_references().contains_key(name) || scoping.symbol_names().any(|used| used == name)
        };
        let mut name = wanted.to_owned();
        while is_used(&name) {
            name.push('_');
        }
        name
    }

    fn finish(mut self, text: &str, program: &Program<'_>) -> Option<Rewritten> {
        if self.edits.is_empty() && self.prelude.is_empty() {
            return None;
        }
        // An edit inside of another one is part of what that one throws away.
        self.edits.sort_by_key(|edit| (edit.span.start, std::cmp::Reverse(edit.span.end)));
        let mut magic = MagicString::new(text);
        let mut end = 0;
        for edit in self.edits {
            if edit.span.start < end {
                continue;
            }
            end = edit.span.end;
            magic.update(edit.span.start, edit.span.end, edit.text).ok()?;
        }
        if !self.prelude.is_empty() {
            // A directive may lack its semicolon.
            let prelude = format!(";{}", self.prelude);
            match prelude_offset(program) {
                0 => {
                    magic.prepend(prelude);
                }
                offset => {
                    magic.append_left(offset, prelude).ok()?;
                }
            }
        }
        let map = magic.source_map(SourceMapOptions {
            include_content: true,
            source: self.path.into(),
            hires: Hires::Boundary,
        });
        Some(Rewritten { code: magic.to_string(), map })
    }
}

/// Behind the directives, or behind the line of a hashbang.
fn prelude_offset(program: &Program<'_>) -> u32 {
    if let Some(directive) = program.directives.last() {
        return directive.span.end;
    }
    match &program.hashbang {
        None => 0,
        Some(hashbang) => {
            let end = hashbang.span.end;
            let rest = program.source_text.get(end as usize..).unwrap_or_default();
            let line_end = if rest.starts_with("\r\n") { 2 } else { u32::from(!rest.is_empty()) };
            end + line_end
        }
    }
}

struct FoundReference {
    node: NodeId,
    span: Span,
    shorthand: bool,
    written: bool,
}

/// What becomes of one mention of `require`.
enum RequireUse {
    /// The engine understands it.
    Left,
    /// The part of the text becomes another text.
    Replaced(Span, String),
    /// The module's own `require`.
    Own,
}

fn is_written(parent: AstKind<'_>, span: Span) -> bool {
    match parent {
        AstKind::AssignmentExpression(assignment) => assignment.left.span() == span,
        AstKind::UpdateExpression(_) => true,
        AstKind::UnaryExpression(unary) => unary.operator.is_delete(),
        _ => false,
    }
}

fn error(message: &str, code: &str) -> String {
    format!("Object.assign(new Error({}),{{code:{}}})", quote(message), quote(code))
}

/// The folder of a path.
pub(crate) fn folder_of(path: &str) -> &str {
    path.rsplit_once('/').map_or("/", |(folder, _)| folder)
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
#[path = "own_paths_tests.rs"]
mod tests;
