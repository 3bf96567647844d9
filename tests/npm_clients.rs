//! The npm registry of `hoist serve`, as the real npm, pnpm, yarn and bun see it: a project of some eighty packages is carried
//! over as a mirror and installed by each of them from a service without a connection.
//!
//! Leaves the machine, and so is ignored unless it is asked for: the packages and the clients, of the versions in
//! `testdata/clients/tools.json`, come from npm's own registry or the one that `npm_config_registry` names. What the clients
//! themselves ask goes to the service alone: whatever else they would reach for is behind a proxy that is not there.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use serde_json::Value;

use crate::live::with_own_network;
use crate::place::{Finished, Place, finish_within};
use crate::registry::Registry;
use crate::serve::Service;
use crate::universe::testdata;

/// How long a client or a download may take.
const PATIENCE: Duration = Duration::from_secs(400);
/// Nobody listens there.
const NO_PROXY: &str = "http://127.0.0.1:9";
/// What `check.cjs` prints.
const CHECKED: &str = r#"["function",true,"function","x","2020",2,true,"<b>hi</b>",172800000,true,true]"#;

#[tokio::test]
#[ignore = "leaves the machine"]
async fn live_clients_install_from_a_mirror_offline() {
    let place = Place::new("npm-clients");
    for file in ["package.json", "tools.json", "check.cjs"] {
        place.write(file, fs::read(testdata(&format!("clients/{file}"))).unwrap());
    }
    let tools = install_tools(&place);
    done(place.hoist(&["mirror", "export", "package.json", "-o", "out.mirror"]), true);
    let packages = packages_of(&done(place.hoist(&["prewarm", "package.json", "--json", "--offline"]), false));
    assert!(packages.len() >= 30, "{packages:?}");
    let elsewhere = |mut command: Command| {
        command.env("HOIST_CACHE", place.path("elsewhere"));
        command
    };
    done(elsewhere(place.hoist(&["mirror", "import", "out.mirror"])), false);
    let cache = place.path("elsewhere");
    let folder = place.path("project");
    let service = Service::start_in(place, &["--offline", "--cache", cache.to_str().unwrap()], Registry::start());
    let url = format!("{}/npm/", service.url());
    let results = tokio::task::spawn_blocking(move || {
        let each = clients(&tools).into_iter();
        each.map(|(name, command)| (name, install(name, command, &folder, &url, &packages))).collect::<Vec<_>>()
    });
    let results = results.await.unwrap();
    let failures: Vec<String> =
        results.iter().filter_map(|(name, result)| Some(format!("== {name}: {}", result.as_ref().err()?))).collect();
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    assert_eq!(results.len(), 4);
    service.stop();
}

fn done(mut command: Command, network: bool) -> Finished {
    if network {
        with_own_network(&mut command);
    }
    let finished = finish_within(command, PATIENCE);
    assert_eq!(finished.code(), 0, "{}", finished.describe());
    finished
}

fn install_tools(place: &Place) -> PathBuf {
    let folder = place.path("tools");
    fs::create_dir_all(&folder).unwrap();
    fs::copy(testdata("clients/tools.json"), folder.join("package.json")).unwrap();
    let mut npm = place.command("npm");
    npm.args(["install", "--no-audit", "--no-fund", "--ignore-scripts"]).current_dir(&folder);
    done(npm, true);
    folder.join("node_modules")
}

/// `name@version` of everything in the graph.
fn packages_of(finished: &Finished) -> BTreeSet<String> {
    let json = finished.json().unwrap();
    let packages = json["graph"]["packages"].as_object().unwrap().values();
    let text = |value: &Value, field: &str| value[field].as_str().unwrap().to_owned();
    packages.map(|package| format!("{}@{}", text(package, "name"), text(package, "version"))).collect()
}

/// Each client with how it installs.
fn clients(tools: &Path) -> Vec<(&'static str, Command)> {
    let processor = if cfg!(target_arch = "aarch64") { ("arm64", "aarch64") } else { ("x64", "x64") };
    let node = |script: &str, arguments: &[&str]| {
        let mut command = Command::new("node");
        command.arg(tools.join(script)).args(arguments);
        command
    };
    let binary = |path: String, arguments: &[&str]| {
        let mut command = Command::new(tools.join(path));
        command.args(arguments);
        command
    };
    vec![
        ("npm", node("npm/bin/npm-cli.js", &["install", "--ignore-scripts", "--no-update-notifier"])),
        ("yarn", node("yarn/bin/yarn.js", &["install", "--ignore-scripts", "--non-interactive", "--no-progress"])),
        ("pnpm", binary(format!("@pnpm/exe.linux-{}/pnpm", processor.0), &["install", "--ignore-scripts"])),
        ("bun", binary(format!("@oven/bun-linux-{}/bin/bun", processor.1), &["install", "--ignore-scripts"])),
    ]
}

fn install(
    name: &str,
    mut command: Command,
    from: &Path,
    registry: &str,
    packages: &BTreeSet<String>,
) -> Result<(), String> {
    let home = from.with_file_name(format!("client-{name}"));
    let project = home.join("project");
    fs::create_dir_all(&project).unwrap();
    for file in ["package.json", "check.cjs"] {
        fs::copy(from.join(file), project.join(file)).unwrap();
    }
    fs::write(project.join(".npmrc"), format!("registry={registry}\n")).unwrap();
    command.env_clear().current_dir(&project);
    command.env("PATH", std::env::var_os("PATH").unwrap_or_default()).env("HOME", &home).env("TMPDIR", &home);
    command.env("XDG_CACHE_HOME", home.join("cache")).env("XDG_DATA_HOME", home.join("data"));
    for variable in ["http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"] {
        command.env(variable, NO_PROXY);
    }
    command.env("no_proxy", "127.0.0.1").env("NO_PROXY", "127.0.0.1").env("CI", "1");
    command.env("npm_config_registry", registry);
    let finished = finish_within(command, PATIENCE);
    if finished.code() != 0 {
        return Err(finished.describe());
    }
    let mut check = Command::new("node");
    check.arg("check.cjs").current_dir(&project);
    let checked = finish_within(check, PATIENCE);
    if checked.stdout.trim() != CHECKED {
        return Err(checked.describe());
    }
    let installed = installed_in(&project.join("node_modules"));
    let strange: Vec<&String> = installed.difference(packages).collect();
    match strange.is_empty() && installed.len() >= 30 {
        true => Ok(()),
        false => Err(format!("{} packages, of which are not in the mirror: {strange:?}", installed.len())),
    }
}

/// `name@version` of every package in a `node_modules`, links not followed.
fn installed_in(modules: &Path) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut waiting = vec![modules.to_owned()];
    while let Some(folder) = waiting.pop() {
        let Ok(entries) = fs::read_dir(&folder) else { continue };
        for entry in entries.map(Result::unwrap).filter(|entry| entry.file_type().unwrap().is_dir()) {
            let (path, name) = (entry.path(), entry.file_name().into_string().unwrap());
            match name.as_str() {
                ".pnpm" => {
                    let ids = fs::read_dir(&path).unwrap();
                    waiting.extend(ids.map(|id| id.unwrap().path().join("node_modules")));
                }
                name if name.starts_with('@') => waiting.push(path),
                name if name.starts_with('.') => {}
                _ => {
                    let Ok(text) = fs::read_to_string(path.join("package.json")) else { continue };
                    let manifest: Value = serde_json::from_str(&text).unwrap();
                    let text = |field: &str| manifest[field].as_str().unwrap_or_default().to_owned();
                    found.insert(format!("{}@{}", text("name"), text("version")));
                    waiting.push(path.join("node_modules"));
                }
            }
        }
    }
    found
}
