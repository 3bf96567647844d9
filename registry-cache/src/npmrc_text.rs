//! The settings of `.npmrc` files and of `npm_config_*` variables, as npm reads them.
//!
//! Nothing here knows what a setting means. The text is read as npm's `ini` library does (which has no errors: a line that
//! means nothing is skipped), `${NAME}` as npm's documentation has it ("npmrc"), and of several sources the nearest wins,
//! key by key. Values may be secrets: `Debug` shows keys only.

use std::collections::BTreeMap;
use std::fmt;

/// What variables that are settings begin with, in any case.
const VARIABLE: &str = "npm_config_";

/// Settings by name; `key[] = value` may be there several times.
#[derive(Clone, Default)]
pub(crate) struct Settings {
    values: BTreeMap<String, Vec<String>>,
}

impl fmt::Debug for Settings {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_set().entries(self.values.keys()).finish()
    }
}

impl Settings {
    /// Those of the environment, then those of these texts, the nearest first.
    pub(crate) fn read(npmrc_texts: &[(String, String)], environment: &BTreeMap<String, String>) -> Self {
        let mut merged = of_environment(environment);
        for (_, text) in npmrc_texts {
            for (key, values) in of_text(text, environment) {
                merged.entry(key).or_insert(values);
            }
        }
        Self { values: merged }
    }

    /// A setting that is text. `null` and `false` say that there is none, also to a farther file.
    pub(crate) fn text(&self, key: &str) -> Option<&str> {
        let value = self.values.get(key)?.last()?.as_str();
        Some(value).filter(|value| !matches!(*value, "null" | "false" | "undefined"))
    }

    /// A setting that may be given several times.
    pub(crate) fn texts(&self, key: &str) -> &[String] {
        self.values.get(key).map_or(&[], Vec::as_slice)
    }

    /// A setting that is a whole number. npm ignores one that is not.
    pub(crate) fn number(&self, key: &str) -> Option<u64> {
        self.text(key)?.parse().ok()
    }

    /// All of them.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.values.iter().filter_map(|(key, values)| Some((key.as_str(), values.last()?.as_str())))
    }
}

fn of_environment(environment: &BTreeMap<String, String>) -> BTreeMap<String, Vec<String>> {
    let mut settings = BTreeMap::new();
    // Capitals sort first, so what is written in small letters wins.
    for (name, value) in environment {
        let prefix = name.get(..VARIABLE.len()).filter(|prefix| prefix.eq_ignore_ascii_case(VARIABLE));
        // An empty setting is an unset one.
        let (Some(_), false) = (prefix, value.is_empty()) else { continue };
        let key = &name[VARIABLE.len()..];
        let key = match key.strip_prefix('_') {
            _ if key.starts_with("//") => key.to_owned(),
            // A first underscore is part of the name.
            Some(rest) => format!("_{}", rest.replace('_', "-").to_lowercase()),
            None => key.replace('_', "-").to_lowercase(),
        };
        settings.insert(key, vec![value.clone()]);
    }
    settings
}

fn of_text(text: &str, environment: &BTreeMap<String, String>) -> BTreeMap<String, Vec<String>> {
    let mut settings: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for line in text.split(['\r', '\n']).map(str::trim).filter(|line| !line.starts_with([';', '#'])) {
        // What stands in a section is no setting of npm.
        if line.starts_with('[') && line.ends_with(']') {
            break;
        }
        let (key, value) = match line.split_once('=') {
            Some((key, value)) => (unquoted(key), unquoted(value)),
            None => (unquoted(line), "true".to_owned()),
        };
        let value = expanded(&value, environment);
        let (key, several) = match key.strip_suffix("[]").filter(|key| !key.is_empty()) {
            Some(key) => (expanded(key, environment), true),
            None => (expanded(&key, environment), false),
        };
        if key.is_empty() || value.is_empty() {
            continue;
        }
        let values = settings.entry(key).or_default();
        if !several {
            values.clear();
        }
        values.push(value);
    }
    settings
}

/// `ini`'s own rules: a quoted value is JSON where it can be, and in others `;` and `#` begin a comment.
fn unquoted(text: &str) -> String {
    let text = text.trim();
    let quoted = |quote| text.len() > 1 && text.starts_with(quote) && text.ends_with(quote);
    if quoted('"') {
        return serde_json::from_str(text).unwrap_or_else(|_| text.to_owned());
    }
    if quoted('\'') {
        let inner = &text[1..text.len() - 1];
        return serde_json::from_str(inner).unwrap_or_else(|_| inner.to_owned());
    }
    let mut plain = String::with_capacity(text.len());
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        match character {
            ';' | '#' => break,
            '\\' => match characters.next() {
                Some(escaped @ ('\\' | ';' | '#')) => plain.push(escaped),
                Some(other) => plain.extend(['\\', other]),
                None => plain.push('\\'),
            },
            other => plain.push(other),
        }
    }
    plain.trim().to_owned()
}

/// `${NAME}` by the variable; `${NAME?}` by nothing where it is not set, the other by itself. An odd number of
/// backslashes before it makes it stand for itself.
fn expanded(text: &str, environment: &BTreeMap<String, String>) -> String {
    let mut expanded = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("${") {
        let (before, reference) = rest.split_at(at);
        let body = &reference[2..];
        let end = body.find(['$', '{', '}']).filter(|end| body[*end..].starts_with('}'));
        let Some(name) = end.map(|end| &body[..end]).filter(|name| is_name(name)) else {
            expanded.push_str(&rest[..at + 2]);
            rest = &rest[at + 2..];
            continue;
        };
        let whole = &reference[..name.len() + 3];
        let plain = before.trim_end_matches('\\');
        let backslashes = before.len() - plain.len();
        expanded.push_str(plain);
        expanded.push_str(&before[plain.len()..plain.len() + backslashes / 2]);
        let value = environment.get(name.trim_end_matches('?')).map(String::as_str);
        expanded.push_str(match value {
            _ if backslashes % 2 == 1 => whole,
            Some(value) => value,
            None if name.ends_with('?') => "",
            None => whole,
        });
        rest = &reference[whole.len()..];
    }
    expanded + rest
}

fn is_name(name: &str) -> bool {
    let plain = name.strip_suffix('?').unwrap_or(name);
    !plain.is_empty() && !plain.contains('?')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Settings {
        let environment = [("A", "a"), ("EMPTY", ""), ("npm_config_from_variable", "x"), ("NPM_CONFIG_Proxy", "p")];
        let environment = environment.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        Settings::read(
            &[("near".to_owned(), text.to_owned()), ("far".to_owned(), "far = 1\nk = far".to_owned())],
            &environment,
        )
    }

    #[test]
    fn values_are_read_as_npm_reads_them() {
        for (line, expected) in [
            ("k = v ; comment", "v"),
            ("k=v # comment", "v"),
            ("  k  =\tv\t", "v"),
            ("k=a=b==", "a=b=="),
            (r"k=a\;b\#c\\d\e", r"a;b#c\d\e"),
            (r#"k="a;b\n""#, "a;b\n"),
            ("k='a;b'", "a;b"),
            (r#"k="broken"#, r#""broken"#),
            ("k", "true"),
            ("k=12345", "12345"),
            ("k=1\nk=2", "2"),
            ("k=", "far"),
            (";k=1\n#k=2\n[section]\nk=3", "far"),
            ("k=x\r\nz=1", "x"),
        ] {
            assert_eq!(read(line).text("k"), Some(expected), "{line}");
        }
        assert_eq!(read("far=null").text("far"), None);
        assert_eq!(read("ca[]=1\nca[] = 2").texts("ca"), ["1", "2"]);
        assert_eq!(read("").text("from-variable"), Some("x"));
        assert_eq!(read("proxy=file").text("proxy"), Some("p"));
        assert_eq!(read("n=12").number("n"), Some(12));
        assert_eq!(read("n=many").number("n"), None);
    }

    #[test]
    fn variables_are_put_in_as_npm_puts_them() {
        for (value, expected) in [
            ("${A}", "a"),
            ("x${A}y${A}", "xaya"),
            ("${UNSET}", "${UNSET}"),
            ("x${UNSET?}y", "xy"),
            ("x${A?}y", "xay"),
            ("x${EMPTY}y", "xy"),
            ("${${A}}", "${a}"),
            ("${A", "${A"),
            ("${}", "${}"),
            ("${A?B}", "${A?B}"),
            ("$A", "$A"),
        ] {
            assert_eq!(read(&format!("k={value}")).text("k"), Some(expected), "{value}");
        }
        // The backslashes that reach this place: ini has read one pair of each already.
        let environment = BTreeMap::from([("A".to_owned(), "a".to_owned())]);
        assert_eq!(expanded(r"\${A}", &environment), "${A}");
        assert_eq!(expanded(r"\\${A}", &environment), r"\a");
        assert_eq!(expanded(r"\\\${A}", &environment), r"\${A}");
        assert_eq!(read("//h/${A}/:_authToken=t").text("//h/a/:_authToken"), Some("t"));
        // A value is not read again: what a variable holds stays what it is.
        let twice = BTreeMap::from([("A".to_owned(), "${B}".to_owned()), ("B".to_owned(), "b".to_owned())]);
        assert_eq!(expanded("${A}", &twice), "${B}");
    }
}
