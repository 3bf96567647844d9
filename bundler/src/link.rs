//! Links a program's own files to its layer: imports of packages become reads of the properties of the layer's namespaces,
//! as the engine makes them within a bundle. So live bindings hold, and a CommonJS package needs no declared names.
//!
//! What cannot be said that way is refused here, by `layer_plan` before, or by the engine after; the program is then
//! bundled as a whole.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Mutex, PoisonError},
};

use oxc::{
    allocator::Allocator,
    ast::{
        AstKind,
        ast::{ImportDeclaration, ImportDeclarationSpecifier, ImportOrExportKind, Program, Statement},
    },
    semantic::{NodeId, Semantic},
    span::{GetSpan, Span},
};

use crate::{
    edits::{Edits, Rewritten},
    layer::{LAYER_SPECIFIER, LayerImport, LayerInterface, export_name},
    own_paths,
    requires::CreatedRequires,
    scan::{self, ImportKind},
    source,
};

/// A layer as user code is linked to it.
#[derive(Debug)]
pub(crate) struct Link {
    numbers: BTreeMap<(String, ImportKind), usize>,
    exports: Vec<Option<BTreeSet<String>>>,
    refusal: Mutex<Option<String>>,
}

impl Link {
    pub(crate) fn new(interface: LayerInterface) -> Self {
        let numbers = interface.imports.into_iter();
        let numbers = numbers.map(|(LayerImport { specifier, kind }, number)| ((specifier, kind), number)).collect();
        Self { numbers, exports: interface.exports, refusal: Mutex::default() }
    }

    /// The number of an import in the layer.
    pub(crate) fn number(&self, specifier: &str, kind: ImportKind) -> Option<usize> {
        self.numbers.get(&(specifier.to_owned(), kind)).copied()
    }

    /// Why the program cannot be linked, once that has turned out.
    pub(crate) fn refusal(&self) -> Option<String> {
        self.refusal.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn refuse(&self, reason: String) {
        self.refusal.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(reason);
    }

    /// Rewrites the local module at `path`; `None` when it imports nothing of the layer's, or cannot be parsed.
    pub(crate) fn rewrite(&self, text: &str, path: &str) -> Option<Rewritten> {
        let allocator = Allocator::default();
        let (program, errors) = source::parse(&allocator, text, path);
        if !errors.is_empty() {
            return None;
        }
        let (semantic, _) = source::analyse(&program);
        let mut linking = Linking { link: self, semantic: &semantic, edits: Edits::default(), used: BTreeMap::new() };
        for statement in &program.body {
            if let Statement::ImportDeclaration(import) = statement {
                linking.statement(import);
            }
        }
        linking.calls();
        linking.finish(text, path, &program)
    }
}

/// One module while it is linked.
struct Linking<'l, 'a> {
    link: &'l Link,
    semantic: &'l Semantic<'a>,
    edits: Edits,
    /// The numbers that the module uses, each with the name it has here.
    used: BTreeMap<usize, String>,
}

impl Linking<'_, '_> {
    /// `import … from "package"`.
    fn statement(&mut self, import: &ImportDeclaration<'_>) {
        let Some(number) = self.link.number(&import.source.value, ImportKind::Static) else { return };
        if import.import_kind == ImportOrExportKind::Type {
            return;
        }
        self.edits.replace(import.span, String::new());
        for specifier in import.specifiers.iter().flatten() {
            let (local, property) = match specifier {
                ImportDeclarationSpecifier::ImportSpecifier(named) => {
                    (&named.local, Some(named.imported.name().to_string()))
                }
                ImportDeclarationSpecifier::ImportDefaultSpecifier(default) => {
                    (&default.local, Some("default".to_owned()))
                }
                ImportDeclarationSpecifier::ImportNamespaceSpecifier(all) => (&all.local, None),
            };
            let scoping = self.semantic.scoping();
            let references: Vec<_> = scoping
                .get_resolved_references(local.symbol_id())
                .filter(|reference| reference.is_value())
                .map(|reference| reference.node_id())
                .collect();
            if references.is_empty() {
                continue;
            }
            let name = self.name(number);
            let read = match &property {
                None => name,
                Some(property) => {
                    self.check(number, property, &import.source.value);
                    member(&name, property)
                }
            };
            for reference in references {
                self.reference(reference, &read);
            }
        }
    }

    /// What the engine would report has to be reported by it.
    fn check(&self, number: usize, property: &str, specifier: &str) {
        if let Some(Some(names)) = self.link.exports.get(number)
            && !names.contains(property)
        {
            self.link.refuse(format!("{specifier:?} has no export named {property:?}"));
        }
    }

    /// One mention of an imported name.
    fn reference(&mut self, node: NodeId, read: &str) {
        let nodes = self.semantic.nodes();
        let span = nodes.kind(node).span();
        let is_member = read.contains(['.', '[']);
        let text = match nodes.parent_kind(node) {
            AstKind::ObjectProperty(property) if property.shorthand => {
                format!("{}: {read}", source_text(property.key.span(), self.semantic))
            }
            // The namespace is not the function's `this`.
            AstKind::CallExpression(call) if is_member && call.callee.span() == span => {
                match nodes.parent_kind(nodes.parent_id(node)) {
                    AstKind::Decorator(_) => read.to_owned(),
                    _ => format!("{}(0, {read})", self.separator(node, span)),
                }
            }
            AstKind::TaggedTemplateExpression(tagged) if is_member && tagged.tag.span() == span => {
                format!("{}(0, {read})", self.separator(node, span))
            }
            _ => read.to_owned(),
        };
        self.edits.replace(span, text);
    }

    /// A parenthesis at the start of a statement would go on with the statement before it, if that has no semicolon.
    fn separator(&self, node: NodeId, span: Span) -> &'static str {
        let nodes = self.semantic.nodes();
        let mut at = node;
        loop {
            let parent = nodes.parent_id(at);
            let kind = nodes.kind(parent);
            if let AstKind::ExpressionStatement(_) = kind {
                return match nodes.parent_kind(parent) {
                    AstKind::Program(_)
                    | AstKind::BlockStatement(_)
                    | AstKind::FunctionBody(_)
                    | AstKind::StaticBlock(_)
                    | AstKind::SwitchCase(_)
                    | AstKind::TSModuleBlock(_) => ";",
                    _ => "",
                };
            }
            if kind.span().start != span.start || at == parent {
                return "";
            }
            at = parent;
        }
    }

    /// `import("package")` and `require("package")`.
    fn calls(&mut self) {
        let requires = CreatedRequires::find(self.semantic);
        for node in self.semantic.nodes().iter() {
            match node.kind() {
                AstKind::ImportExpression(import) => {
                    let Some(specifier) = source::literal(&import.source) else { continue };
                    if let Some(number) = self.link.number(specifier, ImportKind::Dynamic) {
                        let text = format!("{}()", self.name(number));
                        self.edits.replace(import.span, text);
                    }
                }
                AstKind::CallExpression(call) => {
                    let Some((specifier, _)) = scan::required(call, self.semantic, &requires) else { continue };
                    if let Some(number) = self.link.number(specifier, ImportKind::Require) {
                        let text = format!("{}()", self.name(number));
                        self.edits.replace(call.span, text);
                    }
                }
                _ => {}
            }
        }
    }

    /// What an export of the layer's is called in this module.
    fn name(&mut self, number: usize) -> String {
        let semantic = self.semantic;
        let new = || source::unused_name(&format!("__hoist_layer_{number}"), semantic);
        self.used.entry(number).or_insert_with(new).clone()
    }

    fn finish(mut self, text: &str, path: &str, program: &Program<'_>) -> Option<Rewritten> {
        let is_module = source::has_module_syntax(program);
        for (number, name) in &self.used {
            let export = export_name(*number);
            if is_module {
                // Behind everything: comments at the start speak to JSX's compiler only there.
                self.edits.postlude.push_str(&format!("import {{ {export} as {name} }} from \"{LAYER_SPECIFIER}\";"));
            } else {
                // A statement would make an ES module of it; `bridge` does it on its behalf.
                self.edits.prelude.push_str(&format!("const {{ {export}: {name} }} = require(\"{BRIDGE}\");"));
            }
        }
        self.edits.apply(text, path, program)
    }
}

/// The module by which CommonJS reaches the layer.
pub(crate) const BRIDGE: &str = "\0hoist-layer";

/// The source of that module.
pub(crate) fn bridge(link: &Link) -> String {
    let numbers: BTreeSet<usize> = link.numbers.values().copied().collect();
    let names: Vec<_> = numbers.into_iter().map(export_name).collect();
    format!("export {{ {} }} from \"{LAYER_SPECIFIER}\";\n", names.join(", "))
}

/// What stands for a module that JSX's compiler imports and nobody wrote.
pub(crate) fn jsx_runtime(number: usize) -> String {
    let export = export_name(number);
    format!(
        "import {{ {export} as layer }} from \"{LAYER_SPECIFIER}\";\nexport const {{ jsx, jsxs, Fragment }} = layer;\n"
    )
}

/// A read of a namespace's property.
fn member(namespace: &str, property: &str) -> String {
    let is_plain =
        property.chars().all(|character| character.is_ascii_alphanumeric() || matches!(character, '_' | '$'))
            && !property.starts_with(|first: char| first.is_ascii_digit());
    match is_plain && !property.is_empty() {
        true => format!("{namespace}.{property}"),
        false => format!("{namespace}[{}]", own_paths::quote(property)),
    }
}

fn source_text<'a>(span: Span, semantic: &Semantic<'a>) -> &'a str {
    span.source_text(semantic.source_text())
}

#[cfg(test)]
#[path = "link_tests.rs"]
mod tests;
