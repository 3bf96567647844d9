//! What the owner of a cache and a command say to each other.
//!
//! The command says [`Hello`], the owner answers [`Greeting`]; both keep their shape for ever, so that other versions can be told
//! apart. Then come calls, one at a time: a call, news of it, images, and its end. To add a call, add it to [`Call`] and to
//! [`perform`], and let [`crate::Cache`] send it where another process owns the cache. A call may be performed twice, when its owner
//! dies over it, so doing it twice must be the same as doing it once.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};

use super::mirror;
use crate::ahead::Ahead;
use crate::cache::{CacheOptions, Connection, OwnCache, Progress, Stage};
use crate::care::Pins;
use crate::drift::{Drift, Wanted};
use crate::error::Error;
use crate::image::PackageImage;
use crate::limits::Limits;
use crate::lock::{Graph, LockedPackage};
use crate::lock_document::Lock;
use crate::manifest::Manifest;
use crate::mirror::{MirrorKey, MirrorSigner, Platforms};

/// The version of everything after the greeting.
pub(crate) const PROTOCOL: u32 = 1;

/// The first thing that a command says.
#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct Hello {
    pub(crate) protocol: u32,
    pub(crate) settings: Settings,
}

/// The first thing that an owner says.
#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct Greeting {
    pub(crate) protocol: u32,
    /// The settings that are not the same here. With any, or with another protocol, this was the last thing, too.
    pub(crate) differs: Vec<String>,
}

/// What two processes must agree on to use one cache, each by its name and as a hash: nobody learns another's settings.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub(crate) struct Settings(BTreeMap<String, String>);

impl Settings {
    pub(crate) fn of(options: &CacheOptions) -> Self {
        let connection = match options.connection {
            Connection::Online => "online",
            Connection::Offline => "offline",
        };
        let named = [
            ("registries", options.registries.fingerprint()),
            ("credentials", options.registries.credentials_fingerprint()),
            ("policy", options.policy.fingerprint()),
            ("offline", connection.to_owned()),
            ("tenant", options.owner.tenant.clone()),
        ];
        let hashed = |(name, value): (&str, String)| (name.to_owned(), format!("{:x}", Sha256::digest(value)));
        Self(named.into_iter().map(hashed).collect())
    }

    /// The names of what is not the same in both.
    pub(crate) fn differences(&self, other: &Self) -> Vec<String> {
        let names: BTreeSet<&String> = self.0.keys().chain(other.0.keys()).collect();
        names.into_iter().filter(|name| self.0.get(*name) != other.0.get(*name)).cloned().collect()
    }
}

/// What a command asks for.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) enum Call {
    Resolve {
        manifest: Manifest,
        lock: Option<SentLock>,
        drift: Drift,
        ahead: Ahead,
    },
    Fetch {
        graph: Graph,
    },
    Keep {
        graph: Graph,
    },
    TarballBytes {
        package: LockedPackage,
    },
    Module {
        key: String,
    },
    /// The module's bytes come with it.
    KeepModule {
        key: String,
    },
    Flush,
    Stats,
    Verify,
    Collect {
        quota_bytes: u64,
    },
    Pin {
        set: String,
        pins: Pins,
    },
    Unpin {
        set: String,
    },
    /// To a file that both processes can reach by this path.
    ExportMirror {
        manifests: Vec<Manifest>,
        platforms: Vec<String>,
        seed: [u8; 32],
        path: PathBuf,
    },
    ImportMirror {
        trusted: Vec<String>,
        path: PathBuf,
    },
}

/// A lock as a document, to be read again by who gets it.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct SentLock {
    text: String,
    origin: String,
}

impl SentLock {
    pub(crate) fn of(lock: &Lock) -> Self {
        Self { text: serde_json::to_string(lock).expect("a lock is plain data"), origin: lock.origin.clone() }
    }

    fn read(&self, limits: &Limits) -> Result<Lock, Error> {
        Lock::parse(&self.text, &self.origin, limits)
    }
}

/// What an owner says to a call, until its end.
#[derive(Debug, Deserialize, Serialize)]
pub(crate) enum Reply {
    /// It is still at work.
    Working,
    Resolving {
        name: String,
    },
    Fetching {
        package: String,
        done: usize,
        total: usize,
    },
    /// As many descriptors come with it, each the image of the packages with these ids.
    Images {
        ids: Vec<Vec<String>>,
    },
    /// The call's result, with the bytes that belong to it.
    Done {
        value: Box<RawValue>,
    },
    Failed {
        error: Box<Error>,
    },
}

/// Images, each with the ids of the packages whose files it holds.
pub(crate) type Images = Vec<(Vec<String>, Arc<PackageImage>)>;

/// What a call comes to.
#[derive(Debug)]
pub(crate) struct Outcome {
    value: Box<RawValue>,
    pub(crate) bytes: Vec<u8>,
    pub(crate) images: Images,
}

impl Outcome {
    pub(crate) fn new(value: Box<RawValue>, bytes: Vec<u8>, images: Images) -> Self {
        Self { value, bytes, images }
    }

    fn of(value: &impl Serialize) -> Result<Self, Error> {
        let problem = |error: serde_json::Error| Error::Internal { detail: format!("a result is not JSON: {error}") };
        Ok(Self::new(serde_json::value::to_raw_value(value).map_err(problem)?, Vec::new(), Vec::new()))
    }

    /// The result, as what it should be.
    pub(crate) fn value<T: DeserializeOwned>(&self) -> Result<T, String> {
        serde_json::from_str(self.value.get()).map_err(|error| error.to_string())
    }

    /// The parts of the last thing that is said of a call.
    pub(crate) fn into_end(self) -> (Reply, Vec<u8>) {
        (Reply::Done { value: self.value }, self.bytes)
    }
}

/// Does what a call asks for.
pub(crate) async fn perform(
    cache: &OwnCache,
    call: Call,
    bytes: Vec<u8>,
    progress: &dyn Progress,
) -> Result<Outcome, Error> {
    match call {
        Call::Resolve { manifest, lock, drift, ahead } => {
            let lock = lock.map(|lock| lock.read(&cache.shared.limits)).transpose()?;
            let wanted = Wanted { manifest: &manifest, lock: lock.as_ref(), drift };
            Outcome::of(&cache.resolve(wanted, ahead, progress).await?)
        }
        Call::Fetch { graph } => {
            let Stage { value: packages, cache } = cache.fetch(&graph, progress).await?;
            Ok(Outcome { images: packages.into_images(), ..Outcome::of(&cache)? })
        }
        Call::Keep { graph } => Outcome::of(&cache.keep(&graph, progress).await?),
        Call::TarballBytes { package } => Outcome::of(&cache.tarball_bytes(&package).await?),
        Call::Module { key } => {
            let module = cache.module(&key).await?;
            Ok(Outcome { bytes: module.clone().unwrap_or_default(), ..Outcome::of(&module.is_some())? })
        }
        Call::KeepModule { key } => Outcome::of(&cache.keep_module(&key, bytes).await?),
        Call::Flush => Outcome::of(&cache.flush().await?),
        Call::Stats => Outcome::of(&cache.stats().await?),
        Call::Verify => Outcome::of(&cache.verify().await?),
        Call::Collect { quota_bytes } => Outcome::of(&cache.collect(quota_bytes).await?),
        Call::Pin { set, pins } => Outcome::of(&cache.pin(&set, &pins).await?),
        Call::Unpin { set } => Outcome::of(&cache.unpin(&set).await?),
        Call::ExportMirror { manifests, platforms, seed, path } => {
            let platforms = Platforms::of_names(&platforms).map_err(misunderstood)?;
            let signer = MirrorSigner::from_seed(&seed);
            Outcome::of(&cache.export_mirror(&manifests, &platforms, &signer, mirror::made(&path)?, progress).await?)
        }
        Call::ImportMirror { trusted, path } => {
            let keys = trusted.iter().map(|key| key.parse::<MirrorKey>()).collect::<Result<Vec<_>, _>>();
            let keys = keys.map_err(misunderstood)?;
            Outcome::of(&cache.import_mirror(mirror::opened(&path)?, &keys, progress).await?)
        }
    }
}

/// The other side says what this one would not have.
fn misunderstood(detail: String) -> Error {
    Error::Internal { detail: format!("a call cannot be understood: {detail}") }
}
