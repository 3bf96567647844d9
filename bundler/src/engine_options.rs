//! What the engine is told: our options in its own words. Its name appears in the files `engine*.rs`, and nowhere else.
//!
//! What would let it look at the host's disk stays off: no tsconfig discovery, no asset or copy modules.

use std::{collections::BTreeMap, path::PathBuf};

use rolldown_common::{
    AddonOutputOption, BundlerOptions, BundlerTransformOptions, CodeSplittingMode, CompilerAssumptions,
    DecoratorOptions, Either, InputItem, JsxOptions, ModuleType, OutputFormat, Platform, RawMinifyOptions,
    ResolveOptions, SourceMapType, TreeshakeOptions, TsConfig, TypeScriptOptions,
};

use crate::{
    dialect::Dialect,
    engine::Input,
    file_system::{ASSERTED, ROOT},
    loaders::Loader,
    options::{BundleOptions, Minify, Purpose},
};

/// The engine's options for one bundle.
pub(crate) fn bundler_options(input: &Input) -> BundlerOptions {
    let (treeshake, minify) = match (input.options.purpose, input.options.minify) {
        (Purpose::Run, Minify::Off) => (TreeshakeOptions::Boolean(false), RawMinifyOptions::Bool(false)),
        (Purpose::Run, Minify::On) => (TreeshakeOptions::Boolean(false), RawMinifyOptions::Bool(true)),
        (Purpose::Bundle, Minify::Off) => (TreeshakeOptions::Boolean(true), RawMinifyOptions::DeadCodeEliminationOnly),
        (Purpose::Bundle, Minify::On) => (TreeshakeOptions::Boolean(true), RawMinifyOptions::Bool(true)),
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
        define: Some(define(&input.options).into_iter().collect()),
        module_types: Some(module_types(input).collect()),
        // After minifying, which drops comments.
        post_banner: input.options.banner.clone().map(|text| AddonOutputOption::String(Some(text))),
        resolve: Some(ResolveOptions {
            condition_names: Some(Vec::new()),
            main_fields: Some(vec!["main".to_owned(), "module".to_owned()]),
            symlinks: Some(false),
            ..ResolveOptions::default()
        }),
        transform: Some(transform_options(&input.dialect, &input.options)),
        ..BundlerOptions::default()
    }
}

/// What is replaced by an expression.
fn define(options: &BundleOptions) -> BTreeMap<String, String> {
    let mut define = BTreeMap::new();
    match options.purpose {
        Purpose::Run => {}
        Purpose::Bundle => {
            define.insert("process.env.NODE_ENV".to_owned(), "\"production\"".to_owned());
        }
    }
    define.extend(options.define.clone());
    define
}

/// Every extension that is known, and what stands behind the paths of asserted files in an extension's place.
fn module_types(input: &Input) -> impl Iterator<Item = (String, ModuleType)> {
    let extensions = input.options.loaders.all().into_iter().map(|(extension, loader)| (extension.to_owned(), loader));
    let asserted = [Loader::Json, Loader::Text, Loader::Binary].into_iter().filter_map(|loader| {
        let marker = format!("{ASSERTED}{}", loader.attribute()?);
        Some((marker.split_once('.')?.1.to_owned(), loader))
    });
    extensions
        .chain(asserted)
        .map(|(extension, loader)| (extension, module_type(loader)))
        .collect::<Vec<_>>()
        .into_iter()
}

fn module_type(loader: Loader) -> ModuleType {
    match loader {
        Loader::Js => ModuleType::Js,
        Loader::Jsx => ModuleType::Jsx,
        Loader::Ts => ModuleType::Ts,
        Loader::Tsx => ModuleType::Tsx,
        Loader::Json => ModuleType::Json,
        Loader::Text => ModuleType::Text,
        Loader::Binary => ModuleType::Binary,
        Loader::Base64 => ModuleType::Base64,
        Loader::DataUrl => ModuleType::Dataurl,
        Loader::Empty => ModuleType::Empty,
    }
}

fn transform_options(dialect: &Dialect, options: &BundleOptions) -> BundlerTransformOptions {
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
            only_remove_type_imports: Some(dialect.verbatim_imports),
            ..TypeScriptOptions::default()
        }),
        assumptions: Some(CompilerAssumptions {
            set_public_class_fields: Some(dialect.assigned_class_fields),
            ..CompilerAssumptions::default()
        }),
        target: options.target.as_ref().map(|target| Either::Left(target.name().to_owned())),
        ..BundlerTransformOptions::default()
    }
}
