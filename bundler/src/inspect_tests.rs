use super::*;
use crate::file_system::{LocalFiles, PackageFiles};

fn inspection(packages: &[(&str, &[(&str, &str)])]) -> Inspection {
    let mounts = packages.iter().map(|(name, files)| {
        let files = files.iter().map(|(path, text)| ((*path).to_owned(), text.as_bytes().to_vec())).collect();
        (format!("node_modules/{name}"), format!("{name}@1.0.0"), PackageFiles::Given(files))
    });
    inspect("a", &VirtualFiles::with_packages(LocalFiles::new(), mounts))
}

#[test]
fn entry_points_are_followed_into_dependencies() {
    let manifest = r#"{
        "license": "MIT",
        "exports": {".": {"import": "./m.mjs", "require": "./c.js"}, "./more/*": "./more/*.js", "./types": {"types": "./t.d.ts"}},
        "scripts": {"postinstall": "node get.js", "test": "x"}, "os": ["linux"]
    }"#;
    let found = inspection(&[
        (
            "a",
            &[
                ("package.json", manifest),
                ("m.mjs", "import fs from 'fs';\nimport 'b'; export default fs"),
                ("c.js", "require('child_process'); require('./deep')"),
                ("deep.js", "\n\nmodule.exports = new Function('return 1'); eval('2'); require('gone')"),
                ("more/x.js", "require('node:net')"),
                ("unreached.js", "require('cluster')"),
                ("build/Release/a.node", "\x7fELF"),
                ("a.wasm", ""),
            ],
        ),
        (
            "b",
            &[
                ("package.json", r#"{"licenses": [{"type": "ISC"}]}"#),
                ("index.js", "function eval() {} eval(1); require('worker_threads'); require('./bad')"),
                ("bad.js", "const = 1"),
            ],
        ),
    ]);
    assert_eq!(found.entries, ["c.js", "m.mjs", "more/x.js"]);
    assert!(found.is_complete);
    let (a, b) = (&found.packages["a@1.0.0"], &found.packages["b@1.0.0"]);
    let names = |places: &BTreeMap<String, Place>| {
        places.iter().map(|(name, place)| format!("{name} {place}")).collect::<Vec<_>>().join(", ")
    };
    assert_eq!(names(&a.builtins), "node:child_process c.js:1, node:fs m.mjs:1, node:net more/x.js:1");
    assert_eq!(names(&a.evaluates), "Function deep.js:3, eval deep.js:3");
    assert_eq!((a.native.join(" "), a.wasm.join(" ")), ("build/Release/a.node".to_owned(), "a.wasm".to_owned()));
    assert_eq!(a.install_scripts.keys().collect::<Vec<_>>(), ["postinstall"]);
    assert_eq!((a.licence.as_deref(), a.sources, a.files, a.platforms.len()), (Some("MIT"), 4, 8, 1));
    assert_eq!((b.licence.as_deref(), b.evaluates.len(), b.broken.len()), (Some("ISC"), 0, 1));
    assert_eq!(names(&b.builtins), "node:worker_threads index.js:1");
}

#[test]
fn a_package_without_javascript_has_no_entries() {
    let found = inspection(&[("a", &[("package.json", r#"{"types": "index.d.ts"}"#), ("index.d.ts", "export {}")])]);
    assert!(found.entries.is_empty());
    assert_eq!(found.packages["a@1.0.0"].sources, 0);
}
