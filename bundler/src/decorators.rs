//! Decorators of the ECMAScript proposal, and `accessor`: nothing of it is in V8 or in the engine, so files that use them
//! are compiled here first, types included; what JSX there is stays. deno_ast, which the executor is built with anyway,
//! has the transform (as of 2022-03: `context.metadata` is not in it).

use deno_ast::{
    DecoratorsTranspileOption, EmitOptions, MediaType, ModuleSpecifier, ParseParams, SourceMapOption,
    TranspileModuleOptions, TranspileOptions,
};
use oxc_sourcemap::SourceMap;

use crate::{dialect::Dialect, edits::Rewritten, source::Language};

/// Which decorators a file has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Those of the ECMAScript proposal.
    Proposal,
    /// TypeScript's older ones. The engine knows them; a file on its own is compiled here, where helper functions come
    /// with the code.
    Legacy,
}

impl Kind {
    /// JavaScript never had the older ones.
    pub(crate) fn of(dialect: &Dialect, language: Language) -> Self {
        if dialect.legacy_decorators && language.is_typescript() { Self::Legacy } else { Self::Proposal }
    }
}

/// Compiles a file that uses them. The error says what is wrong with it.
pub(crate) fn compile(
    text: &str,
    path: &str,
    language: Language,
    dialect: &Dialect,
    kind: Kind,
) -> Result<Rewritten, String> {
    let specifier = ModuleSpecifier::from_file_path(path).map_err(|()| format!("{path:?} is no path"))?;
    let media_type = match language {
        Language::JavaScript => MediaType::JavaScript,
        Language::Jsx => MediaType::Jsx,
        Language::TypeScript => MediaType::TypeScript,
        Language::Tsx => MediaType::Tsx,
        Language::Data => return Err(format!("{path:?} is no code")),
    };
    let parsed = deno_ast::parse_program(ParseParams {
        specifier,
        text: text.into(),
        media_type,
        capture_tokens: false,
        scope_analysis: false,
        maybe_syntax: None,
    })
    .map_err(|error| error.to_string())?;
    let options = TranspileOptions {
        decorators: match kind {
            Kind::Proposal => DecoratorsTranspileOption::Ecma,
            Kind::Legacy => DecoratorsTranspileOption::LegacyTypeScript { emit_metadata: dialect.decorator_metadata },
        },
        verbatim_module_syntax: dialect.verbatim_imports,
        jsx: None,
        ..TranspileOptions::default()
    };
    let emit = EmitOptions { source_map: SourceMapOption::Separate, ..EmitOptions::default() };
    let emitted = parsed
        .transpile(&options, &TranspileModuleOptions::default(), &emit)
        .map_err(|error| error.to_string())?
        .into_source();
    let map = emitted.source_map.as_deref().unwrap_or_default();
    let map = SourceMap::from_json_string(map).map_err(|error| format!("its source map: {error}"))?;
    Ok(Rewritten { code: emitted.text, map: map.into_owned() })
}
