//! Bundles whose modules ask for more at run time, with their packages' files beside them, as Node runs them.

use super::*;

impl Case<'_> {
    /// What Node prints for the default export of the bundle, which stands beside the packages' files.
    fn value_beside(&self) -> String {
        let options = BundleOptions { assets: "beside".to_owned(), ..BundleOptions::bundle() };
        let bundle = Case { local: self.local, packages: self.packages, rewrites: self.rewrites, options }
            .bundle()
            .unwrap_or_else(|errors| panic!("{errors:#?}"));
        evaluate_beside(&bundle.code, |folder| {
            for (mount, _, files) in self.packages {
                for (path, text) in *files {
                    let path = folder.join("beside").join(mount).join(path);
                    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
                    std::fs::write(path, text).unwrap();
                }
            }
        })
    }
}

#[test]
fn a_computed_require_finds_the_bundles_own_instance() {
    let case = Case::new(
        &[(
            "a.mjs",
            "import moment from 'moment'; moment.load('xx'); import again from 'moment/again.js'; export default [moment.locales, again.same, moment.count()]",
        )],
        &[(
            "node_modules/moment",
            "moment@1.0.0",
            &[
                ("package.json", r#"{"main": "moment.js"}"#),
                (
                    "moment.js",
                    "var n = 0; globalThis.evaluated = (globalThis.evaluated || 0) + 1; exports.locales = ['en']; exports.define = (l) => exports.locales.push(l); exports.load = (l) => require('./locale/' + l); exports.count = () => evaluated",
                ),
                ("locale/xx.js", "require('../moment').define('xx')"),
                ("again.js", "var name = 'moment'; exports.same = require(name) === require('./moment')"),
            ],
        )],
    );
    assert_eq!(case.value_beside(), r#"[["en","xx"],true,1]"#);
}

#[test]
fn the_loader_may_be_first() {
    let case = Case::new(
        &[(
            "a.mjs",
            "import early from 'early'; import late from 'late'; export default [early === late, late.n, globalThis.evaluations]",
        )],
        &[
            (
                "node_modules/early",
                "early@1.0.0",
                &[
                    ("package.json", r#"{"type": "module", "main": "index.js", "dependencies": {"late": "1"}}"#),
                    (
                        "index.js",
                        "import {createRequire} from 'module'; const name = 'late'; export default createRequire(import.meta.url)(name)",
                    ),
                ],
            ),
            (
                "node_modules/late",
                "late@1.0.0",
                &[
                    (
                        "index.js",
                        "globalThis.evaluations = (globalThis.evaluations || 0) + 1; exports.n = 1; exports.inner = require('./inner')",
                    ),
                    ("inner.json", "{}"),
                ],
            ),
        ],
    );
    assert_eq!(case.value_beside(), "[true,1,1]");
}

#[test]
fn cycles_through_the_loader_see_what_is_there_so_far() {
    let case = Case::new(
        &[("a.mjs", "import a from 'p'; export default a")],
        &[(
            "node_modules/p",
            "p@1.0.0",
            &[
                ("index.js", "exports.before = 1; var b = './b'; exports.b = require(b).seen; exports.after = 2"),
                (
                    "b.js",
                    "var a = require('./index'); exports.seen = Object.keys(a).concat(Object.getPrototypeOf(a) === Object.prototype)",
                ),
            ],
        )],
    );
    assert_eq!(case.value_beside(), r#"{"before":1,"b":["before",true],"after":2}"#);
}

#[test]
fn a_module_that_throws_is_tried_again() {
    let case = Case::new(
        &[("a.mjs", "import tries from 'p'; export default tries")],
        &[(
            "node_modules/p",
            "p@1.0.0",
            &[
                (
                    "index.js",
                    "var tries = []; for (var i = 0; i < 3; i++) { try { require('./b'); tries.push('fine') } catch (e) { tries.push(e.message) } } module.exports = tries; module.require",
                ),
                ("b.js", "globalThis.c = (globalThis.c || 0) + 1; if (c < 3) throw new Error('no ' + c)"),
            ],
        )],
    );
    assert_eq!(case.value_beside(), r#"["no 1","no 2","fine"]"#);
}

#[test]
fn a_module_has_what_node_gives_it() {
    let case = Case::new(
        &[(
            "a.mjs",
            "import p from 'p'; import q from 'p/q.js'; const e = (await import('p/e.mjs')).default; export default [p, q, e].flat()",
        )],
        &[(
            "node_modules/p",
            "p@1.0.0",
            &[
                (
                    "index.js",
                    "var m = module, path = require('path'); var rel = (x) => path.relative(path.dirname(path.dirname(__dirname)), x); module.exports = [rel(module.id), rel(module.filename), rel(module.path), rel(m.paths[0]), typeof m.require('fs').readFileSync, m.constructor.name, m.parent === undefined, require.main === module, rel(require.resolve('./q')), m === require.cache[__filename], require('./q')]",
                ),
                (
                    "q.js",
                    "module.exports = [typeof module.parent, module.children.length, eval('req' + 'uire')('./data').d, this === exports]",
                ),
                ("data.json", r#"{"d": 4}"#),
                (
                    "e.mjs",
                    "import fs from 'fs'; export default [fs.readFileSync(new URL('./data.json', import.meta.url), 'utf8'), import.meta.filename.endsWith('e.mjs'), import.meta.dirname.endsWith('p'), import.meta.resolve('./x').startsWith('file:'), (await import('./' + 'f.mjs')).default, (await import(['p', 'q.js'].join('/'))).default[2], import.meta.main]",
                ),
                ("f.mjs", "import p from './q.js'; export default p[2]"),
            ],
        )],
    );
    assert_eq!(
        case.value_beside(),
        r#"["node_modules/p/index.js","node_modules/p/index.js","node_modules/p","node_modules/p/node_modules","function","Module",true,false,"node_modules/p/q.js",true,["object",0,4,true],"object",0,4,true,"{\"d\": 4}",true,true,true,4,4,false]"#
    );
}

#[test]
fn sloppy_code_is_loaded_from_its_file() {
    let case = Case::new(
        &[("a.mjs", "import p from 'p'; export default p")],
        &[(
            "node_modules/p",
            "p@1.0.0",
            &[
                (
                    "index.js",
                    "module.exports = [require('./with'), require('./callee'), require('./octal'), require('./leaks'), require('./this'), require('./block'), require('./names')]",
                ),
                ("with.js", "with ({ a: 1 }) { module.exports = a; }"),
                ("callee.js", "module.exports = (function (n) { return n ? n * arguments.callee(n - 1) : 1 })(3)"),
                ("octal.js", "module.exports = [010, '\\033'.length]"),
                (
                    "leaks.js",
                    "for (i = 0; i < 2; i++); var o = {}; ({ j } = { j: 3 }); module.exports = [i, typeof globalThis.i, j, require('./with')]",
                ),
                ("this.js", "(function () { this.leaked = 5 })(); module.exports = leaked"),
                ("block.js", "if (true) { function f() { return 6 } } module.exports = f()"),
                ("names.js", "var let = 1, static = 2; function f(a, a) { return a } module.exports = f(1, 7)"),
            ],
        )],
    );
    assert_eq!(case.value_beside(), r#"[1,6,[8,1],[2,"number",3,1],5,6,7]"#);
}

#[test]
fn what_needs_nothing_gets_nothing() {
    let case = Case::new(
        &[("a.mjs", "import p from 'p'; export default p")],
        &[("node_modules/p", "p@1.0.0", &[("index.js", "exports.a = require('./b')"), ("b.js", "module.exports = 1")])],
    );
    let bundle = case.bundle().unwrap();
    assert!(!bundle.code.contains("hoist/require.js") && !bundle.needs_files, "{}", bundle.code);
    assert!(bundle.read_at_run_time.is_empty());
    let bundle = Case::new(case.local, case.packages).options(BundleOptions::bundle()).bundle().unwrap();
    assert!(!bundle.code.contains("__hoist") && !bundle.code.contains("node:module"), "{}", bundle.code);
    assert!(!bundle.needs_files && bundle.warnings.is_empty());
}

#[test]
fn what_is_read_at_run_time_is_told() {
    let case = Case::new(
        &[("a.mjs", "import 'p'; import 'q'; import 'r'; import 's'")],
        &[
            (
                "node_modules/p",
                "p@1.0.0",
                &[("index.js", "exports.x = (n) => require(n)"), ("package.json", r#"{"dependencies": {"d": "1"}}"#)],
            ),
            (
                "node_modules/p/node_modules/d",
                "d@2.0.0",
                &[("index.js", ""), ("package.json", r#"{"peerDependencies": {"e": "1"}}"#)],
            ),
            ("node_modules/d", "d@1.0.0", &[("index.js", "")]),
            ("node_modules/e", "e@1.0.0", &[("index.js", "")]),
            (
                "node_modules/q",
                "q@1.0.0",
                &[("index.js", "exports.f = __dirname"), ("package.json", r#"{"dependencies": {"d": "1"}}"#)],
            ),
            ("node_modules/r", "r@1.0.0", &[("index.js", "exports.r = typeof require")]),
            ("node_modules/s", "s@1.0.0", &[("index.js", "exports.s = require('fs')")]),
        ],
    );
    let bundle = case.options(BundleOptions::bundle()).bundle().unwrap();
    assert!(bundle.needs_files);
    assert_eq!(
        bundle.read_at_run_time,
        ["node_modules/e", "node_modules/p", "node_modules/p/node_modules/d", "node_modules/q"]
    );
    let packages: Vec<_> =
        bundle.warnings.iter().map(|warning| warning.package.as_deref().unwrap_or_default()).collect();
    assert_eq!(packages, ["p@1.0.0", "q@1.0.0"], "{:#?}", bundle.warnings);
}
