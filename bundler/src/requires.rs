//! The `require`s that an ES module makes itself: `const x = createRequire(import.meta.url)`, with `createRequire` from
//! `node:module`. What is called through them with a literal is as static as in CommonJS.

use oxc::{
    ast::{
        AstKind,
        ast::{BindingPattern, CallExpression, Expression, IdentifierReference, ImportDeclarationSpecifier},
    },
    semantic::Semantic,
    span::Span,
    syntax::symbol::SymbolId,
};

use crate::{builtins, source};

/// The functions of a module that are its `require`.
#[derive(Debug, Default)]
pub(crate) struct CreatedRequires {
    /// Variables that hold one for good, with the place of their declaration.
    variables: Vec<(SymbolId, Span)>,
    /// What `createRequire` is called here.
    makers: Vec<Maker>,
}

/// A name that `node:module` is imported under.
#[derive(Debug, Clone, Copy)]
enum Maker {
    /// `createRequire` itself.
    Function(SymbolId),
    /// The module, by its default or its namespace.
    Module(SymbolId),
}

impl CreatedRequires {
    /// Finds them.
    pub(crate) fn find(semantic: &Semantic<'_>) -> Self {
        let mut found = Self::default();
        for node in semantic.nodes().iter() {
            if let AstKind::ImportDeclaration(import) = node.kind()
                && builtins::canonical(&import.source.value).as_deref() == Some("node:module")
            {
                found.makers.extend(import.specifiers.iter().flatten().filter_map(maker));
            }
        }
        if found.makers.is_empty() {
            return found;
        }
        for node in semantic.nodes().iter() {
            if let AstKind::VariableDeclarator(declarator) = node.kind()
                && let BindingPattern::BindingIdentifier(name) = &declarator.id
                && let Some(Expression::CallExpression(call)) = &declarator.init
                && found.makes(call, semantic)
                && !semantic.scoping().symbol_is_mutated(name.symbol_id())
            {
                found.variables.push((name.symbol_id(), name.span));
            }
        }
        found
    }

    /// The variables, with the places of their declarations.
    pub(crate) fn variables(&self) -> &[(SymbolId, Span)] {
        &self.variables
    }

    /// Whether the callee of a call is one of them: the variable, or `createRequire(import.meta.url)` on the spot.
    pub(crate) fn is_callee(&self, callee: &Expression<'_>, semantic: &Semantic<'_>) -> bool {
        match callee {
            Expression::Identifier(name) => {
                let symbol = symbol_of(name, semantic);
                symbol.is_some_and(|symbol| self.variables.iter().any(|(variable, _)| *variable == symbol))
            }
            Expression::CallExpression(call) => self.makes(call, semantic),
            _ => false,
        }
    }

    fn makes(&self, call: &CallExpression<'_>, semantic: &Semantic<'_>) -> bool {
        let for_itself = match call.arguments.as_slice() {
            [only] => only.as_expression().is_some_and(source::is_import_meta_url),
            _ => false,
        };
        for_itself
            && self.makers.iter().any(|maker| match (maker, &call.callee) {
                (Maker::Function(function), Expression::Identifier(name)) => {
                    symbol_of(name, semantic) == Some(*function)
                }
                (Maker::Module(module), Expression::StaticMemberExpression(member)) => {
                    member.property.name == "createRequire"
                        && matches!(&member.object, Expression::Identifier(name) if symbol_of(name, semantic) == Some(*module))
                }
                (Maker::Function(_) | Maker::Module(_), _) => false,
            })
    }
}

fn maker(specifier: &ImportDeclarationSpecifier<'_>) -> Option<Maker> {
    match specifier {
        ImportDeclarationSpecifier::ImportSpecifier(named) if named.imported.name() == "createRequire" => {
            Some(Maker::Function(named.local.symbol_id()))
        }
        ImportDeclarationSpecifier::ImportSpecifier(_) => None,
        ImportDeclarationSpecifier::ImportDefaultSpecifier(default) => Some(Maker::Module(default.local.symbol_id())),
        ImportDeclarationSpecifier::ImportNamespaceSpecifier(all) => Some(Maker::Module(all.local.symbol_id())),
    }
}

fn symbol_of(name: &IdentifierReference<'_>, semantic: &Semantic<'_>) -> Option<SymbolId> {
    semantic.scoping().get_reference(name.reference_id()).symbol_id()
}
