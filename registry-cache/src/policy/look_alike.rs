//! Names that are nearly those of well-known packages: a slip of whoever typed them, or somebody's hope for one.
//!
//! What is well known stands in `data/popular-names.txt`. Two names are alike when they are the same without their
//! separators (`cross_env`, `cross-env`, `@cross/env`), or differ by a letter or two, an exchange of neighbours counting
//! as one. Short names are too close to each other for that to mean anything.

use std::collections::{BTreeMap, HashSet};
use std::sync::LazyLock;

/// The well-known names, the most popular first, after a comment.
const NAMES: &str = include_str!("../../data/popular-names.txt");

/// So many of them are what others are likened to. All of them are above suspicion.
const MODELS: usize = 2_000;
/// Letters that a name needs to be likened to another.
const LETTERS: usize = 5;
/// Letters that a name needs for two differences to be a likeness.
const LETTERS_FOR_TWO: usize = 10;
/// Names that are suggested in place of an unknown one.
const SUGGESTIONS: usize = 3;

static POPULAR: LazyLock<Popular> = LazyLock::new(|| {
    let shapes: Vec<Shape<'static>> =
        NAMES.lines().filter(|line| !line.starts_with('#') && !line.is_empty()).map(Shape::new).collect();
    Popular { known: shapes.iter().map(|shape| shape.name).collect(), shapes }
});

struct Popular {
    shapes: Vec<Shape<'static>>,
    known: HashSet<&'static str>,
}

/// A name as it is compared.
struct Shape<'a> {
    name: &'a str,
    scope: Option<&'a str>,
    /// Lower-case letters and digits, without what separates them.
    letters: Vec<u8>,
    /// A bit for each letter that occurs: names that differ little differ in few bits.
    mask: u64,
}

impl<'a> Shape<'a> {
    fn new(name: &'a str) -> Self {
        let letters: Vec<u8> =
            name.bytes().filter(u8::is_ascii_alphanumeric).map(|letter| letter.to_ascii_lowercase()).collect();
        let mask = letters.iter().fold(0, |mask, letter| mask | 1 << (letter % 43));
        let scope = name.starts_with('@').then(|| name.split('/').next()).flatten();
        Self { name, scope, letters, mask }
    }

    /// How many letters the two differ by, when it is not more than `most`.
    fn distance(&self, other: &Self, most: usize) -> Option<usize> {
        let shorter = self.letters.len().min(other.letters.len());
        let lengths = self.letters.len().max(other.letters.len()) - shorter;
        let bits = (self.mask ^ other.mask).count_ones() as usize;
        if lengths > most || bits > 2 * most {
            return None;
        }
        Some(distance(&self.letters, &other.letters)).filter(|distance| *distance <= most)
    }
}

/// The well-known package whose name this one could be mistaken for.
pub(crate) fn model_of(name: &str) -> Option<&'static str> {
    let popular = &*POPULAR;
    if popular.known.contains(name) {
        return None;
    }
    let shape = Shape::new(name);
    let most = match shape.letters.len() {
        0..LETTERS => return None,
        LETTERS..LETTERS_FOR_TWO => 1,
        _ => 2,
    };
    let alike = |model: &&Shape<'static>| match (shape.scope, model.scope) {
        // Whoever has the scope has all names in it.
        (Some(own), Some(other)) if own == other => false,
        (Some(_), Some(_)) | (None, None) => shape.distance(model, most).is_some(),
        // One with a scope and one without are different enough, unless the scope is all that was taken for a word.
        (Some(_), None) | (None, Some(_)) => shape.letters == model.letters,
    };
    let models = popular.shapes.iter().take(MODELS).filter(|model| model.letters.len() >= LETTERS);
    models.into_iter().find(alike).map(|model| model.name)
}

/// What may have been meant by a name that nobody knows: well-known names and these others, the likeliest first.
pub(crate) fn suggestions(unknown: &str, others: &[String]) -> Vec<String> {
    let shape = Shape::new(unknown);
    let most = match shape.letters.len() {
        0..3 => 0,
        3..LETTERS => 1,
        _ => 2,
    };
    let others = others.iter().map(|name| Shape::new(name));
    let mut ranked: BTreeMap<(usize, usize), &str> = BTreeMap::new();
    let candidates: Vec<Shape<'_>> = others.collect();
    for (rank, candidate) in candidates.iter().chain(&POPULAR.shapes).enumerate() {
        if candidate.name == unknown {
            continue;
        }
        if let Some(distance) = shape.distance(candidate, most) {
            ranked.insert((distance, rank), candidate.name);
        }
    }
    let mut best: Vec<String> = Vec::new();
    for name in ranked.into_values() {
        if best.len() < SUGGESTIONS && !best.iter().any(|known| known == name) {
            best.push(name.to_owned());
        }
    }
    best
}

/// Optimal string alignment: insertions, deletions, replacements, and exchanges of neighbours.
fn distance(one: &[u8], other: &[u8]) -> usize {
    let mut before: Vec<usize> = Vec::new();
    let mut above: Vec<usize> = (0..=other.len()).collect();
    for (row, letter) in one.iter().enumerate() {
        let mut current = vec![row + 1];
        for (column, other_letter) in other.iter().enumerate() {
            let replaced = above[column] + usize::from(letter != other_letter);
            let mut best = replaced.min(above[column + 1] + 1).min(current[column] + 1);
            if row > 0 && column > 0 && *letter == other[column - 1] && one[row - 1] == *other_letter {
                best = best.min(before[column - 1] + 1);
            }
            current.push(best);
        }
        before = std::mem::replace(&mut above, current);
    }
    above[other.len()]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_list_holds_names() {
        assert!(POPULAR.shapes.len() >= 1_000);
        assert_eq!(POPULAR.known.len(), POPULAR.shapes.len());
        for shape in &POPULAR.shapes {
            assert!(crate::PackageName::parse(shape.name).is_ok(), "{}", shape.name);
        }
    }

    #[test]
    fn names_that_could_be_mistaken() {
        for (name, model) in [
            ("expres", "express"),
            ("exrpess", "express"),
            ("cross_env", "cross-env"),
            ("crossenv", "cross-env"),
            ("Chalk", "chalk"),
            ("babelcore", "@babel/core"),
            ("@bable/core", "@babel/core"),
            ("eslint-config-pretier", "eslint-config-prettier"),
        ] {
            assert_eq!(model_of(name), Some(model), "{name}");
        }
    }

    #[test]
    fn names_that_could_not() {
        let own = ["hono-of-ours", "@ours/express", "@babel/cora", "mz2", "left-hand", "reacts-to-nothing"];
        for name in own.into_iter().chain(["express", "preact", "lodash-es", "@types/express", "vue", "ws", "ms"]) {
            assert_eq!(model_of(name), None, "{name}");
        }
    }

    #[test]
    fn an_unknown_name_gets_suggestions() {
        assert_eq!(suggestions("lodahs", &[])[0], "lodash");
        assert_eq!(suggestions("reactdom", &[])[0], "react-dom");
        assert_eq!(suggestions("our-pluginn", &["our-plugin".to_owned()]), ["our-plugin"]);
        assert!(suggestions("lodahs", &[]).len() <= SUGGESTIONS);
        assert!(suggestions("nothing-that-anybody-made", &[]).is_empty());
        assert!(suggestions("", &[]).is_empty());
    }

    proptest! {
        #[test]
        fn distance_is_one(one in "[a-d]{0,8}", other in "[a-d]{0,8}") {
            let (one, other) = (one.as_bytes(), other.as_bytes());
            prop_assert_eq!(distance(one, one), 0);
            prop_assert_eq!(distance(one, other), distance(other, one));
            prop_assert!(distance(one, other) <= one.len().max(other.len()));
            prop_assert!(distance(one, other) >= one.len().abs_diff(other.len()));
        }

        #[test]
        fn what_is_passed_over_is_far_away(one in "[a-z-]{0,14}", other in "[a-z-]{0,14}", most in 0usize..3) {
            let (one, other) = (Shape::new(&one), Shape::new(&other));
            let real = distance(&one.letters, &other.letters);
            prop_assert_eq!(one.distance(&other, most), Some(real).filter(|real| *real <= most));
        }
    }
}
