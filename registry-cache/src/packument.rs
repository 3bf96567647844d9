//! Packuments as we keep them: what resolution needs, checked, and small.
//!
//! What a registry sends is parsed once, leniently (one odd version of a thousand must not hide the others, as it does
//! not for npm), and written again in a form whose every part parses. That form is stored and is what `graph.rs` reads,
//! so a hostile packument cannot bring down the resolver later. Follows npm's registry documentation, "package metadata".

use std::collections::HashMap;
use std::io::{Read, Write};

use deno_npm::registry::{NpmPackageInfo, NpmPackageVersionInfo};
use deno_semver::Version;
use flate2::Compression;
use flate2::read::DeflateDecoder;
use flate2::write::DeflateEncoder;
use serde_json::{Map, Value};
use ssri::{Algorithm, Integrity};

use crate::manifest::{PackageName, foreign_kind};

/// No system has this name: a version for it is never chosen among optional dependencies.
const NOWHERE: &str = "unsupported-libc";

/// The fields of a version that resolution reads.
const KEPT: [&str; 10] = [
    "version",
    "dist",
    "dependencies",
    "optionalDependencies",
    "peerDependencies",
    "peerDependenciesMeta",
    "bundleDependencies",
    "bundledDependencies",
    "os",
    "cpu",
];

/// A packument whose every part is known to parse.
#[derive(Debug)]
pub(crate) struct Packument {
    json: Vec<u8>,
}

impl Packument {
    /// Checks what a registry sent for `name`. The error says what came instead of a packument.
    pub(crate) fn parse(name: &PackageName, body: &[u8]) -> Result<Self, String> {
        let value: Value =
            serde_json::from_slice(body).map_err(|error| format!("something that is not JSON ({error})"))?;
        let Value::Object(mut root) = value else {
            return Err("JSON that is not an object".to_owned());
        };
        if root.get("name").and_then(Value::as_str) != Some(name.as_str()) {
            return Err("the packument of another name, or none".to_owned());
        }
        let Some(Value::Object(versions)) = root.remove("versions") else {
            return Err("a packument without versions".to_owned());
        };
        let versions: HashMap<Version, NpmPackageVersionInfo> =
            versions.into_iter().filter_map(|(key, value)| version_of(&key, value)).collect();
        let tags = match root.remove("dist-tags") {
            Some(Value::Object(tags)) => tags,
            _ => Map::new(),
        };
        let dist_tags = tags
            .into_iter()
            .filter_map(|(tag, version)| Some((tag, Version::parse_from_npm(version.as_str()?).ok()?)))
            // A tag that points nowhere would be an error even where a range decides.
            .filter(|(_, version)| versions.contains_key(version))
            .collect();
        let info =
            NpmPackageInfo { name: name.as_str().into(), versions: versions.into(), dist_tags, time: HashMap::new() };
        let json = serde_json::to_vec(&info).map_err(|error| format!("a packument that cannot be kept ({error})"))?;
        Ok(Self { json })
    }

    /// For the resolver.
    pub(crate) fn info(&self) -> Result<NpmPackageInfo, String> {
        NpmPackageInfo::from_packument_slice(&self.json)
    }

    /// For the store.
    pub(crate) fn compress(&self) -> Vec<u8> {
        let mut encoder = DeflateEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(&self.json).and_then(|()| encoder.finish()).expect("writing to memory cannot fail")
    }

    /// From the store, whose checksum has been verified.
    pub(crate) fn decompress(bytes: &[u8], limit: u64) -> Option<Self> {
        let mut json = Vec::new();
        DeflateDecoder::new(bytes).take(limit.saturating_mul(2)).read_to_end(&mut json).ok()?;
        Some(Self { json })
    }
}

fn version_of(key: &str, value: Value) -> Option<(Version, NpmPackageVersionInfo)> {
    let Value::Object(mut fields) = value else { return None };
    let other_libc = fields.get("libc").is_some_and(|libc| !allows_glibc(libc));
    fields.retain(|field, _| KEPT.contains(&field.as_str()));
    drop_foreign_optionals(&mut fields);
    if other_libc {
        fields.insert("os".to_owned(), Value::from(vec![NOWHERE]));
    }
    if let Some(Value::Object(dist)) = fields.get_mut("dist") {
        keep_best_integrity(dist);
    }
    let version = Version::parse_from_npm(key).ok()?;
    let info: NpmPackageVersionInfo = serde_json::from_value(Value::Object(fields)).ok()?;
    (info.version == version).then_some((version, info))
}

/// `libc` is how packages with native parts say which C library they are for; deno_npm does not know the field.
fn allows_glibc(libc: &Value) -> bool {
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
fn drop_foreign_optionals(fields: &mut Map<String, Value>) {
    let Some(Value::Object(optional)) = fields.get_mut("optionalDependencies") else { return };
    let mut dropped = Vec::new();
    optional.retain(|name, range| {
        let range = range.as_str().unwrap_or_default();
        let keep = range.starts_with("npm:") || foreign_kind(range).is_none();
        if !keep {
            dropped.push(name.clone());
        }
        keep
    });
    if let Some(Value::Object(dependencies)) = fields.get_mut("dependencies") {
        dependencies.retain(|name, _| !dropped.contains(name));
    }
}

/// Leaves in `dist` one integrity that can be verified, made from the old hexadecimal `shasum` where there is no other.
fn keep_best_integrity(dist: &mut Map<String, Value>) {
    let stated = dist.get("integrity").and_then(Value::as_str).and_then(strongest);
    let old = dist.get("shasum").and_then(Value::as_str).and_then(|hex| Integrity::from_hex(hex, Algorithm::Sha1).ok());
    let best = stated.or_else(|| old.map(|integrity| integrity.to_string()).filter(|text| strongest(text).is_some()));
    dist.retain(|field, _| field == "tarball");
    if let Some(best) = best {
        dist.insert("integrity".to_owned(), Value::String(best));
    }
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
