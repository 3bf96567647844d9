//! What a file is, by its extension: code, data that becomes a value, or unknown.

use std::{collections::BTreeMap, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::source::Language;

/// What becomes of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Loader {
    /// JavaScript.
    Js,
    /// JavaScript with JSX.
    Jsx,
    /// TypeScript.
    Ts,
    /// TypeScript with JSX.
    Tsx,
    /// The value that the JSON says.
    Json,
    /// The text, as a string.
    Text,
    /// The bytes, as a Uint8Array.
    Binary,
    /// The bytes, as a string in base64.
    Base64,
    /// The bytes, as a `data:` URL.
    DataUrl,
    /// Nothing, whatever is in it.
    Empty,
}

impl Loader {
    /// The language, of code; `Data` of everything else.
    pub(crate) fn language(self) -> Language {
        match self {
            Self::Js => Language::JavaScript,
            Self::Jsx => Language::Jsx,
            Self::Ts => Language::TypeScript,
            Self::Tsx => Language::Tsx,
            Self::Json | Self::Text | Self::Binary | Self::Base64 | Self::DataUrl | Self::Empty => Language::Data,
        }
    }

    /// What `with { type: "…" }` asks for.
    pub(crate) fn of_attribute(kind: &str) -> Option<Self> {
        match kind {
            "json" => Some(Self::Json),
            "text" => Some(Self::Text),
            "bytes" => Some(Self::Binary),
            _ => None,
        }
    }

    /// The `with { type: "…" }` that asks for it.
    pub(crate) fn attribute(self) -> Option<&'static str> {
        match self {
            Self::Json => Some("json"),
            Self::Text => Some("text"),
            Self::Binary => Some("bytes"),
            Self::Js | Self::Jsx | Self::Ts | Self::Tsx | Self::Base64 | Self::DataUrl | Self::Empty => None,
        }
    }
}

impl FromStr for Loader {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Ok(match text {
            "js" => Self::Js,
            "jsx" => Self::Jsx,
            "ts" => Self::Ts,
            "tsx" => Self::Tsx,
            "json" => Self::Json,
            "text" | "css-as-text" => Self::Text,
            "binary" => Self::Binary,
            "base64" => Self::Base64,
            "dataurl" => Self::DataUrl,
            "empty" => Self::Empty,
            "copy" | "file" | "asset" => {
                return Err(format!(
                    "{text} would write files beside the one module; use binary, base64, dataurl or text"
                ));
            }
            _ => {
                return Err(format!(
                    "{text:?} is no loader; there are js, jsx, ts, tsx, json, text, binary, base64, dataurl, \
                     css-as-text and empty"
                ));
            }
        })
    }
}

/// Extensions without one of which a file is unknown.
const DEFAULTS: [(&str, Loader); 13] = [
    ("js", Loader::Js),
    ("mjs", Loader::Js),
    ("cjs", Loader::Js),
    ("jsx", Loader::Jsx),
    ("ts", Loader::Ts),
    ("mts", Loader::Ts),
    ("cts", Loader::Ts),
    ("tsx", Loader::Tsx),
    ("json", Loader::Json),
    ("txt", Loader::Text),
    ("md", Loader::Text),
    ("html", Loader::Text),
    ("css", Loader::Text),
];

/// Loaders by extension: the usual ones, and what a caller says otherwise.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Loaders(BTreeMap<String, Loader>);

impl Loaders {
    /// The loader of a path; `None` when it has an extension that nobody knows. A name without any is JavaScript.
    pub(crate) fn of(&self, path: &str) -> Option<Loader> {
        let mut rest = path.rsplit('/').next().unwrap_or(path);
        if !rest.contains('.') {
            return Some(Loader::Js);
        }
        // The longest extension that is known counts: `.module.css` before `.css`.
        while let Some((_, extension)) = rest.split_once('.') {
            if let Some(loader) = self.of_extension(extension) {
                return Some(loader);
            }
            rest = extension;
        }
        None
    }

    /// The language of a path. Files of unknown kind are taken for JavaScript, as `require` does, but for those that are
    /// known to be none (`.wasm`).
    pub(crate) fn language(&self, path: &str) -> Language {
        self.of(path).map_or_else(|| Language::of(path), Loader::language)
    }

    /// Every extension that is known, with its loader.
    pub(crate) fn all(&self) -> BTreeMap<&str, Loader> {
        let given = self.0.iter().map(|(extension, &loader)| (extension.as_str(), loader));
        DEFAULTS.into_iter().chain(given).collect()
    }

    fn of_extension(&self, extension: &str) -> Option<Loader> {
        let default = || DEFAULTS.iter().find(|(known, _)| *known == extension).map(|&(_, loader)| loader);
        self.0.get(extension).copied().or_else(default)
    }
}

impl FromIterator<ExtensionLoader> for Loaders {
    /// Of several for one extension the last counts.
    fn from_iter<T: IntoIterator<Item = ExtensionLoader>>(loaders: T) -> Self {
        Self(loaders.into_iter().map(|one| (one.extension, one.loader)).collect())
    }
}

/// One extension's loader, as `.svg=text`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExtensionLoader {
    /// Without its first dot.
    extension: String,
    loader: Loader,
}

impl FromStr for ExtensionLoader {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (extension, kind) = text.split_once('=').ok_or_else(|| format!("{text:?}: write .ext=kind"))?;
        let is_extension = |extension: &str| {
            let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
            !extension.is_empty() && !extension.ends_with('.') && extension.bytes().all(plain)
        };
        match extension.strip_prefix('.').filter(|extension| is_extension(extension)) {
            Some(extension) => Ok(Self { extension: extension.to_owned(), loader: kind.parse()? }),
            None => Err(format!("{extension:?} is no extension; it begins with a dot")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loaders_of_paths() {
        let loaders: Loaders =
            [".svg=dataurl", ".module.css=empty", ".txt=binary"].iter().map(|text| text.parse().unwrap()).collect();
        for (path, loader) in [
            ("a.ts", Some(Loader::Ts)),
            ("a.b/c", Some(Loader::Js)),
            ("a/x.svg", Some(Loader::DataUrl)),
            ("x.css", Some(Loader::Text)),
            ("x.module.css", Some(Loader::Empty)),
            ("a.min.js", Some(Loader::Js)),
            ("a.txt", Some(Loader::Binary)),
            ("a.yaml", None),
        ] {
            assert_eq!(loaders.of(path), loader, "{path}");
        }
    }

    #[test]
    fn what_may_be_typed() {
        assert_eq!("css-as-text".parse(), Ok(Loader::Text));
        for text in ["svg=text", ".=text", ".a", ".a=", ".a=copy", ".a=wasm", ".a/b=text"] {
            assert!(text.parse::<ExtensionLoader>().is_err(), "{text}");
        }
    }
}
