//! From a cache to a mirror: what manifests need is had, then written in an order that does not depend on chance.

use std::fs::File;
use std::sync::Arc;

use futures::StreamExt;
use serde::{Deserialize, Serialize};

use super::archive::{Content, Writer};
use super::closure::Closure;
use super::import::Resolved;
use super::key::MirrorSigner;
use super::platform::Platforms;
use crate::cache::{OwnCache, Progress};
use crate::error::Error;
use crate::lock::LockedPackage;
use crate::manifest::{Manifest, PackageName};
use crate::packument::Form;
use crate::shared::Shared;
use crate::store::{Kind, blocking};
use crate::tarball;

/// What was written.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Exported {
    /// Packages, of which some versions are known.
    pub packuments: usize,
    /// Tarballs.
    pub tarballs: usize,
    /// Bytes of the file.
    pub bytes: u64,
    /// Who signed it.
    pub key: String,
    /// What the packages are needed for.
    pub platforms: Vec<String>,
}

impl OwnCache {
    /// Writes everything that these manifests need, signed, to the beginning of an empty file.
    pub async fn export_mirror(
        &self,
        manifests: &[Manifest],
        platforms: &Platforms,
        signer: &MirrorSigner,
        file: File,
        progress: &dyn Progress,
    ) -> Result<Exported, Error> {
        let shared = &self.shared;
        let _visit = self.visit();
        let closure = Closure::of(shared, manifests, platforms).await?;
        keep_all(shared, &closure, progress).await?;
        let names = platforms.names();
        let mut writer = Writer::new(file, names.clone())?;
        for resolved in resolutions(manifests, &closure) {
            writer = append(writer, Content::Resolution, resolved).await?;
        }
        for (of, keys) in shared.keys_of_registries(closure.versions.keys()).await? {
            writer = append(writer, Content::Keys { of }, keys).await?;
        }
        for (name, versions) in &closure.versions {
            let (form, document) = match versions.is_empty() {
                true => (Form::Full, without_versions(name)),
                false => {
                    let parsed = PackageName::parse(name).map_err(|problem| misnamed(name, problem))?;
                    let packument = shared.packument(&parsed).await?.packument;
                    let (form, versions) = (packument.form(), versions.clone());
                    let trim = move || serde_json::Value::Object(packument.trimmed_document(&versions)).to_string();
                    (form, blocking(trim).await?.into_bytes())
                }
            };
            writer = append(writer, Content::Packument { name: name.clone(), form }, document).await?;
        }
        for (integrity, package) in &closure.tarballs {
            let bytes = verified(shared, package).await?;
            let content = Content::Tarball { package: package.display(), integrity: integrity.clone() };
            writer = append(writer, content, bytes).await?;
        }
        let owned = signer.clone();
        let bytes = blocking(move || writer.finish(&owned)).await??;
        Ok(Exported {
            packuments: closure.versions.len(),
            tarballs: closure.tarballs.len(),
            bytes,
            key: signer.key().to_string(),
            platforms: names,
        })
    }
}

/// Sees to it that every tarball is kept; what is missing without a connection is said all at once.
async fn keep_all(shared: &Arc<Shared>, closure: &Closure, progress: &dyn Progress) -> Result<(), Error> {
    let total = closure.tarballs.len();
    let jobs: Vec<_> = closure
        .tarballs
        .values()
        .map(|package| async move { (package.display(), shared.tarball(package).await) })
        .collect();
    let mut jobs = futures::stream::iter(jobs).buffer_unordered(shared.limits.concurrent_packages.max(1));
    let (mut done, mut missing) = (0, Vec::new());
    while let Some((display, outcome)) = jobs.next().await {
        match outcome {
            Ok(_) => {
                done += 1;
                progress.fetching(&display, done, total);
            }
            Err(Error::Offline { missing: more }) => missing.extend(more),
            Err(error) => return Err(error),
        }
    }
    missing.sort();
    if missing.is_empty() { Ok(()) } else { Err(Error::Offline { missing }) }
}

/// Each manifest with what it is resolved to, as JSON, in an order of their own.
fn resolutions(manifests: &[Manifest], closure: &Closure) -> Vec<Vec<u8>> {
    let mut all: Vec<Vec<u8>> = manifests
        .iter()
        .zip(&closure.graphs)
        .map(|(manifest, graph)| Resolved { manifest: manifest.clone(), graph: graph.clone() })
        .map(|resolved| serde_json::to_vec(&resolved).expect("plain data is JSON"))
        .collect();
    all.sort();
    all.dedup();
    all
}

fn without_versions(name: &str) -> Vec<u8> {
    serde_json::json!({"name": name, "dist-tags": {}, "versions": {}}).to_string().into_bytes()
}

async fn verified(shared: &Shared, package: &LockedPackage) -> Result<Vec<u8>, Error> {
    let missing = || Error::Offline { missing: vec![format!("the tarball of {}", package.display())] };
    let blob = shared.store.get(Kind::Tarball, &package.integrity).await?.ok_or_else(missing)?;
    let owned = package.clone();
    blocking(move || tarball::verify(&owned.display(), "", &blob.bytes, &owned.integrity).map(|()| blob.bytes)).await?
}

async fn append(mut writer: Writer, content: Content, blob: Vec<u8>) -> Result<Writer, Error> {
    blocking(move || writer.append(content, &blob).map(|()| writer)).await?
}

pub(crate) fn misnamed(name: &str, problem: &'static str) -> Error {
    Error::PackageName { origin: "a mirror".to_owned(), name: name.to_owned(), problem }
}
