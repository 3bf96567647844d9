//! A module's `require`: calls with a literal are the engine's, everything else gets a `require` of the module's own.

use oxc::{
    ast::{AstKind, ast::CallExpression},
    span::{GetSpan, Span},
};

use super::{Editor, FoundReference, Own, Target, Uses, error, quote};
use crate::{builtins, production, requires::CreatedRequires, scan::ImportKind, source};

/// What becomes of one mention of `require`.
pub(super) enum RequireUse {
    /// The engine understands it.
    Left,
    /// The part of the text becomes another text.
    Replaced(Span, String),
    /// What `require.resolve` gives for a file of the program.
    Resolved(Span, String),
    /// The module's own `require`.
    Own,
}

impl Editor<'_, '_> {
    /// Everything that happens to `require` where it is nobody's variable.
    pub(super) fn requires(&mut self) {
        let references = self.references("require");
        if references.iter().any(|reference| reference.written) {
            return;
        }
        for reference in references {
            match self.require_use(&reference) {
                RequireUse::Own => {
                    let own = self.own(Own::Require);
                    let text = if reference.shorthand { format!("require:{own}") } else { own };
                    self.edit(reference.span, text);
                }
                other => self.apply(other),
            }
        }
    }

    /// Does what is to be done, unless it is the own `require`.
    pub(super) fn apply(&mut self, found: RequireUse) {
        match found {
            RequireUse::Left | RequireUse::Own => {}
            RequireUse::Replaced(span, text) => self.edit(span, text),
            RequireUse::Resolved(span, path) => {
                let text = self.path_elsewhere(&path);
                self.edit(span, text);
            }
        }
    }

    fn require_use(&self, reference: &FoundReference) -> RequireUse {
        let nodes = self.semantic.nodes();
        let parent = nodes.parent_id(reference.node);
        match nodes.kind(parent) {
            AstKind::UnaryExpression(unary) if unary.operator.is_typeof() => RequireUse::Left,
            AstKind::CallExpression(call) if call.callee.span() == reference.span && !call.optional => {
                match self.require_call(call) {
                    // Not bundled, and not forgotten: should the branch be taken after all, the module's own `require`
                    // looks for it.
                    RequireUse::Left if production::is_dead(reference.node, self.semantic) => RequireUse::Own,
                    other => other,
                }
            }
            AstKind::StaticMemberExpression(member) if member.object.span() == reference.span => {
                match (member.property.name.as_str(), nodes.parent_kind(parent)) {
                    ("resolve", AstKind::CallExpression(call)) if call.callee.span() == member.span => {
                        self.resolve_call(call)
                    }
                    // A program is an ES module to Node, and so there is no main module.
                    ("main", AstKind::AssignmentExpression(assignment)) if assignment.left.span() == member.span => {
                        RequireUse::Own
                    }
                    ("main", _) => RequireUse::Replaced(member.span, "(void 0)".to_owned()),
                    _ => RequireUse::Own,
                }
            }
            _ => RequireUse::Own,
        }
    }

    pub(super) fn require_call(&self, call: &CallExpression<'_>) -> RequireUse {
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
        match only.and_then(|specifier| self.targets.resolved(specifier, ImportKind::Require)) {
            Some(path) if path.starts_with('/') => RequireUse::Resolved(call.span, path),
            Some(builtin) => RequireUse::Replaced(call.span, quote(&builtin)),
            None => RequireUse::Own,
        }
    }

    /// Calls through a `require` that the module has made become calls of the `require` that the engine understands.
    pub(super) fn created_requires(&mut self) {
        let semantic = self.semantic;
        if semantic.nodes().iter().any(|node| is_loader_import(node.kind())) {
            self.uses.add(Uses::LOADER);
        }
        let created = CreatedRequires::find(semantic);
        let scoping = semantic.scoping();
        let named = |symbol: &_| scoping.symbol_name(*symbol) == "require";
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
                other => self.apply(other),
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
                self.edit(span, text);
            }
        }
    }
}

/// Whether a node asks for `node:module`, by whatever name.
fn is_loader_import(kind: AstKind<'_>) -> bool {
    let specifier = match kind {
        AstKind::ImportDeclaration(import) => Some(import.source.value.as_str()),
        AstKind::ExportFromDeclaration(export) => Some(export.source.value.as_str()),
        AstKind::ExportAllDeclaration(export) => Some(export.source.value.as_str()),
        AstKind::ImportExpression(import) => source::literal(&import.source),
        AstKind::CallExpression(call) => call.arguments.first().and_then(source::literal_argument),
        _ => None,
    };
    specifier.is_some_and(|specifier| builtins::canonical(specifier).as_deref() == Some("node:module"))
}
