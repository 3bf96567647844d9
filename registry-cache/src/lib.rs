//! From a manifest to a tree of verified package files, by way of a store on disk.
//!
//! Read in this order: a [`Manifest`] names requirements; [`Registries`] say where packages live; [`Cache::resolve`]
//! turns both into a [`Graph`] (the lock); [`Cache::fetch`] turns that into [`Packages`] (verified, unpacked, in sealed
//! memory); [`Tree::hoist`] lays them out as npm would.
//!
//! This crate reads no environment variable, clock or flag of its own, writes nothing but its store, and runs nothing
//! that a package brings. Nothing enters the store that its integrity does not cover.

mod error;
mod limits;

mod manifest;
mod npmrc;
mod npmrc_network;
mod npmrc_text;
mod resolutions;

mod http;
mod packument;
mod patience;
mod registry;

mod policy;

mod ahead;
mod graph;
mod lock;

mod drift;
mod lock_document;
mod package_lock;

mod image;
mod tarball;

mod lock_file;
mod store;

mod behind;
mod cache;
mod care;
mod evidence;
mod flights;
mod package_cache;
mod packument_cache;
mod recent;
mod shared;

mod owner;

mod layout;
mod tree;

mod mirror;
mod registry_endpoint;

#[doc(hidden)]
pub mod fuzzing;

#[cfg(test)]
mod cache_lock_tests;
#[cfg(test)]
mod test_bench;
#[cfg(test)]
mod test_faults;
#[cfg(test)]
mod test_registry;

pub use ahead::Ahead;
pub use cache::{CacheOptions, CacheUse, Connection, OwnCache, Packages, Progress, Stage};
pub use care::{Amount, Collection, Pins, Removed, Stats, Verification};
pub use drift::{Drift, Wanted};
pub use error::Error;
pub use image::{MappedImage, PackageImage};
pub use limits::{Limits, NetworkOptions};
pub use lock::{Graph, LockedPackage};
pub use lock_document::Lock;
pub use manifest::{Manifest, PackageName, Requirement};
pub use mirror::{Exported, Imported, MirrorKey, MirrorSigner, Platform, Platforms};
pub use npmrc::Registries;
pub use owner::{Cache, OwnerOptions};
pub use policy::{
    Advisories, HeldBack, LookAlikeMode, LookAlikes, NamePattern, Names, Policy, Refusal, ReleaseAge, Severity,
    SignatureMode, Signatures, parse_age,
};
pub use registry_endpoint::{Document, DocumentForm, ServedTarball};
pub use store::Visit;
pub use tree::{Mount, Tree};
