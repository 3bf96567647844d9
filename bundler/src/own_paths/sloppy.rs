//! CommonJS is sloppy code to Node, and a bundle is strict. What strict code cannot say, or says otherwise, is found here.

use oxc::{
    allocator::Allocator,
    ast::{
        AstKind,
        ast::{Class, Expression, Function, Program, StaticMemberExpression},
    },
    ast_visit::{Visit, walk},
    semantic::{NodeId, ScopeFlags, Semantic},
    span::Span,
};

use super::Editor;
use crate::source;

/// Whether a text that is no module is CommonJS.
pub(super) fn is_commonjs(text: &str, path: &str) -> bool {
    let allocator = Allocator::default();
    if source::Language::of(path).is_typescript() {
        return false;
    }
    let (program, errors) = source::parse_sloppy(&allocator, text);
    errors.is_empty() && !source::has_module_syntax(&program) && source::analyse(&program).1.is_empty()
}

/// Whether a text is CommonJS as it stands, and is none where code is strict.
pub(super) fn is_only_sloppy(text: &str, path: &str) -> bool {
    // Behind a directive there can be no hashbang.
    let code = text.strip_prefix("#!").map_or_else(|| text.to_owned(), |line| format!("//{line}"));
    !is_commonjs(&format!("'use strict';{code}"), path) && is_commonjs(text, path)
}

/// Whether a source says of itself that it is strict.
pub(super) fn is_strict(program: &Program<'_>) -> bool {
    program.directives.iter().any(|directive| directive.directive == "use strict")
}

/// Whether a node stands in a function that says of itself that it is strict, or in a class.
pub(super) fn is_in_strict_function(node: NodeId, semantic: &Semantic<'_>) -> bool {
    semantic.nodes().ancestor_kinds(node).any(|kind| match kind {
        AstKind::Function(function) => is_strict_function(function),
        AstKind::Class(_) => true,
        _ => false,
    })
}

fn is_strict_function(function: &Function<'_>) -> bool {
    let body = function.body.as_ref();
    body.is_some_and(|body| body.directives.iter().any(|directive| directive.directive == "use strict"))
}

impl Editor<'_, '_> {
    /// Whether the source, which strict code could say, means something else there.
    pub(super) fn needs_sloppy_mode(&self, program: &Program<'_>) -> bool {
        !is_strict(program) && (self.asks_for_callee() || self.calls_out_of_block())
    }

    /// `arguments.callee`.
    fn asks_for_callee(&self) -> bool {
        self.semantic.nodes().iter().any(|node| match node.kind() {
            AstKind::StaticMemberExpression(member) if member.property.name == "callee" => {
                matches!(&member.object, Expression::Identifier(name) if name.name == "arguments")
                    && !is_in_strict_function(node.id(), self.semantic)
            }
            _ => false,
        })
    }

    /// `(function () { this.x })()`, where `this` is the global object in sloppy code, and says so then.
    pub(super) fn global_this(&mut self, program: &Program<'_>) {
        if self.is_module || is_strict(program) || self.declares("globalThis") {
            return;
        }
        let mut search = ThisMembers(Vec::new());
        for node in self.semantic.nodes().iter() {
            let AstKind::CallExpression(call) = node.kind() else { continue };
            let Expression::FunctionExpression(function) = call.callee.without_parentheses() else { continue };
            let strict = is_strict_function(function) || is_in_strict_function(node.id(), self.semantic);
            if let Some(body) = function.body.as_ref().filter(|_| !strict && !function.generator) {
                search.visit_function_body(body);
            }
        }
        for span in search.0 {
            self.edit(span, "globalThis".to_owned());
        }
    }

    /// A function that is declared in a block and called outside of it.
    fn calls_out_of_block(&self) -> bool {
        let scoping = self.semantic.scoping();
        scoping.symbol_ids().any(|symbol| {
            let scope = scoping.scope_flags(scoping.symbol_scope_id(symbol));
            scoping.symbol_flags(symbol).is_function()
                && !scope.intersects(ScopeFlags::Function | ScopeFlags::Top | ScopeFlags::Arrow)
                && matches!(self.semantic.nodes().kind(scoping.symbol_declaration(symbol)), AstKind::Function(function) if function.is_declaration())
                && scoping.root_unresolved_references().contains_key(scoping.symbol_name(symbol))
        })
    }
}

/// Finds the `this` of `this.x` in one function.
struct ThisMembers(Vec<Span>);

impl<'a> Visit<'a> for ThisMembers {
    fn visit_function(&mut self, _function: &Function<'a>, _flags: ScopeFlags) {}

    fn visit_class(&mut self, _class: &Class<'a>) {}

    fn visit_static_member_expression(&mut self, member: &StaticMemberExpression<'a>) {
        if let Expression::ThisExpression(this) = &member.object {
            self.0.push(this.span);
        }
        walk::walk_static_member_expression(self, member);
    }
}
