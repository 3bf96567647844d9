//! Packages: their tarballs, verified, in the store; their files, unpacked, in sealed memory.
//!
//! What the store has is verified again whenever it is read: a disk forgets. What a registry sends is verified and
//! unpacked before it is stored: a tarball that cannot be unpacked is of no use to anybody.

use std::sync::Arc;

use crate::cache::{CacheUse, Connection};
use crate::error::Error;
use crate::image::PackageImage;
use crate::lock::LockedPackage;
use crate::manifest::PackageName;
use crate::shared::{Shared, locked};
use crate::store::{Kind, Stamp, blocking};
use crate::tarball;

/// Two names with one tarball are two packages: messages name them.
fn key_of(package: &LockedPackage) -> String {
    format!("{} {}", package.display(), package.integrity)
}

impl Shared {
    /// A package's files: from memory, else from the store, else from its registry.
    pub(crate) async fn image(
        self: &Arc<Self>,
        package: &LockedPackage,
    ) -> Result<(Arc<PackageImage>, CacheUse), Error> {
        let key = key_of(package);
        if let Some(image) = locked(&self.recent_images).get(&key) {
            return Ok((image, CacheUse::Hit));
        }
        let (shared, owned) = (self.clone(), package.clone());
        self.images.join(&key, move || async move { shared.made_image(owned).await }).await
    }

    /// Sees to it that the store has a package's tarball.
    pub(crate) async fn tarball(self: &Arc<Self>, package: &LockedPackage) -> Result<CacheUse, Error> {
        let (shared, owned) = (self.clone(), package.clone());
        self.tarballs.join(&key_of(package), move || async move { shared.kept_tarball(owned).await }).await
    }

    async fn made_image(self: Arc<Self>, package: LockedPackage) -> Result<(Arc<PackageImage>, CacheUse), Error> {
        let (image, cache) = match self.stored_image(&package).await? {
            Some(image) => (image, CacheUse::Hit),
            None => {
                let (bytes, url) = self.fetched(&package).await?;
                let seal = |files: &tarball::Files| PackageImage::seal(files).map(Arc::new);
                let image = self.unpack(&package, url, bytes.clone(), seal).await?;
                let (shared, owned) = (self.clone(), package.clone());
                self.behind.begin(async move { shared.keep(&owned, bytes).await });
                (image, CacheUse::Miss)
            }
        };
        locked(&self.recent_images).insert(key_of(&package), image.clone(), image.bytes());
        Ok((image, cache))
    }

    async fn kept_tarball(self: Arc<Self>, package: LockedPackage) -> Result<CacheUse, Error> {
        if self.store.length(Kind::Tarball, &package.integrity).await?.is_some() {
            return Ok(CacheUse::Hit);
        }
        let (bytes, url) = self.fetched(&package).await?;
        self.unpack(&package, url, bytes.clone(), |_| Ok(())).await?;
        self.keep(&package, bytes).await?;
        Ok(CacheUse::Miss)
    }

    async fn stored_image(&self, package: &LockedPackage) -> Result<Option<Arc<PackageImage>>, Error> {
        let key = &package.integrity;
        let Some(blob) = self.store.get(Kind::Tarball, key).await? else { return Ok(None) };
        let seal = |files: &tarball::Files| PackageImage::seal(files).map(Arc::new);
        match self.unpack(package, String::new(), Arc::new(blob.bytes), seal).await {
            Ok(image) => Ok(Some(image)),
            Err(Error::Integrity { .. }) => {
                self.store.remove(Kind::Tarball, key).await?;
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// What the registry sends, and the URL that it came from.
    async fn fetched(self: &Arc<Self>, package: &LockedPackage) -> Result<(Arc<Vec<u8>>, String), Error> {
        if self.connection == Connection::Offline {
            return Err(Error::Offline { missing: vec![format!("the tarball of {}", package.display())] });
        }
        let announced = self.tarball_of(package).await?;
        let url = self.client.registries().tarball_url(&package.name, &announced)?;
        let shown = url.to_string();
        let answer = self.client.tarball(&package.display(), &package.name, url).await;
        let bytes = answer.map_err(|error| match error {
            // Its packument names it, so the package is known.
            Error::UnknownPackage { package, url, .. } => Error::RegistryStatus { package, url, status: 404 },
            error => error,
        })?;
        Ok((Arc::new(bytes), shown))
    }

    /// Where a package's tarball is. A lock need not say it; then its packument does.
    async fn tarball_of(self: &Arc<Self>, package: &LockedPackage) -> Result<String, Error> {
        if !package.tarball.is_empty() {
            return Ok(package.tarball.clone());
        }
        let no_tarball = |detail: &str| Error::NoTarball { package: package.display(), detail: detail.to_owned() };
        let name = PackageName::parse(&package.name).map_err(no_tarball)?;
        let found = self.packument(&name).await?;
        found.packument.tarball(&package.version).ok_or_else(|| no_tarball("it does not have this version"))
    }

    async fn keep(&self, package: &LockedPackage, bytes: Arc<Vec<u8>>) -> Result<(), Error> {
        let stamp = Stamp { fetched_at: self.seconds(), etag: None };
        self.store.put_verified(Kind::Tarball, &package.integrity, bytes, stamp).await
    }

    /// Verifies and unpacks a tarball, and makes something of its files.
    async fn unpack<T: Send + 'static>(
        &self,
        package: &LockedPackage,
        url: String,
        bytes: Arc<Vec<u8>>,
        make: impl FnOnce(&tarball::Files) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let _permit = self.jobs.acquire().await.expect("this semaphore is never closed");
        let display = package.display();
        let integrity = package.integrity.clone();
        let limits = self.limits.clone();
        blocking(move || {
            tarball::verify(&display, &url, &bytes, &integrity)?;
            make(&tarball::unpack(&display, &bytes, &limits)?)
        })
        .await?
    }
}
