//! One local file compiled on its own: types, JSX and decorators go, imports stay as they are, but that `./x.ts` becomes
//! `./x.js` (as TypeScript's `rewriteRelativeImportExtensions` has it).

use std::path::Path;

use oxc::{
    allocator::Allocator,
    codegen::{Codegen, CodegenOptions},
    semantic::SemanticBuilder,
    transformer::{
        CompilerAssumptions, DecoratorOptions, EnvOptions, JsxOptions, JsxRuntime, RewriteExtensionsMode,
        TransformOptions, Transformer, TypeScriptOptions,
    },
};
use oxc_sourcemap::SourceMap;

use crate::{
    bundle::Transformed,
    decorators::{self, Kind},
    diagnostics::Diagnostic,
    dialect::Dialect,
    edits::Rewritten,
    file_system::{ROOT, VirtualFiles},
    options::BundleOptions,
    program::{Program, syntax_errors},
    scan::{self, Erased},
    source::{self, Language},
};

/// Where helper functions come from that a target asks for.
const HELPERS: &str = "@oxc-project/runtime/";

/// Compiles the program's first file.
pub(crate) fn transform(program: &Program) -> Result<Transformed, Vec<Diagnostic>> {
    let path = program.entry();
    let absolute = format!("{ROOT}/{path}");
    let Some(text) = VirtualFiles::local(program.files().clone()).text(&absolute) else {
        let message = format!("there is no file {path:?} in the project");
        return Err(vec![Diagnostic::new("local-file-not-found", message).file(path)]);
    };
    let language = program.options().loaders.language(path);
    if language == Language::Data {
        let diagnostic = Diagnostic::new("not-code", format!("{path:?} is no code"));
        return Err(vec![diagnostic.file(path).hint("compile JavaScript, TypeScript or JSX")]);
    }
    let found =
        scan::scan(&text, path, language, Erased::Nothing).map_err(|errors| syntax_errors(&text, path, errors))?;
    let wrong = |problem: String| vec![Diagnostic::new("syntax-error", problem).file(path)];
    let decorated = match found.decorator {
        None => None,
        Some(_) => {
            let kind = Kind::of(program.dialect(), language);
            Some(decorators::compile(&text, &absolute, language, program.dialect(), kind).map_err(wrong)?)
        }
    };
    let input = decorated.as_ref().map_or(text.as_str(), |compiled| compiled.code.as_str());
    let compiled = compile(input, path, language, program).map_err(wrong)?;
    let mut warnings = program.warnings().to_vec();
    if compiled.code.contains(HELPERS) {
        let message = format!("the compiled code imports helpers from {HELPERS}");
        warnings.push(Diagnostic::new("helpers", message).file(path).hint("install that package, or raise --target"));
    }
    let map = match decorated {
        None => compiled.map,
        Some(first) => joined(&compiled.map, &first.map),
    };
    let source_map = named(map, path, &text);
    Ok(Transformed { code: compiled.code, source_map, warnings })
}

/// Compiles one text, which stands for the file at `path`.
pub(crate) fn compile(text: &str, path: &str, language: Language, program: &Program) -> Result<Rewritten, String> {
    let allocator = Allocator::default();
    let (mut tree, errors) = source::parse_as(&allocator, text, path, language);
    if let Some(error) = errors.first() {
        return Err(error.message.clone());
    }
    // The transformer wants the values of enums.
    let semantic = SemanticBuilder::new_compiler().with_enum_eval(true).build(&tree).semantic;
    let options = options(program.dialect(), program.options())?;
    let done =
        Transformer::new(&allocator, Path::new(path), &options).build_with_scoping(semantic.into_scoping(), &mut tree);
    if let Some(error) = done.diagnostics.first() {
        return Err(error.message.to_string());
    }
    let generate = CodegenOptions { source_map_path: Some(path.into()), ..CodegenOptions::default() };
    let generated = Codegen::new().with_options(generate).with_scoping(Some(done.scoping)).build(&tree);
    let map = generated.map.ok_or("there is no source map")?.into_owned();
    Ok(Rewritten { code: generated.code, map })
}

fn options(dialect: &Dialect, options: &BundleOptions) -> Result<TransformOptions, String> {
    let defaults = TypeScriptOptions::default();
    Ok(TransformOptions {
        env: match &options.target {
            None => EnvOptions::default(),
            Some(target) => EnvOptions::from_target(target.name())?,
        },
        jsx: JsxOptions {
            runtime: if dialect.jsx_classic { JsxRuntime::Classic } else { JsxRuntime::Automatic },
            import_source: dialect.jsx_import_source.clone(),
            pragma: dialect.jsx_factory.clone(),
            pragma_frag: dialect.jsx_fragment_factory.clone(),
            ..JsxOptions::enable()
        },
        decorator: DecoratorOptions {
            legacy: dialect.legacy_decorators,
            emit_decorator_metadata: dialect.decorator_metadata,
            ..DecoratorOptions::default()
        },
        typescript: TypeScriptOptions {
            jsx_pragma: dialect.jsx_factory.clone().map_or(defaults.jsx_pragma, Into::into),
            jsx_pragma_frag: dialect.jsx_fragment_factory.clone().map_or(defaults.jsx_pragma_frag, Into::into),
            only_remove_type_imports: dialect.verbatim_imports,
            remove_class_fields_without_initializer: dialect.assigned_class_fields,
            rewrite_import_extensions: Some(RewriteExtensionsMode::Rewrite),
            ..TypeScriptOptions::default()
        },
        assumptions: CompilerAssumptions {
            set_public_class_fields: dialect.assigned_class_fields,
            ..CompilerAssumptions::default()
        },
        ..TransformOptions::default()
    })
}

/// The map of the second of two steps, led back through the first.
pub(crate) fn joined(second: &SourceMap<'_>, first: &SourceMap<'_>) -> SourceMap<'static> {
    let mut builder = oxc_sourcemap::SourceMapBuilder::default();
    let source = builder.add_source_and_content("", "");
    let table = first.generate_lookup_table();
    for token in second.get_tokens() {
        let Some(origin) = first.lookup_token(&table, token.get_src_line(), token.get_src_col()) else { continue };
        if origin.get_source_id().is_some() {
            let (line, column) = (token.get_dst_line(), token.get_dst_col());
            builder.add_token(line, column, origin.get_src_line(), origin.get_src_col(), Some(source), None);
        }
    }
    builder.into_sourcemap().into_owned()
}

/// A map as JSON, with its one source.
pub(crate) fn named(mut map: SourceMap<'_>, path: &str, text: &str) -> String {
    map.set_sources(vec![path]);
    map.set_source_contents(vec![Some(text)]);
    map.to_json_string()
}
