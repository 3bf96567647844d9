//! How a request gets at the cache: the service holds it all the time, a command opens it for a moment.

use std::sync::Arc;

use registry_cache::{Cache, Visit};

use crate::config::CacheConfig;
use crate::error::Error;

/// Where a request's cache comes from.
pub(crate) enum CacheAccess {
    /// The service's, open while it lives.
    Held(Arc<Cache>),
    /// Opened for each request that imports packages, and closed before its code runs.
    Brief(CacheConfig),
}

/// A cache in use.
pub(crate) enum Lease {
    /// Somebody else closes it. What is used through this is not collected meanwhile.
    Held { cache: Arc<Cache>, _visit: Option<Visit> },
    /// Closed by [`Lease::release`]. Dropped instead, it is freed too, only later.
    Own(Box<Cache>),
}

impl CacheAccess {
    /// Opens the cache, through its owner where another process owns it.
    pub(crate) async fn open(&self) -> Result<Lease, Error> {
        match self {
            Self::Held(cache) => Ok(Lease::Held { cache: cache.clone(), _visit: cache.visit() }),
            Self::Brief(config) => Ok(Lease::Own(Box::new(Cache::open(config.options()?).await?))),
        }
    }
}

impl Lease {
    /// The cache itself.
    pub(crate) fn cache(&self) -> &Cache {
        match self {
            Self::Held { cache, .. } => cache,
            Self::Own(cache) => cache,
        }
    }

    /// Lets others at it.
    pub(crate) async fn release(self) -> Result<(), Error> {
        match self {
            Self::Held { .. } => Ok(()),
            Self::Own(cache) => Ok(cache.close().await?),
        }
    }
}
