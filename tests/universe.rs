//! The small universe of packages that the tests' registry serves: every folder `testdata/packages/<name>/<version>/`
//! (scoped: `@scope/<name>/<version>/`) packed as npm packs it.
//!
//! A folder's files stand in the tarball below `package/`, in the order of their paths and without times or owners, so
//! that a package has the same bytes on every machine. A path segment `_node_modules` becomes `node_modules`: a folder
//! of the real name would be left out of many a checkout. What a folder cannot hold (a link, a path that climbs out)
//! its `recipe.json` says; that file is not packed. `tags.json` beside the versions holds dist-tags, and `registry.json`
//! what else a registry says: how long ago something was published, and what it signed.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use base64::Engine;
use flate2::{Compression, GzBuilder};
use serde::Deserialize;
use serde_json::Value;
use sha2::{Digest, Sha512};

/// All packages, packed once for all tests of the process.
pub(crate) static UNIVERSE: LazyLock<BTreeMap<String, Package>> = LazyLock::new(read_universe);

/// One package: its versions and what its dist-tags point at.
pub(crate) struct Package {
    pub(crate) versions: BTreeMap<String, Version>,
    pub(crate) tags: BTreeMap<String, String>,
    pub(crate) said: Said,
}

/// What a registry says about a package beside its manifests.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Said {
    /// How many minutes ago the package was first published; else in 2024.
    pub(crate) created_minutes_ago: Option<u32>,
    /// How many minutes ago versions were published; others in 2024.
    pub(crate) minutes_ago: BTreeMap<String, u32>,
    /// Versions that are signed.
    pub(crate) signed: BTreeMap<String, Signing>,
}

/// How a version is signed.
#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Signing {
    /// As it should be.
    Right,
    /// For another version's bytes.
    OtherBytes,
    /// By a key that the registry does not publish.
    UnknownKey,
}

impl Package {
    /// A package with one version, 1.0.0, made of these files: what is too large to keep. Its package.json, unless there is
    /// one among the files, is the manifest that the registry shows.
    pub(crate) fn generated(name: &str, files: Vec<(String, Vec<u8>)>) -> Package {
        let manifest = serde_json::json!({"name": name, "version": "1.0.0"});
        let mut files: BTreeMap<String, Vec<u8>> = files.into_iter().collect();
        files.entry("package.json".to_owned()).or_insert_with(|| manifest.to_string().into_bytes());
        let mut archive = tar::Builder::new(GzBuilder::new().mtime(0).write(Vec::new(), Compression::fast()));
        for (path, bytes) in &files {
            append_file(&mut archive, &format!("package/{path}"), bytes, LongNames::Gnu);
        }
        let tarball = archive.into_inner().unwrap().finish().unwrap();
        let integrity = integrity_of(&tarball);
        let manifest = manifest.as_object().cloned().unwrap();
        Package {
            versions: BTreeMap::from([("1.0.0".to_owned(), Version { manifest, tarball, integrity })]),
            tags: BTreeMap::from([("latest".to_owned(), "1.0.0".to_owned())]),
            said: Said::default(),
        }
    }
}

/// One version as a registry knows it.
pub(crate) struct Version {
    pub(crate) manifest: serde_json::Map<String, Value>,
    pub(crate) tarball: Vec<u8>,
    pub(crate) integrity: String,
}

/// What a version's folder cannot say by its files.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Recipe {
    /// How a path of more than 100 bytes is written.
    long_names: LongNames,
    /// Entries after the folder's files, as they are: hostile ones, mostly.
    entries: Vec<RecipeEntry>,
}

#[derive(Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum LongNames {
    #[default]
    Gnu,
    Pax,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RecipeEntry {
    /// The whole path, `package/` included where it is wanted.
    path: String,
    #[serde(default)]
    text: String,
    /// So many zero bytes follow the text.
    #[serde(default)]
    zeros: usize,
    /// A symbolic link's target.
    link: Option<String>,
    /// A hard link's target.
    hard_link: Option<String>,
}

/// The path of `testdata`, or of something in it.
pub(crate) fn testdata(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata").join(path)
}

/// Every file below `folder`, with its path relative to it, sorted.
pub(crate) fn files_below(folder: &Path) -> Vec<(String, PathBuf)> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(&next).unwrap_or_else(|error| panic!("{}: {error}", next.display())) {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let relative = path.strip_prefix(folder).unwrap().to_str().unwrap().to_owned();
                found.push((relative, path));
            }
        }
    }
    found.sort();
    found
}

fn read_universe() -> BTreeMap<String, Package> {
    let mut packages = BTreeMap::new();
    for folder in folders_in(&testdata("packages")) {
        let name = name_of(&folder);
        if name.starts_with('@') {
            for inner in folders_in(&folder) {
                packages.insert(format!("{name}/{}", name_of(&inner)), read_package(&inner));
            }
        } else {
            packages.insert(name, read_package(&folder));
        }
    }
    packages
}

fn read_package(folder: &Path) -> Package {
    let versions: BTreeMap<String, Version> =
        folders_in(folder).iter().map(|version| (name_of(version), read_version(version))).collect();
    let highest = versions.keys().max_by_key(|version| precedence(version)).expect("a package has a version");
    let mut tags = BTreeMap::from([("latest".to_owned(), highest.clone())]);
    if let Ok(text) = fs::read_to_string(folder.join("tags.json")) {
        tags.extend(serde_json::from_str::<BTreeMap<String, String>>(&text).expect("tags.json"));
    }
    let said = fs::read_to_string(folder.join("registry.json"));
    let said = said.map(|text| serde_json::from_str(&text).expect("registry.json")).unwrap_or_default();
    Package { versions, tags, said }
}

/// Enough of semver's order to find the version that npm would have tagged `latest`.
fn precedence(version: &str) -> (bool, Vec<u64>) {
    let (numbers, prerelease) = version.split_once('-').map_or((version, false), |(numbers, _)| (numbers, true));
    (!prerelease, numbers.split('.').map(|number| number.parse().unwrap()).collect())
}

fn read_version(folder: &Path) -> Version {
    let manifest = fs::read_to_string(folder.join("package.json")).expect("a package.json");
    let manifest = serde_json::from_str(&manifest).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let recipe = fs::read_to_string(folder.join("recipe.json"))
        .map(|text| serde_json::from_str(&text).expect("recipe.json"))
        .unwrap_or_default();
    let tarball = pack(folder, &recipe);
    let integrity = integrity_of(&tarball);
    Version { manifest, tarball, integrity }
}

/// These bytes' subresource integrity, as `dist.integrity` holds it.
pub(crate) fn integrity_of(bytes: &[u8]) -> String {
    format!("sha512-{}", base64::engine::general_purpose::STANDARD.encode(Sha512::digest(bytes)))
}

fn pack(folder: &Path, recipe: &Recipe) -> Vec<u8> {
    let gzip = GzBuilder::new().mtime(0).write(Vec::new(), Compression::fast());
    let mut archive = tar::Builder::new(gzip);
    for (path, file) in files_below(folder) {
        if path == "recipe.json" {
            continue;
        }
        let path = format!("package/{}", path.replace("_node_modules", "node_modules"));
        append_file(&mut archive, &path, &fs::read(file).unwrap(), recipe.long_names);
    }
    for entry in &recipe.entries {
        append_entry(&mut archive, entry);
    }
    archive.into_inner().unwrap().finish().unwrap()
}

fn append_file<W: Write>(archive: &mut tar::Builder<W>, path: &str, bytes: &[u8], long_names: LongNames) {
    let mut header = plain_header(bytes.len());
    match long_names {
        LongNames::Pax if path.len() > 100 => {
            append_pax_path(archive, path);
            // The real path stands in the extension; what is here must not be taken for it.
            header.set_path("package/name-in-the-pax-header").unwrap();
            header.set_cksum();
            archive.append(&header, bytes).unwrap();
        }
        LongNames::Pax | LongNames::Gnu => archive.append_data(&mut header, path, bytes).unwrap(),
    }
}

/// An extended header with one record, `<length> path=<path>`, whose length counts itself (POSIX pax, "Extended Header").
/// The tar crate's own method leaves the header without a name, which npm refuses.
fn append_pax_path<W: Write>(archive: &mut tar::Builder<W>, path: &str) {
    let rest = format!(" path={path}\n");
    let digits = (rest.len() + 3).to_string().len();
    let record = format!("{}{rest}", rest.len() + digits);
    let mut header = tar::Header::new_ustar();
    header.set_size(record.len() as u64);
    header.set_mode(0o644);
    header.set_entry_type(tar::EntryType::XHeader);
    header.set_path("PaxHeader/long-path").unwrap();
    header.set_cksum();
    archive.append(&header, record.as_bytes()).unwrap();
}

/// Writes the path's bytes as they are: the tar crate's own methods refuse what a hostile tarball holds.
fn append_entry<W: Write>(archive: &mut tar::Builder<W>, entry: &RecipeEntry) {
    let mut bytes = entry.text.clone().into_bytes();
    bytes.resize(bytes.len() + entry.zeros, 0);
    let mut header = plain_header(bytes.len());
    header.as_old_mut().name[..entry.path.len()].copy_from_slice(entry.path.as_bytes());
    let target = entry.link.as_ref().or(entry.hard_link.as_ref());
    if let Some(target) = target {
        let kind = if entry.link.is_some() { tar::EntryType::Symlink } else { tar::EntryType::Link };
        header.set_entry_type(kind);
        header.as_old_mut().linkname[..target.len()].copy_from_slice(target.as_bytes());
    }
    header.set_cksum();
    archive.append(&header, bytes.as_slice()).unwrap();
}

fn plain_header(bytes: usize) -> tar::Header {
    let mut header = tar::Header::new_gnu();
    header.set_size(bytes as u64);
    header.set_mode(0o644);
    header.set_mtime(0);
    header
}

fn folders_in(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut folders: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).filter(|path| path.is_dir()).collect();
    folders.sort();
    folders
}

fn name_of(path: &Path) -> String {
    path.file_name().unwrap().to_str().unwrap().to_owned()
}
