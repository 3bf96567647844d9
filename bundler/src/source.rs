//! Parsing one source, the way the engine will: by its extension, as a module unless it says `.cjs`.

use oxc::{
    allocator::Allocator,
    ast::ast::{Argument, Expression, Program, Statement},
    diagnostics::{OxcDiagnostic, Severity},
    parser::{ParseOptions, Parser},
    semantic::{Semantic, SemanticBuilder},
    span::SourceType,
};

use crate::{diagnostics::Diagnostic, error::DEEP_HINT, nesting};

/// What kind of source a path holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Language {
    /// `.js`, `.mjs`, `.cjs`, and names that say nothing.
    JavaScript,
    /// `.jsx`.
    Jsx,
    /// `.ts`, `.mts`, `.cts`.
    TypeScript,
    /// `.tsx`.
    Tsx,
    /// JSON, text, style sheets, binaries: nothing to parse.
    Data,
}

impl Language {
    /// The language of a path by its extension.
    pub(crate) fn of(path: &str) -> Self {
        let name = path.rsplit('/').next().unwrap_or(path);
        match name.rsplit_once('.').map(|(_, extension)| extension) {
            Some("ts" | "mts" | "cts") => Self::TypeScript,
            Some("tsx") => Self::Tsx,
            Some("jsx") => Self::Jsx,
            Some("json" | "css" | "txt" | "md" | "html" | "svg" | "wasm" | "node") => Self::Data,
            Some(_) | None => Self::JavaScript,
        }
    }

    /// Whether types are erased from it.
    pub(crate) fn is_typescript(self) -> bool {
        matches!(self, Self::TypeScript | Self::Tsx)
    }

    fn source_type(self, path: &str) -> SourceType {
        let commonjs = path.ends_with(".cjs") || path.ends_with(".cts");
        let base =
            if commonjs { SourceType::default().with_commonjs(true) } else { SourceType::default().with_module(true) };
        base.with_typescript(self.is_typescript()).with_jsx(matches!(self, Self::Jsx | Self::Tsx))
    }
}

/// Something that the parser refuses.
#[derive(Debug, Clone)]
pub(crate) struct SyntaxError {
    pub(crate) message: String,
    pub(crate) offset: usize,
    /// The code of a diagnostic about it.
    pub(crate) code: &'static str,
}

impl SyntaxError {
    /// The error as it is told, in the file that people call `name`.
    pub(crate) fn diagnostic(self, text: &str, name: &str) -> Diagnostic {
        let diagnostic = Diagnostic::new(self.code, self.message).file(name).at_offset(text, self.offset);
        if self.code == nesting::CODE { diagnostic.hint(DEEP_HINT) } else { diagnostic }
    }
}

/// Errors that are kept of one source: a broken one can have a million.
const MOST_ERRORS: usize = 20;

/// Parses a source by its extension; the tree is whole only when there is no error.
pub(crate) fn parse<'a>(allocator: &'a Allocator, source: &'a str, path: &str) -> (Program<'a>, Vec<SyntaxError>) {
    parse_as(allocator, source, path, Language::of(path))
}

/// Parses a source of a known language.
pub(crate) fn parse_as<'a>(
    allocator: &'a Allocator,
    source: &'a str,
    path: &str,
    language: Language,
) -> (Program<'a>, Vec<SyntaxError>) {
    parse_kind(allocator, source, language.source_type(path))
}

/// Parses a source as Node does where nothing says that it is a module.
pub(crate) fn parse_sloppy<'a>(allocator: &'a Allocator, source: &'a str) -> (Program<'a>, Vec<SyntaxError>) {
    parse_kind(allocator, source, SourceType::default().with_commonjs(true))
}

fn parse_kind<'a>(allocator: &'a Allocator, source: &'a str, kind: SourceType) -> (Program<'a>, Vec<SyntaxError>) {
    let options = ParseOptions { allow_return_outside_function: true, ..ParseOptions::default() };
    let parsed = Parser::new(allocator, source, kind).with_options(options).parse();
    let mut errors = errors_of(parsed.diagnostics.iter());
    if parsed.panicked && errors.is_empty() {
        errors.push(SyntaxError { message: "cannot be parsed".to_owned(), offset: 0, code: "syntax-error" });
    }
    (parsed.program, errors)
}

/// Scopes and references of a parsed source, and the errors that only they show.
pub(crate) fn analyse<'a>(program: &'a Program<'a>) -> (Semantic<'a>, Vec<SyntaxError>) {
    let built = SemanticBuilder::new_compiler().with_build_nodes(true).with_check_syntax_error(true).build(program);
    let errors = errors_of(built.diagnostics.iter());
    (built.semantic, errors)
}

fn errors_of<'a>(diagnostics: impl Iterator<Item = &'a OxcDiagnostic>) -> Vec<SyntaxError> {
    diagnostics
        .filter(|diagnostic| diagnostic.severity == Severity::Error)
        .take(MOST_ERRORS)
        .map(|diagnostic| SyntaxError {
            message: diagnostic.message.to_string(),
            offset: diagnostic.labels.first().map_or(0, |label| usize::try_from(label.offset()).unwrap_or(0)),
            code: "syntax-error",
        })
        .collect()
}

/// A name like the wanted one that the source neither declares nor takes from elsewhere.
pub(crate) fn unused_name(wanted: &str, semantic: &Semantic<'_>) -> String {
    let scoping = semantic.scoping();
    let is_used = |name: &str| {
        scoping.root_unresolved_references().contains_key(name) || scoping.symbol_names().any(|used| used == name)
    };
    let mut name = wanted.to_owned();
    while is_used(&name) {
        name.push('_');
    }
    name
}

/// Where the lines of a source begin.
pub(crate) struct Lines(Vec<usize>);

impl Lines {
    pub(crate) fn of(text: &str) -> Self {
        Self(text.match_indices('\n').map(|(offset, _)| offset).collect())
    }

    /// The number, from 1, of the line that holds an offset.
    pub(crate) fn at(&self, offset: usize) -> u32 {
        u32::try_from(self.0.partition_point(|&newline| newline < offset) + 1).unwrap_or(u32::MAX)
    }
}

/// Whether a source has the syntax of an ES module.
pub(crate) fn has_module_syntax(program: &Program<'_>) -> bool {
    program.body.iter().any(Statement::is_module_declaration)
}

/// The text of a literal argument: `"x"` or a template without expressions.
pub(crate) fn literal_argument<'a>(argument: &Argument<'a>) -> Option<&'a str> {
    argument.as_expression().and_then(literal)
}

/// The text of a literal: `"x"` or a template without expressions.
pub(crate) fn literal<'a>(expression: &Expression<'a>) -> Option<&'a str> {
    match expression {
        Expression::StringLiteral(literal) => Some(literal.value.as_str()),
        Expression::TemplateLiteral(template) if template.expressions.is_empty() => {
            template.quasis.first()?.value.cooked.map(|text| text.as_str())
        }
        _ => None,
    }
}

/// Whether an expression is `import.meta.url`.
pub(crate) fn is_import_meta_url(expression: &Expression<'_>) -> bool {
    match expression {
        Expression::StaticMemberExpression(member) => {
            member.property.name == "url" && matches!(member.object, Expression::ImportMeta(_))
        }
        _ => false,
    }
}
