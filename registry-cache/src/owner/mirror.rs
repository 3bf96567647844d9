//! Mirrors into and out of a cache, whichever process owns it. The file is named by its path: both are processes of one user.

use std::fs::File;
use std::path::Path;

use super::protocol::Call;
use super::{Cache, Place};
use crate::cache::Progress;
use crate::error::Error;
use crate::manifest::Manifest;
use crate::mirror::{Exported, Imported, MirrorKey, MirrorSigner, Platforms};

impl Cache {
    /// Writes everything that these manifests need, signed, to a file, which is made anew. The path is absolute.
    pub async fn export_mirror(
        &self,
        manifests: &[Manifest],
        platforms: &Platforms,
        signer: &MirrorSigner,
        path: &Path,
        progress: &dyn Progress,
    ) -> Result<Exported, Error> {
        match self.place() {
            Place::Here(own) => own.export_mirror(manifests, platforms, signer, made(path)?, progress).await,
            Place::There(client) => {
                let call = Call::ExportMirror {
                    manifests: manifests.to_vec(),
                    platforms: platforms.names(),
                    seed: signer.seed(),
                    path: path.to_owned(),
                };
                self.ask(client, call, &[], progress).await
            }
        }
    }

    /// Takes over a mirror that one of these keys has signed. The path is absolute.
    pub async fn import_mirror(
        &self,
        path: &Path,
        trusted: &[MirrorKey],
        progress: &dyn Progress,
    ) -> Result<Imported, Error> {
        match self.place() {
            Place::Here(own) => own.import_mirror(opened(path)?, trusted, progress).await,
            Place::There(client) => {
                let trusted = trusted.iter().map(ToString::to_string).collect();
                self.ask(client, Call::ImportMirror { trusted, path: path.to_owned() }, &[], progress).await
            }
        }
    }
}

/// An empty file for a mirror.
pub(super) fn made(path: &Path) -> Result<File, Error> {
    File::create(path).map_err(|error| unusable(path, &error))
}

/// A mirror's file.
pub(super) fn opened(path: &Path) -> Result<File, Error> {
    File::open(path).map_err(|error| unusable(path, &error))
}

fn unusable(path: &Path, error: &std::io::Error) -> Error {
    Error::MirrorFile { detail: format!("{}: {error}", path.display()) }
}
