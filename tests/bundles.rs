//! The bundle as an artifact: the same inputs give the same bytes, wherever and on whatever cache.

use std::fs;

use crate::place::{Place, copy_project, finish};
use crate::registry::Registry;
use crate::universe::testdata;

/// The scenario whose program has the most shapes in it.
const PROJECT: &str = "scenarios/bundle/runs-under-node";

/// Scenarios with the options that make something of their files, all with everything that is written beside a bundle.
const WITH_OPTIONS: [(&str, &[&str]); 4] = [
    (PROJECT, &["--minify", "--target", "es2020", "--sourcemap", "hidden", "--banner", "/* same */"]),
    (
        "scenarios/formats/loaders",
        &["--loader", ".svg=dataurl", "--loader", ".bin=binary", "--loader", ".b64=base64", "--loader", ".foo=tsx"],
    ),
    ("scenarios/formats/decorators", &["--define", "A=1", "--define", "B=2"]),
    ("scenarios/formats/tsconfig-paths", &["--conditions", "browser,development", "--external", "dual"]),
];

/// Two checkouts of a project, two caches, the same bytes: code, map, metafile and licences.
#[test]
fn options_give_the_same_bytes_in_two_checkouts() {
    for (project, options) in WITH_OPTIONS {
        let checkouts = ["one", "another-and-longer"].map(|name| {
            let registry = Registry::start();
            let place = Place::with_registry(name, &registry.url());
            copy_project(&place, &testdata(project), "scenario.json");
            let mut arguments = vec!["bundle", "agent.ts", "-o", "out.js", "--metafile", "meta.json"];
            arguments.extend(["--licenses", "licenses.json"]);
            arguments.extend(options);
            let finished = finish(place.hoist(&arguments));
            assert_eq!(finished.code(), 0, "{project}: {}", finished.describe());
            let written = ["out.js", "out.js.map", "meta.json", "licenses.json"]
                .map(|file| fs::read_to_string(place.path("project").join(file)).unwrap());
            let folder = place.path("").display().to_string();
            assert!(written.iter().all(|text| !text.contains(&folder)), "{project} names the folder {folder}");
            place.passed();
            written
        });
        assert!(checkouts[0] == checkouts[1], "{project}: the bytes differ");
    }
}

#[test]
fn two_folders_and_two_caches_give_the_same_bytes() {
    let (first, second) = (Registry::start(), Registry::start());
    let bundles = [&first, &second].map(|registry| {
        let place = Place::with_registry("same-bytes", &registry.url());
        copy_project(&place, &testdata(PROJECT), "scenario.json");
        // The second time from the cache, and from another working folder.
        let outputs = [("project", "agent.ts", "cold.js"), ("home", "../project/agent.ts", "warm.js")];
        let files = outputs.map(|(folder, entry, output)| {
            let output = place.path(output);
            let mut command = place.hoist(&["bundle", entry, "-o", output.to_str().unwrap()]);
            command.current_dir(place.path(folder));
            let finished = finish(command);
            assert_eq!(finished.code(), 0, "{}", finished.describe());
            let code = fs::read_to_string(&output).unwrap();
            let map = fs::read_to_string(format!("{}.map", output.display())).unwrap();
            // The comment at the end names the file that was asked for.
            let (code, comment) = code.rsplit_once("//# sourceMappingURL=").expect("a source map's comment");
            assert_eq!(comment.trim(), format!("{}.map", output.file_name().unwrap().to_str().unwrap()));
            (code.to_owned(), map)
        });
        let hash = run_hash(&place);
        let folder = place.path("").display().to_string();
        place.passed();
        for (code, map) in &files {
            assert!(!code.contains(&folder) && !map.contains(&folder), "the bundle names the folder {folder}");
        }
        (files, hash)
    });
    let [(first, first_hash), (second, second_hash)] = bundles;
    for other in [&first[1], &second[0], &second[1]] {
        assert!(first[0].0 == other.0, "the code differs");
        assert!(first[0].1 == other.1, "the map differs");
    }
    assert_eq!(first_hash, second_hash);
}

/// The hash of the bundle that a run makes of the same program.
fn run_hash(place: &Place) -> String {
    let finished = finish(place.hoist(&["run", "agent.ts", "--json"]));
    let answer = finished.json().unwrap_or_else(|error| panic!("{error}\n{}", finished.describe()));
    answer["bundle"]["hash"].as_str().unwrap_or_else(|| panic!("no hash\n{}", finished.describe())).to_owned()
}
