//! Fixed words that come from another process.
//!
//! What an error says about itself is text of this program, so its type is `&'static str`. The owner of the cache is the same
//! program with the same words: each that it says is kept once and for ever. They are bounded, in case it is not.

use std::collections::BTreeSet;
use std::sync::Mutex;

use serde::{Deserialize, Deserializer};

use crate::shared::locked;

/// Text of this program. The name keeps serde from taking it for something that a message lends.
pub(crate) type Words = &'static str;

/// Different words that are kept. The program has some hundred.
const MOST: usize = 1024;
/// Bytes of each.
const LONGEST: usize = 1024;
/// What stands for all others.
const OTHER: Words = "something else";

static KEPT: Mutex<BTreeSet<Words>> = Mutex::new(BTreeSet::new());

/// Reads words out of a message.
pub(crate) fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Words, D::Error> {
    String::deserialize(deserializer).map(keep)
}

fn keep(text: String) -> Words {
    let mut kept = locked(&KEPT);
    if let Some(known) = kept.get(text.as_str()) {
        return known;
    }
    if kept.len() >= MOST || text.len() > LONGEST {
        return OTHER;
    }
    let words: Words = Box::leak(text.into_boxed_str());
    kept.insert(words);
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_kept_once() {
        let first = keep("is a link".to_owned());
        assert!(std::ptr::eq(first, keep("is a link".to_owned())));
        assert_eq!(first, "is a link");
        assert_eq!(keep("x".repeat(LONGEST + 1)), OTHER);
    }
}
