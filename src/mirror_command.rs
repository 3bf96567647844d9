//! `hoist mirror`: packages from one cache into another, as a signed file.

use std::path::{Path, PathBuf};

use registry_cache::{Exported, Imported, Manifest};

use crate::cache_access::CacheAccess;
use crate::config::{CacheConfig, Environment, config_folder};
use crate::error::Error;
use crate::given_lock::LockArguments;
use crate::mirror_arguments::{ExportArguments, ImportArguments};
use crate::mirror_keys;
use crate::trace::Observer;
use crate::units::show_bytes;
use crate::wanted;

/// `hoist mirror export`. The file is there as a whole, or as it was before.
pub(crate) async fn export(arguments: &ExportArguments, observer: &dyn Observer) -> Result<Exported, Error> {
    let signer = mirror_keys::own(&keys_folder()?)?;
    let config = wanted::cache_config(&arguments.wanted, arguments.cache.clone())?;
    let wanted = wanted::read(&arguments.wanted, &LockArguments::default(), observer).await?;
    let manifests: Vec<Manifest> = wanted.into_iter().map(|wanted| wanted.manifest).collect();
    let lease = CacheAccess::Brief(config).open().await?;
    let draft = Draft::beside(&arguments.output)?;
    let path = absolute(&draft.0)?;
    let exported = lease.cache().export_mirror(&manifests, &arguments.platforms(), &signer, &path, observer).await;
    let released = lease.release().await;
    let exported = exported?;
    released?;
    draft.become_whole(&arguments.output)?;
    Ok(exported)
}

/// `hoist mirror import`.
pub(crate) async fn import(
    arguments: &ImportArguments,
    project: PathBuf,
    observer: &dyn Observer,
) -> Result<Imported, Error> {
    let mut trusted = mirror_keys::trusted(&keys_folder()?)?;
    trusted.extend(&arguments.trusted);
    let unreadable =
        |error: std::io::Error| Error::LocalFile { path: arguments.file.clone(), problem: error.to_string() };
    let metadata = std::fs::metadata(&arguments.file).map_err(unreadable)?;
    if !metadata.is_file() {
        return Err(Error::LocalFile { path: arguments.file.clone(), problem: "it is not a file".to_owned() });
    }
    let path = absolute(&arguments.file)?;
    let config = CacheConfig::new(Environment::of_process(), arguments.cache.clone(), project);
    let lease = CacheAccess::Brief(config).open().await?;
    let imported = lease.cache().import_mirror(&path, &trusted, observer).await;
    let released = lease.release().await;
    let imported = imported?;
    released?;
    Ok(imported)
}

/// `hoist mirror key`.
pub(crate) fn key() -> Result<String, Error> {
    Ok(mirror_keys::own(&keys_folder()?)?.key().to_string())
}

/// What was written, for people.
pub(crate) fn text_of_export(exported: &Exported, output: &Path) -> String {
    format!(
        "{}: {} packages, {} tarballs for {}, {}, signed by {}\n",
        output.display(),
        exported.packuments,
        exported.tarballs,
        exported.platforms.join(", "),
        show_bytes(exported.bytes),
        exported.key
    )
}

/// What was taken over, for people.
pub(crate) fn text_of_import(imported: &Imported) -> String {
    format!(
        "{} packages, {} tarballs ({} of them new) for {}, signed by {}\n",
        imported.packuments,
        imported.tarballs,
        imported.new_tarballs,
        imported.platforms.join(", "),
        imported.key
    )
}

/// The same path for another process.
fn absolute(path: &Path) -> Result<PathBuf, Error> {
    std::path::absolute(path).map_err(|error| Error::LocalFile { path: path.to_owned(), problem: error.to_string() })
}

fn keys_folder() -> Result<PathBuf, Error> {
    config_folder(&Environment::of_process()).ok_or(Error::NoConfigFolder)
}

/// A file that is not yet what it will be. Dropped, it is gone.
struct Draft(PathBuf);

impl Draft {
    fn beside(output: &Path) -> Result<Self, Error> {
        let name = output
            .file_name()
            .ok_or_else(|| Error::Output { path: output.to_owned(), problem: "it names no file".to_owned() })?;
        let mut draft = std::ffi::OsString::from(".");
        draft.push(name);
        draft.push(format!(".{}", std::process::id()));
        Ok(Self(output.with_file_name(draft)))
    }

    fn become_whole(self, output: &Path) -> Result<(), Error> {
        std::fs::rename(&self.0, output)
            .map_err(|error| Error::Output { path: output.to_owned(), problem: error.to_string() })
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        // It is not there any more when it has become whole.
        let _ = std::fs::remove_file(&self.0);
    }
}
