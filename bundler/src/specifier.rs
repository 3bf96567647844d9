//! What the text of an import means: `./x`, `#x`, `fs`, `zod/v4`, `zod@^3/v4`, `npm:@a/b@1.2/c`. Looks at no file.

use crate::builtins;

/// A specifier, understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Specifier {
    /// `./x`, `../x`, `.`, `..`.
    Relative,
    /// `/x`.
    Absolute,
    /// `#x`: the `imports` field of the nearest package.json.
    Internal,
    /// A builtin module, by its `node:` name.
    Builtin(String),
    /// A package.
    Package(PackageSpecifier),
    /// `data:`: the module itself.
    Data,
    /// `https:`, `file:`, `jsr:`, `node:` with an unknown name, or another scheme that we do not have.
    Foreign(String),
    /// Nothing of this.
    Invalid,
}

/// A package by name, with what an inline version adds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PackageSpecifier {
    /// `zod`, `@a/b`.
    pub(crate) name: String,
    /// `^3` of `zod@^3/v4`.
    pub(crate) range: Option<String>,
    /// Empty, or what follows the name, with its slash: `/v4`.
    pub(crate) subpath: String,
}

impl PackageSpecifier {
    /// What Node understands: the name and the subpath.
    pub(crate) fn bare(&self) -> String {
        format!("{}{}", self.name, self.subpath)
    }
}

/// Understands a specifier as a program writes it.
pub(crate) fn parse(specifier: &str) -> Specifier {
    if matches!(specifier, "." | "..") || specifier.starts_with("./") || specifier.starts_with("../") {
        return Specifier::Relative;
    }
    if let Some(name) = builtins::canonical(specifier) {
        return Specifier::Builtin(name);
    }
    match specifier.as_bytes().first() {
        None => return Specifier::Invalid,
        Some(b'/') => return Specifier::Absolute,
        Some(b'#') => return Specifier::Internal,
        Some(_) => {}
    }
    if let Some(package) = specifier.strip_prefix("npm:") {
        // `npm:/zod` is an older spelling of `npm:zod`.
        return package_or_invalid(package.strip_prefix('/').unwrap_or(package));
    }
    if let Some((scheme, _)) = specifier.split_once(':')
        && is_scheme(scheme)
    {
        return if scheme == "data" { Specifier::Data } else { Specifier::Foreign(scheme.to_owned()) };
    }
    package_or_invalid(specifier)
}

fn is_scheme(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_alphabetic())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.'))
}

fn package_or_invalid(text: &str) -> Specifier {
    package(text).map_or(Specifier::Invalid, Specifier::Package)
}

/// Parses `name`, `name@range`, `name/subpath`, `name@range/subpath`, with or without a scope.
fn package(text: &str) -> Option<PackageSpecifier> {
    let name_end = match text.strip_prefix('@') {
        Some(scoped) => {
            let slash = scoped.find('/')? + 1;
            slash + 1 + end_of_name(&text[slash + 1..])
        }
        None => end_of_name(text),
    };
    let (name, rest) = text.split_at(name_end);
    if !is_package_name(name) {
        return None;
    }
    let (range, subpath) = match rest.strip_prefix('@') {
        None => (None, rest),
        Some(versioned) => {
            let (range, subpath) = versioned.split_at(versioned.find('/').unwrap_or(versioned.len()));
            if range.trim().is_empty() {
                return None;
            }
            (Some(range.trim().to_owned()), subpath)
        }
    };
    Some(PackageSpecifier { name: name.to_owned(), range, subpath: subpath.to_owned() })
}

fn end_of_name(text: &str) -> usize {
    text.find(['/', '@']).unwrap_or(text.len())
}

/// Whether npm would have accepted the name at some time: new names are lower case, old ones need not be.
fn is_package_name(name: &str) -> bool {
    let part = |part: &str| {
        !part.is_empty()
            && !part.starts_with('.')
            && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.!~*'()".contains(&byte))
    };
    let whole = match name.strip_prefix('@') {
        Some(scoped) => scoped.split_once('/').is_some_and(|(scope, name)| part(scope) && part(name)),
        None => part(name),
    };
    whole && name.len() <= 214 && name != "node_modules"
}

#[cfg(test)]
mod tests {
    use super::*;

    fn package_of(specifier: &str) -> (String, Option<String>, String) {
        match parse(specifier) {
            Specifier::Package(PackageSpecifier { name, range, subpath }) => (name, range, subpath),
            other => panic!("{specifier}: {other:?}"),
        }
    }

    #[test]
    fn packages_with_and_without_versions() {
        let cases = [
            ("zod", "zod", None, ""),
            ("zod/v4", "zod", None, "/v4"),
            ("zod@3/v4", "zod", Some("3"), "/v4"),
            ("npm:zod@^3/v4", "zod", Some("^3"), "/v4"),
            ("npm:zod", "zod", None, ""),
            ("npm:/zod@3", "zod", Some("3"), ""),
            ("@a/b", "@a/b", None, ""),
            ("@a/b@1/c", "@a/b", Some("1"), "/c"),
            ("npm:@a/b@>=1 <2/c/d.js", "@a/b", Some(">=1 <2"), "/c/d.js"),
            ("zod@latest", "zod", Some("latest"), ""),
            ("lodash.get", "lodash.get", None, ""),
            ("JSONStream", "JSONStream", None, ""),
            ("punycode/", "punycode", None, "/"),
            ("buffer/index.js", "buffer", None, "/index.js"),
        ];
        for (specifier, name, range, subpath) in cases {
            let expected = (name.to_owned(), range.map(str::to_owned), subpath.to_owned());
            assert_eq!(package_of(specifier), expected, "{specifier}");
        }
    }

    #[test]
    fn everything_else() {
        for relative in [".", "..", "./x", "../x", "./"] {
            assert_eq!(parse(relative), Specifier::Relative, "{relative}");
        }
        assert_eq!(parse("/x"), Specifier::Absolute);
        assert_eq!(parse("#x"), Specifier::Internal);
        assert_eq!(parse("fs"), Specifier::Builtin("node:fs".to_owned()));
        assert_eq!(parse("data:text/javascript,1"), Specifier::Data);
        for foreign in ["https://a.b/c.js", "http://a", "file:///etc/passwd", "jsr:@a/b", "node:nothing", "bun:test"] {
            assert!(matches!(parse(foreign), Specifier::Foreign(_)), "{foreign}");
        }
        for invalid in ["", "@a", "@/b", "@a/", "zod@", ".hidden", "a b", "node_modules", "%2e%2e", "npm:", "a\\b"] {
            assert_eq!(parse(invalid), Specifier::Invalid, "{invalid}");
        }
    }
}
