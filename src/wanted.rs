//! What files ask for: manifests as they are, programs by their imports.
//!
//! A program is read by a bundling worker, as for `hoist run`: what is resolved here is what a run asks the cache for.

use std::path::{Path, PathBuf};

use registry_cache::Manifest;

use crate::build::Way;
use crate::bundle_arguments::MeaningArguments;
use crate::bundle_options;
use crate::cli::{CacheArguments, LimitArguments, ProgramArguments};
use crate::command::{prepare, read_manifest, working_folder};
use crate::config::{CacheConfig, Environment};
use crate::console;
use crate::error::Error;
use crate::given_lock::{GivenLock, LockArguments};
use crate::mirror_arguments::WantedArguments;
use crate::project::Project;
use crate::trace::{Observer, Trace};

/// One file's requirements.
#[derive(Debug)]
pub(crate) struct Wanted {
    /// The file, as it was typed.
    pub(crate) file: PathBuf,
    /// What it asks for.
    pub(crate) manifest: Manifest,
    /// The versions that were decided on before.
    pub(crate) lock: GivenLock,
}

/// Reads the files, in their order. A lock that is given counts for each of them.
pub(crate) async fn read(
    arguments: &WantedArguments,
    lock: &LockArguments,
    observer: &dyn Observer,
) -> Result<Vec<Wanted>, Error> {
    let mut all = Vec::new();
    for file in &arguments.files {
        let (manifest, lock) = match is_json(file) {
            true => {
                let mut given = lock.read()?;
                let unused: Vec<_> = given.or_beside_file(file).into_iter().collect();
                console::print_diagnostics(&unused);
                (read_manifest(file, &Manifest::default())?, given)
            }
            false => read_program(file, arguments.auto, lock.clone(), observer).await?,
        };
        all.push(Wanted { file: file.clone(), manifest, lock });
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

async fn read_program(
    file: &Path,
    auto: bool,
    lock: LockArguments,
    observer: &dyn Observer,
) -> Result<(Manifest, GivenLock), Error> {
    let program = ProgramArguments {
        file: file.to_owned(),
        dependencies: Vec::new(),
        manifest: None,
        auto,
        lock,
        cache: CacheArguments::default(),
    };
    let meaning = MeaningArguments::default();
    let options = |root: &Path| bundle_options::of_run(&meaning, root);
    let (pipeline, request, options) = prepare(program, &[], &LimitArguments::default(), options)?;
    let mut trace = Trace::default();
    let requirements = pipeline.requirements(request, &Way::Layered(options), &mut trace, observer).await?;
    console::print_warnings(&trace);
    Ok(requirements.map(|(requirements, lock)| (requirements.manifest, lock)).unwrap_or_default())
}
