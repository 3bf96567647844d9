//! What files ask for: manifests as they are, programs by their imports.
//!
//! A program is read by a bundling worker, as for `hoist run`: what is resolved here is what a run asks the cache for.

use std::path::{Path, PathBuf};

use registry_cache::Manifest;
use serde_json::Value;

use crate::build::Way;
use crate::bundle_arguments::MeaningArguments;
use crate::bundle_options;
use crate::cli::{CacheArguments, LimitArguments, ProgramArguments};
use crate::command::{prepare, read_manifest, working_folder};
use crate::config::{CacheConfig, Environment};
use crate::console;
use crate::error::Error;
use crate::mirror_arguments::WantedArguments;
use crate::project::Project;
use crate::requirements::parse_manifest;
use crate::trace::{Observer, Trace};

/// One file's requirements.
#[derive(Debug)]
pub(crate) struct Wanted {
    /// The file, as it was typed.
    pub(crate) file: PathBuf,
    /// What it asks for.
    pub(crate) manifest: Manifest,
}

/// Reads the files, in their order.
pub(crate) async fn read(arguments: &WantedArguments, observer: &dyn Observer) -> Result<Vec<Wanted>, Error> {
    let mut all = Vec::new();
    for file in &arguments.files {
        let manifest = match is_json(file) {
            true => read_json(file)?,
            false => read_program(file, arguments.auto, observer).await?,
        };
        all.push(Wanted { file: file.clone(), manifest });
    }
    Ok(all)
}

/// The cache for these files: the first one's project has the `.npmrc`.
pub(crate) fn cache_config(arguments: &WantedArguments, flags: CacheArguments) -> Result<CacheConfig, Error> {
    let project = match arguments.files.first() {
        Some(first) => Project::of(first)?.root,
        None => working_folder()?,
    };
    Ok(CacheConfig::new(Environment::of_process(), flags, project))
}

fn is_json(file: &Path) -> bool {
    file.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("json"))
}

/// An object that has nothing but strings is names and ranges, unless it calls itself a package.json.
fn read_json(file: &Path) -> Result<Manifest, Error> {
    let text = read_manifest(file)?;
    let origin = file.display().to_string();
    let plain: Option<Vec<(String, String)>> = match serde_json::from_str(&text) {
        Ok(Value::Object(members)) if !file.ends_with("package.json") && !members.is_empty() => {
            let text = |(name, range): (String, Value)| Some((name, range.as_str()?.to_owned()));
            members.into_iter().map(text).collect()
        }
        // Whatever is wrong is said below.
        Ok(_) | Err(_) => None,
    };
    match plain {
        Some(ranges) => Ok(Manifest::from_dependencies(&ranges.into_iter().collect(), &origin)?),
        None => parse_manifest(&text, &origin, &Manifest::default()),
    }
}

async fn read_program(file: &Path, auto: bool, observer: &dyn Observer) -> Result<Manifest, Error> {
    let program = ProgramArguments {
        file: file.to_owned(),
        dependencies: Vec::new(),
        manifest: None,
        auto,
        cache: CacheArguments::default(),
    };
    let meaning = MeaningArguments::default();
    let options = |root: &Path| bundle_options::of_run(&meaning, root);
    let (pipeline, request, options) = prepare(program, &[], &LimitArguments::default(), options)?;
    let mut trace = Trace::default();
    let requirements = pipeline.requirements(request, &Way::Layered(options), &mut trace, observer).await?;
    console::print_warnings(&trace);
    Ok(requirements.map(|requirements| requirements.manifest).unwrap_or_default())
}
