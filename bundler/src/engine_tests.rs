use std::{
    process::Command,
    sync::atomic::{AtomicU32, Ordering},
};

use super::*;
use crate::{
    file_system::PackageFiles,
    options::Minify,
    program::{Program, Round},
};

type Files<'a> = &'a [(&'a str, &'a str)];

/// A program and its packages: (mount path, id, files).
struct Case<'a> {
    local: Files<'a>,
    packages: &'a [(&'a str, &'a str, Files<'a>)],
    rewrites: &'a [(&'a str, &'a str)],
    options: BundleOptions,
}

impl<'a> Case<'a> {
    fn new(local: Files<'a>, packages: &'a [(&'a str, &'a str, Files<'a>)]) -> Self {
        Self { local, packages, rewrites: &[], options: BundleOptions::run() }
    }

    fn options(self, options: BundleOptions) -> Self {
        Self { options, ..self }
    }

    fn rewrites(self, rewrites: &'a [(&'a str, &'a str)]) -> Self {
        Self { rewrites, ..self }
    }

    fn input(&self) -> Input {
        let entry = self.local[0].0;
        let mut program = Program::new(entry, self.options.clone());
        loop {
            match program.advance() {
                Round::Lacking(paths) => {
                    for path in paths {
                        let text = self.local.iter().find(|(name, _)| *name == path).map(|(_, text)| text.as_bytes());
                        program.answer(path, text.map(Arc::from));
                    }
                }
                Round::Complete(_) => break,
                Round::Wrong(diagnostics) => panic!("{diagnostics:?}"),
            }
        }
        let packages = self.packages.iter().map(|(path, id, files)| {
            let files = files.iter().map(|(path, text)| ((*path).to_owned(), text.as_bytes().to_vec())).collect();
            ((*path).to_owned(), (*id).to_owned(), PackageFiles::Given(files))
        });
        Input {
            entry: format!("{ROOT}/{entry}"),
            files: VirtualFiles::with_packages(program.files().clone(), packages),
            modules: program.modules(),
            decorated: program.decorated(),
            dialect: program.dialect().clone(),
            rewrites: self.rewrites.iter().map(|(from, to)| ((*from).to_owned(), (*to).to_owned())).collect(),
            options: self.options.clone(),
            link: None,
        }
    }

    fn bundle(&self) -> Result<Bundle, Vec<Diagnostic>> {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
        runtime.block_on(bundle(&self.input()))
    }

    /// What Node prints for the default export of the bundle.
    fn value(&self) -> String {
        let bundle = self.bundle().unwrap_or_else(|errors| panic!("{errors:#?}"));
        evaluate(&bundle.code)
    }

    fn wrong(&self) -> Vec<Diagnostic> {
        self.bundle().expect_err("it should be wrong")
    }
}

fn evaluate(code: &str) -> String {
    evaluate_beside(code, |_| ())
}

/// Evaluates a bundle in a folder that was prepared.
fn evaluate_beside(code: &str, prepare: impl FnOnce(&Path)) -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let number = COUNT.fetch_add(1, Ordering::Relaxed);
    let folder = std::env::temp_dir().join(format!("hoist-engine-{}-{number}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    prepare(&folder);
    std::fs::write(folder.join("main.mjs"), code).unwrap();
    let print = "import('./main.mjs').then(async (m) => console.log(JSON.stringify(await m.default)))";
    let output =
        Command::new("node").current_dir(&folder).env("NODE_ENV", "production").args(["-e", print]).output().unwrap();
    std::fs::remove_dir_all(&folder).unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{}\n{code}", String::from_utf8_lossy(&output.stderr));
    text.trim_end().to_owned()
}

#[path = "engine_failure_tests.rs"]
mod failures;
#[path = "engine_loader_tests.rs"]
mod loader;
#[path = "engine_wasm_tests.rs"]
mod wasm;

#[test]
fn typescript_jsx_json_and_text() {
    let case = Case::new(
        &[
            (
                "src/agent.tsx",
                "import { add, type N } from './add.js'; import data from '../data.json'; import css from './a.css';\nenum E { A = 3 } namespace S { export const x = 1 }\nexport default [add(1, 2) as N, data.n, css, E.A, S.x, (<b c='d'>e</b>), import.meta.url, __dirname]",
            ),
            ("src/add.ts", "export type N = number; export const add = (a: N, b: N): N => a + b"),
            ("data.json", r#"{"n": 4}"#),
            ("src/a.css", "a { b: c }"),
        ],
        &[("node_modules/react", "react@1.0.0", &[("jsx-runtime.js", "exports.jsx = (t, p) => ({t, p})")])],
    );
    assert_eq!(
        case.value(),
        r#"[3,4,"a { b: c }",3,1,{"t":"b","p":{"c":"d","children":"e"}},"file:///hoist/src/agent.tsx","/hoist/src"]"#
    );
}

#[test]
fn exports_conditions_are_those_of_node() {
    const PACKAGE: &str = r#"{"exports": {
        ".": {"browser": "./b.js", "module": "./m.js", "node": {"import": "./ni.mjs", "require": "./nr.js"}, "default": "./d.js"},
        "./sub/*": "./lib/*.js", "./hidden": null
    }, "module": "./m.js", "browser": "./b.js"}"#;
    let case = Case::new(
        &[(
            "a.mjs",
            "import d, { r } from 'd'; import s from 'd/sub/s'; import two from 'two'; export default [d, r, s, two]",
        )],
        &[
            (
                "node_modules/d",
                "d@1.0.0",
                &[
                    ("package.json", PACKAGE),
                    ("ni.mjs", "import two from 'two'; export default 'import'; export const r = two"),
                    ("nr.js", "module.exports = 'require'"),
                    ("lib/s.js", "exports.s = __filename"),
                    ("m.js", "throw 1"),
                    ("b.js", "throw 1"),
                    ("d.js", "throw 1"),
                ],
            ),
            (
                "node_modules/two",
                "two@1.0.0",
                &[
                    ("package.json", r#"{"main": "main.js", "module": "module.js"}"#),
                    ("main.js", "module.exports = 'main:' + require('d')"),
                    ("module.js", "export default 'module'"),
                ],
            ),
        ],
    );
    assert_eq!(case.value(), r#"["import","main:require",{"s":"/hoist/node_modules/d/lib/s.js"},"main:require"]"#);
}

#[test]
fn two_majors_stay_apart_and_cycles_end() {
    let case = Case::new(
        &[
            (
                "a.js",
                "import a from 'a'; import b from 'b'; import { odd } from './odd.js'; export default [a, b, odd(5)]",
            ),
            ("odd.js", "import { even } from './even.js'; export const odd = (n) => n !== 0 && even(n - 1)"),
            ("even.js", "import { odd } from './odd.js'; export const even = (n) => n === 0 || odd(n - 1)"),
        ],
        &[
            ("node_modules/a", "a@2.0.0", &[("index.js", "module.exports = 'a2'")]),
            (
                "node_modules/b",
                "b@1.0.0",
                &[
                    ("index.js", "exports.early = 1; exports.c = require('./c'); exports.a = require('a')"),
                    ("c.js", "const b = require('./index'); module.exports = [Object.keys(b)]"),
                ],
            ),
            ("node_modules/b/node_modules/a", "a@1.0.0", &[("index.js", "module.exports = 'a1'")]),
        ],
    );
    assert_eq!(case.value(), r#"["a2",{"early":1,"c":[["early"]],"a":"a1"},true]"#);
}

#[test]
fn commonjs_as_node_has_it() {
    let case = Case::new(
        &[(
            "a.ts",
            "import f, { named } from 'f'; import e from 'es'; import * as ns from 'es'; import j from 'f/data.json';\nexport default [f(1), named, e, Object.keys(ns).sort(), ns.default, j.x]",
        )],
        &[
            (
                "node_modules/f",
                "f@1.0.0",
                &[
                    (
                        "index.js",
                        "'use strict'\nmodule.exports = function (n) { return n + require('./data.json').x }\nmodule.exports.named = typeof require",
                    ),
                    ("data.json", r#"{"x": 41}"#),
                ],
            ),
            (
                "node_modules/es",
                "es@1.0.0",
                &[(
                    "index.js",
                    "Object.defineProperty(exports, '__esModule', {value: true}); exports.default = 'd'; exports.x = 1",
                )],
            ),
        ],
    );
    // The program's own files are ESM in Node's sense: the default of a CommonJS module is its module.exports.
    assert_eq!(case.value(), r#"[42,"function",{"default":"d","x":1},["default","x"],{"default":"d","x":1},41]"#);
}

#[test]
fn a_computed_require_is_the_modules_own() {
    let case = Case::new(
        &[("a.js", "import p from 'p'; export default p")],
        &[(
            "node_modules/p",
            "p@1.0.0",
            &[
                (
                    "index.js",
                    "const name = ['f', 's'].join(''); const load = (r) => r(name); let failed;\n\
                try { require('./' + name) } catch (e) { failed = e.code }\n\
                module.exports = [typeof load(require).readFileSync, require(name) === require('fs'), failed, require.resolve('./x'), __dirname]",
                ),
                ("x.js", "1"),
            ],
        )],
    );
    assert_eq!(
        case.value(),
        r#"["function",true,"MODULE_NOT_FOUND","/hoist/node_modules/p/x.js","/hoist/node_modules/p"]"#
    );
}

#[test]
fn builtins_are_named_as_node_names_them() {
    let case = Case::new(
        &[(
            "a.ts",
            "import fs from 'fs'; import { posix } from 'node:path'; import p from 'p'; export default [typeof fs.statSync, posix.join('a', 'b'), p]",
        )],
        &[(
            "node_modules/p",
            "p@1.0.0",
            &[("index.js", "module.exports = typeof require('util').inspect; () => require('node:test')")],
        )],
    );
    let bundle = case.bundle().unwrap();
    assert_eq!(bundle.builtins, ["node:fs", "node:module", "node:path", "node:test", "node:util"]);
    assert_eq!(evaluate(&bundle.code), r#"["function","a/b","function"]"#);
}

#[test]
fn rewrites_lead_elsewhere() {
    let case = Case::new(
        &[(
            "src/m.ts",
            "import a from 'npm:a@1/x'; import b from 'a@2'; import c from 'npm:a'; export default [a, b, c]",
        )],
        &[
            ("node_modules/a", "a@1.0.0", &[("index.js", "module.exports = 1"), ("x.js", "module.exports = 'x1'")]),
            ("node_modules/a-2", "a@2.0.0", &[("index.js", "module.exports = 2")]),
        ],
    );
    assert_eq!(case.rewrites(&[("npm:a@1/x", "a/x"), ("a@2", "a-2")]).value(), r#"["x1",2,1]"#);
}

#[test]
fn the_map_names_packages_with_their_versions() {
    let case = Case::new(
        &[("src/m.ts", "import a from '@s/a';\n\nexport default (): string => a(__dirname)")],
        &[(
            "node_modules/@s/a",
            "@s/a@1.2.3",
            &[("lib/i.js", "module.exports = (x) => x + __filename"), ("package.json", r#"{"main": "lib/i"}"#)],
        )],
    );
    let bundle = case.bundle().unwrap();
    let map = oxc_sourcemap::SourceMap::from_json_string(&bundle.source_map).unwrap();
    let sources: Vec<_> = map.get_sources().collect();
    assert!(sources.contains(&"src/m.ts") && sources.contains(&"@s/a@1.2.3/lib/i.js"), "{sources:?}");
    let place = bundle
        .code
        .lines()
        .enumerate()
        .find_map(|(line, text)| Some((line, text.find("a(\"/hoist").or(text.find("(\"/hoist"))?)));
    let (line, column) = place.unwrap_or_else(|| panic!("{}", bundle.code));
    let table = map.generate_lookup_table();
    let token = map.lookup_token(&table, u32::try_from(line).unwrap(), u32::try_from(column + 2).unwrap()).unwrap();
    assert_eq!((map.get_source(token.get_source_id().unwrap()), token.get_src_line()), (Some("src/m.ts"), 2));
    let contents: Vec<_> = map.get_source_contents().flatten().collect();
    assert!(contents.contains(&"module.exports = (x) => x + __filename"), "{contents:?}");
}

#[test]
fn the_same_input_gives_the_same_bytes() {
    let local: Files<'_> = &[
        ("m.ts", "import * as a from 'a'; import b from 'b'; import './c.js'; export default [a, b]"),
        ("c.js", "import 'b'"),
    ];
    let files: Files<'_> = &[
        ("index.js", "exports.a = require('./x'), exports.b = require('./y'), exports.c = __dirname"),
        ("x.js", "1"),
        ("y.js", "2"),
    ];
    let packages: &[(&str, &str, Files<'_>)] =
        &[("node_modules/a", "a@1.0.0", files), ("node_modules/b", "b@1.0.0", files)];
    for options in [BundleOptions::run(), BundleOptions::bundle()] {
        let first = Case::new(local, packages).options(options.clone()).bundle().unwrap();
        for _ in 0..8 {
            let again = Case::new(local, packages).options(options.clone()).bundle().unwrap();
            assert_eq!((&again.code, &again.source_map), (&first.code, &first.source_map));
        }
    }
}

#[test]
fn run_keeps_what_bundle_shakes_off() {
    let packages: &[(&str, &str, Files<'_>)] = &[(
        "node_modules/z",
        "z@1.0.0",
        &[
            ("package.json", r#"{"sideEffects": false, "type": "module"}"#),
            (
                "index.js",
                "import './locale.js'; export const a = 1; export const unused = 'UNUSED'; export const env = process.env.NODE_ENV",
            ),
            ("locale.js", "globalThis.locale = 'en'"),
        ],
    )];
    let local: Files<'_> =
        &[("m.ts", "import { a, env } from 'z'; export default [a, env, globalThis.locale ?? null]")];
    assert_eq!(Case::new(local, packages).value(), r#"[1,"production","en"]"#);
    let bundle = Case::new(local, packages)
        .options(BundleOptions { minify: Minify::On, ..BundleOptions::bundle() })
        .bundle()
        .unwrap();
    assert!(!bundle.code.contains("UNUSED") && !bundle.code.contains("NODE_ENV"), "{}", bundle.code);
    assert_eq!(evaluate(&bundle.code), r#"[1,"production",null]"#);
}

#[test]
fn decorators_of_typescript() {
    let case = Case::new(
        &[
            (
                "m.ts",
                "const log = (target: any, key: string, d: any) => { d.value = () => key }; class A { @log b() {} } export default (new A() as any).b()",
            ),
            ("tsconfig.json", r#"{"compilerOptions": {"experimentalDecorators": true}}"#),
        ],
        &[],
    );
    assert_eq!(case.value(), r#""b""#);
}

#[test]
fn a_require_that_an_es_module_makes_reaches_the_bundle() {
    let case = Case::new(
        &[
            (
                "a.mjs",
                "import { createRequire } from 'module'; const require = createRequire(import.meta.url); export default [require('p'), require('./d.json').d]",
            ),
            ("d.json", r#"{"d": 1}"#),
        ],
        &[(
            "node_modules/p",
            "p@1.0.0",
            &[
                ("package.json", r#"{"exports": {"import": "./i.js", "require": "./r.js"}, "version": "1.2.3"}"#),
                ("r.js", "module.exports = 'r' + require('./package.json').version"),
            ],
        )],
    );
    assert_eq!(case.value(), r#"["r1.2.3",1]"#);
}

#[test]
fn modules_of_other_kinds() {
    let case = Case::new(
        &[
            (
                "a.mts",
                "import d from 'data:text/javascript,export default 1'; import j from './j.json' with { type: 'json' }; import p from 'p'; const q = await import('./b.mjs'); export default [d, j.x, p, q.b, typeof q.default]",
            ),
            ("j.json", "{\"x\": 2}"),
            ("b.mts", "export const b = await Promise.resolve(3)"),
        ],
        &[(
            "node_modules/p",
            "p@1.0.0",
            &[
                ("package.json", "{\"main\": \"./esm\"}"),
                ("esm/package.json", r#"{"type": "module"}"#),
                (
                    "esm/index.js",
                    "import * as c from './c.cjs'; import * as s from 'p/side.js'; export default [typeof require, c.default.x, s.default]",
                ),
                ("esm/c.cjs", "exports.x = this === exports"),
                ("side.js", "module.exports = 'side'"),
            ],
        )],
    );
    assert_eq!(case.value(), r#"[1,2,["undefined",true,"side"],3,"undefined"]"#);
}
