//! What the engine is told: our options in its own words. Its name appears here and in `engine.rs`, and nowhere else.
//!
//! What would let it look at the host's disk stays off: no tsconfig discovery, no asset or copy modules.

use std::path::PathBuf;

use rolldown_common::{
    BundlerOptions, BundlerTransformOptions, CodeSplittingMode, CompilerAssumptions, DecoratorOptions, Either,
    InputItem, JsxOptions, ModuleType, OutputFormat, Platform, RawMinifyOptions, ResolveOptions, SourceMapType,
    TreeshakeOptions, TsConfig, TypeScriptOptions,
};

use crate::{
    engine::Input,
    file_system::ROOT,
    options::{Minify, Purpose},
    program::Dialect,
};

/// The engine's options for one bundle.
pub(crate) fn bundler_options(input: &Input) -> BundlerOptions {
    let (treeshake, minify) = match (input.options.purpose, input.options.minify) {
        (Purpose::Run, Minify::Off) => (TreeshakeOptions::Boolean(false), RawMinifyOptions::Bool(false)),
        (Purpose::Run, Minify::On) => (TreeshakeOptions::Boolean(false), RawMinifyOptions::Bool(true)),
        (Purpose::Bundle, Minify::Off) => (TreeshakeOptions::Boolean(true), RawMinifyOptions::DeadCodeEliminationOnly),
        (Purpose::Bundle, Minify::On) => (TreeshakeOptions::Boolean(true), RawMinifyOptions::Bool(true)),
    };
    let define = match input.options.purpose {
        Purpose::Run => None,
        Purpose::Bundle => Some([("process.env.NODE_ENV".to_owned(), "\"production\"".to_owned())]),
    };
    BundlerOptions {
        input: Some(vec![InputItem { name: Some("main".to_owned()), import: input.entry.clone() }]),
        cwd: Some(PathBuf::from(ROOT)),
        dir: Some(ROOT.to_owned()),
        platform: Some(Platform::Node),
        format: Some(OutputFormat::Esm),
        code_splitting: Some(CodeSplittingMode::Bool(false)),
        sourcemap: Some(SourceMapType::Hidden),
        tsconfig: Some(TsConfig::Auto(false)),
        treeshake,
        minify: Some(minify),
        define: define.map(|defines| defines.into_iter().collect()),
        module_types: Some([("css".to_owned(), ModuleType::Text)].into_iter().collect()),
        resolve: Some(ResolveOptions {
            condition_names: Some(Vec::new()),
            main_fields: Some(vec!["main".to_owned(), "module".to_owned()]),
            symlinks: Some(false),
            ..ResolveOptions::default()
        }),
        transform: Some(transform_options(&input.dialect)),
        ..BundlerOptions::default()
    }
}

fn transform_options(dialect: &Dialect) -> BundlerTransformOptions {
    BundlerTransformOptions {
        jsx: Some(Either::Right(JsxOptions {
            runtime: Some(if dialect.jsx_classic { "classic" } else { "automatic" }.to_owned()),
            import_source: dialect.jsx_import_source.clone(),
            pragma: dialect.jsx_factory.clone(),
            pragma_frag: dialect.jsx_fragment_factory.clone(),
            ..JsxOptions::default()
        })),
        decorator: Some(DecoratorOptions {
            legacy: Some(dialect.legacy_decorators),
            emit_decorator_metadata: Some(dialect.decorator_metadata),
            ..DecoratorOptions::default()
        }),
        typescript: Some(TypeScriptOptions {
            remove_class_fields_without_initializer: Some(dialect.assigned_class_fields),
            ..TypeScriptOptions::default()
        }),
        assumptions: Some(CompilerAssumptions {
            set_public_class_fields: Some(dialect.assigned_class_fields),
            ..CompilerAssumptions::default()
        }),
        ..BundlerTransformOptions::default()
    }
}
