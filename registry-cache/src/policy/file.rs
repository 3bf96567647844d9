//! The policy's file: JSON with comments, one object for each rule.
//!
//! The only file that names the parser [jsonc-parser]. It is strict: what a policy does not know it refuses by name, since
//! a setting that is misspelt would leave a gap that nobody sees.

use std::path::Path;
use std::time::Duration;

use jsonc_parser::{JsonValue, ParseOptions, parse_to_serde_value, parse_to_value};
use serde::{Deserialize, Deserializer};

use super::age::parse_age;
use super::{
    Advisories, LookAlikeMode, LookAlikes, NamePattern, Names, Policy, ReleaseAge, Severity, SignatureMode, Signatures,
};
use crate::error::Error;

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
struct File {
    release_age: ReleaseAgeSection,
    signatures: SignaturesSection,
    names: NamesSection,
    look_alikes: LookAlikesSection,
    advisories: Option<AdvisoriesSection>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct ReleaseAgeSection {
    #[serde(deserialize_with = "age")]
    least: Option<Duration>,
    exclude: Vec<NamePattern>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct SignaturesSection {
    mode: Option<SignatureWord>,
    exclude: Vec<NamePattern>,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum SignatureWord {
    Verify,
    Require,
    Off,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct NamesSection {
    allow: Option<Vec<NamePattern>>,
    deny: Vec<NamePattern>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct LookAlikesSection {
    mode: Option<LookAlikeWord>,
    #[serde(deserialize_with = "age")]
    young: Option<Duration>,
    exclude: Vec<NamePattern>,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum LookAlikeWord {
    Refuse,
    Warn,
    Off,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AdvisoriesSection {
    file: String,
    #[serde(default)]
    refuse: Option<SeverityWord>,
    #[serde(default)]
    ignore: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum SeverityWord {
    Low,
    Moderate,
    High,
    Critical,
}

fn age<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
    let text = String::deserialize(deserializer)?;
    parse_age(&text).map(Some).map_err(serde::de::Error::custom)
}

impl Policy {
    /// Reads a policy's text. `origin` is for messages; paths in it are relative to `folder`.
    pub fn parse(text: &str, origin: &str, folder: &Path) -> Result<Self, Error> {
        let options = ParseOptions {
            allow_comments: true,
            allow_trailing_commas: true,
            allow_loose_object_property_names: false,
            allow_missing_commas: false,
            allow_single_quoted_strings: false,
            allow_hexadecimal_numbers: false,
            allow_unary_plus_numbers: false,
        };
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let parsed = check_shape(text, &options)
            .and_then(|()| parse_to_serde_value::<File>(text, &options).map_err(|error| error.to_string()));
        parsed.map(|file| file.policy(folder)).map_err(|detail| Error::PolicyFile { origin: origin.to_owned(), detail })
    }
}

/// Objects only: a struct could be read from an array too, by position.
fn check_shape(text: &str, options: &ParseOptions) -> Result<(), String> {
    let Some(JsonValue::Object(root)) = parse_to_value(text, options).map_err(|error| error.to_string())? else {
        return Err("it is not an object".to_owned());
    };
    let odd = root.into_iter().find(|(_, value)| !matches!(value, JsonValue::Object(_)));
    odd.map_or(Ok(()), |(key, _)| Err(format!("{key} is not an object")))
}

impl File {
    fn policy(self, folder: &Path) -> Policy {
        let (age, alike) = (ReleaseAge::default(), LookAlikes::default());
        Policy {
            release_age: ReleaseAge {
                least: self.release_age.least.unwrap_or(age.least),
                exclude: self.release_age.exclude,
            },
            signatures: Signatures {
                mode: match self.signatures.mode {
                    Some(SignatureWord::Verify) | None => SignatureMode::Verify,
                    Some(SignatureWord::Require) => SignatureMode::Require,
                    Some(SignatureWord::Off) => SignatureMode::Off,
                },
                exclude: self.signatures.exclude,
            },
            names: Names { allow: self.names.allow, deny: self.names.deny },
            look_alikes: LookAlikes {
                mode: match self.look_alikes.mode {
                    Some(LookAlikeWord::Refuse) | None => LookAlikeMode::Refuse,
                    Some(LookAlikeWord::Warn) => LookAlikeMode::Warn,
                    Some(LookAlikeWord::Off) => LookAlikeMode::Off,
                },
                young: self.look_alikes.young.unwrap_or(alike.young),
                exclude: self.look_alikes.exclude,
            },
            advisories: self.advisories.map(|section| Advisories {
                file: folder.join(section.file),
                refuse: match section.refuse {
                    Some(SeverityWord::Low) | None => Severity::Low,
                    Some(SeverityWord::Moderate) => Severity::Moderate,
                    Some(SeverityWord::High) => Severity::High,
                    Some(SeverityWord::Critical) => Severity::Critical,
                },
                ignore: section.ignore,
            }),
        }
    }
}

#[cfg(test)]
#[path = "file_tests.rs"]
mod tests;
