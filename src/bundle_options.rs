//! From what was typed about bundling to the bundler's options; reads the files that were named.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;

use bundler::{BundleOptions, Details, ImportMap, Jsx, Minify};

use crate::bundle_arguments::{BundleArguments, Define, JsxArguments, MeaningArguments, TransformArguments};
use crate::error::Error;

/// Bytes of an import map.
const IMPORT_MAP_BYTES: u64 = 8 << 20;

/// The options of `hoist run`, for a project with this root.
pub(crate) fn of_run(meaning: &MeaningArguments, root: &Path) -> Result<BundleOptions, Error> {
    with_meaning(BundleOptions::run(), meaning, root)
}

/// The options of `hoist bundle`.
pub(crate) fn of_bundle(arguments: &BundleArguments, root: &Path) -> Result<BundleOptions, Error> {
    let options = with_meaning(BundleOptions::bundle(), &arguments.meaning, root)?;
    let mut virtual_modules = BTreeMap::new();
    for module in &arguments.virtual_modules {
        if virtual_modules.insert(module.name.clone(), below_root(&module.file, root)?).is_some() {
            return Err(usage(format!("--virtual names {} twice", module.name)));
        }
    }
    let wants_details = arguments.metafile.is_some() || arguments.licenses.is_some();
    Ok(BundleOptions {
        minify: if arguments.minify { Minify::On } else { Minify::Off },
        external: arguments.external.iter().cloned().collect(),
        target: arguments.target.clone(),
        banner: arguments.banner.clone(),
        virtual_modules,
        details: if wants_details { Details::Collected } else { Details::Omitted },
        ..options
    })
}

/// The options of `hoist transform`.
pub(crate) fn of_transform(arguments: &TransformArguments) -> BundleOptions {
    BundleOptions { jsx: jsx(&arguments.jsx), target: arguments.target.clone(), ..BundleOptions::bundle() }
}

fn with_meaning(options: BundleOptions, meaning: &MeaningArguments, root: &Path) -> Result<BundleOptions, Error> {
    let import_map = match &meaning.import_map {
        Some(file) => read_import_map(file, root)?,
        None => ImportMap::default(),
    };
    Ok(BundleOptions {
        conditions: meaning.conditions.clone().unwrap_or_default(),
        loaders: meaning.loaders.iter().cloned().collect(),
        import_map,
        define: defines(&meaning.defines)?,
        jsx: jsx(&meaning.jsx),
        ..options
    })
}

fn jsx(arguments: &JsxArguments) -> Jsx {
    Jsx {
        runtime: arguments.runtime,
        import_source: arguments.import_source.clone(),
        factory: arguments.factory.clone(),
        fragment: arguments.fragment.clone(),
    }
}

fn defines(flags: &[Define]) -> Result<BTreeMap<String, String>, Error> {
    let mut defines = BTreeMap::new();
    for Define { name, expression } in flags {
        if let Some(other) = defines.insert(name.clone(), expression.clone())
            && other != *expression
        {
            return Err(usage(format!("--define says that {name} is {other} and {expression}")));
        }
    }
    Ok(defines)
}

fn read_import_map(file: &Path, root: &Path) -> Result<ImportMap, Error> {
    let failed = |problem: String| Error::Configuration { path: file.to_owned(), problem };
    let path = below_root(file, root)?;
    let mut text = String::new();
    let opened = std::fs::File::open(file).map_err(|error| failed(error.to_string()))?;
    opened.take(IMPORT_MAP_BYTES + 1).read_to_string(&mut text).map_err(|error| failed(error.to_string()))?;
    if text.len() as u64 > IMPORT_MAP_BYTES {
        return Err(failed(format!("it has more bytes than the limit of {IMPORT_MAP_BYTES}")));
    }
    let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
    ImportMap::parse(&text, folder).map_err(failed)
}

/// A file's path below the project's root, with slashes.
fn below_root(file: &Path, root: &Path) -> Result<String, Error> {
    let failed = |problem: String| Error::LocalFile { path: file.to_owned(), problem };
    let whole = file.canonicalize().map_err(|error| failed(error.to_string()))?;
    if !whole.is_file() {
        return Err(failed("it is not a file".to_owned()));
    }
    let relative = whole.strip_prefix(root).map_err(|_| failed("it is not below the project's root".to_owned()))?;
    let parts: Option<Vec<&str>> = relative.components().map(|part| part.as_os_str().to_str()).collect();
    Ok(parts.ok_or_else(|| failed("its name is not text".to_owned()))?.join("/"))
}

fn usage(problem: String) -> Error {
    Error::Usage { problem }
}
