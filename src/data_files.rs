//! `--files GLOB`: the files below a project's root that a program reads while it runs and does not import.
//!
//! Nothing outside of the root is read. Folders that are links, hidden names and `node_modules` are entered only where a
//! pattern spells them out, so that `**` does not hand out secrets or a whole installation.

use std::collections::BTreeMap;
use std::path::Path;

use crate::error::Error;
use crate::project::{DiskFiles, RelativePath};

/// The most names that are looked at to find the files. A project without its `node_modules` has some thousand.
const NAMES: usize = 200_000;

/// What may be found.
#[derive(Clone, Copy, Debug)]
pub(crate) struct DataLimits {
    /// How many files.
    pub(crate) files: u32,
    /// Bytes of all of them.
    pub(crate) bytes: u64,
}

/// A pattern of the command line.
#[derive(Clone, Debug)]
struct Pattern<'a> {
    text: &'a str,
    /// The names in it, with what is not literal.
    names: Vec<&'a str>,
}

/// The files that match one of the patterns, by their paths below the root.
pub(crate) fn find(
    root: &Path,
    disk: &DiskFiles,
    patterns: &[String],
    limits: DataLimits,
) -> Result<Vec<(String, Vec<u8>)>, Error> {
    let mut search = Search { root, disk, limits, looked_at: 0, bytes: 0, found: BTreeMap::new() };
    for text in patterns {
        let pattern = Pattern::parse(text)?;
        let before = search.matches(&pattern);
        let start = pattern.literal_folder();
        search.walk(&start, &pattern)?;
        if search.matches(&pattern) == before && before == 0 {
            return Err(Error::Usage { problem: format!("--files {text}: no file below {} matches", root.display()) });
        }
    }
    Ok(search.found.into_iter().collect())
}

impl<'a> Pattern<'a> {
    fn parse(text: &'a str) -> Result<Self, Error> {
        let wrong = |problem: &str| Error::Usage { problem: format!("--files {text}: {problem}") };
        let text = text.strip_prefix("./").unwrap_or(text).trim_end_matches('/');
        if text.starts_with('/') || text.split('/').any(|name| name == "..") {
            return Err(wrong("a pattern is relative to the project's root and stays below it"));
        }
        if text.is_empty() {
            return Err(wrong("a pattern names files"));
        }
        fast_glob::validate(text).map_err(|error| wrong(&error.to_string()))?;
        Ok(Self { text, names: text.split('/').collect() })
    }

    /// A file of this path, or a folder with everything in it.
    fn is_match(&self, path: &str) -> bool {
        let mut above = path;
        loop {
            if fast_glob::glob_match(self.text, above) {
                return true;
            }
            let Some((folder, _)) = above.rsplit_once('/') else { return false };
            above = folder;
        }
    }

    /// The folder above the first name that is not literal.
    fn literal_folder(&self) -> String {
        let literal = self.names.iter().take_while(|name| !name.contains(['*', '?', '[', '{', '\\', '!']));
        let names: Vec<&str> = literal.copied().collect();
        let above = names.len().min(self.names.len() - 1);
        names[..above].join("/")
    }

    /// Whether a name that is passed over otherwise is spelled out here.
    fn spells(&self, name: &str) -> bool {
        let is_hidden = name.starts_with('.');
        self.names
            .iter()
            .any(|part| *part == name || is_hidden && part.starts_with('.') && fast_glob::glob_match(part, name))
    }
}

struct Search<'a> {
    root: &'a Path,
    disk: &'a DiskFiles,
    limits: DataLimits,
    looked_at: usize,
    bytes: u64,
    found: BTreeMap<String, Vec<u8>>,
}

impl Search<'_> {
    fn matches(&self, pattern: &Pattern<'_>) -> usize {
        self.found.keys().filter(|path| pattern.is_match(path)).count()
    }

    fn walk(&mut self, folder: &str, pattern: &Pattern<'_>) -> Result<(), Error> {
        let path = self.root.join(folder);
        let failed = |error: std::io::Error| Error::LocalFile { path: path.clone(), problem: error.to_string() };
        let entries = match std::fs::read_dir(&path) {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(failed(error)),
        };
        for entry in entries {
            let entry = entry.map_err(failed)?;
            self.looked_at += 1;
            too_many("names looked at for --files", self.looked_at as u64, NAMES as u64, "names")?;
            // A name that is not text cannot be asked for.
            let Ok(name) = entry.file_name().into_string() else { continue };
            if (name.starts_with('.') || name == "node_modules") && !pattern.spells(&name) {
                continue;
            }
            let below = if folder.is_empty() { name } else { format!("{folder}/{name}") };
            // Not followed: a link may lead in a circle.
            if entry.file_type().map_err(failed)?.is_dir() {
                self.walk(&below, pattern)?;
            } else if pattern.is_match(&below) {
                self.take(below)?;
            }
        }
        Ok(())
    }

    fn take(&mut self, path: String) -> Result<(), Error> {
        if self.found.contains_key(&path) {
            return Ok(());
        }
        let failed = |problem: String| Error::LocalFile { path: self.root.join(&path), problem };
        let checked = RelativePath::parse(&path).map_err(|problem| failed(problem.to_owned()))?;
        let Some(bytes) = self.disk.read_file(&checked).map_err(|error| failed(error.to_string()))? else {
            return Ok(());
        };
        self.bytes += bytes.len() as u64;
        too_many("bytes of --files", self.bytes, self.limits.bytes, "local_bytes")?;
        too_many("files of --files", self.found.len() as u64 + 1, u64::from(self.limits.files), "files")?;
        self.found.insert(path, bytes);
        Ok(())
    }
}

fn too_many(what: &str, measured: u64, limit: u64, knob: &'static str) -> Result<(), Error> {
    if measured <= limit {
        return Ok(());
    }
    Err(bundler::Error::TooLarge { what: what.to_owned(), measured, limit, knob }.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pattern(text: &str) -> Pattern<'_> {
        Pattern::parse(text).unwrap()
    }

    #[test]
    fn patterns_stay_below_the_root() {
        for text in ["/etc/passwd", "../x", "a/../../x", "", "./", "a{b"] {
            assert!(matches!(Pattern::parse(text), Err(Error::Usage { .. })), "{text}");
        }
    }

    #[test]
    fn a_folder_stands_for_what_is_in_it() {
        assert!(pattern("data").is_match("data/a/b.csv"));
        assert!(pattern("./data/").is_match("data/b.csv"));
        assert!(pattern("*/b").is_match("a/b/c"));
        assert!(!pattern("data").is_match("database/x"));
        assert!(!pattern("data/*.csv").is_match("data/a.json"));
        assert!(pattern("**/*.csv").is_match("a.csv"));
    }

    #[test]
    fn hidden_names_are_spelled_out() {
        assert!(!pattern("**").spells(".env"));
        assert!(!pattern("*").spells("node_modules"));
        assert!(pattern(".env").spells(".env"));
        assert!(pattern(".e*").spells(".env"));
        assert!(pattern("node_modules/a/*.json").spells("node_modules"));
    }

    #[test]
    fn a_walk_begins_below_what_is_literal() {
        assert_eq!(pattern("a/b/*.csv").literal_folder(), "a/b");
        assert_eq!(pattern("a/b.csv").literal_folder(), "a");
        assert_eq!(pattern("**/b").literal_folder(), "");
        assert_eq!(pattern("a").literal_folder(), "");
    }
}
