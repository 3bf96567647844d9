//! What one source imports, and from where in it. Knows syntax only; where an import leads is for `program`.

use oxc::{
    allocator::Allocator,
    ast::{
        AstKind,
        ast::{
            CallExpression, ExportFromDeclaration, Expression, ImportDeclaration, ImportDeclarationSpecifier,
            ImportOrExportKind, Program, TSModuleReference,
        },
    },
    semantic::Semantic,
    span::GetSpan,
    syntax::symbol::SymbolId,
};
use serde::{Deserialize, Serialize};

use crate::{
    attributes,
    layer::LayerPlan,
    layer_plan::Facts,
    nesting,
    requires::CreatedRequires,
    source::{self, Language, SyntaxError},
    whereabouts,
};

/// One bare import of the program's own files.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Import {
    /// As the program writes it, or as its import map or package.json has it: `npm:zod@^3/v4`.
    pub specifier: String,
    /// The package: `zod`, `@a/b`.
    pub package: String,
    /// The inline version: `^3`.
    pub range: Option<String>,
    /// Empty, or what follows the name: `/v4`.
    pub subpath: String,
    /// The local file that imports it, relative to the project's root.
    pub importer: String,
    /// Where in that file, from 1.
    pub line: u32,
}

/// What a program's own files import.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scan {
    /// Packages only, sorted by specifier, importer and line; builtins and local files are not listed.
    pub imports: Vec<Import>,
    /// Whether the program can be linked to a layer of these packages.
    pub plan: LayerPlan,
}

/// How a module asks for another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum ImportKind {
    /// `import … from`, `export … from`.
    Static,
    /// `import("…")`.
    Dynamic,
    /// `require("…")`.
    Require,
}

/// One import in a source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FoundImport {
    pub(crate) specifier: String,
    pub(crate) kind: ImportKind,
    /// Where its specifier stands, in bytes.
    pub(crate) offset: usize,
    /// The `type` among its attributes.
    pub(crate) attribute: Option<String>,
}

/// What a source is made of, as far as bundling it must know.
#[derive(Debug, Clone, Default)]
pub(crate) struct ModuleScan {
    pub(crate) imports: Vec<FoundImport>,
    /// What it may mean for a layer.
    pub(crate) facts: Facts,
    /// Whether it has `import` or `export`.
    pub(crate) has_module_syntax: bool,
    /// Where the first decorator or `accessor` stands.
    pub(crate) decorator: Option<usize>,
    /// Where the first JSX stands.
    pub(crate) jsx: Option<usize>,
    /// The package that a comment names as the source of JSX's functions.
    pub(crate) jsx_import_source: Option<String>,
    /// Whether a comment asks for JSX without any import.
    pub(crate) jsx_classic: bool,
}

/// Which imports are gone when types are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Erased {
    /// None: there are no types.
    Nothing,
    /// Those that say `type` (`verbatimModuleSyntax`).
    Types,
    /// Those of which no name is used as a value, too.
    Unused,
}

/// Scans a source.
pub(crate) fn scan(text: &str, path: &str, language: Language, erased: Erased) -> Result<ModuleScan, Vec<SyntaxError>> {
    let _here = whereabouts::at(path);
    let allocator = Allocator::default();
    let (program, errors) = source::parse_as(&allocator, text, path, language);
    if !errors.is_empty() {
        return Err(errors);
    }
    if let Some(error) = nesting::too_deep(&program) {
        return Err(vec![error]);
    }
    let (semantic, errors) = source::analyse(&program);
    if !errors.is_empty() {
        return Err(errors);
    }
    let mut found = ModuleScan {
        has_module_syntax: source::has_module_syntax(&program),
        facts: Facts::of(&program, &semantic),
        ..ModuleScan::default()
    };
    read_comments(&program, text, &mut found);
    let requires = CreatedRequires::find(&semantic);
    for node in semantic.nodes().iter() {
        visit(node.kind(), &semantic, &requires, erased, &mut found);
    }
    found.imports.sort_by_key(|import| import.offset);
    Ok(found)
}

fn visit(
    kind: AstKind<'_>,
    semantic: &Semantic<'_>,
    requires: &CreatedRequires,
    erased: Erased,
    found: &mut ModuleScan,
) {
    let mut push = |specifier: &str, kind: ImportKind, offset: u32, attribute: Option<&str>| {
        let offset = usize::try_from(offset).unwrap_or(0);
        let (specifier, attribute) = (specifier.to_owned(), attribute.map(str::to_owned));
        found.imports.push(FoundImport { specifier, kind, offset, attribute });
    };
    match kind {
        AstKind::ImportDeclaration(import) if !is_erased(import, semantic, erased) => {
            let attribute = attributes::clause_type(import.with_clause.as_deref());
            push(&import.source.value, ImportKind::Static, import.source.span.start, attribute);
        }
        AstKind::ExportFromDeclaration(export) if !is_type_only(export) => {
            let attribute = attributes::clause_type(export.with_clause.as_deref());
            push(&export.source.value, ImportKind::Static, export.source.span.start, attribute);
        }
        AstKind::ExportAllDeclaration(export) if export.export_kind == ImportOrExportKind::Value => {
            let attribute = attributes::clause_type(export.with_clause.as_deref());
            push(&export.source.value, ImportKind::Static, export.source.span.start, attribute);
        }
        AstKind::ImportExpression(import) => {
            if let Some(specifier) = source::literal(&import.source) {
                let attribute = attributes::options_type(import.options.as_ref());
                push(specifier, ImportKind::Dynamic, import.source.span().start, attribute);
            }
        }
        AstKind::CallExpression(call) => {
            if let Some((specifier, offset)) = required(call, semantic, requires) {
                push(specifier, ImportKind::Require, offset, None);
            }
        }
        AstKind::TSImportEqualsDeclaration(import) if import.import_kind == ImportOrExportKind::Value => {
            if let TSModuleReference::ExternalModuleReference(reference) = &import.module_reference {
                push(&reference.expression.value, ImportKind::Require, reference.expression.span.start, None);
            }
        }
        AstKind::Decorator(decorator) => first(&mut found.decorator, decorator.span.start),
        AstKind::AccessorProperty(accessor) => first(&mut found.decorator, accessor.span.start),
        AstKind::JSXElement(element) => first(&mut found.jsx, element.span.start),
        AstKind::JSXFragment(fragment) => first(&mut found.jsx, fragment.span.start),
        _ => {}
    }
}

fn first(place: &mut Option<usize>, offset: u32) {
    let offset = usize::try_from(offset).unwrap_or(0);
    *place = Some(place.map_or(offset, |earlier| earlier.min(offset)));
}

/// The specifier of `require("…")` where `require` is nobody's variable, or one that the module made.
pub(crate) fn required<'a>(
    call: &CallExpression<'a>,
    semantic: &Semantic<'_>,
    requires: &CreatedRequires,
) -> Option<(&'a str, u32)> {
    let is_global = match &call.callee {
        Expression::Identifier(callee) => callee.name == "require" && semantic.is_reference_to_global_variable(callee),
        _ => false,
    };
    if !is_global && !requires.is_callee(&call.callee, semantic) {
        return None;
    }
    let argument = call.arguments.first()?;
    Some((source::literal_argument(argument)?, argument.span().start))
}

/// Whether TypeScript removes the import: it is for types, or none of its names is used as a value.
fn is_erased(import: &ImportDeclaration<'_>, semantic: &Semantic<'_>, erased: Erased) -> bool {
    match erased {
        Erased::Nothing => return false,
        Erased::Types | Erased::Unused if import.import_kind == ImportOrExportKind::Type => return true,
        Erased::Types => return false,
        Erased::Unused => {}
    }
    let Some(specifiers) = &import.specifiers else { return false };
    !specifiers.is_empty()
        && specifiers.iter().all(|specifier| match specifier {
            ImportDeclarationSpecifier::ImportSpecifier(named) => {
                named.import_kind == ImportOrExportKind::Type || is_unused(named.local.symbol_id(), semantic)
            }
            ImportDeclarationSpecifier::ImportDefaultSpecifier(default) => {
                is_unused(default.local.symbol_id(), semantic)
            }
            ImportDeclarationSpecifier::ImportNamespaceSpecifier(namespace) => {
                is_unused(namespace.local.symbol_id(), semantic)
            }
        })
}

fn is_unused(symbol: SymbolId, semantic: &Semantic<'_>) -> bool {
    // JSX in the classic runtime uses `React` without naming it.
    if semantic.scoping().symbol_name(symbol) == "React" {
        return false;
    }
    !semantic.scoping().get_resolved_references(symbol).any(|reference| reference.is_value())
}

fn is_type_only(export: &ExportFromDeclaration<'_>) -> bool {
    export.export_kind == ImportOrExportKind::Type
        || (!export.specifiers.is_empty()
            && export.specifiers.iter().all(|specifier| specifier.export_kind == ImportOrExportKind::Type))
}

/// `@jsxImportSource x` and `@jsxRuntime classic` in comments.
fn read_comments(program: &Program<'_>, text: &str, found: &mut ModuleScan) {
    for comment in &program.comments {
        let span = comment.content_span();
        let content = text.get(span.start as usize..span.end as usize).unwrap_or_default();
        let mut words = content.split_whitespace();
        while let Some(word) = words.next() {
            match word {
                "@jsxImportSource" => found.jsx_import_source = words.next().map(str::to_owned),
                "@jsxRuntime" => found.jsx_classic = words.next() == Some("classic"),
                _ => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn look(text: &str, path: &str) -> Result<ModuleScan, Vec<SyntaxError>> {
        let language = Language::of(path);
        let erased = if language.is_typescript() { Erased::Unused } else { Erased::Nothing };
        scan(text, path, language, erased)
    }

    fn imports(text: &str, path: &str) -> Vec<(String, ImportKind)> {
        look(text, path).unwrap().imports.into_iter().map(|import| (import.specifier, import.kind)).collect()
    }

    #[test]
    fn all_kinds_of_imports() {
        let text = r#"
            import "a"; import b from "b"; export * from "c"; export { d } from "d"; export * as e from "e";
            const f = await import("f"), g = require("g"), h = require(`h`), i = import(`i`);
            function inner(require) { require("not") } require(b); import(b); object.require("not");
        "#;
        let expected = [
            ("a", ImportKind::Static),
            ("b", ImportKind::Static),
            ("c", ImportKind::Static),
            ("d", ImportKind::Static),
            ("e", ImportKind::Static),
            ("f", ImportKind::Dynamic),
            ("g", ImportKind::Require),
            ("h", ImportKind::Require),
            ("i", ImportKind::Dynamic),
        ];
        assert_eq!(imports(text, "a.js"), expected.map(|(name, kind)| (name.to_owned(), kind)));
    }

    #[test]
    fn requires_that_a_module_makes() {
        let text = r#"
            import { createRequire } from "module"; import m from "node:module";
            const load = createRequire(import.meta.url), other = m.createRequire(import.meta.url), far = createRequire("/x");
            load("a"); other("b"); createRequire(import.meta.url)("c"); far("not"); (load) => load("not");
        "#;
        let names: Vec<_> = imports(text, "a.mjs").into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["module", "node:module", "a", "b", "c"]);
    }

    #[test]
    fn imports_of_types_do_not_count() {
        let text = r#"
            import type A from "a"; import { type B } from "b"; import { C } from "c"; import { D } from "d";
            export type { E } from "e"; export { type F } from "f"; import g = require("g"); import "h"; import {} from "i";
            type T = A | B | C; export const d: T = D(g);
        "#;
        let names: Vec<_> = imports(text, "a.ts").into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["d", "g", "h", "i"]);
    }

    #[test]
    fn jsx_and_decorators_are_noticed() {
        let found = look("/** @jsxImportSource hono/jsx */\nexport default <a>{<></>}</a>", "a.tsx").unwrap();
        assert_eq!(found.jsx_import_source.as_deref(), Some("hono/jsx"));
        assert_eq!(found.jsx, Some(48));
        let found = look("export class A { @b c() {} }", "a.ts").unwrap();
        assert_eq!(found.decorator, Some(17));
    }

    #[test]
    fn syntax_errors_have_a_place() {
        let errors = look("const a = 1;\nconst = 2;", "a.ts").unwrap_err();
        assert_eq!(errors[0].offset, 19);
        assert!(look("let a; let a;", "a.js").is_err());
    }
}
