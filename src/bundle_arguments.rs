//! What may be typed about bundling, as types. Texts are parsed here; what they name on disk is read by
//! `bundle_options`.

use std::path::PathBuf;
use std::str::FromStr;

use bundler::{Conditions, ExtensionLoader, ExternalName, JsxRuntime, Target};
use clap::{Args, ValueEnum};

use crate::cli::ProgramArguments;

/// `hoist bundle`.
#[derive(Debug, Args)]
pub(crate) struct BundleArguments {
    /// Where the program and its packages come from.
    #[command(flatten)]
    pub(crate) program: ProgramArguments,
    /// The module to write; - is the standard output
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: PathBuf,
    /// A folder for the files that packages read at run time; the module looks for them there
    #[arg(long, value_name = "FOLDER")]
    pub(crate) assets: Option<PathBuf>,
    /// What files and imports mean.
    #[command(flatten)]
    pub(crate) meaning: MeaningArguments,
    /// Squeeze names and white space
    #[arg(long)]
    pub(crate) minify: bool,
    /// Where the source map goes: NAME.map with or without a comment that says so, into the module, or nowhere
    /// [default: external; none for the standard output]
    #[arg(long, value_name = "WHERE")]
    pub(crate) sourcemap: Option<SourceMapPlace>,
    /// Write what the module is made of, as JSON: bytes by file and package, imports, builtins
    #[arg(long, value_name = "FILE")]
    pub(crate) metafile: Option<PathBuf>,
    /// Write the packages' licences, as JSON
    #[arg(long, value_name = "FILE")]
    pub(crate) licenses: Option<PathBuf>,
    /// Leave imports of this name as they are; react covers neither react-dom nor react/jsx-runtime, react/* what is
    /// below react
    #[arg(long, value_name = "NAME")]
    pub(crate) external: Vec<ExternalName>,
    /// The oldest language that must understand the module: es2015 to es2026, esnext, node20
    #[arg(long, value_name = "LANGUAGE")]
    pub(crate) target: Option<Target>,
    /// Text to stand before the code
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true)]
    pub(crate) banner: Option<String>,
    /// Take a file of the program wherever NAME is imported
    #[arg(long = "virtual", value_name = "NAME=FILE")]
    pub(crate) virtual_modules: Vec<VirtualModule>,
}

/// `hoist transform`.
#[derive(Debug, Args)]
pub(crate) struct TransformArguments {
    /// The files: TypeScript, JSX or JavaScript
    #[arg(value_name = "FILE", required = true)]
    pub(crate) files: Vec<PathBuf>,
    /// Where to write them, as they lie below the folder that they have in common
    #[arg(long, value_name = "FOLDER")]
    pub(crate) out_dir: PathBuf,
    /// What JSX becomes.
    #[command(flatten)]
    pub(crate) jsx: JsxArguments,
    /// The oldest language that must understand the code: es2015 to es2026, esnext, node20
    #[arg(long, value_name = "LANGUAGE")]
    pub(crate) target: Option<Target>,
    /// Where source maps go [default: external]
    #[arg(long, value_name = "WHERE")]
    pub(crate) sourcemap: Option<SourceMapPlace>,
}

/// What files and imports mean, when a program is run and when it is bundled.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Files and imports")]
pub(crate) struct MeaningArguments {
    /// The conditions of package.json files that count: node, browser, workerd, deno, or other names besides
    /// [default: node]
    #[arg(long, value_name = "NAME,…")]
    pub(crate) conditions: Option<Conditions>,
    /// What files of an extension are: js, jsx, ts, tsx, json, text, binary, base64, dataurl, css-as-text or empty
    #[arg(long = "loader", value_name = ".EXT=KIND")]
    pub(crate) loaders: Vec<ExtensionLoader>,
    /// What specifiers of the program's own files stand for, as an import map
    #[arg(long, value_name = "FILE")]
    pub(crate) import_map: Option<PathBuf>,
    /// Replace a name by an expression, as DEBUG=false
    #[arg(long = "define", value_name = "NAME=EXPRESSION")]
    pub(crate) defines: Vec<Define>,
    /// What JSX becomes.
    #[command(flatten)]
    pub(crate) jsx: JsxArguments,
}

/// What JSX becomes, where that is not left to comments and the tsconfig.json.
#[derive(Debug, Default, Args)]
pub(crate) struct JsxArguments {
    /// What JSX becomes: automatic or classic
    #[arg(long = "jsx", value_name = "RUNTIME")]
    pub(crate) runtime: Option<JsxRuntime>,
    /// The package whose jsx-runtime makes elements
    #[arg(long = "jsx-import-source", value_name = "NAME")]
    pub(crate) import_source: Option<String>,
    /// The function that makes elements, for classic
    #[arg(long = "jsx-factory", value_name = "NAME")]
    pub(crate) factory: Option<String>,
    /// What stands for a fragment, for classic
    #[arg(long = "jsx-fragment", value_name = "NAME")]
    pub(crate) fragment: Option<String>,
}

/// Where a source map goes.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(crate) enum SourceMapPlace {
    /// Into the module
    Inline,
    /// Beside it, and it says so
    External,
    /// Beside it
    Hidden,
    /// Nowhere
    None,
}

/// One `--define`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Define {
    /// `DEBUG`, `process.env.STAGE`.
    pub(crate) name: String,
    /// JavaScript.
    pub(crate) expression: String,
}

impl FromStr for Define {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, expression) = text.split_once('=').ok_or_else(|| format!("{text:?}: write NAME=EXPRESSION"))?;
        let is_identifier = |part: &str| {
            let plain = |character: char| character.is_alphanumeric() || matches!(character, '_' | '$');
            part.starts_with(|first: char| plain(first) && !first.is_numeric()) && part.chars().all(plain)
        };
        if !name.split('.').all(is_identifier) {
            return Err(format!("{name:?} is no name, such as DEBUG or process.env.STAGE"));
        }
        if expression.trim().is_empty() {
            return Err(format!("the expression of {name} is missing"));
        }
        Ok(Self { name: name.to_owned(), expression: expression.to_owned() })
    }
}

/// One `--virtual`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct VirtualModule {
    /// The specifier.
    pub(crate) name: String,
    /// The file, as it was typed.
    pub(crate) file: PathBuf,
}

impl FromStr for VirtualModule {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once('=') {
            Some((name, file)) if !name.is_empty() && !file.is_empty() => match name.starts_with(['.', '/']) {
                true => Err(format!("{name:?} is a path; a virtual module has a name")),
                false => Ok(Self { name: name.to_owned(), file: PathBuf::from(file) }),
            },
            _ => Err(format!("{text:?}: write NAME=FILE")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_values() {
        let define = |text: &str| text.parse::<Define>().map(|define| (define.name, define.expression));
        assert_eq!(define("process.env.A=\"b=c\""), Ok(("process.env.A".to_owned(), "\"b=c\"".to_owned())));
        for text in ["A", "A=", "1A=1", "a-b=1", "=1", "a..b=1"] {
            assert!(define(text).is_err(), "{text}");
        }
        let module = |text: &str| text.parse::<VirtualModule>().map(|module| module.name);
        assert_eq!(module("virtual:config=./config.ts"), Ok("virtual:config".to_owned()));
        for text in ["a", "a=", "=b", "./a=b"] {
            assert!(module(text).is_err(), "{text}");
        }
    }
}
