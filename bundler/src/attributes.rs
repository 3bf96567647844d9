//! Import attributes: `import text from "./a.json" with { type: "text" }`.
//!
//! The engine knows none, and one module per file. So an import that asks for something else than the file's extension
//! says gets another specifier, and so a module of its own.

use oxc::{
    allocator::Allocator,
    ast::{
        AstKind,
        ast::{Expression, ImportAttributeKey, ObjectPropertyKind, WithClause},
    },
    span::{GetSpan, Span},
};

use crate::{
    edits::{Edits, Rewritten},
    file_system::ASSERTED,
    loaders::{Loader, Loaders},
    own_paths,
    source::{self, Language},
};

/// The attribute that counts.
const TYPE: &str = "type";

/// The `type` of a clause, `with { type: "json" }`.
pub(crate) fn clause_type<'a>(clause: Option<&WithClause<'a>>) -> Option<&'a str> {
    let is_type = |key: &ImportAttributeKey<'a>| key.as_arena_str().as_str() == TYPE;
    clause?.with_entries.iter().find(|entry| is_type(&entry.key)).map(|entry| entry.value.value.as_str())
}

/// The `type` in the second argument of `import("…", { with: { type: "json" } })`.
pub(crate) fn options_type<'a>(options: Option<&Expression<'a>>) -> Option<&'a str> {
    source::literal(property(property(options?, "with")?, TYPE)?)
}

fn property<'e, 'a>(object: &'e Expression<'a>, name: &str) -> Option<&'e Expression<'a>> {
    let Expression::ObjectExpression(object) = object.without_parentheses() else { return None };
    object.properties.iter().find_map(|property| match property {
        ObjectPropertyKind::ObjectProperty(property) if property.key.static_name().is_some_and(|key| key == name) => {
            Some(&property.value)
        }
        _ => None,
    })
}

/// What an import with an attribute is resolved as; `None` where the attribute says what is so anyway.
pub(crate) fn specifier_with(specifier: &str, attribute: Option<&str>, loaders: &Loaders) -> Option<String> {
    let loader = Loader::of_attribute(attribute?)?;
    if loaders.of(specifier) == Some(loader) {
        return None;
    }
    loader.attribute().map(|kind| format!("{specifier}{ASSERTED}{kind}"))
}

/// Gives such imports of a module their specifiers; `None` when it has none.
pub(crate) fn rewrite(text: &str, path: &str, language: Language, loaders: &Loaders) -> Option<Rewritten> {
    if !text.contains("with") || !text.contains(TYPE) || !text.contains("import") && !text.contains("export") {
        return None;
    }
    let allocator = Allocator::default();
    let (program, errors) = source::parse_as(&allocator, text, path, language);
    if !errors.is_empty() {
        return None;
    }
    let (semantic, _) = source::analyse(&program);
    let mut edits = Edits::default();
    for node in semantic.nodes().iter() {
        let (literal, specifier, kind, clause) = match node.kind() {
            AstKind::ImportDeclaration(import) => {
                let clause = import.with_clause.as_deref();
                (import.source.span, import.source.value.as_str(), clause_type(clause), clause.map(GetSpan::span))
            }
            AstKind::ExportFromDeclaration(export) => {
                let clause = export.with_clause.as_deref();
                (export.source.span, export.source.value.as_str(), clause_type(clause), clause.map(GetSpan::span))
            }
            AstKind::ExportAllDeclaration(export) => {
                let clause = export.with_clause.as_deref();
                (export.source.span, export.source.value.as_str(), clause_type(clause), clause.map(GetSpan::span))
            }
            AstKind::ImportExpression(import) => {
                let Some(specifier) = source::literal(&import.source) else { continue };
                let options = import.options.as_ref();
                (import.source.span(), specifier, options_type(options), options.map(GetSpan::span))
            }
            _ => continue,
        };
        if let Some(asserted) = specifier_with(specifier, kind, loaders) {
            let end = clause.map_or(literal.end, |clause| clause.end);
            edits.replace(Span::new(literal.start, end), own_paths::quote(&asserted));
        }
    }
    edits.apply(text, path, &program)
}
