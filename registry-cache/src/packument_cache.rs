//! Packuments: from memory, else from the store, else from their registry.
//!
//! The abbreviated form is asked for. Only where it does not say enough (the package changed so lately that the ages of
//! its versions matter) the full form is asked for too. What has passed its time is asked for again by its ETag; when
//! the registry cannot answer then, what is kept is used for a bounded time, and that is said.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};

use crate::cache::{CacheUse, Connection};
use crate::error::Error;
use crate::manifest::PackageName;
use crate::packument::{Form, Packument};
use crate::registry::PackumentAnswer;
use crate::shared::{Shared, locked};
use crate::store::{Kind, Stamp, blocking};

/// A packument, and how it was had.
#[derive(Clone, Debug)]
pub(crate) struct Found {
    pub(crate) packument: Arc<Packument>,
    pub(crate) cache: CacheUse,
    /// Why an old one was used, as a sentence.
    pub(crate) stale: Option<String>,
}

/// What came of asking a registry that could not answer.
#[derive(Clone, Debug)]
pub(crate) struct Failed {
    /// Seconds since 1970.
    at: u64,
    outcome: Result<Found, Error>,
}

/// A packument that is kept.
#[derive(Clone, Debug)]
pub(crate) struct Known {
    packument: Arc<Packument>,
    stamp: Stamp,
}

impl Shared {
    /// The packument of a package, however many ask for it at the same time.
    pub(crate) async fn packument(self: &Arc<Self>, name: &PackageName) -> Result<Found, Error> {
        self.policy.check_name(name.as_str())?;
        let url = self.client.registries().packument_url(name)?.to_string();
        if let Some(outcome) = self.just_failed(&url) {
            return outcome;
        }
        let shared = self.clone();
        let (owned_name, owned_url) = (name.clone(), url.clone());
        self.packuments.join(&url, move || async move { shared.find_packument(owned_name, owned_url).await }).await
    }

    /// What came of asking a moment ago, when the registry could not answer: it is not asked again at once, by who looks
    /// ahead and then by who needs the answer.
    fn just_failed(&self, url: &str) -> Option<Result<Found, Error>> {
        let failed = locked(&self.recent_failures);
        let Failed { at, outcome } = failed.get(url)?;
        let age = self.seconds().checked_sub(*at)?;
        (age < self.limits.failure_pause.as_secs()).then(|| outcome.clone())
    }

    fn remember_failure(&self, url: &str, outcome: &Result<Found, Error>) {
        let at = self.seconds();
        let mut failed = locked(&self.recent_failures);
        failed.retain(|_, known| at.saturating_sub(known.at) < self.limits.failure_pause.as_secs());
        failed.insert(url.to_owned(), Failed { at, outcome: outcome.clone() });
    }

    /// The packument with all that its registry says; without a connection, with what is kept of that.
    pub(crate) async fn full_packument(self: &Arc<Self>, name: &PackageName) -> Result<Arc<Packument>, Error> {
        let packument = self.packument(name).await?.packument;
        if packument.form() == Form::Full || self.connection == Connection::Offline {
            return Ok(packument);
        }
        let url = self.client.registries().packument_url(name)?.to_string();
        let shared = self.clone();
        let (owned_name, owned_url) = (name.clone(), url.clone());
        let work = move || async move {
            let (known, cache) = shared.asked_form(&owned_name, &owned_url, None, Form::Full, None).await?;
            shared.remember(&owned_url, &known);
            Ok(Found { packument: known.packument, cache, stale: None })
        };
        Ok(self.packuments.join(&format!("{url} in full"), work).await?.packument)
    }

    async fn find_packument(self: Arc<Self>, name: PackageName, url: String) -> Result<Found, Error> {
        let known = self.known_packument(&url).await?;
        if let Some(known) =
            known.as_ref().filter(|known| self.is_fresh(&known.stamp) && self.says_enough(&name, known))
        {
            return Ok(Found { packument: known.packument.clone(), cache: CacheUse::Hit, stale: None });
        }
        if self.connection == Connection::Offline {
            return Err(Error::Offline { missing: vec![format!("the packument of {name}")] });
        }
        match self.asked_packument(&name, &url, known.as_ref()).await {
            Ok((packument, cache)) => Ok(Found { packument, cache, stale: None }),
            Err(error) => {
                let may_pass = error.may_pass();
                let outcome = self.stale_packument(&name, known, error);
                if may_pass {
                    self.remember_failure(&url, &outcome);
                }
                outcome
            }
        }
    }

    async fn known_packument(&self, url: &str) -> Result<Option<Known>, Error> {
        if let Some(known) = locked(&self.recent_packuments).get(url) {
            self.store.mark(Kind::Packument, [url]);
            return Ok(Some(known));
        }
        let Some(blob) = self.store.get(Kind::Packument, url).await? else { return Ok(None) };
        let Some(packument) = Packument::decompress(&blob.bytes, self.limits.packument_bytes) else { return Ok(None) };
        let known = Known { packument: Arc::new(packument), stamp: blob.stamp };
        self.remember(url, &known);
        Ok(Some(known))
    }

    fn remember(&self, url: &str, known: &Known) {
        locked(&self.recent_packuments).insert(url.to_owned(), known.clone(), known.packument.bytes());
    }

    /// Asks the registry, for the form that is kept if one is, and for the full one where the other does not say enough.
    async fn asked_packument(
        &self,
        name: &PackageName,
        url: &str,
        known: Option<&Known>,
    ) -> Result<(Arc<Packument>, CacheUse), Error> {
        let mut form = known.map_or(Form::Abbreviated, |known| known.packument.form());
        let mut etag = known.and_then(|known| known.stamp.etag.clone());
        if known.is_some_and(|known| !self.says_enough(name, known)) {
            (form, etag) = (Form::Full, None);
        }
        loop {
            let (known, cache) = self.asked_form(name, url, known, form, etag.as_deref()).await?;
            if form == Form::Full || self.says_enough(name, &known) {
                self.remember(url, &known);
                return Ok((known.packument, cache));
            }
            (form, etag) = (Form::Full, None);
        }
    }

    async fn asked_form(
        &self,
        name: &PackageName,
        url: &str,
        known: Option<&Known>,
        form: Form,
        etag: Option<&str>,
    ) -> Result<(Known, CacheUse), Error> {
        let answer = self.client.packument(name, form, etag).await?;
        let fetched_at = self.seconds();
        match (answer, known) {
            (PackumentAnswer::Fresh { body, etag }, _) => {
                let packument = self.parsed(name, url, body, form).await?;
                let stamp = Stamp { fetched_at, etag };
                self.keep_packument(url, &packument, &stamp);
                Ok((Known { packument, stamp }, CacheUse::Miss))
            }
            (PackumentAnswer::NotModified, Some(known)) => {
                let stamp = Stamp { fetched_at, etag: etag.map(str::to_owned) };
                let (store, url, written) = (self.store.clone(), url.to_owned(), stamp.clone());
                self.behind.begin(async move { store.touch(Kind::Packument, &url, written).await });
                Ok((Known { packument: known.packument.clone(), stamp }, CacheUse::Revalidated))
            }
            (PackumentAnswer::NotModified, None) => Err(Error::RegistryBody {
                package: name.to_string(),
                url: url.to_owned(),
                detail: "status 304, which nobody asked for".to_owned(),
            }),
        }
    }

    fn keep_packument(&self, url: &str, packument: &Arc<Packument>, stamp: &Stamp) {
        let (store, url, packument, stamp) = (self.store.clone(), url.to_owned(), packument.clone(), stamp.clone());
        self.behind.begin(async move {
            let bytes = blocking(move || packument.compress()).await?;
            store.put(Kind::Packument, &url, bytes, stamp).await
        });
    }

    async fn parsed(&self, name: &PackageName, url: &str, body: Vec<u8>, form: Form) -> Result<Arc<Packument>, Error> {
        let _permit = self.jobs.acquire().await.expect("this semaphore is never closed");
        let owned = name.clone();
        let parsed = blocking(move || Packument::parse(&owned, &body, form)).await?;
        let bad = |detail| Error::RegistryBody { package: name.to_string(), url: url.to_owned(), detail };
        parsed.map(Arc::new).map_err(bad)
    }

    /// What is kept, when the registry's failure may pass.
    fn stale_packument(&self, name: &PackageName, known: Option<Known>, error: Error) -> Result<Found, Error> {
        let age = |known: &Known| Duration::from_secs(self.seconds().saturating_sub(known.stamp.fetched_at));
        match known {
            Some(known)
                if error.may_pass() && age(&known) < self.limits.packument_stale && self.says_enough(name, &known) =>
            {
                let minutes = age(&known).as_secs() / 60;
                let stale = format!("{error}; what was known of {name} {minutes} min ago was used");
                Ok(Found { packument: known.packument, cache: CacheUse::Hit, stale: Some(stale) })
            }
            _ => Err(error),
        }
    }

    /// Whether the ages of a package's versions are known as far as they matter.
    fn says_enough(&self, name: &PackageName, known: &Known) -> bool {
        let Some(cutoff) = self.age_cutoff(name) else { return true };
        known.packument.form() == Form::Full
            || self.connection == Connection::Offline
            || known.packument.modified().is_some_and(|modified| modified < cutoff)
    }

    /// The moment before which a version must have been published, when that matters for this package.
    fn age_cutoff(&self, name: &PackageName) -> Option<DateTime<Utc>> {
        self.ages().cutoff(name.as_str())
    }
}

#[cfg(test)]
#[path = "packument_cache_tests.rs"]
mod tests;
