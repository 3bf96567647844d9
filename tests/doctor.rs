//! `hoist doctor`: it tries the sandbox on the machine that the tests run on, where programs must be kept apart.

use serde_json::Value;

use crate::place::{Place, finish};

#[test]
fn every_required_part_is_active_here() {
    let place = Place::new("doctor");
    let finished = finish(place.hoist(&["doctor", "--json"]));
    assert_eq!(finished.code(), 0, "{}", finished.describe());
    let diagnosis: Value = serde_json::from_str(&finished.stdout).unwrap();
    assert_eq!(diagnosis["isolated"], true);
    assert_eq!(diagnosis.get("problem"), None);
    let parts = diagnosis["parts"].as_array().unwrap();
    let required: Vec<&Value> = parts.iter().filter(|part| part["required"] == true).collect();
    assert!(required.len() >= 7 && parts.len() > required.len(), "{parts:#?}");
    for part in required {
        assert_eq!(part["active"], true, "{part}");
    }
    assert!(diagnosis["engine"]["version"].as_str().unwrap().split('.').count() >= 3);
    assert!(diagnosis["engine"]["age_days"].is_u64());
    assert!(diagnosis["machine"]["cores"].as_u64() > Some(0));
    place.passed();
}

#[test]
fn people_are_told_the_same() {
    let place = Place::new("doctor-text");
    let finished = finish(place.hoist(&["doctor"]));
    assert_eq!((finished.code(), finished.stderr.as_str()), (0, ""), "{}", finished.describe());
    assert!(finished.stdout.starts_with("V8 "), "{}", finished.describe());
    assert!(finished.stdout.ends_with("\nprograms are kept apart as documented\n"), "{}", finished.describe());
    assert!(!finished.stdout.contains("MISSING"), "{}", finished.describe());
    place.passed();
}
