//! The body of `POST /v1/run`, parsed strictly.
//!
//! The input stays text; its numbers are the guest's business.

use std::collections::BTreeMap;
use std::fmt;

use bundler::BundleOptions;
use executor::Codec;
use registry_cache::{Drift, Lock, Manifest};
use serde::de::{Error as _, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use super::refusal::Refusal;
use crate::build::Way;
use crate::error::Error;
use crate::given_lock::GivenLock;
use crate::pipeline::{Call, ManifestSource, Request};
use crate::project::{RelativePath, SentFiles};
use crate::requirements::Unlisted;

/// The name that a program gets which is sent as `code` and not named by `entry`.
const CODE_NAME: &str = "main.ts";

/// What a client sends. Registry, cache and limits are configuration, never fields of a request.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RunRequest {
    code: Option<String>,
    files: Option<Entries>,
    entry: Option<String>,
    dependencies: Option<Entries>,
    /// The graph of an earlier answer, or a package-lock.json.
    lock: Option<Box<RawValue>>,
    /// Whether a lock that does not fit is refused.
    #[serde(default)]
    frozen: bool,
    #[serde(default)]
    auto: bool,
    /// To compare: one bundle with everything in it, where a layer would do.
    #[serde(default)]
    whole: bool,
    #[serde(default, deserialize_with = "present")]
    input: Option<Box<RawValue>>,
    /// What input and value are written in.
    #[serde(default)]
    codec: Codec,
}

/// An object of strings in which no name stands twice.
struct Entries(BTreeMap<String, String>);

/// `null` is an input, too; only an absent one is none.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Box<RawValue>>, D::Error> {
    Box::<RawValue>::deserialize(deserializer).map(Some)
}

impl<'de> Deserialize<'de> for Entries {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Pairs;
        impl<'de> Visitor<'de> for Pairs {
            type Value = Entries;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("an object of strings")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Entries, A::Error> {
                let mut entries = BTreeMap::new();
                while let Some((name, text)) = map.next_entry::<String, String>()? {
                    if entries.contains_key(&name) {
                        return Err(A::Error::custom(format!("{name:?} stands twice")));
                    }
                    entries.insert(name, text);
                }
                Ok(Entries(entries))
            }
        }
        deserializer.deserialize_map(Pairs)
    }
}

/// The request of a body, how it is to be built, and what its entry is called with. At most `files` files.
pub(crate) fn parse(body: &[u8], files: u32) -> Result<(Request, Way, Call), Error> {
    let sent: RunRequest = serde_json::from_slice(body).map_err(|error| malformed(error.to_string()))?;
    let (entry, sources) = match (sent.code, sent.files) {
        (Some(code), None) => {
            let entry = path(sent.entry.as_deref().unwrap_or(CODE_NAME))?;
            (entry.clone(), sent_files([(entry, code)])?)
        }
        (None, Some(Entries(sent_texts))) => {
            if sent_texts.len() > files as usize {
                return Err(
                    malformed(format!("it has {} files, more than the limit of {files}", sent_texts.len())).into()
                );
            }
            let texts = sent_texts.into_iter().map(|(name, text)| Ok((path(&name)?, text)));
            let sources = sent_files(texts.collect::<Result<Vec<_>, Refusal>>()?)?;
            (entry_among(&sources, sent.entry.as_deref())?, sources)
        }
        (Some(_), Some(_)) => return Err(malformed("it has code and files, one of them is enough".to_owned()).into()),
        (None, None) => return Err(malformed("it has neither code nor files".to_owned()).into()),
    };
    let request = Request {
        entry: entry.as_str().to_owned(),
        data: sources.to_vec(),
        files: Box::new(sources),
        dependencies: Manifest::from_dependencies(
            &sent.dependencies.map(|entries| entries.0).unwrap_or_default(),
            "dependencies",
        )?,
        manifest: ManifestSource::Nearest,
        lock: given_lock(sent.lock.as_deref(), sent.frozen)?,
        unlisted: if sent.auto { Unlisted::Latest } else { Unlisted::Refuse },
    };
    let options = BundleOptions::run();
    let way = if sent.whole { Way::Compared(options) } else { Way::Layered(options) };
    let call = Call { input: sent.input.map(|input| input.get().to_owned()), codec: sent.codec };
    Ok((request, way, call))
}

fn given_lock(lock: Option<&RawValue>, frozen: bool) -> Result<GivenLock, Error> {
    let limits = registry_cache::Limits::default();
    let read = |lock: &RawValue| Lock::parse(lock.get(), "lock", &limits).map_err(Error::from);
    let lock = lock.map(read).transpose()?;
    Ok(GivenLock::new(lock, if frozen { Drift::Frozen } else { Drift::Allowed }))
}

fn sent_files(texts: impl IntoIterator<Item = (RelativePath, String)>) -> Result<SentFiles, Refusal> {
    let mut files = SentFiles::default();
    for (path, text) in texts {
        let name = path.as_str().to_owned();
        if !files.add(path, text) {
            return Err(malformed(format!("the file {name:?} stands twice")));
        }
    }
    Ok(files)
}

/// The entry that is named, else the only file beside manifests.
fn entry_among(files: &SentFiles, named: Option<&str>) -> Result<RelativePath, Refusal> {
    if let Some(named) = named {
        let entry = path(named)?;
        return match files.paths().any(|path| path == entry.as_str()) {
            true => Ok(entry),
            false => Err(malformed(format!("its entry {named:?} is not among its files"))),
        };
    }
    let mut programs = files.paths().filter(|path| path.rsplit('/').next() != Some("package.json"));
    match (programs.next(), programs.next()) {
        (Some(only), None) => path(only),
        (Some(_), Some(_)) => Err(malformed("it has several files and no entry".to_owned())),
        (None, _) => Err(malformed("it has no file to run".to_owned())),
    }
}

fn path(name: &str) -> Result<RelativePath, Refusal> {
    RelativePath::parse(name).map_err(|problem| malformed(format!("the file {name:?}: {problem}")))
}

fn malformed(problem: String) -> Refusal {
    Refusal::Malformed { problem }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(body: &str) -> String {
        match parse(body.as_bytes(), 3).map(|_| ()) {
            Err(Error::Refused(refusal @ Refusal::Malformed { .. })) => refusal.to_string(),
            Err(other) => panic!("{body}: {other}"),
            Ok(()) => panic!("{body} was taken"),
        }
    }

    #[test]
    fn a_request_is_code_or_files() {
        let (request, _, call) = parse(br#"{"code": "x", "input": {"a": 1.50}}"#, 3).ok().unwrap();
        assert_eq!((request.entry.as_str(), call.input.as_deref()), ("main.ts", Some("{\"a\": 1.50}")));
        assert_eq!(call.codec, Codec::Json);
        let (request, _, call) =
            parse(br#"{"files": {"./a.js": "x", "package.json": "{}"}, "auto": true}"#, 3).ok().unwrap();
        assert_eq!((request.entry.as_str(), call.input, request.unlisted), ("a.js", None, Unlisted::Latest));
        let (_, _, call) = parse(br#"{"code": "x", "input": null, "codec": "tagged"}"#, 3).ok().unwrap();
        assert_eq!((call.input.as_deref(), call.codec), (Some("null"), Codec::Tagged));
        let (request, _, _) = parse(br#"{"code": "x", "entry": "agent.tsx"}"#, 3).ok().unwrap();
        assert_eq!(request.entry, "agent.tsx");
    }

    #[test]
    fn everything_else_is_malformed() {
        for body in [
            "",
            "[]",
            "{",
            "{}",
            r#"{"code": 1}"#,
            r#"{"code": "x", "registry": "http://x"}"#,
            r#"{"code": "x", "code": "y"}"#,
            r#"{"code": "x", "files": {}}"#,
            r#"{"files": {}}"#,
            r#"{"files": {"a.js": "", "b.js": ""}}"#,
            r#"{"files": {"a.js": "", "./a.js": ""}, "entry": "a.js"}"#,
            r#"{"files": {"a.js": "", "a.js": ""}}"#,
            r#"{"files": {"a.js": ""}, "entry": "b.js"}"#,
            r#"{"files": {"../a.js": ""}}"#,
            r#"{"files": {"/a.js": ""}}"#,
            r#"{"files": {"1": "", "2": "", "3": "", "4": ""}, "entry": "1"}"#,
            r#"{"code": "x", "auto": 1}"#,
            r#"{"code": "x", "input": }"#,
            r#"{"code": "x", "frozen": "yes"}"#,
            r#"{"code": "x", "codec": "yaml"}"#,
            r#"{"code": "x"} {}"#,
        ] {
            problem(body);
        }
    }

    #[test]
    fn a_bad_lock_is_a_lock_s_error() {
        let error = parse(br#"{"code": "x", "lock": {"lockVersion": 9}}"#, 3).map(|_| ()).unwrap_err();
        assert_eq!(error.code(), "lock-version");
    }

    #[test]
    fn bad_dependencies_are_a_manifest_s_errors() {
        let error = parse(br#"{"code": "x", "dependencies": {"a": "git:x"}}"#, 3).map(|_| ()).unwrap_err();
        assert_eq!(error.code(), "unsupported-dependency");
    }
}
