//! Packuments as we keep them: what npm's abbreviated form holds, checked, and the dates and signatures of the full one.
//!
//! What a registry sends is parsed once, leniently (one odd version of a thousand must not hide the others, as it does
//! not for npm), and written again so that every part of it parses: a hostile packument cannot bring down the resolver
//! later. What resolution must read differently from what was published (optional dependencies that cannot be had, other
//! C libraries) stands beside the original, which [`Packument::document`] gives back. Follows npm's registry
//! documentation, "package metadata".

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, OnceLock};

use chrono::{DateTime, Utc};
use deno_npm::registry::{NpmPackageInfo, NpmPackageVersionInfo};
use deno_semver::Version;
use serde::{Deserialize, Serialize};
use serde_json::value::{RawValue, to_raw_value};
use serde_json::{Map, Value};
use ssri::{Algorithm, Integrity};

use crate::manifest::{PackageName, foreign_kind};

/// No system has this name: a version for it is never chosen among optional dependencies.
const NOWHERE: &str = "unsupported-libc";
/// Before the name of a field that resolution reads differently: what was published.
const PUBLISHED: char = '_';

/// In place of a time that is not known.
const NEVER: i64 = i64::MIN;

/// The fields of a version that are kept: npm's abbreviated form.
const KEPT: [&str; 22] = [
    "_hasShrinkwrap",
    "acceptDependencies",
    "bin",
    "bundleDependencies",
    "bundledDependencies",
    "cpu",
    "dependencies",
    "deprecated",
    "devDependencies",
    "directories",
    "dist",
    "engines",
    "funding",
    "hasInstallScript",
    "libc",
    "name",
    "optionalDependencies",
    "os",
    "peerDependencies",
    "peerDependenciesMeta",
    "type",
    "version",
];

/// The fields of `dist` that are kept.
const KEPT_OF_DIST: [&str; 7] =
    ["attestations", "fileCount", "integrity", "shasum", "signatures", "tarball", "unpackedSize"];

/// Which of a registry's two forms of a packument this is.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Form {
    /// What an installation needs, without dates.
    Abbreviated,
    /// Everything, dates included where the registry has any.
    Full,
}

/// A packument whose every part is known to parse.
#[derive(Debug)]
pub(crate) struct Packument {
    form: Form,
    modified: Option<DateTime<Utc>>,
    text: String,
    info: OnceLock<Result<Arc<NpmPackageInfo>, String>>,
}

/// One signature of a version, as npm's registry documentation has it ("ECDSA registry signatures").
#[derive(Clone, Debug, Deserialize, Eq, PartialEq)]
pub(crate) struct Signature {
    pub(crate) keyid: String,
    /// In base64.
    pub(crate) sig: String,
}

/// The packument of a package, its fields unread.
type Fields<'a> = BTreeMap<Cow<'a, str>, &'a RawValue>;

impl Packument {
    /// Checks what a registry sent for `name`. The error says what came instead of a packument.
    pub(crate) fn parse(name: &PackageName, body: &[u8], form: Form) -> Result<Self, String> {
        let root = root_of(body)?;
        let text_of = |field: &str| root.get(field).and_then(|raw| serde_json::from_str::<String>(raw.get()).ok());
        if text_of("name").as_deref() != Some(name.as_str()) {
            return Err("the packument of another name, or none".to_owned());
        }
        let versions = root.get("versions").and_then(|raw| serde_json::from_str::<Fields<'_>>(raw.get()).ok());
        let versions: BTreeMap<String, Box<RawValue>> = versions
            .ok_or("a packument without versions")?
            .into_iter()
            .filter_map(|(key, raw)| Some((key.to_string(), version_of(&key, raw)?)))
            .collect();
        let time = strings_of(root.get("time"));
        let modified =
            text_of("modified").or_else(|| time.get("modified").cloned()).filter(|text| date(text).is_some());
        // Some registries say when versions were published without being asked.
        let form = if versions.keys().any(|version| time.contains_key(version)) { Form::Full } else { form };
        let kept = Kept {
            name: name.as_str(),
            modified: modified.as_deref(),
            dist_tags: tags_of(root.get("dist-tags"), &versions),
            time: time.into_iter().filter(|(_, text)| date(text).is_some()).collect(),
            versions,
        };
        let text =
            serde_json::to_string(&kept).map_err(|error| format!("a packument that cannot be kept ({error})"))?;
        Ok(Self { form, modified: modified.as_deref().and_then(date), text, info: OnceLock::new() })
    }

    /// For the resolver; parsed once.
    pub(crate) fn info(&self) -> Result<Arc<NpmPackageInfo>, String> {
        let parse = || NpmPackageInfo::from_packument_slice(self.text.as_bytes()).map(Arc::new);
        self.info.get_or_init(parse).clone()
    }

    /// Bytes of memory that it takes, about.
    pub(crate) fn bytes(&self) -> u64 {
        // The resolver keeps a copy of the text, and an index.
        self.text.len() as u64 * 3
    }

    /// For the store: the form, when it was modified (both eight bytes, little-endian), the compressed text.
    pub(crate) fn compress(&self) -> Vec<u8> {
        let form: u64 = match self.form {
            Form::Abbreviated => 0,
            Form::Full => 1,
        };
        let modified = self.modified.map_or(NEVER, |date| date.timestamp());
        let mut bytes = [form.to_le_bytes(), modified.to_le_bytes()].concat();
        bytes.extend(lz4_flex::compress_prepend_size(self.text.as_bytes()));
        bytes
    }

    /// From the store, whose checksum has been verified.
    pub(crate) fn decompress(bytes: &[u8], limit: u64) -> Option<Self> {
        let (form, rest) = bytes.split_first_chunk()?;
        let (modified, compressed) = rest.split_first_chunk()?;
        let form = match u64::from_le_bytes(*form) {
            0 => Form::Abbreviated,
            1 => Form::Full,
            _ => return None,
        };
        let modified = Some(i64::from_le_bytes(*modified)).filter(|seconds| *seconds != NEVER);
        let announced = u64::from(u32::from_le_bytes(*compressed.first_chunk()?));
        if announced > limit.saturating_mul(2) {
            return None;
        }
        let text = String::from_utf8(lz4_flex::decompress_size_prepended(compressed).ok()?).ok()?;
        if text.len() as u64 != announced {
            return None;
        }
        let modified = modified.and_then(|seconds| DateTime::from_timestamp(seconds, 0));
        Some(Self { form, modified, text, info: OnceLock::new() })
    }

    /// Which form the registry was asked for.
    pub(crate) fn form(&self) -> Form {
        self.form
    }

    /// When anything about the package changed last, by its registry.
    pub(crate) fn modified(&self) -> Option<DateTime<Utc>> {
        self.modified
    }

    /// When the package was made, by its registry; only the full form says so.
    pub(crate) fn created(&self) -> Option<DateTime<Utc>> {
        let root = root_of(self.text.as_bytes()).ok()?;
        date(strings_of(root.get("time")).get("created")?)
    }

    /// When a version was published, by its registry; only the full form says so.
    pub(crate) fn published(&self, version: &str) -> Option<DateTime<Utc>> {
        self.info().ok()?.time.get(&Version::parse_from_npm(version).ok()?).copied()
    }

    /// Where the tarball of a version is.
    pub(crate) fn tarball(&self, version: &str) -> Option<String> {
        let info = self.info().ok()?;
        let version = info.versions.get(&Version::parse_from_npm(version).ok()?)?;
        version.dist.as_ref().map(|dist| dist.tarball.clone())
    }

    /// What the registry signed of a version.
    pub(crate) fn signatures(&self, version: &str) -> Vec<Signature> {
        #[derive(Deserialize)]
        struct Signed {
            dist: SignedDist,
        }
        #[derive(Deserialize)]
        struct SignedDist {
            signatures: Vec<Signature>,
        }
        let signed = || {
            // Most registries sign nothing, which is found out faster than a packument is read.
            self.text.find("\"signatures\"")?;
            let root = root_of(self.text.as_bytes()).ok()?;
            let versions: Fields<'_> = serde_json::from_str(root.get("versions")?.get()).ok()?;
            let signed: Signed = serde_json::from_str(versions.get(version)?.get()).ok()?;
            Some(signed.dist.signatures)
        };
        signed().unwrap_or_default()
    }

    /// The packument as it was published, in its full form as far as that is kept, for other clients.
    pub(crate) fn document(&self) -> Map<String, Value> {
        let Ok(Value::Object(mut root)) = serde_json::from_str(&self.text) else { return Map::new() };
        if let Some(Value::Object(versions)) = root.get_mut("versions") {
            versions.values_mut().filter_map(Value::as_object_mut).for_each(restore);
        }
        root
    }

    /// The published document with these versions only, and with the tags and times that are theirs.
    pub(crate) fn trimmed_document(&self, versions: &BTreeSet<String>) -> Map<String, Value> {
        let mut document = self.document();
        let mut retain = |field: &str, wanted: &dyn Fn(&str, &Value) -> bool| {
            if let Some(Value::Object(members)) = document.get_mut(field) {
                members.retain(|key, value| wanted(key, value));
            }
        };
        retain("versions", &|key, _| versions.contains(key));
        retain("dist-tags", &|_, value| value.as_str().is_some_and(|version| versions.contains(version)));
        retain("time", &|key, _| matches!(key, "created" | "modified") || versions.contains(key));
        document
    }

    /// This packument with the versions, tags and times that only `other` has; `None` when it has none.
    pub(crate) fn with_those_of(&self, name: &PackageName, other: &Self) -> Result<Option<Self>, String> {
        let (mut own, others) = (self.document(), other.document());
        let mut changed = false;
        for field in ["versions", "dist-tags", "time"] {
            let Some(Value::Object(members)) = others.get(field) else { continue };
            let mine = own.entry(field).or_insert_with(|| Value::Object(Map::new()));
            let Value::Object(mine) = mine else { continue };
            for (key, value) in members {
                if !mine.contains_key(key) {
                    mine.insert(key.clone(), value.clone());
                    changed = true;
                }
            }
        }
        match changed {
            true => Self::parse(name, Value::Object(own).to_string().as_bytes(), self.form).map(Some),
            false => Ok(None),
        }
    }
}

#[derive(Serialize)]
struct Kept<'a> {
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    modified: Option<&'a str>,
    #[serde(rename = "dist-tags")]
    dist_tags: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    time: BTreeMap<String, String>,
    versions: BTreeMap<String, Box<RawValue>>,
}

fn root_of(body: &[u8]) -> Result<Fields<'_>, String> {
    if let Ok(root) = serde_json::from_slice(body) {
        return Ok(root);
    }
    match serde_json::from_slice::<Value>(body) {
        Ok(_) => Err("JSON that is not an object".to_owned()),
        Err(error) => Err(format!("something that is not JSON ({error})")),
    }
}

/// An object's members that are strings.
fn strings_of(raw: Option<&&RawValue>) -> BTreeMap<String, String> {
    let members: Option<Fields<'_>> = raw.and_then(|raw| serde_json::from_str(raw.get()).ok());
    let text = |raw: &RawValue| serde_json::from_str::<String>(raw.get()).ok();
    members.into_iter().flatten().filter_map(|(key, raw)| Some((key.into_owned(), text(raw)?))).collect()
}

/// A tag that points nowhere would be an error even where a range decides.
fn tags_of(raw: Option<&&RawValue>, versions: &BTreeMap<String, Box<RawValue>>) -> BTreeMap<String, String> {
    let mut tags = strings_of(raw);
    tags.retain(|_, version| Version::parse_from_npm(version).is_ok() && versions.contains_key(version));
    tags
}

fn date(text: &str) -> Option<DateTime<Utc>> {
    DateTime::parse_from_rfc3339(text).ok().map(|date| date.to_utc())
}

/// The kept fields of a version, some of them ours.
type Read<'a> = HashMap<Cow<'a, str>, Cow<'a, RawValue>>;

/// One version, when the resolver can read it.
fn version_of(key: &str, raw: &RawValue) -> Option<Box<RawValue>> {
    let mut fields: Read<'_> = serde_json::from_str::<Fields<'_>>(raw.get())
        .ok()?
        .into_iter()
        .filter(|(field, _)| KEPT.contains(&field.as_ref()))
        .map(|(field, raw)| (field, Cow::Borrowed(raw)))
        .collect();
    if let Some(dist) = fields.get("dist").and_then(|raw| serde_json::from_str(raw.get()).ok()) {
        fields.insert("dist".into(), owned(&Value::Object(dist_of(dist)))?);
    }
    let other_libc = fields.get("libc").and_then(|raw| serde_json::from_str(raw.get()).ok());
    if other_libc.is_some_and(|libc: Value| !allows_glibc(&libc)) {
        replace(&mut fields, "os", &Value::from(vec![NOWHERE]))?;
    }
    drop_foreign_optionals(&mut fields)?;
    drop_peers_that_are_dependencies(&mut fields)?;
    let fields: BTreeMap<&str, &RawValue> = fields.iter().map(|(field, raw)| (field.as_ref(), raw.as_ref())).collect();
    let kept = to_raw_value(&fields).ok()?;
    let version = Version::parse_from_npm(key).ok()?;
    let info: NpmPackageVersionInfo = serde_json::from_str(kept.get()).ok()?;
    (info.version == version).then_some(kept)
}

fn owned(value: &Value) -> Option<Cow<'static, RawValue>> {
    to_raw_value(value).ok().map(Cow::Owned)
}

/// Lets resolution read something else than what was published.
fn replace(fields: &mut Read<'_>, field: &'static str, value: &Value) -> Option<()> {
    // An absent field comes back as null, which means the same.
    let published = match fields.insert(field.into(), owned(value)?) {
        Some(published) => published,
        None => owned(&Value::Null)?,
    };
    fields.insert(format!("{PUBLISHED}{field}").into(), published);
    Some(())
}

/// Undoes [`replace`].
fn restore(version: &mut Map<String, Value>) {
    for field in ["os", "dependencies", "optionalDependencies", "peerDependencies"] {
        match version.remove(&format!("{PUBLISHED}{field}")) {
            Some(Value::Null) => drop(version.remove(field)),
            Some(published) => drop(version.insert(field.to_owned(), published)),
            None => {}
        }
    }
}

/// `libc` is how packages with native parts say which C library they are for; deno_npm does not know the field.
pub(crate) fn allows_glibc(libc: &Value) -> bool {
    let names: Vec<&str> = match libc {
        Value::String(name) => vec![name.as_str()],
        Value::Array(names) => names.iter().filter_map(Value::as_str).collect(),
        _ => return true,
    };
    names.is_empty()
        || names.contains(&"glibc")
        || (names.iter().all(|name| name.starts_with('!')) && !names.contains(&"!glibc"))
}

/// npm goes on without an optional dependency that it cannot have. One that is not on a registry never can be had here.
fn drop_foreign_optionals(fields: &mut Read<'_>) -> Option<()> {
    let object = |raw: Option<&Cow<'_, RawValue>>| -> Map<String, Value> {
        raw.and_then(|raw| serde_json::from_str(raw.get()).ok()).unwrap_or_default()
    };
    let optional = object(fields.get("optionalDependencies"));
    let foreign: Vec<String> = optional
        .iter()
        .filter(|(_, range)| {
            let range = range.as_str().unwrap_or_default();
            !range.starts_with("npm:") && foreign_kind(range).is_some()
        })
        .map(|(name, _)| name.clone())
        .collect();
    if foreign.is_empty() {
        return Some(());
    }
    for field in ["optionalDependencies", "dependencies"] {
        let mut entries = object(fields.get(field));
        entries.retain(|name, _| !foreign.contains(name));
        replace(fields, field, &Value::Object(entries))?;
    }
    Some(())
}

/// In npm's tree (Arborist, `Node#loadDeps`), what is a dependency as well as a peer is a dependency.
fn drop_peers_that_are_dependencies(fields: &mut Read<'_>) -> Option<()> {
    if !fields.contains_key("peerDependencies") {
        return Some(());
    }
    let object = |field: &str| -> Map<String, Value> {
        fields.get(field).and_then(|raw| serde_json::from_str(raw.get()).ok()).unwrap_or_default()
    };
    let (needed, optional) = (object("dependencies"), object("optionalDependencies"));
    let mut peers = object("peerDependencies");
    let before = peers.len();
    peers.retain(|name, _| !needed.contains_key(name) && !optional.contains_key(name));
    if peers.len() < before {
        replace(fields, "peerDependencies", &Value::Object(peers))?;
    }
    Some(())
}

/// Leaves in `dist` one integrity that can be verified, made from the old hexadecimal `shasum` where there is no other.
fn dist_of(mut dist: Map<String, Value>) -> Map<String, Value> {
    let stated = dist.get("integrity").and_then(Value::as_str).and_then(strongest);
    let old = dist.get("shasum").and_then(Value::as_str).and_then(|hex| Integrity::from_hex(hex, Algorithm::Sha1).ok());
    let best = stated.or_else(|| old.map(|integrity| integrity.to_string()).filter(|text| strongest(text).is_some()));
    dist.retain(|field, _| KEPT_OF_DIST.contains(&field.as_str()));
    match best {
        Some(best) => drop(dist.insert("integrity".to_owned(), Value::String(best))),
        None => {
            dist.remove("integrity");
            dist.remove("shasum");
        }
    }
    dist
}
/// The hashes of the strongest algorithm in an SRI string (W3C Subresource Integrity, "get the strongest metadata"),
/// without what cannot be a hash.
pub(crate) fn strongest(text: &str) -> Option<String> {
    let usable = |hash: &str| {
        // Options after `?` mean nothing for packages.
        let hash = hash.split('?').next().unwrap_or_default();
        let parsed: Integrity = hash.parse().ok()?;
        let algorithm = parsed.hashes.first()?.algorithm;
        let bytes = match algorithm {
            Algorithm::Sha512 => 64,
            Algorithm::Sha384 => 48,
            Algorithm::Sha256 => 32,
            Algorithm::Sha1 => 20,
            _ => return None,
        };
        let digest = hash.split_once('-')?.1;
        let decoded = base64::Engine::decode(&base64::prelude::BASE64_STANDARD, digest).ok()?;
        (decoded.len() == bytes).then(|| (algorithm, hash.to_owned()))
    };
    let mut hashes: Vec<(Algorithm, String)> = text.split_whitespace().filter_map(usable).collect();
    hashes.sort();
    let best = hashes.first()?.0;
    let hashes: Vec<String> =
        hashes.into_iter().filter(|(algorithm, _)| *algorithm == best).map(|(_, hash)| hash).collect();
    Some(hashes.join(" "))
}

#[cfg(test)]
#[path = "packument_tests.rs"]
mod tests;
