//! A CommonJS module's `module`, and evaluated code that may speak of `require`.
//!
//! What the engine gives a module has `exports` and nothing else; whoever asks for more gets what Node's loader has.

use oxc::{
    ast::{
        AstKind,
        ast::{BindingPattern, CallExpression, Expression, Program},
    },
    ast_visit::{Visit, walk},
    semantic::NodeId,
    span::{GetSpan, Span},
    syntax::symbol::SymbolId,
};

use super::{Editor, Own, Uses, require::RequireUse};
use crate::{builtins, source};

/// How much of a `module` is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Extent {
    /// What the engine gives.
    Exports,
    /// What Node's loader gives, but nothing is loaded through it.
    Whole,
    /// Files can be loaded through it.
    Loader,
}

impl Editor<'_, '_> {
    /// `module` where it is nobody's variable.
    pub(super) fn modules(&mut self) {
        if self.is_module {
            return;
        }
        let references = self.references("module");
        if references.iter().any(|reference| reference.written) {
            return;
        }
        let mut most = Extent::Exports;
        for reference in references {
            most = most.max(self.module_use(reference.node, reference.span, true));
        }
        match most {
            Extent::Exports => {}
            Extent::Whole => self.uses.modules = true,
            Extent::Loader => self.uses.add(Uses::LOADER),
        }
    }

    /// `arguments` outside of functions: those of the function that Node makes of a CommonJS module.
    pub(super) fn arguments(&mut self) {
        let references = if self.is_module { Vec::new() } else { self.references("arguments") };
        let nodes = self.semantic.nodes();
        let is_inside =
            |node| nodes.ancestor_kinds(node).any(|kind| matches!(kind, AstKind::Function(_) | AstKind::Class(_)));
        for reference in references.into_iter().filter(|reference| !is_inside(reference.node)) {
            let [require, file, folder] = [Own::Require, Own::File, Own::Folder].map(|own| self.own(own));
            self.edit(reference.span, format!("[exports,{require},module,{file},{folder}]"));
        }
    }

    /// What happens to the value of a node that is `module`. Its own properties are replaced when it is mentioned
    /// itself.
    fn module_use(&mut self, id: NodeId, span: Span, itself: bool) -> Extent {
        let nodes = self.semantic.nodes();
        let parent_id = nodes.parent_id(id);
        let parent = nodes.kind(parent_id);
        match parent {
            AstKind::StaticMemberExpression(member) if member.object.span() == span => {
                let name = member.property.name.as_str();
                let above = nodes.parent_kind(parent_id);
                let is_read = !matches!(above, AstKind::AssignmentExpression(assignment) if assignment.left.span() == member.span)
                    && !matches!(above, AstKind::UpdateExpression(_));
                match name {
                    "exports" | "hot" | "nodeType" => Extent::Exports,
                    "filename" | "id" if itself && is_read => {
                        let file = self.own(Own::File);
                        self.edit(member.span, file);
                        Extent::Exports
                    }
                    "path" if itself && is_read => {
                        let folder = self.own(Own::Folder);
                        self.edit(member.span, folder);
                        Extent::Exports
                    }
                    "require" => self.module_require(parent_id, member.span, itself),
                    "constructor" => Extent::Loader,
                    _ => Extent::Whole,
                }
            }
            AstKind::ComputedMemberExpression(member) if member.object.span() == span => {
                match source::literal(&member.expression) {
                    Some("exports") => Extent::Exports,
                    _ => Extent::Loader,
                }
            }
            AstKind::ParenthesizedExpression(_) => self.module_use(parent_id, parent.span(), false),
            AstKind::LogicalExpression(logical) => {
                if logical.operator.is_and() && logical.left.span() == span {
                    Extent::Exports
                } else {
                    self.module_use(parent_id, logical.span, false)
                }
            }
            AstKind::UnaryExpression(_) | AstKind::BinaryExpression(_) | AstKind::ExpressionStatement(_) => {
                Extent::Exports
            }
            AstKind::IfStatement(_) => Extent::Exports,
            AstKind::ConditionalExpression(conditional) if conditional.test.span() == span => Extent::Exports,
            AstKind::ConditionalExpression(conditional) => self.module_use(parent_id, conditional.span, false),
            AstKind::VariableDeclarator(declarator) => match &declarator.id {
                BindingPattern::BindingIdentifier(name) => self.variable_use(name.symbol_id()),
                _ => Extent::Loader,
            },
            // Wrappers for all kinds of loaders hand it to their own function, which looks for `exports` in it.
            AstKind::CallExpression(call) if is_own_function(&call.callee) && !self.reads_of_a_module() => {
                Extent::Exports
            }
            _ => Extent::Loader,
        }
    }

    /// Whether the file reads, of whatever object, what only a module of Node's loader has.
    fn reads_of_a_module(&self) -> bool {
        const PROPERTIES: [&str; 7] = ["require", "paths", "filename", "children", "parent", "_compile", "constructor"];
        self.semantic.nodes().iter().any(|node| match node.kind() {
            AstKind::StaticMemberExpression(member) => {
                let is_itself = matches!(&member.object, Expression::Identifier(name) if name.name == "module");
                !is_itself && PROPERTIES.contains(&member.property.name.as_str())
            }
            AstKind::ComputedMemberExpression(member) => {
                source::literal(&member.expression).is_some_and(|name| PROPERTIES.contains(&name))
            }
            _ => false,
        })
    }

    /// A variable that holds the module.
    fn variable_use(&mut self, symbol: SymbolId) -> Extent {
        let semantic = self.semantic;
        let mut most = Extent::Exports;
        for reference in semantic.scoping().get_resolved_references(symbol) {
            let node = reference.node_id();
            let is_init = matches!(semantic.nodes().parent_kind(node), AstKind::VariableDeclarator(_));
            if reference.is_write() || is_init {
                return Extent::Loader;
            }
            most = most.max(self.module_use(node, semantic.nodes().kind(node).span(), false));
        }
        most
    }

    /// `module.require`: like `require` when it is called with a literal.
    fn module_require(&mut self, id: NodeId, span: Span, itself: bool) -> Extent {
        let nodes = self.semantic.nodes();
        match nodes.parent_kind(id) {
            AstKind::CallExpression(call) if call.callee.span() == span => {
                let specifier = call.arguments.first().and_then(source::literal_argument);
                if specifier.is_some_and(|specifier| builtins::canonical(specifier).is_some()) {
                    return Extent::Whole;
                }
                if !itself || call.optional || self.declares("require") {
                    return Extent::Loader;
                }
                match self.require_call(call) {
                    RequireUse::Left => {
                        self.edit(span, "require".to_owned());
                        Extent::Exports
                    }
                    RequireUse::Own => Extent::Loader,
                    other => {
                        self.apply(other);
                        Extent::Exports
                    }
                }
            }
            AstKind::LogicalExpression(logical) if logical.operator.is_and() && logical.left.span() == span => {
                Extent::Exports
            }
            AstKind::UnaryExpression(_) => Extent::Exports,
            _ => Extent::Loader,
        }
    }

    /// `eval("require")`, as some packages hide it from bundlers: the code finds what it would find in Node.
    pub(super) fn evals(&mut self) {
        if self.is_module {
            return;
        }
        for reference in self.references("eval") {
            let AstKind::CallExpression(call) = self.semantic.nodes().parent_kind(reference.node) else { continue };
            if call.callee.span() != reference.span || call.optional || !is_plain(call) {
                continue;
            }
            let values = [self.own(Own::Require), self.own(Own::File), self.own(Own::Folder)].join(",");
            self.uses.add(Uses { builtins: true, ..Uses::LOADER });
            let before = "((require,__filename,__dirname)=>".to_owned();
            self.edits.wrap(call.span, before, format!(")({values})"));
        }
    }

    /// Assignments to names that nobody declares make global variables in sloppy code, and throw in a bundle.
    pub(super) fn undeclared(&mut self, program: &Program<'_>) {
        if self.is_module || super::sloppy::is_strict(program) {
            return;
        }
        let scoping = self.semantic.scoping();
        let nodes = self.semantic.nodes();
        let mut found = Vec::new();
        for (name, references) in scoping.root_unresolved_references() {
            if matches!(name.as_str(), "exports" | "module" | "require" | "__dirname" | "__filename" | "undefined") {
                continue;
            }
            for &reference in references {
                let reference = scoping.get_reference(reference);
                let node = reference.node_id();
                if !reference.is_write() || super::sloppy::is_in_strict_function(node, self.semantic) {
                    continue;
                }
                let shorthand = matches!(nodes.parent_kind(node), AstKind::AssignmentTargetPropertyIdentifier(_));
                let before = if shorthand { format!("{name}:globalThis.") } else { "globalThis.".to_owned() };
                found.push((nodes.kind(node).span(), format!("{before}{name}")));
            }
        }
        for (span, text) in found {
            self.edit(span, text);
        }
    }
}

/// Whether a function is called where it is written: `(function (module) { … })(…)`, or through its `call`.
fn is_own_function(callee: &Expression<'_>) -> bool {
    match callee.without_parentheses() {
        Expression::FunctionExpression(_) | Expression::ArrowFunctionExpression(_) => true,
        Expression::StaticMemberExpression(member) if member.property.name == "call" => is_own_function(&member.object),
        _ => false,
    }
}

/// Whether a call can stand in a function of its own.
fn is_plain(call: &CallExpression<'_>) -> bool {
    struct Search(bool);
    impl<'a> Visit<'a> for Search {
        fn visit_expression(&mut self, expression: &Expression<'a>) {
            self.0 |= matches!(expression, Expression::AwaitExpression(_) | Expression::YieldExpression(_));
            walk::walk_expression(self, expression);
        }
    }
    let mut search = Search(false);
    search.visit_arguments(&call.arguments);
    !search.0
}
