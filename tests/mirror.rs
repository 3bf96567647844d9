//! Mirrors, end to end: what data alone cannot say (keys, bytes, kills).

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::place::{Finished, Place, finish};
use crate::registry::Registry;

/// How often an import is killed.
const KILLS: u32 = 12;

fn place_with_mirror(name: &str, registry: &Registry) -> Place {
    let place = Place::with_registry(name, &registry.url());
    place.write("package.json", r#"{"dependencies": {"dual": "1", "majors": "*", "framework-plugin": "*"}}"#);
    place.write("agent.js", "import { version } from 'majors';\nexport default version;\n");
    done(&place, &["mirror", "export", "package.json", "-o", "out.mirror"]);
    place
}

#[track_caller]
fn done(place: &Place, arguments: &[&str]) -> Finished {
    ended(place.hoist(arguments), 0)
}

#[track_caller]
fn ended(command: Command, code: i32) -> Finished {
    let finished = finish(command);
    assert_eq!(finished.code(), code, "{}", finished.describe());
    finished
}

/// A command of somebody else's, on another machine.
fn elsewhere(place: &Place, arguments: &[&str]) -> Command {
    let mut command = place.hoist(arguments);
    command.env("HOME", place.path("elsewhere")).env("HOIST_CACHE", place.path("elsewhere/cache"));
    command
}

#[test]
fn the_same_packages_and_key_give_the_same_bytes() {
    let registry = Registry::start();
    let place = place_with_mirror("mirror-same", &registry);
    let first = fs::read(place.path("project/out.mirror")).unwrap();
    let mut anew = place.hoist(&["mirror", "export", "package.json", "-o", "again.mirror"]);
    anew.env("HOIST_CACHE", place.path("another-cache"));
    ended(anew, 0);
    assert!(fs::read(place.path("project/again.mirror")).unwrap() == first);
    let offline = ["mirror", "export", "package.json", "-o", "offline.mirror", "--offline"];
    done(&place, &offline);
    assert!(fs::read(place.path("project/offline.mirror")).unwrap() == first);
    place.passed();
}

#[test]
fn a_key_is_trusted_when_it_is_named_or_configured() {
    let registry = Registry::start();
    let place = place_with_mirror("mirror-trust", &registry);
    let mode = fs::metadata(place.path("home/.config/hoist/mirror-key")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let key = done(&place, &["mirror", "key"]).stdout.trim().to_owned();
    assert!(key.starts_with("hoist-key-1:"), "{key}");
    let refused = ended(elsewhere(&place, &["mirror", "import", "out.mirror"]), 6);
    assert!(refused.stderr.contains(&format!("--trust {key}")), "{}", refused.describe());
    let other = finish(elsewhere(&place, &["mirror", "key"])).stdout;
    ended(elsewhere(&place, &["mirror", "import", "out.mirror", "--trust", other.trim()]), 6);
    ended(elsewhere(&place, &["mirror", "import", "out.mirror", "--trust", "nonsense"]), 2);
    ended(elsewhere(&place, &["run", "agent.js", "--offline"]), 5);
    ended(elsewhere(&place, &["mirror", "import", "out.mirror", "--trust", &key]), 0);
    assert_eq!(ended(elsewhere(&place, &["run", "agent.js", "--offline"]), 0).stdout, "\"2.0.0\"\n");
    fs::write(place.path("elsewhere/.config/hoist/trusted-keys"), format!("# the others\n{key} build\n")).unwrap();
    ended(elsewhere(&place, &["mirror", "import", "out.mirror"]), 0);
    place.passed();
}

#[test]
fn a_file_that_is_not_whole_is_refused() {
    let registry = Registry::start();
    let place = place_with_mirror("mirror-broken", &registry);
    let whole = fs::read(place.path("project/out.mirror")).unwrap();
    let flipped = |at: usize| {
        let mut bytes = whole.clone();
        bytes[at] ^= 1;
        bytes
    };
    for (bytes, code) in [
        (whole[..whole.len() - 1].to_vec(), "mirror-broken"),
        (whole[..whole.len() / 2].to_vec(), "mirror-broken"),
        ([whole.clone(), vec![0]].concat(), "mirror-broken"),
        (Vec::new(), "mirror-broken"),
        (flipped(100), "mirror-broken"),
        (flipped(whole.len() / 2), "mirror-broken"),
        (flipped(whole.len() - 200), "mirror-signature"),
        (flipped(12), "mirror-version"),
    ] {
        place.write("bad.mirror", bytes);
        let mut command = place.hoist(&["mirror", "import", "bad.mirror"]);
        command.env("HOIST_CACHE", place.path("another-cache"));
        let finished = ended(command, 6);
        assert!(finished.stderr.contains(code), "{code}: {}", finished.describe());
    }
    let mut command = place.hoist(&["run", "agent.js", "--offline"]);
    command.env("HOIST_CACHE", place.path("another-cache"));
    ended(command, 5);
    place.passed();
}

#[test]
fn a_killed_import_leaves_the_cache_as_it_was_or_whole() {
    let registry = Registry::start();
    let place = place_with_mirror("mirror-killed", &registry);
    let key = done(&place, &["mirror", "key"]).stdout.trim().to_owned();
    // As long as one takes when it is not killed, in so many steps.
    let whole = ended(elsewhere(&place, &["mirror", "import", "out.mirror", "--trust", &key]), 0).elapsed;
    for round in 0..KILLS {
        let cache = format!("elsewhere/cache-{round}");
        let mut command = elsewhere(&place, &["mirror", "import", "out.mirror", "--trust", &key]);
        command.env("HOIST_CACHE", place.path(&cache)).stdout(Stdio::null()).stderr(Stdio::null());
        let mut child = command.spawn().unwrap();
        std::thread::sleep(whole * round / KILLS + Duration::from_micros(100));
        // It may have come to its end, which is whole too.
        let _ = child.kill();
        child.wait().unwrap();
        let mut after = elsewhere(&place, &["prewarm", "package.json", "--offline"]);
        after.env("HOIST_CACHE", place.path(&cache));
        let after = finish(after);
        match after.code() {
            0 => {}
            5 => assert!(after.stderr.contains("the packument of dual"), "{}", after.describe()),
            _ => panic!("round {round}: {}", after.describe()),
        }
        let mut again = elsewhere(&place, &["mirror", "import", "out.mirror", "--trust", &key]);
        again.env("HOIST_CACHE", place.path(&cache));
        ended(again, 0);
        let mut run = elsewhere(&place, &["prewarm", "package.json", "--offline"]);
        run.env("HOIST_CACHE", place.path(&cache));
        ended(run, 0);
    }
    place.passed();
}
