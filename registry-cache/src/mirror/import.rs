//! From a mirror into a cache: verified as a whole, then taken over as a whole.
//!
//! Tarballs go first: nobody finds one before something names it. What names them, packuments and resolutions, is written
//! down as one blob, the intent, and only then put where it belongs. Whoever is killed before the intent leaves the cache as
//! it was; whoever is killed after it has [`finish_import`] do the rest when the cache is opened.
//!
//! What the cache knows already stays: a mirror adds versions. Everything that it adds counts as old, so that with a
//! connection registries are asked.

use std::fs::File;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::archive::{Content, Reader, broken};
use super::export::misnamed;
use super::key::MirrorKey;
use crate::cache::{OwnCache, Progress};
use crate::error::Error;
use crate::limits::Limits;
use crate::lock::Graph;
use crate::manifest::{Manifest, PackageName};
use crate::packument::{Form, Packument, strongest};
use crate::policy::signature::RegistryKeys;
use crate::shared::{Shared, locked};
use crate::store::{Kind, Stamp, blocking};
use crate::tarball;

/// The one key of intents.
const PENDING: &str = "pending";

/// A manifest, and what it is resolved to.
#[derive(Deserialize, Serialize)]
pub(crate) struct Resolved {
    pub(crate) manifest: Manifest,
    pub(crate) graph: Graph,
}

/// What was taken over.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Imported {
    /// Packages of which versions are known now.
    pub packuments: usize,
    /// Tarballs in the mirror.
    pub tarballs: usize,
    /// Those of them that were not there yet.
    pub new_tarballs: usize,
    /// Who signed it.
    pub key: String,
    /// The systems that it is for.
    pub platforms: Vec<String>,
}

/// What names the tarballs of a mirror, as it will be found.
#[derive(Default, Deserialize, Serialize)]
struct Intent {
    packuments: Vec<IntendedPackument>,
    /// What registries sign with, by URL.
    keys: Vec<(String, String)>,
    /// Graphs as JSON, by key.
    resolutions: Vec<(String, String)>,
}

#[derive(Deserialize, Serialize)]
struct IntendedPackument {
    name: PackageName,
    url: String,
    form: Form,
    document: String,
}

impl OwnCache {
    /// Takes over a mirror that one of these keys has signed.
    pub async fn import_mirror(
        &self,
        file: File,
        trusted: &[MirrorKey],
        progress: &dyn Progress,
    ) -> Result<Imported, Error> {
        let shared = &self.shared;
        // Nothing names its tarballs until the end.
        let _visit = self.visit();
        let (limits, trusted) = (shared.limits.clone(), trusted.to_vec());
        let bounds = limits.clone();
        let reader = blocking(move || Reader::open(file, &trusted, &bounds)).await??;
        let (mut reader, checked) = blocking(move || check(reader, &limits)).await??;
        let intent = self.intent_of(checked).await?;
        let (mut tarballs, mut new_tarballs) = (0, 0);
        let total = reader.index.entries.iter().filter(|entry| is_tarball(&entry.content)).count();
        reader.rewind()?;
        loop {
            let (back, next) = blocking(move || reader.next().map(|next| (reader, next))).await??;
            reader = back;
            let Some((content, bytes)) = next else { break };
            let Content::Tarball { package, integrity } = content else { continue };
            if shared.store.length(Kind::Tarball, &integrity).await?.is_none() {
                shared.store.put_verified(Kind::Tarball, &integrity, Arc::new(bytes), shared.stamp()).await?;
                new_tarballs += 1;
            }
            tarballs += 1;
            progress.fetching(&package, tarballs, total);
        }
        let packuments = intent.packuments.len();
        let bytes = serde_json::to_vec(&intent).expect("plain data is JSON");
        shared.behind.settle().await?;
        shared.store.sync().await?;
        shared.store.put(Kind::Import, PENDING, bytes, shared.stamp()).await?;
        shared.store.flush().await?;
        finish_import(shared).await?;
        let Reader { index, key, .. } = reader;
        Ok(Imported { packuments, tarballs, new_tarballs, key: key.to_string(), platforms: index.platforms })
    }
}

impl OwnCache {
    /// Where everything will be found in this cache, whose registries and policy may be others. A graph that the policy does
    /// not let in is not taken over, nor is anything else then.
    async fn intent_of(&self, checked: Checked) -> Result<Intent, Error> {
        let registries = self.shared.client.registries();
        let mut intent = Intent::default();
        for (name, form, document) in checked.packuments {
            let url = registries.packument_url(&name)?.to_string();
            intent.packuments.push(IntendedPackument { name, url, form, document });
        }
        for (of, keys) in checked.keys {
            intent.keys.push((registries.keys_url(of.as_str()).to_string(), keys));
        }
        let advisories = self.shared.advisories().await?;
        for Resolved { manifest, graph } in checked.resolutions {
            let graph = self.shared.review_given(&graph).await?;
            let graph = serde_json::to_string(&graph).expect("plain data is JSON");
            intent.resolutions.push((self.shared.resolution_key(&manifest, &advisories), graph));
        }
        Ok(intent)
    }
}

impl Shared {
    fn stamp(&self) -> Stamp {
        Stamp { fetched_at: self.seconds(), etag: None }
    }
}

/// Does what an import intended, if one did not come to it.
pub(crate) async fn finish_import(shared: &Arc<Shared>) -> Result<(), Error> {
    let Some(blob) = shared.store.get(Kind::Import, PENDING).await? else { return Ok(()) };
    // One that cannot be read is from another version of ours, which nobody can finish.
    let Intent { packuments, keys, resolutions } = serde_json::from_slice(&blob.bytes).unwrap_or_default();
    let old = Stamp::default();
    for intended in packuments {
        let IntendedPackument { name, url, form, document } = intended;
        let known = shared.store.get(Kind::Packument, &url).await?;
        let (limit, stamp) = (shared.limits.packument_bytes, known.as_ref().map(|blob| blob.stamp.clone()));
        let merged = blocking(move || {
            let added = Packument::parse(&name, document.as_bytes(), form)?;
            match known.and_then(|blob| Packument::decompress(&blob.bytes, limit)) {
                Some(known) => known.with_those_of(&name, &added),
                None => Ok(Some(added)),
            }
            .map(|packument| packument.map(|packument| packument.compress()))
        });
        // Each part of it was checked before; one that cannot be read now never will be, and must not keep the cache shut.
        if let Ok(Some(bytes)) = merged.await? {
            shared.store.put(Kind::Packument, &url, bytes, stamp.unwrap_or_else(|| old.clone())).await?;
        }
        locked(&shared.recent_packuments).remove(&url);
    }
    for (url, keys) in keys {
        if shared.store.get(Kind::Keys, &url).await?.is_none() {
            shared.store.put(Kind::Keys, &url, keys.into_bytes(), old.clone()).await?;
        }
    }
    for (key, graph) in resolutions {
        shared.store.put(Kind::Resolution, &key, graph.into_bytes(), old.clone()).await?;
    }
    shared.store.flush().await?;
    shared.store.remove(Kind::Import, PENDING).await?;
    // Whoever imports a mirror may have no other way to what it held.
    shared.store.sync().await
}

fn is_tarball(content: &Content) -> bool {
    matches!(content, Content::Tarball { .. })
}

/// What a mirror holds beside tarballs.
#[derive(Default)]
struct Checked {
    packuments: Vec<(PackageName, Form, String)>,
    /// By a package of the registry.
    keys: Vec<(PackageName, String)>,
    resolutions: Vec<Resolved>,
}

/// Reads all of a mirror. What comes back is right in every part.
fn check(mut reader: Reader, limits: &Limits) -> Result<(Reader, Checked), Error> {
    let mut checked = Checked::default();
    while let Some((content, bytes)) = reader.next()? {
        match content {
            Content::Resolution => {
                let resolved: Resolved =
                    serde_json::from_slice(&bytes).map_err(|error| broken(&format!("a resolution: {error}")))?;
                check_graph(&resolved.graph, limits)?;
                checked.resolutions.push(resolved);
            }
            Content::Keys { of } => {
                let of = PackageName::parse(&of).map_err(|problem| misnamed(&of, problem))?;
                let keys = String::from_utf8(bytes).map_err(|_| broken("its keys are not UTF-8"))?;
                RegistryKeys::parse(keys.as_bytes()).map_err(|detail| broken(&format!("its keys: {detail}")))?;
                checked.keys.push((of, keys));
            }
            Content::Packument { name, form } => {
                let name = PackageName::parse(&name).map_err(|problem| misnamed(&name, problem))?;
                let wrong = |detail: String| broken(&format!("the packument of {name} is {detail}"));
                let packument = Packument::parse(&name, &bytes, form).map_err(wrong)?;
                packument.info().map_err(wrong)?;
                let document = String::from_utf8(bytes).map_err(|_| wrong("not UTF-8".to_owned()))?;
                checked.packuments.push((name, form, document));
            }
            Content::Tarball { package, integrity } => {
                if strongest(&integrity).as_deref() != Some(integrity.as_str()) {
                    return Err(broken(&format!("the integrity of {package} is {integrity:?}")));
                }
                tarball::verify(&package, "", &bytes, &integrity)?;
                tarball::unpack(&package, &bytes, limits)?;
            }
        }
    }
    Ok((reader, checked))
}

fn check_graph(graph: &Graph, limits: &Limits) -> Result<(), Error> {
    if graph.packages.len() > limits.graph_packages {
        return Err(Error::Limit {
            subject: "a graph of the mirror".to_owned(),
            what: "its number of packages",
            measured: graph.packages.len() as u64,
            limit: limits.graph_packages as u64,
            knob: "limits.graph_packages",
        });
    }
    let names = graph.packages.values().flat_map(|package| package.dependencies.keys().chain([&package.name]));
    for name in names.chain(graph.root.keys()) {
        PackageName::parse(name).map_err(|problem| misnamed(name, problem))?;
    }
    match graph.is_closed() {
        true => Ok(()),
        false => Err(broken("a graph of it names a package that it lacks")),
    }
}
