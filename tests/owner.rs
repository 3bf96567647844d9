//! Commands beside a service that owns their cache.

use std::fs;
use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::place::{Finished, Place, finish};
use crate::registry::Registry;
use crate::serve::Service;

/// As many as the issue asks for.
const COMMANDS: usize = 16;
/// How long anything here may take.
const PATIENCE: Duration = Duration::from_secs(60);

const PROGRAM: &str = "
import { kind } from 'dual';
import { version } from 'majors';
import { inner } from 'uses-old-major';
import callable from 'callable';
export default (input: number) => ({ input, kind, version, inner, called: callable(String(input)) });
";

/// A service, and a project beside it.
fn service(name: &str) -> Service {
    let service = Service::start_with(name, &[], Registry::start());
    write_project(service.place());
    service
}

fn write_project(place: &Place) {
    place.write(
        "package.json",
        r#"{"dependencies": {"dual": "1", "majors": "2", "uses-old-major": "1", "callable": "1"}}"#,
    );
    place.write("agent.ts", PROGRAM);
}

fn run(place: &Place, number: usize) -> Command {
    place.hoist(&["run", "agent.ts", "--input", &number.to_string()])
}

#[track_caller]
fn assert_right(finished: &Finished, number: usize) {
    let expected = format!(
        "{{\"input\":{number},\"kind\":\"esm\",\"version\":\"2.0.0\",\"inner\":\"1.10.0\",\"called\":\"called by {number}\"}}\n"
    );
    assert!(finished.stdout == expected && finished.code() == 0, "number {number}: {}", finished.describe());
}

#[track_caller]
fn assert_refused(finished: &Finished, code: i32, texts: &[&str]) {
    assert_eq!(finished.code(), code, "{}", finished.describe());
    for text in texts {
        assert!(finished.stderr.contains(text), "{text}\n{}", finished.describe());
    }
}

fn open_descriptors(process: u32) -> usize {
    fs::read_dir(format!("/proc/{process}/fd")).unwrap().count()
}

/// Waits until something holds.
fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < deadline, "{what}");
        thread::yield_now();
    }
}

#[test]
fn sixteen_commands_beside_a_service() {
    let service = service("sixteen-beside");
    thread::scope(|scope| {
        let place = service.place();
        let commands: Vec<_> =
            (0..COMMANDS).map(|number| scope.spawn(move || (number, finish(run(place, number))))).collect();
        for command in commands {
            let (number, finished) = command.join().unwrap();
            assert_right(&finished, number);
        }
    });
    // Whoever came first had it fetched; nothing was fetched again.
    let requests = service.registry().take_requests();
    assert!(!requests.is_empty() && requests.values().all(|count| *count == 1), "{requests:#?}");
    service.stop();
}

#[test]
fn nothing_of_a_command_stays_in_the_service() {
    let service = service("descriptors");
    assert_right(&finish(run(service.place(), 0)), 0);
    let before = open_descriptors(service.id());
    for number in 1..=5 {
        assert_right(&finish(run(service.place(), number)), number);
    }
    eventually("connections or images are left open", || open_descriptors(service.id()) <= before);
    service.stop();
}

#[test]
fn other_commands_use_it_too() {
    let service = service("other-commands");
    let place = service.place();
    let bundled = finish(place.hoist(&["bundle", "agent.ts", "-o", "out.mjs"]));
    assert_eq!(bundled.code(), 0, "{}", bundled.describe());
    assert!(place.path("project/out.mjs").is_file());
    let inspected = finish(place.hoist(&["inspect", "dual@1", "--json"]));
    assert_eq!(inspected.code(), 0, "{}", inspected.describe());
    assert!(inspected.stdout.contains("1.0.0"), "{}", inspected.describe());
    service.stop();
}

#[test]
fn other_settings_are_refused_and_the_owner_named() {
    let service = service("other-settings");
    let place = service.place();
    let pid = service.id().to_string();
    let mut elsewhere = run(place, 0);
    elsewhere.env("npm_config_registry", "http://127.0.0.1:9/");
    assert_refused(&finish(elsewhere), 12, &["owner-settings", &pid, "registries", "--cache"]);
    let offline = place.hoist(&["run", "agent.ts", "--offline"]);
    assert_refused(&finish(offline), 12, &["owner-settings", &pid, "offline", "--cache"]);
    // Another cache is nobody else's.
    let mut other = run(place, 3);
    other.env("HOIST_CACHE", place.path("other-cache"));
    assert_right(&finish(other), 3);
    // Neither is the cache needed by a program without packages.
    place.write("plain.ts", "export default 'plain';\n");
    let mut plain = place.hoist(&["run", "plain.ts"]);
    plain.env("npm_config_registry", "http://127.0.0.1:9/");
    let finished = finish(plain);
    assert_eq!(finished.stdout, "\"plain\"\n", "{}", finished.describe());
    service.stop();
}

#[test]
fn a_second_service_says_who_holds_the_cache() {
    let service = service("second-service");
    let second = finish(service.place().hoist(&["serve", "--listen", "127.0.0.1:0"]));
    assert_refused(&second, 12, &["cache-busy", &service.id().to_string(), "--cache"]);
    service.stop();
}

#[test]
fn a_folder_for_sockets_that_others_can_enter_is_refused() {
    let registry = Registry::start();
    let place = Place::with_registry("open-folder", &registry.url());
    let folder = place.socket_folder();
    fs::create_dir_all(&folder).unwrap();
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o755)).unwrap();
    let refused = finish(place.hoist(&["serve", "--listen", "127.0.0.1:0"]));
    assert_refused(&refused, 2, &["owner-folder", "0755", "XDG_RUNTIME_DIR"]);
    // A command that finds the cache free asks nobody there.
    write_project(&place);
    assert_right(&finish(run(&place, 1)), 1);
    place.passed();
}

#[test]
fn a_killed_service_is_replaced_by_the_next_command() {
    let service = service("killed-service");
    assert_right(&finish(run(service.place(), 0)), 0);
    kill_process(Pid::from_raw(service.id() as i32).unwrap(), Signal::KILL).unwrap();
    eventually("the service is still there", || service.has_ended());
    let sockets = || fs::read_dir(service.place().socket_folder()).unwrap().count();
    assert_eq!(sockets(), 1, "a killed service leaves its socket");
    assert_right(&finish(run(service.place(), 1)), 1);
    // The next service takes its place over, and takes its socket away with it.
    let place = service.into_place();
    let mut second = place.hoist(&["serve", "--listen", "127.0.0.1:0"]);
    let mut second = second.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap();
    let mut first_byte = [0];
    second.stdout.as_mut().unwrap().read_exact(&mut first_byte).unwrap();
    assert_right(&finish(run(&place, 2)), 2);
    kill_process(Pid::from_child(&second), Signal::TERM).unwrap();
    assert_eq!(second.wait().unwrap().code(), Some(0));
    assert_eq!(fs::read_dir(place.socket_folder()).unwrap().count(), 0);
    place.passed();
}

#[test]
fn a_service_that_is_killed_over_a_call_is_replaced_at_once() {
    let registry = Registry::start();
    registry.hold("majors");
    let service = Service::start_with("killed-over-a-call", &[], registry);
    write_project(service.place());
    thread::scope(|scope| {
        let place = service.place();
        let command = scope.spawn(move || finish(run(place, 7)));
        // The service asks for it on behalf of the command.
        eventually("the service asks for nothing", || service.registry().has_been_asked("/majors"));
        kill_process(Pid::from_raw(service.id() as i32).unwrap(), Signal::KILL).unwrap();
        service.registry().release();
        assert_right(&command.join().unwrap(), 7);
    });
    eventually("the service is still there", || service.has_ended());
    service.into_place().passed();
}

#[test]
fn a_service_that_is_told_to_end_lets_a_call_finish() {
    let registry = Registry::start();
    registry.hold("majors");
    let service = Service::start_with("ended-over-a-call", &[], registry);
    write_project(service.place());
    thread::scope(|scope| {
        let place = service.place();
        let command = scope.spawn(move || finish(run(place, 8)));
        eventually("the service asks for nothing", || service.registry().has_been_asked("/majors"));
        kill_process(Pid::from_raw(service.id() as i32).unwrap(), Signal::TERM).unwrap();
        service.registry().release();
        assert_right(&command.join().unwrap(), 8);
    });
    eventually("the service is still there", || service.has_ended());
    assert_eq!(fs::read_dir(service.place().socket_folder()).unwrap().count(), 0);
    service.into_place().passed();
}
