//! What an npm client is given: documents and tarballs, as a registry gives them.
//!
//! Follows npm's registry documentation ("package metadata", "registry API"). It speaks no HTTP. Documents name tarballs by
//! addresses of the caller's; a tarball is verified against its document whenever it is given out. With a connection, what
//! is not kept is had from its registry first and kept; without one, only what is kept is there.

use std::sync::Arc;

use serde_json::{Map, Value};
use sha2::{Digest, Sha256};
use tokio::sync::OwnedSemaphorePermit;

use crate::cache::OwnCache;
use crate::error::Error;
use crate::lock::LockedPackage;
use crate::manifest::PackageName;
use crate::packument::Packument;
use crate::shared::Shared;
use crate::store::{Kind, blocking};
use crate::tarball;

/// Which of a package's two documents is wanted.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum DocumentForm {
    /// `application/vnd.npm.install-v1+json`.
    Abbreviated,
    /// With the times of its versions.
    Full,
}

/// A document.
#[derive(Clone, Debug)]
pub struct Document {
    /// JSON text.
    pub json: Vec<u8>,
    /// The same for the same text, in quotation marks.
    pub etag: String,
}

impl Document {
    fn new(value: &Value) -> Self {
        let json = value.to_string().into_bytes();
        let etag = format!("\"{:x}\"", Sha256::digest(&json));
        Self { json, etag }
    }
}

/// A tarball that was verified just now. It holds a place among those that may be sent at once.
#[derive(Debug)]
pub struct ServedTarball {
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// Its integrity, in quotation marks.
    pub etag: String,
    /// To be dropped when it has been sent.
    pub place: OwnedSemaphorePermit,
}

impl OwnCache {
    /// A package's document. Its tarballs are said to be below `base`, an address without a slash at its end.
    pub async fn document(&self, name: &PackageName, form: DocumentForm, base: &str) -> Result<Document, Error> {
        let packument = self.shared.served_packument(name, form).await?;
        let (name, base) = (name.clone(), base.to_owned());
        let _permit = self.shared.jobs.acquire().await.expect("this semaphore is never closed");
        blocking(move || Document::new(&Value::Object(served(&packument, &name, form, &base)))).await
    }

    /// The document of one version, named by itself or by a tag.
    pub async fn version_document(&self, name: &PackageName, version: &str, base: &str) -> Result<Document, Error> {
        let packument = self.shared.served_packument(name, DocumentForm::Full).await?;
        let (owned, wanted, base) = (name.clone(), version.to_owned(), base.to_owned());
        let found = blocking(move || {
            let mut document = served(&packument, &owned, DocumentForm::Full, &base);
            let exact = document.get("dist-tags").and_then(|tags| tags.get(&wanted)).and_then(Value::as_str);
            let exact = exact.unwrap_or(&wanted).to_owned();
            document.get_mut("versions").and_then(|versions| versions.get_mut(&exact)).map(Value::take)
        });
        let missing = || Error::NoSuchVersion { package: name.to_string(), version: version.to_owned() };
        found.await?.as_ref().map(Document::new).ok_or_else(missing)
    }

    /// A package's dist-tags.
    pub async fn dist_tags(&self, name: &PackageName) -> Result<Document, Error> {
        let packument = self.shared.served_packument(name, DocumentForm::Abbreviated).await?;
        let tags = blocking(move || packument.document().remove("dist-tags")).await?;
        Ok(Document::new(&tags.unwrap_or_else(|| Value::Object(Map::new()))))
    }

    /// The keys that the registry signs with (npm's "About ECDSA registry signatures"); `None` when it has none, or they are
    /// not known.
    pub async fn registry_keys(&self) -> Result<Option<Document>, Error> {
        let keys = self.shared.default_keys().await?;
        Ok(keys.and_then(|bytes| serde_json::from_slice(&bytes).ok()).map(|value| Document::new(&value)))
    }

    /// One of a package's tarballs, by the last part of its address.
    pub async fn served_tarball(&self, name: &PackageName, file: &str) -> Result<ServedTarball, Error> {
        let _visit = self.visit();
        let packument = self.shared.served_packument(name, DocumentForm::Abbreviated).await?;
        let (owned, wanted) = (name.clone(), file.to_owned());
        let found = blocking(move || named_by(&packument.document(), &owned, &wanted)).await?;
        let missing = || Error::NoSuchTarball { package: name.to_string(), file: file.to_owned() };
        let package = found.ok_or_else(missing)?;
        let places = self.shared.served_tarballs.clone();
        let place = places.acquire_owned().await.expect("this semaphore is never closed");
        let bytes = self.shared.verified_tarball(&package).await?;
        Ok(ServedTarball { bytes, etag: format!("\"{}\"", package.integrity), place })
    }
}

impl Shared {
    /// The packument to answer with. A full document takes a full packument, if one can be had.
    async fn served_packument(
        self: &Arc<Self>,
        name: &PackageName,
        form: DocumentForm,
    ) -> Result<Arc<Packument>, Error> {
        match form {
            DocumentForm::Abbreviated => Ok(self.packument(name).await?.packument),
            DocumentForm::Full => self.full_packument(name).await,
        }
    }

    /// A tarball's bytes. One that the disk has spoilt is had again.
    async fn verified_tarball(self: &Arc<Self>, package: &LockedPackage) -> Result<Vec<u8>, Error> {
        let mut last = None;
        for _ in 0..2 {
            self.tarball(package).await?;
            let Some(blob) = self.store.get(Kind::Tarball, &package.integrity).await? else { continue };
            let owned = package.clone();
            let verified = blocking(move || {
                tarball::verify(&owned.display(), "", &blob.bytes, &owned.integrity).map(|()| blob.bytes)
            });
            match verified.await? {
                Ok(bytes) => return Ok(bytes),
                Err(error) => {
                    self.store.remove(Kind::Tarball, &package.integrity).await?;
                    last = Some(error);
                }
            }
        }
        Err(last.unwrap_or_else(|| Error::Offline { missing: vec![format!("the tarball of {}", package.display())] }))
    }
}

/// A packument as it is given out.
fn served(packument: &Packument, name: &PackageName, form: DocumentForm, base: &str) -> Map<String, Value> {
    let mut document = packument.document();
    match form {
        DocumentForm::Abbreviated => drop(document.remove("time")),
        DocumentForm::Full => drop(document.insert("_id".to_owned(), Value::String(name.to_string()))),
    }
    let Some(Value::Object(versions)) = document.get_mut("versions") else { return document };
    for (version, entry) in versions {
        if let Some(Value::Object(dist)) = entry.get_mut("dist") {
            let url = format!("{base}/{name}/-/{}", file_of(name, version));
            dist.insert("tarball".to_owned(), Value::String(url));
        }
    }
    document
}

/// The name that npm gives to a tarball.
fn file_of(name: &PackageName, version: &str) -> String {
    let bare = name.as_str().rsplit('/').next().unwrap_or_default();
    format!("{bare}-{version}.tgz")
}

/// The version that a tarball's name stands for: npm's name for it, or the one that its registry gave it.
fn named_by(document: &Map<String, Value>, name: &PackageName, file: &str) -> Option<LockedPackage> {
    let versions = document.get("versions")?.as_object()?;
    let own_name = |entry: &Value| {
        let url = entry.get("dist")?.get("tarball")?.as_str()?;
        let last = url.split(['?', '#']).next()?.rsplit('/').next()?;
        Some(last == file)
    };
    let exact = versions.iter().find(|(version, _)| file_of(name, version) == file);
    let (version, entry) = exact.or_else(|| versions.iter().find(|(_, entry)| own_name(entry) == Some(true)))?;
    let dist = |field: &str| entry.get("dist")?.get(field)?.as_str().map(str::to_owned);
    Some(LockedPackage {
        name: name.to_string(),
        version: version.clone(),
        integrity: dist("integrity")?,
        tarball: dist("tarball")?,
        dependencies: Default::default(),
        peers: Default::default(),
    })
}

#[cfg(test)]
#[path = "registry_endpoint_tests.rs"]
mod tests;
