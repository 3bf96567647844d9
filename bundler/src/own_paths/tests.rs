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
