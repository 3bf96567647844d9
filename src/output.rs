//! What `bundle` and `transform` write: modules, their source maps, facts about them as JSON.

use std::path::Path;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde::Serialize;

use crate::bundle_arguments::SourceMapPlace;
use crate::console;
use crate::error::Error;

/// Writes a module and its map. `-` is the standard output, which has room for one file.
pub(crate) fn write_module(
    output: &Path,
    mut code: String,
    source_map: &str,
    place: Option<SourceMapPlace>,
) -> Result<(), Error> {
    if !code.ends_with('\n') {
        code.push('\n');
    }
    let is_stream = output == Path::new("-");
    let place = place.unwrap_or(if is_stream { SourceMapPlace::None } else { SourceMapPlace::External });
    match place {
        SourceMapPlace::None => {}
        SourceMapPlace::Inline => {
            let map = BASE64_STANDARD.encode(source_map);
            code.push_str(&format!("//# sourceMappingURL=data:application/json;charset=utf-8;base64,{map}\n"));
        }
        SourceMapPlace::External | SourceMapPlace::Hidden if is_stream => {
            let problem = "a source map beside the standard output has no place; use --sourcemap inline or none";
            return Err(Error::Usage { problem: problem.to_owned() });
        }
        SourceMapPlace::External | SourceMapPlace::Hidden => {
            let name = output
                .file_name()
                .ok_or_else(|| Error::Output { path: output.to_owned(), problem: "it names no file".to_owned() })?;
            let mut map_name = name.to_owned();
            map_name.push(".map");
            if place == SourceMapPlace::External {
                code.push_str(&format!("//# sourceMappingURL={}\n", url_path(&map_name.to_string_lossy())));
            }
            write(&output.with_file_name(&map_name), source_map)?;
        }
    }
    if is_stream { console::print_result(code.as_bytes()) } else { write(output, &code) }
}

/// Writes a value as JSON, for people too.
pub(crate) fn write_json(path: &Path, value: &impl Serialize) -> Result<(), Error> {
    let failed = |problem: String| Error::Output { path: path.to_owned(), problem };
    let mut text = serde_json::to_string_pretty(value).map_err(|error| failed(error.to_string()))?;
    text.push('\n');
    write(path, &text)
}

fn write(path: &Path, text: &str) -> Result<(), Error> {
    std::fs::write(path, text).map_err(|error| Error::Output { path: path.to_owned(), problem: error.to_string() })
}

/// A file's name as a relative URL (RFC 3986, section 2.3: what is not unreserved is percent-encoded).
fn url_path(name: &str) -> String {
    let encoded = name.bytes().map(|byte| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => char::from(byte).to_string(),
        byte => format!("%{byte:02X}"),
    });
    encoded.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_a_url() {
        assert_eq!(url_path("out-1.js.map"), "out-1.js.map");
        assert_eq!(url_path("a b#?%.js"), "a%20b%23%3F%25.js");
    }
}
