//! `hoist transform`: files compiled one by one, for whoever bundles or runs them later.

use std::path::{Path, PathBuf};

use bundler::{BundleOptions, Transformed};

use crate::bundle_arguments::{SourceMapPlace, TransformArguments};
use crate::bundle_options;
use crate::error::Error;
use crate::output;
use crate::pipeline::Pipeline;
use crate::project::{DiskFiles, Project};

/// One file, compiled, and where it goes.
pub(crate) struct Compiled {
    target: PathBuf,
    module: Transformed,
}

impl Compiled {
    /// What is suspicious about it.
    pub(crate) fn warnings(&self) -> &[bundler::Diagnostic] {
        &self.module.warnings
    }

    /// Writes it, with the folders above it.
    pub(crate) fn write(self, place: Option<SourceMapPlace>) -> Result<(), Error> {
        let folder = self.target.parent().unwrap_or(Path::new(""));
        std::fs::create_dir_all(folder)
            .map_err(|error| Error::Output { path: folder.to_owned(), problem: error.to_string() })?;
        output::write_module(&self.target, self.module.code, &self.module.source_map, place)
    }
}

/// Compiles all files; nothing is written before all of them are known to be right.
pub(crate) async fn compile(arguments: &TransformArguments, pipeline: &Pipeline) -> Result<Vec<Compiled>, Error> {
    let options = bundle_options::of_transform(arguments);
    let projects = arguments.files.iter().map(|file| Project::of(file)).collect::<Result<Vec<_>, _>>()?;
    let sources: Vec<PathBuf> = projects.iter().map(|project| project.root.join(&project.entry)).collect();
    let common = common_folder(&sources);
    let mut compiled = Vec::new();
    for (project, source) in projects.into_iter().zip(&sources) {
        let relative = source.strip_prefix(&common).expect("the common folder is above each of them");
        let target = arguments.out_dir.join(with_script_extension(relative));
        if target.canonicalize().is_ok_and(|target| sources.contains(&target)) {
            let problem = "it is one of the files to compile".to_owned();
            return Err(Error::Output { path: target, problem });
        }
        compiled.push(Compiled { target, module: compile_one(project, &options, pipeline).await? });
    }
    Ok(compiled)
}

async fn compile_one(project: Project, options: &BundleOptions, pipeline: &Pipeline) -> Result<Transformed, Error> {
    let mut files = DiskFiles::new(project.root, pipeline.bundlers.limits.file_bytes);
    let mut worker = pipeline.bundlers.take().await?;
    Ok(worker.transform(&project.entry, options, &mut files).await?)
}

/// The deepest folder that all files lie in. There is a file.
fn common_folder(files: &[PathBuf]) -> PathBuf {
    let first = files.first().and_then(|file| file.parent()).unwrap_or(Path::new("/"));
    let common = first.ancestors().find(|folder| files.iter().all(|file| file.starts_with(folder)));
    common.unwrap_or(Path::new("/")).to_owned()
}

fn with_script_extension(path: &Path) -> PathBuf {
    match path.extension().and_then(|extension| extension.to_str()) {
        Some("ts" | "tsx" | "jsx") => path.with_extension("js"),
        Some("mts") => path.with_extension("mjs"),
        Some("cts") => path.with_extension("cjs"),
        Some(_) | None => path.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_keep_their_place_below_what_they_have_in_common() {
        let paths = |paths: &[&str]| paths.iter().map(PathBuf::from).collect::<Vec<_>>();
        assert_eq!(common_folder(&paths(&["/p/src/a.ts"])), Path::new("/p/src"));
        assert_eq!(common_folder(&paths(&["/p/src/a.ts", "/p/src/lib/b.ts"])), Path::new("/p/src"));
        assert_eq!(common_folder(&paths(&["/p/src/a.ts", "/p/srclib/b.ts"])), Path::new("/p"));
        assert_eq!(with_script_extension(Path::new("a.d/b.mts")), Path::new("a.d/b.mjs"));
        assert_eq!(with_script_extension(Path::new("a.js")), Path::new("a.js"));
    }
}
