//! Files of advisories in OSV form: which there are, and the documents in them.
//!
//! What a document means is `advisory.rs`'s business. A file that is no OSV is an error: a gap must not go unseen.

use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;

use crate::error::Error;
use crate::limits::Limits;

#[derive(Deserialize)]
pub(super) struct Document {
    pub(super) id: String,
    pub(super) summary: Option<String>,
    pub(super) withdrawn: Option<IgnoredAny>,
    pub(super) aliases: Option<Vec<String>>,
    pub(super) affected: Option<Vec<DocumentAffected>>,
    pub(super) database_specific: Option<DocumentSeverity>,
}

#[derive(Deserialize)]
pub(super) struct DocumentAffected {
    pub(super) package: Option<DocumentPackage>,
    pub(super) ranges: Option<Vec<DocumentRange>>,
    pub(super) versions: Option<Vec<String>>,
}

#[derive(Deserialize)]
pub(super) struct DocumentPackage {
    pub(super) ecosystem: String,
    pub(super) name: String,
}

#[derive(Deserialize)]
pub(super) struct DocumentRange {
    pub(super) r#type: String,
    pub(super) events: Vec<DocumentEvent>,
}

#[derive(Deserialize)]
pub(super) struct DocumentEvent {
    pub(super) introduced: Option<String>,
    pub(super) fixed: Option<String>,
    pub(super) last_affected: Option<String>,
}

#[derive(Default, Deserialize)]
pub(super) struct DocumentSeverity {
    /// Anything, at databases that are not GitHub's.
    pub(super) severity: Option<Box<RawValue>>,
}

/// What tells one state of the files from another without reading them.
pub(crate) fn stamp(path: &Path, limits: &Limits) -> Result<String, Error> {
    let mut text = String::new();
    for path in files(path, limits)? {
        let metadata = std::fs::metadata(&path).map_err(|error| unreadable(&path, &error))?;
        let modified = metadata.modified().unwrap_or(SystemTime::UNIX_EPOCH);
        let since = modified.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        text.push_str(&format!("{} {} {}\n", path.display(), metadata.len(), since.as_nanos()));
    }
    Ok(text)
}

/// The file, or the `.json` files of the folder, sorted.
fn files(path: &Path, limits: &Limits) -> Result<Vec<PathBuf>, Error> {
    if !path.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let entries = std::fs::read_dir(path).map_err(|error| unreadable(path, &error))?;
    let mut found = Vec::new();
    for entry in entries {
        let entry = entry.map_err(|error| unreadable(path, &error))?.path();
        if entry.extension().is_some_and(|extension| extension == "json") {
            found.push(entry);
        }
        if found.len() > limits.advisory_files {
            return Err(Error::Limit {
                subject: format!("the folder {}", path.display()),
                what: "its number of advisories",
                measured: found.len() as u64,
                limit: limits.advisory_files as u64,
                knob: "limits.advisory_files",
            });
        }
    }
    found.sort();
    Ok(found)
}

/// Reads every document of the file, or of the files in the folder.
pub(super) fn read(path: &Path, limits: &Limits, each: &mut impl FnMut(Document)) -> Result<(), Error> {
    let mut left = limits.advisory_bytes;
    for file in files(path, limits)? {
        let opened = std::fs::File::open(&file).map_err(|error| unreadable(&file, &error))?;
        let mut reader = BufReader::new(opened.take(left + 1));
        let outcome = documents(&mut reader, each);
        left = reader.into_inner().limit().saturating_sub(1);
        // One that was cut off at the bound is no OSV for that reason alone.
        if left == 0 {
            return Err(Error::Limit {
                subject: format!("the advisories {}", path.display()),
                what: "their size in bytes",
                measured: limits.advisory_bytes + 1,
                limit: limits.advisory_bytes,
                knob: "limits.advisory_bytes",
            });
        }
        outcome.map_err(|detail| wrong(&file, detail))?;
    }
    Ok(())
}

/// One advisory, an array of them, or one after the other.
pub(super) fn documents(reader: &mut impl BufRead, each: &mut impl FnMut(Document)) -> Result<(), String> {
    let problem = |error: serde_json::Error| format!("no advisory in OSV form ({error})");
    if first_letter(reader).map_err(|error| error.to_string())? == Some(b'[') {
        serde_json::from_reader::<_, Vec<Document>>(reader).map_err(problem)?.into_iter().for_each(each);
        return Ok(());
    }
    for document in serde_json::Deserializer::from_reader(reader).into_iter() {
        each(document.map_err(problem)?);
    }
    Ok(())
}

/// The first letter that is no white space, which stays.
fn first_letter(reader: &mut impl BufRead) -> std::io::Result<Option<u8>> {
    loop {
        let buffered = reader.fill_buf()?;
        match buffered.first().copied() {
            Some(letter) if letter.is_ascii_whitespace() => reader.consume(1),
            letter => return Ok(letter),
        }
    }
}

fn unreadable(path: &Path, error: &std::io::Error) -> Error {
    wrong(path, error.to_string())
}

fn wrong(path: &Path, detail: String) -> Error {
    Error::AdvisoryFile { path: path.to_owned(), detail }
}
