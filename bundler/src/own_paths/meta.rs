//! What a module knows of its own place: `import.meta`, `__dirname`, `__filename`, and imports of expressions.

use oxc::{
    ast::{
        AstKind,
        ast::{CallExpression, ImportDeclaration, ImportDeclarationSpecifier, ImportExpression, ImportPhase},
    },
    semantic::NodeId,
    span::{GetSpan, Span},
};

use super::{Editor, Own, Target, Uses, error, quote};
use crate::{
    resolution::is_local,
    scan::ImportKind,
    source,
    wasm::{self, Form},
};

impl Editor<'_, '_> {
    /// `import.meta` and `import(...)`.
    pub(super) fn nodes(&mut self) {
        for node in self.semantic.nodes().iter() {
            match node.kind() {
                AstKind::ImportMeta(meta) => self.import_meta(node.id(), meta.span),
                AstKind::ImportExpression(import) => self.import(import),
                AstKind::ImportDeclaration(import) => self.wasm_import(import),
                AstKind::StaticMemberExpression(member) if member.property.name == "getBuiltinModule" => {
                    // It gives `node:module` too.
                    self.uses.add(Uses { modules: true, builtins: true, ..Uses::default() });
                }
                _ => {}
            }
        }
    }

    /// `import source m from "./m.wasm"`, and an import of the default alone: see `wasm`.
    fn wasm_import(&mut self, import: &ImportDeclaration<'_>) {
        let specifier = import.source.value.as_str();
        let Some([only]) = import.specifiers.as_ref().map(|specifiers| specifiers.as_slice()) else { return };
        let local = match only {
            ImportDeclarationSpecifier::ImportDefaultSpecifier(default) => default.local.name,
            ImportDeclarationSpecifier::ImportSpecifier(named) if named.imported.name() == "default" => {
                named.local.name
            }
            _ => return,
        };
        if !specifier.ends_with(".wasm") || import.with_clause.is_some() {
            return;
        }
        let form = if import.phase == Some(ImportPhase::Source) { Form::Source } else { Form::Default };
        self.edit(import.span, format!("import {local} from{};", quote(&wasm::in_form(specifier, form))));
    }

    fn import(&mut self, import: &ImportExpression<'_>) {
        match source::literal(&import.source) {
            Some(specifier) if import.phase == Some(ImportPhase::Source) && specifier.ends_with(".wasm") => {
                let source = quote(&wasm::in_form(specifier, Form::Source));
                self.edit(import.span, format!("import({source}).then((m)=>m.default)"));
            }
            Some(specifier) => {
                if let Target::Throws { message, code } = self.targets.target(specifier, ImportKind::Dynamic) {
                    self.edit(import.span, format!("Promise.reject({})", error(&message, code)));
                }
            }
            None => {
                let target = self.own(Own::Import);
                self.edits.wrap(import.source.span(), format!("{target}("), ")".to_owned());
            }
        }
    }

    fn import_meta(&mut self, id: NodeId, span: Span) {
        let nodes = self.semantic.nodes();
        match nodes.parent_kind(id) {
            AstKind::StaticMemberExpression(member) if member.object.span() == span => {
                let parent = nodes.parent_kind(nodes.parent_id(id));
                if is_written(parent, member.span) {
                    return;
                }
                let value = match member.property.name.as_str() {
                    "url" => self.own(Own::Url),
                    "dirname" => self.own(Own::Folder),
                    "filename" => self.own(Own::File),
                    // It would be the bundle's.
                    "main" if !is_local(self.path) => "false".to_owned(),
                    "resolve" => match parent {
                        AstKind::CallExpression(call) if call.callee.span() == member.span => {
                            return self.meta_resolve(call);
                        }
                        _ => self.own(Own::Resolve),
                    },
                    _ => return,
                };
                self.edit(member.span, value);
            }
            _ => self.whole_meta(span),
        }
    }

    fn whole_meta(&mut self, span: Span) {
        let (url, folder, file) = (self.own(Own::Url), self.own(Own::Folder), self.own(Own::File));
        self.edit(span, format!("({{__proto__:null,url:{url},dirname:{folder},filename:{file}}})"));
    }

    fn meta_resolve(&mut self, call: &CallExpression<'_>) {
        let only = match call.arguments.as_slice() {
            [only] => source::literal_argument(only),
            _ => None,
        };
        match only.and_then(|specifier| self.targets.resolved(specifier, ImportKind::Dynamic)) {
            Some(path) if path.starts_with('/') => {
                let url = self.url_elsewhere(&path);
                self.edit(call.span, url);
            }
            Some(builtin) => self.edit(call.span, quote(&builtin)),
            None => {
                let own = self.own(Own::Resolve);
                self.edit(call.callee.span(), own);
            }
        }
    }

    /// `__dirname` and `__filename`: Node has them in CommonJS only, we give them to local TypeScript too.
    pub(super) fn folder_names(&mut self) {
        if self.is_module && !is_local(self.path) {
            return;
        }
        for (name, own) in [("__dirname", Own::Folder), ("__filename", Own::File)] {
            let references = self.references(name);
            if references.is_empty() {
                continue;
            }
            let value = self.own(own);
            if references.iter().any(|reference| reference.written) {
                self.late.push_str(&format!("var {name}={value};"));
                continue;
            }
            for reference in references {
                let text = if reference.shorthand { format!("{name}:{value}") } else { value.clone() };
                self.edit(reference.span, text);
            }
        }
    }
}

fn is_written(parent: AstKind<'_>, span: Span) -> bool {
    match parent {
        AstKind::AssignmentExpression(assignment) => assignment.left.span() == span,
        AstKind::UpdateExpression(_) => true,
        AstKind::UnaryExpression(unary) => unary.operator.is_delete(),
        _ => false,
    }
}
