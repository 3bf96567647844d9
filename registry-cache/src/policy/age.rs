//! The rule `releaseAge`: which versions are old enough, as one resolution sees it.
//!
//! A version that a registry gives no date for is old enough, and so is every version of a package that is excluded or
//! whose scope has a registry of its own. What the rule means for the choice of a version is `graph/age.rs`'s business.

use std::time::{Duration, SystemTime};

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use super::{NamePattern, ReleaseAge, name_pattern};

/// The longest age that can be asked for: ten years. Longer ones are mistakes.
const MOST: Duration = Duration::from_secs(10 * 366 * 24 * 60 * 60);

/// `24h`, `30m`, `7d`, `2w`, `90s`, or `0`; at most ten years.
pub fn parse_age(text: &str) -> Result<Duration, String> {
    let text = text.trim();
    let wrong = || format!("{text:?} is not an age such as 24h, 7d or 0");
    let end = text.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(text.len());
    let number: u64 = text[..end].parse().map_err(|_| wrong())?;
    let seconds = match text[end..].trim() {
        "s" => 1,
        "m" => 60,
        "h" => 60 * 60,
        "d" => 24 * 60 * 60,
        "w" => 7 * 24 * 60 * 60,
        "" if number == 0 => 1,
        _ => return Err(wrong()),
    };
    let age = number.checked_mul(seconds).map(Duration::from_secs).filter(|age| *age <= MOST);
    age.ok_or_else(|| format!("{text:?} is more than ten years"))
}

/// A version that was not taken because it is too young.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize, Deserialize)]
pub struct HeldBack {
    /// The package.
    pub package: String,
    /// The version that would have been taken.
    pub version: String,
    /// The version that was.
    pub taken: String,
    /// From when on the younger one is taken, in RFC 3339 form.
    pub old_enough_at: String,
}

/// The rule at one moment.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ages {
    /// The moment before which a version must have been published; `None` when the rule is off.
    cutoff: Option<DateTime<Utc>>,
    least: TimeDelta,
    exclude: Vec<NamePattern>,
    /// Versions that are held back because they require one that is too young, at most.
    pub(crate) rounds: usize,
}

impl Ages {
    /// The rule as it is `now`. The scopes have registries of their own, which are exempt.
    pub(crate) fn new(rule: &ReleaseAge, now: SystemTime, scopes: impl Iterator<Item = String>, rounds: usize) -> Self {
        let least = TimeDelta::from_std(rule.least.min(MOST)).expect("ten years fit");
        let cutoff = DateTime::<Utc>::from(now).checked_sub_signed(least).filter(|_| !rule.least.is_zero());
        let exclude = rule.exclude.iter().cloned().chain(scopes.map(|scope| NamePattern::scope(&scope))).collect();
        Self { cutoff, least, exclude, rounds }
    }

    /// The moment before which a version of this package must have been published, when that matters.
    pub(crate) fn cutoff(&self, package: &str) -> Option<DateTime<Utc>> {
        self.cutoff.filter(|_| !name_pattern::any(&self.exclude, package))
    }

    /// The same for packages that nothing is said about.
    pub(crate) fn general_cutoff(&self) -> Option<DateTime<Utc>> {
        self.cutoff
    }

    /// The packages and scopes that are exempt.
    pub(crate) fn exempt(&self) -> &[NamePattern] {
        &self.exclude
    }

    /// When a version that was published then will be old enough, in RFC 3339 form.
    pub(crate) fn old_enough_at(&self, published: DateTime<Utc>) -> String {
        date_text(published.checked_add_signed(self.least).unwrap_or(DateTime::<Utc>::MAX_UTC))
    }
}

/// In RFC 3339 form, to the second.
pub(crate) fn date_text(date: DateTime<Utc>) -> String {
    date.to_rfc3339_opts(SecondsFormat::Secs, true)
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::*;

    #[test]
    fn ages_are_whole_numbers_with_a_unit() {
        for (text, seconds) in
            [("0", 0), ("0h", 0), ("90s", 90), ("30m", 1800), ("24h", 86_400), (" 7 d ", 604_800), ("2w", 1_209_600)]
        {
            assert_eq!(parse_age(text), Ok(Duration::from_secs(seconds)), "{text}");
        }
        for text in ["", "h", "5", "1.5h", "-1h", "1y", "11000d", "99999999999999999999s", "9999999999999999w"] {
            assert!(parse_age(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_cutoff_is_for_packages_that_are_not_exempt() {
        let rule = ReleaseAge {
            least: Duration::from_secs(3600),
            exclude: vec![NamePattern::parse("hono").unwrap(), NamePattern::parse("@ours/*").unwrap()],
        };
        let ages = Ages::new(&rule, UNIX_EPOCH + Duration::from_secs(7200), ["@private".to_owned()].into_iter(), 1);
        let at = DateTime::from_timestamp(3600, 0);
        assert_eq!((ages.cutoff("zod"), ages.cutoff("honor")), (at, at));
        assert_eq!((ages.cutoff("hono"), ages.cutoff("@ours/x"), ages.cutoff("@private/x")), (None, None, None));
        assert_eq!(ages.old_enough_at(DateTime::from_timestamp(3601, 0).unwrap()), "1970-01-01T02:00:01Z");
    }

    #[test]
    fn no_age_is_no_rule() {
        let rule = ReleaseAge { least: Duration::ZERO, exclude: Vec::new() };
        assert_eq!(Ages::new(&rule, UNIX_EPOCH, std::iter::empty(), 1).cutoff("zod"), None);
        // An age that goes back before all time is a rule nevertheless.
        let rule = ReleaseAge { least: MOST, exclude: Vec::new() };
        assert!(Ages::new(&rule, UNIX_EPOCH, std::iter::empty(), 1).cutoff("zod").is_some());
    }
}
