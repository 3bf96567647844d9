use super::*;

#[test]
fn what_a_package_may_lack_throws_when_it_is_called_for() {
    let case = Case::new(
        &[("a.js", "import p from 'p'; export default p.later().then((code) => [p.codes, code])")],
        &[(
            "node_modules/p",
            "p@1.0.0",
            &[
                (
                    "index.js",
                    "const code = (f) => { try { f(); return 'none' } catch (e) { return e.code + ': ' + e.message.slice(0, 24) } }\n\
                exports.codes = [code(() => require('optional')), code(() => require('optional')), code(() => require('./gone')),\n\
                  code(() => require('./a.node')), code(() => require('node:nothing')), code(() => require('./flow'))]\n\
                exports.later = () => import('optional').catch((e) => e.code)",
                ),
                ("a.node", "\u{0}"),
                ("flow.js", "import type {T} from 'x'; const a: T = 1; module.exports = (a: any)"),
            ],
        )],
    );
    assert_eq!(
        case.value(),
        concat!(
            r#"[["MODULE_NOT_FOUND: Cannot find module 'opti","MODULE_NOT_FOUND: Cannot find module 'opti","#,
            r#""MODULE_NOT_FOUND: Cannot find module './go","ERR_DLOPEN_FAILED: p@1.0.0 needs a native a","#,
            r#""ERR_UNKNOWN_BUILTIN_MODULE: No such built-in module:","ERR_SYNTAX: p@1.0.0/flow.js:1:13: Ex"],"ERR_MODULE_NOT_FOUND"]"#
        )
    );
}

#[test]
fn a_missing_package_names_who_wants_it() {
    let packages: &[(&str, &str, Files<'_>)] = &[
        ("node_modules/a", "a@1.0.0", &[("index.js", "module.exports = require('b')")]),
        (
            "node_modules/b",
            "b@2.0.0_c@3.0.0",
            &[
                ("package.json", r#"{"exports": "./lib/b.mjs"}"#),
                ("lib/b.mjs", "\nimport x from 'nothing';\nexport default x"),
            ],
        ),
    ];
    let [wrong] = &Case::new(&[("src/m.ts", "import a from 'a'; export default a")], packages).wrong()[..] else {
        panic!()
    };
    assert_eq!(wrong.code, "unresolved-import");
    assert_eq!(wrong.package.as_deref(), Some("nothing"));
    assert_eq!(wrong.file.as_deref(), Some("b@2.0.0/lib/b.mjs"));
    assert_eq!((wrong.line, wrong.column), (Some(2), Some(15)));
    assert_eq!(wrong.chain, ["src/m.ts", "a@1.0.0", "b@2.0.0"]);
    assert!(wrong.hint.as_deref().unwrap().contains("add nothing to the manifest"));
    assert!(wrong.frame.as_deref().unwrap().contains("> 2 | import x from 'nothing';"));
    let wrong =
        Case::new(&[("m.ts", "try { require('gone') } catch {}; import 'b/hidden'; import 'a/none.js'")], packages)
            .wrong();
    let codes: Vec<_> = wrong.iter().map(|wrong| (wrong.code.as_str(), wrong.message.as_str())).collect();
    assert_eq!(
        codes,
        [
            ("unresolved-import", "cannot find \"a/none.js\""),
            ("not-exported", "\"./hidden\" is not exported by b@2.0.0"),
            ("unresolved-import", "cannot find \"gone\""),
        ]
    );
}

#[test]
fn what_the_engine_finds_is_said_in_our_names() {
    let packages: &[(&str, &str, Files<'_>)] = &[
        ("node_modules/e", "e@1.0.0", &[("package.json", r#"{"type": "module"}"#), ("index.js", "export const a = 1")]),
        ("node_modules/s", "s@1.0.0", &[("index.js", "module.exports = (")]),
        (
            "node_modules/n",
            "n@1.0.0",
            &[("index.mjs", "import './a.node'"), ("package.json", r#"{"main": "index.mjs"}"#), ("a.node", "")],
        ),
    ];
    let wrong = Case::new(&[("m.ts", "import { b } from 'e'; export default b")], packages).wrong();
    assert_eq!((wrong[0].code.as_str(), wrong[0].file.as_deref()), ("missing-export", Some("m.ts")));
    assert!(wrong[0].message.contains("e@1.0.0/index.js"), "{}", wrong[0].message);
    let wrong = Case::new(&[("m.ts", "import s from 's'; export default s")], packages).wrong();
    assert_eq!((wrong[0].code.as_str(), wrong[0].file.as_deref()), ("syntax-error", Some("s@1.0.0/index.js")));
    assert_eq!(wrong[0].chain, ["m.ts", "s@1.0.0"]);
    let wrong = Case::new(&[("m.ts", "import 'n'")], packages).wrong();
    assert_eq!((wrong[0].code.as_str(), wrong[0].package.as_deref()), ("native-addon", Some("n@1.0.0")));
}

#[test]
fn the_host_is_out_of_reach() {
    let packages: &[(&str, &str, Files<'_>)] = &[(
        "node_modules/p",
        "p@1.0.0",
        &[
            ("index.mjs", "import '../../../../../../etc/passwd'"),
            ("index.js", "module.exports = require('/etc/passwd')"),
            ("abs.mjs", "import '/etc/passwd'"),
        ],
    )];
    for program in ["import 'p/index.mjs'", "import 'p/abs.mjs'"] {
        assert_eq!(Case::new(&[("m.ts", program)], packages).wrong()[0].code, "unresolved-import");
    }
}
