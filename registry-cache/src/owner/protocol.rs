//! What the owner of a cache and a command say to each other.
//!
//! The command says [`Hello`], the owner answers [`Greeting`]; both keep their shape for ever, so that other versions can be told
//! apart. Then come calls, one at a time: a call, news of it, images, and its end. To add a call, add it to [`Call`] and to
//! [`perform`], and let [`crate::Cache`] send it where another process owns the cache. A call may be performed twice, when its owner
//! dies over it, so doing it twice must be the same as doing it once; only one with a file never is.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::sync::Arc;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};

use crate::ahead::Ahead;
use crate::cache::{CacheOptions, Connection, OwnCache, Progress, Stage};
use crate::care::Pins;
use crate::error::Error;
use crate::image::PackageImage;
use crate::lock::{Graph, LockedPackage};
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
    Sync,
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
    /// The file to write comes with it.
    ExportMirror {
        manifests: Vec<Manifest>,
        platforms: Platforms,
        signer: MirrorSigner,
    },
    /// The file to read comes with it.
    ImportMirror {
        trusted: Vec<MirrorKey>,
    },
}

/// What goes with a call.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Attachment<'a> {
    Nothing,
    Bytes(&'a [u8]),
    /// Where it stands, so that a call with it cannot be made again.
    File(BorrowedFd<'a>),
}

/// The same, as it comes.
#[derive(Debug)]
pub(crate) enum Attached {
    Bytes(Vec<u8>),
    File(File),
}

impl Attached {
    pub(crate) fn of(bytes: Vec<u8>, descriptors: Vec<OwnedFd>) -> Self {
        match descriptors.into_iter().next() {
            Some(descriptor) => Self::File(descriptor.into()),
            None => Self::Bytes(bytes),
        }
    }

    fn bytes(self) -> Vec<u8> {
        match self {
            Self::Bytes(bytes) => bytes,
            Self::File(_) => Vec::new(),
        }
    }

    fn file(self) -> Result<File, Error> {
        match self {
            Self::File(file) => Ok(file),
            Self::Bytes(_) => Err(Error::Internal { detail: "a call came without its file".to_owned() }),
        }
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

/// What a call comes to.
#[derive(Debug)]
pub(crate) struct Outcome {
    value: Box<RawValue>,
    pub(crate) bytes: Vec<u8>,
    pub(crate) images: Vec<(Vec<String>, Arc<PackageImage>)>,
}

impl Outcome {
    pub(crate) fn new(value: Box<RawValue>, bytes: Vec<u8>, images: Vec<(Vec<String>, Arc<PackageImage>)>) -> Self {
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
    attached: Attached,
    progress: &dyn Progress,
) -> Result<Outcome, Error> {
    match call {
        Call::Resolve { manifest, ahead } => Outcome::of(&cache.resolve(&manifest, ahead, progress).await?),
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
        Call::KeepModule { key } => Outcome::of(&cache.keep_module(&key, attached.bytes()).await?),
        Call::Flush => Outcome::of(&cache.flush().await?),
        Call::Sync => Outcome::of(&cache.sync().await?),
        Call::Stats => Outcome::of(&cache.stats().await?),
        Call::Verify => Outcome::of(&cache.verify().await?),
        Call::Collect { quota_bytes } => Outcome::of(&cache.collect(quota_bytes).await?),
        Call::Pin { set, pins } => Outcome::of(&cache.pin(&set, &pins).await?),
        Call::Unpin { set } => Outcome::of(&cache.unpin(&set).await?),
        Call::ExportMirror { manifests, platforms, signer } => {
            Outcome::of(&cache.export_mirror(&manifests, &platforms, &signer, attached.file()?, progress).await?)
        }
        Call::ImportMirror { trusted } => {
            Outcome::of(&cache.import_mirror(attached.file()?, &trusted, progress).await?)
        }
    }
}
