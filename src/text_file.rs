//! Text files that a command names, read whole and bounded.

use std::io::Read;
use std::path::Path;

/// The text of a file of at most so many bytes. The error is a sentence's end.
pub(crate) fn read(path: &Path, most: u64) -> Result<String, String> {
    let mut text = String::new();
    let file = std::fs::File::open(path).map_err(|error| error.to_string())?;
    file.take(most.saturating_add(1)).read_to_string(&mut text).map_err(|error| error.to_string())?;
    match text.len() as u64 > most {
        true => Err(format!("it has more bytes than the limit of {most}")),
        false => Ok(text),
    }
}
