//! Yarn's `resolutions` as npm's `overrides`.
//!
//! Follows yarn's documentation, "selective dependency resolutions": a path of package names, of which the last is replaced
//! below the others; `**` stands for any way. npm's nested overrides reach any depth, so `a/b` here means `a/**/b`: wider
//! than in yarn, where nobody is known to need the difference. Where `overrides` names the same, it decides.

use serde_json::{Map, Value};

use crate::manifest::PackageName;

/// Adds resolutions to overrides. The error says which one cannot be understood, and why.
pub(crate) fn add(resolutions: &Map<String, Value>, overrides: &mut Map<String, Value>) -> Result<(), String> {
    for (pattern, value) in resolutions {
        let Value::String(wanted) = value else {
            return Err(format!("the value of {pattern:?} is not a string"));
        };
        let path = path_of(pattern).map_err(|problem| format!("{pattern:?}: {problem}"))?;
        insert(overrides, &path, wanted.trim());
    }
    Ok(())
}

/// The names of a pattern, the replaced one last. Yarn allows a range after a name (`name@npm:^1`).
fn path_of(pattern: &str) -> Result<Vec<String>, String> {
    let mut path = Vec::new();
    let mut parts = pattern.split('/').filter(|part| *part != "**");
    while let Some(part) = parts.next() {
        let key = match part.starts_with('@') {
            true => format!("{part}/{}", parts.next().ok_or("a scope needs a name after it")?),
            false => part.to_owned(),
        };
        let at = key.char_indices().skip(1).find(|(_, letter)| *letter == '@').map(|(at, _)| at);
        let (name, range) = match at {
            Some(at) => (&key[..at], &key[at + 1..]),
            None => (key.as_str(), ""),
        };
        PackageName::parse(name)?;
        if name.contains('*') {
            return Err("of patterns only ** is understood".to_owned());
        }
        let range = range.strip_prefix("npm:").unwrap_or(range);
        path.push(if range.is_empty() { name.to_owned() } else { format!("{name}@{range}") });
    }
    match path.is_empty() {
        true => Err("it names no package".to_owned()),
        false => Ok(path),
    }
}

/// npm's form: an object for what is below a package, in it `.` for the package itself.
fn insert(overrides: &mut Map<String, Value>, path: &[String], wanted: &str) {
    let Some((first, rest)) = path.split_first() else { return };
    let entry = overrides.entry(first.clone());
    if rest.is_empty() {
        match entry.or_insert_with(|| Value::from(wanted)) {
            Value::Object(below) => drop(below.entry(".").or_insert_with(|| Value::from(wanted))),
            // It stands there already: `overrides` decides.
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {}
        }
        return;
    }
    let below = entry.or_insert_with(|| Value::Object(Map::new()));
    if let Value::String(own) = below {
        *below = Value::Object(Map::from_iter([(".".to_owned(), Value::from(own.as_str()))]));
    }
    if let Value::Object(below) = below {
        insert(below, rest, wanted);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn overrides(resolutions: Value, overrides: Value) -> Result<Value, String> {
        let (Value::Object(resolutions), Value::Object(mut overrides)) = (resolutions, overrides) else {
            panic!("objects");
        };
        add(&resolutions, &mut overrides).map(|()| Value::Object(overrides))
    }

    #[test]
    fn patterns_become_nested_overrides() {
        let resolutions = json!({
            "a": "1", "b/c": "2", "b": "3", "**/@s/d": "4", "@s/e/**/f": "npm:g@5", "h@npm:^1": "6", "i@^1/j": "7"
        });
        let expected = json!({
            "a": "1", "b": {".": "3", "c": "2"}, "@s/d": "4", "@s/e": {"f": "npm:g@5"}, "h@^1": "6", "i@^1": {"j": "7"}
        });
        assert_eq!(overrides(resolutions, json!({})), Ok(expected));
    }

    #[test]
    fn overrides_decide() {
        let given = json!({"a": "9", "b": {"c": "8"}, "d": "7"});
        let expected = json!({"a": "9", "b": {"c": "8", ".": "2"}, "d": {".": "7", "e": "3"}});
        assert_eq!(overrides(json!({"a": "1", "b/c": "1", "b": "2", "d/e": "3"}), given), Ok(expected));
    }

    #[test]
    fn what_is_no_path_of_names_is_refused() {
        for pattern in ["", "**", "packages/*/a", "a//b", "@s", "../a", "a/@"] {
            assert!(overrides(json!({pattern: "1"}), json!({})).is_err(), "{pattern}");
        }
        assert!(overrides(json!({"a": {"b": "1"}}), json!({})).is_err());
    }
}
