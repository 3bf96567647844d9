use super::*;

const PATH: &str = "/hoist/node_modules/x/lib/y.js";

/// Packages that start with `missing` are not there.
struct Some1;

impl Targets for Some1 {
    fn target(&self, specifier: &str, _kind: ImportKind) -> Target {
        if specifier.starts_with("missing") {
            Target::Throws { message: format!("no {specifier}"), code: "MODULE_NOT_FOUND" }
        } else {
            Target::Bundled
        }
    }

    fn resolved(&self, specifier: &str, _kind: ImportKind) -> Option<String> {
        (!specifier.starts_with("missing")).then(|| format!("/hoist/node_modules/{specifier}/index.js"))
    }
}

fn rewritten_at(path: &str, text: &str) -> String {
    match rewrite(text, path, Purpose::Run, &Some1) {
        Some(rewritten) => {
            assert_eq!(rewritten.code.lines().count(), text.lines().count(), "lines are kept: {}", rewritten.code);
            rewritten.code
        }
        None => text.to_owned(),
    }
}

fn rewritten(text: &str) -> String {
    rewritten_at(PATH, text)
}

#[test]
fn import_meta_is_the_modules_own() {
    assert_eq!(
        rewritten("export default import.meta.url"),
        r#"export default "file:///hoist/node_modules/x/lib/y.js""#
    );
    assert_eq!(rewritten("f(import.meta.dirname)"), r#"f("/hoist/node_modules/x/lib")"#);
    assert_eq!(rewritten("f(import.meta.filename)"), r#"f("/hoist/node_modules/x/lib/y.js")"#);
    assert_eq!(rewritten("f(import.meta?.url)"), r#"f("file:///hoist/node_modules/x/lib/y.js")"#);
    assert_eq!(rewritten("f(import.meta.env, 'import.meta.url')"), "f(import.meta.env, 'import.meta.url')");
    assert!(rewritten("const {url} = import.meta").starts_with("const {url} = ({__proto__:null,url:\"file:"));
    assert_eq!(rewritten("import.meta.url = 1"), "import.meta.url = 1");
}

#[test]
fn folder_names_are_the_modules_own() {
    assert_eq!(
        rewritten("f(__dirname, `${__filename}`)"),
        r#"f("/hoist/node_modules/x/lib", `${"/hoist/node_modules/x/lib/y.js"}`)"#
    );
    assert_eq!(rewritten("f({__dirname})"), r#"f({__dirname:"/hoist/node_modules/x/lib"})"#);
    assert_eq!(rewritten("f({__dirname: 1}, a.__dirname)"), "f({__dirname: 1}, a.__dirname)");
    assert_eq!(rewritten("function g(__dirname) { return __dirname }"), "function g(__dirname) { return __dirname }");
    assert_eq!(rewritten("__dirname = 1"), r#";var __dirname="/hoist/node_modules/x/lib";__dirname = 1"#);
    assert_eq!(rewritten("export default typeof __dirname"), "export default typeof __dirname");
    assert_eq!(
        rewritten_at("/hoist/a.ts", "export default __dirname as string"),
        r#"export default "/hoist" as string"#
    );
}

#[test]
fn a_call_with_a_literal_is_left_to_the_engine() {
    for text in
        ["require('a')", "f(require(`a`), typeof require)", "function g(require) { require(a) }", "a.require(b)"]
    {
        assert_eq!(rewritten(text), text);
    }
}

#[test]
fn other_uses_get_a_require_of_their_own() {
    let own = r#";var __hoist_require=require("hoist:require").own("node_modules/x/lib/y.js");"#;
    assert_eq!(rewritten("require(a)"), format!("{own}__hoist_require(a)"));
    assert_eq!(rewritten("f({require})"), format!("{own}f({{require:__hoist_require}})"));
    assert_eq!(rewritten("'use strict'\nf(require)"), format!("'use strict'{own}\nf(__hoist_require)"));
    assert_eq!(rewritten("#!/usr/bin/env node\nf(require)"), format!("#!/usr/bin/env node\n{own}f(__hoist_require)"));
    assert_eq!(rewritten("require.main === module"), "(void 0) === module");
    assert!(rewritten("var __hoist_require; f(require)").contains("f(__hoist_require_)"));
    assert_eq!(
        rewritten("export {}; require(a)"),
        concat!(
            r#";import{own as __hoist_make_own}from"hoist:require";"#,
            r#"const __hoist_require=__hoist_make_own("node_modules/x/lib/y.js");"#,
            "export {}; __hoist_require(a)"
        )
    );
    assert_eq!(rewritten("require = f; require('a')"), "require = f; require('a')");
}

#[test]
fn a_path_that_is_asked_for_is_known() {
    assert_eq!(rewritten("f(require.resolve('a'))"), r#"f("/hoist/node_modules/a/index.js")"#);
    assert!(rewritten("f(require.resolve('missing'))").ends_with("f(__hoist_require.resolve('missing'))"));
    assert!(
        rewritten("f(require.resolve('a', {paths: []}))").ends_with("f(__hoist_require.resolve('a', {paths: []}))")
    );
}

#[test]
fn what_is_missing_throws_when_it_is_reached() {
    assert_eq!(
        rewritten("try { require('missing') } catch {}"),
        r#"try { (()=>{throw Object.assign(new Error("no missing"),{code:"MODULE_NOT_FOUND"})})() } catch {}"#
    );
    assert_eq!(
        rewritten("const p = import('missing')"),
        r#"const p = Promise.reject(Object.assign(new Error("no missing"),{code:"MODULE_NOT_FOUND"}))"#
    );
    assert_eq!(rewritten("import('there')"), "import('there')");
}

#[test]
fn text_in_strings_is_not_touched() {
    let text = "f('require(a) __dirname import.meta.url', /require(x)/, `__filename`)";
    assert_eq!(rewritten(text), text);
}

#[test]
fn urls_are_those_of_node() {
    assert_eq!(url_of("/hoist/a b/ü%#?.js"), "file:///hoist/a%20b/%C3%BC%25%23%3F.js");
}

#[test]
fn the_map_leads_back() {
    let rewritten = rewrite("'use strict';\nf(__dirname, g)", PATH, Purpose::Run, &Some1).unwrap();
    let column = u32::try_from(rewritten.code.lines().nth(1).unwrap().find(" g)").unwrap() + 1).unwrap();
    let table = rewritten.map.generate_lookup_table();
    let token = rewritten.map.lookup_token(&table, 1, column).unwrap();
    assert_eq!((token.get_src_line(), token.get_src_col()), (1, 13));
}

#[test]
fn a_require_that_a_module_makes_is_as_good_as_its_own() {
    const URL: &str = "\"file:///hoist/node_modules/x/lib/y.js\"";
    assert_eq!(
        rewritten("import {createRequire} from 'module'; const r = createRequire(import.meta.url); r('a'); r(b)"),
        format!(
            ";import\"hoist:require\";import {{createRequire}} from 'module'; const r = createRequire({URL}); require('a'); r(b)"
        )
    );
    assert_eq!(
        rewritten(
            "import {createRequire as c} from 'node:module'; const require = c(import.meta.url); require('a'); f({require}, require(b)); export {require}"
        ),
        format!(
            ";import\"hoist:require\";import {{createRequire as c}} from 'node:module'; const __hoist_created_require = c({URL}); \
             require('a'); f({{require:__hoist_created_require}}, __hoist_created_require(b)); export {{__hoist_created_require as require}}"
        )
    );
    assert!(rewritten("import m from 'module'; m.createRequire(import.meta.url)('a')").ends_with("require('a')"));
    assert!(rewritten("import m from 'module'; m.createRequire(import.meta.url)('missing')").contains("throw"));
    let elsewhere = "import {createRequire} from 'module'; const r = createRequire('/x'); r('a')";
    assert_eq!(rewritten(elsewhere), format!(";import\"hoist:require\";{elsewhere}"));
}

#[test]
fn development_builds_are_left_out() {
    let rewritten = |text: &str| rewritten(&format!("var x, g; {text}"));
    let dead = |text: &str| rewritten(text).contains("__hoist_require('dev')");
    let alive = |text: &str| rewritten(text).contains(" require('prod')");
    for text in [
        "if (process.env.NODE_ENV === 'production') { x = require('prod') } else { x = require('dev') }",
        "if ('production' !== process.env.NODE_ENV) x = require('dev'); else x = require('prod')",
        "x = process.env.NODE_ENV == 'development' ? require('dev') : require('prod')",
        "if ((process.env.NODE_ENV) === 'test') { if (y) { x = require('dev') } } x = require('prod')",
    ] {
        assert!(dead(text) && alive(text), "{text}");
    }
    for text in [
        "if (env.NODE_ENV === 'test') { x = require('prod') }",
        "function f(process) { if (process.env.NODE_ENV === 'test') { x = require('prod') } }",
        "if (process.env.NODE_ENV === 'production' || y) { x = require('prod') }",
        "if (process.env.NODE_ENV === 'test') { g = () => { x = require('prod') } }",
    ] {
        assert_eq!(rewritten(text), format!("var x, g; {text}"));
    }
}

fn portable(text: &str) -> String {
    rewrite(text, PATH, Purpose::Bundle, &Some1).unwrap().code
}

#[test]
fn a_portable_bundle_finds_its_place() {
    assert_eq!(
        portable("f(__dirname, __filename)"),
        concat!(
            r#";var __hoist_folder=require("hoist:file").folder("node_modules/x/lib/y.js");"#,
            r#"var __hoist_file=require("hoist:file").file("node_modules/x/lib/y.js");f(__hoist_folder, __hoist_file)"#
        )
    );
    assert_eq!(
        portable("export default new URL('./z', import.meta.url)"),
        concat!(
            r#";import{url as __hoist_make_url}from"hoist:url";"#,
            r#"const __hoist_url=__hoist_make_url("node_modules/x/lib/y.js");export default new URL('./z', __hoist_url)"#
        )
    );
    assert_eq!(portable("f(require.resolve('a'))"), r#"f(require("hoist:file").file("node_modules/a/index.js"))"#);
}

#[test]
fn an_import_of_an_expression_starts_from_its_own_module() {
    assert_eq!(
        rewritten("import('./' + a); import(import(b), { with: c })"),
        concat!(
            r#";var __hoist_import=require("hoist:import").target("node_modules/x/lib/y.js");"#,
            "import(__hoist_import('./' + a)); import(__hoist_import(import(__hoist_import(b))), { with: c })"
        )
    );
    assert_eq!(
        rewritten("import.meta.resolve('a'), import.meta.main"),
        r#""file:///hoist/node_modules/a/index.js", false"#
    );
    assert!(rewritten("import.meta.resolve(a)").ends_with("__hoist_resolve(a)"));
}

fn uses(text: &str) -> Uses {
    rewrite(text, PATH, Purpose::Run, &Some1).map(|rewritten| rewritten.uses).unwrap_or_default()
}

#[test]
fn a_module_object_is_whole_where_that_is_asked_for() {
    for text in [
        "module.exports = 1",
        "typeof module === 'object' && module.exports ? module.exports = f() : g",
        "var free = typeof exports == 'object' && module && !module.nodeType && module; free && free.exports === exports",
        "if (module && module.hot) f()",
        "module.require('a')",
        "(function (module) { module.id })(a)",
        "(function (global, module) { if (module && module.exports) module.exports = f })(this, typeof module == 'object' && module)",
    ] {
        assert_eq!(uses(text), Uses::default(), "{text}");
    }
    assert_eq!(
        rewritten("f(module.id, module.path)"),
        r#"f("/hoist/node_modules/x/lib/y.js", "/hoist/node_modules/x/lib")"#
    );
    assert_eq!(rewritten("module.require('a')"), "require('a')");
    assert!(rewritten("module.require('missing')").contains("throw"));
    let known = Uses { modules: true, ..Uses::default() };
    for text in ["f(module.parent)", "var m = module; m.require && m.require('util').types", "if (!module.parent) f()"]
    {
        assert_eq!(uses(text), known, "{text}");
        assert!(rewritten(text).starts_with(";require(\"hoist:require\");"), "{text}");
    }
    for text in ["f(module)", "module.constructor._load(a)", "module.require(a)", "module[a]", "var m = module; f(m)"] {
        assert_eq!(uses(text), Uses::LOADER, "{text}");
    }
    assert_eq!(uses("f(process.getBuiltinModule(a))"), Uses { modules: true, builtins: true, ..Uses::default() });
}

#[test]
fn hidden_requires_are_found() {
    assert_eq!(
        rewritten("x.y = eval('require')(a)"),
        concat!(
            r#";var __hoist_require=require("hoist:require").own("node_modules/x/lib/y.js");"#,
            r#"x.y = ((require,__filename,__dirname)=>eval('require'))(__hoist_require,"/hoist/node_modules/x/lib/y.js","/hoist/node_modules/x/lib")(a)"#
        )
    );
    assert!(rewritten("f(arguments[1])").ends_with(
        r#"f([exports,__hoist_require,module,"/hoist/node_modules/x/lib/y.js","/hoist/node_modules/x/lib"][1])"#
    ));
    for text in ["function f() { arguments[0] }", "(function () { (() => arguments)() })()", "({ f() { arguments } })"]
    {
        assert_eq!(rewritten(text), text);
    }
    assert_eq!(rewritten("export default typeof require"), r#"export default "undefined""#);
    assert!(sees_loader("import { createRequire } from 'module'", "/hoist/a.ts"));
    assert!(!sees_loader("import a from 'a'; require('b'); import('c')", "/hoist/a.ts"));
}

#[test]
fn what_strict_code_cannot_say_is_outside() {
    const OUTSIDE: &str = "require(\"hoist:require\").outside(module);";
    for text in [
        "with (a) b",
        "x = 010",
        "f('\\07')",
        "delete a",
        "var let = 1",
        "function f(a, a) {}",
        "(function f() { arguments.callee })()",
        "if (a) { function f() {} } f()",
        "#!/usr/bin/env node\nwith (a) b",
        "var await = 1",
    ] {
        assert_eq!(
            rewrite(text, PATH, Purpose::Run, &Some1).map(|rewritten| rewritten.code).as_deref(),
            Some(OUTSIDE),
            "{text}"
        );
    }
    for text in [
        "'use strict'; (function () { this.x })()",
        "(function () { this.x = 1 }).call(this)",
        "(function () { return this })() || f()",
        "var f; function f() {} function f() {}",
        "function g() { f() } function f() {}",
        "(function () { 'use strict'; return arguments.callee })()",
        "(() => { this.x = 1 })()",
    ] {
        assert_eq!(rewritten(text), text);
    }
    assert_eq!(
        rewritten("a = 1; for (b in c) b++; ({ d, e: f } = g)"),
        "globalThis.a = 1; for (globalThis.b in c) globalThis.b++; ({ d:globalThis.d, e: globalThis.f } = g)"
    );
    assert_eq!(
        rewritten("(function () { this.x = () => this.y; function f() { this.z } })()"),
        "(function () { globalThis.x = () => globalThis.y; function f() { this.z } })()"
    );
    assert_eq!(rewritten("'use strict'; a = 1"), "'use strict'; a = 1");
    assert_eq!(rewritten("(function () { 'use strict'; a = 1 })"), "(function () { 'use strict'; a = 1 })");
    assert_eq!(rewritten("var a; a = 1; class B { c() { d = 1 } }"), "var a; a = 1; class B { c() { d = 1 } }");
}

#[test]
fn a_wasm_file_is_imported_in_the_form_that_is_meant() {
    assert_eq!(rewritten("import a from './a.wasm'"), "import a from\"./a.wasm?default\";");
    assert_eq!(rewritten("import source a from './a.wasm'"), "import a from\"./a.wasm?source\";");
    assert_eq!(rewritten("import.source('./a.wasm')"), "import(\"./a.wasm?source\").then((m)=>m.default)");
    for text in [
        "import * as a from './a.wasm'",
        "import a, { b } from './a.wasm'",
        "import a from './a.wasm' with { type: 'bytes' }",
    ] {
        assert_eq!(rewritten(text), text);
    }
}
