use super::*;

/// Rewrites a module that is linked to a layer of `a` (with the exports `x`, `y` and `default`), `b` (unknown ones), and of
/// `c` when it is called for.
fn link(text: &str, path: &str) -> (String, Option<String>) {
    let import = |specifier: &str, kind| LayerImport { specifier: specifier.to_owned(), kind };
    let imports = vec![
        (import("a", ImportKind::Static), 0),
        (import("b", ImportKind::Static), 1),
        (import("c", ImportKind::Dynamic), 2),
        (import("c", ImportKind::Require), 3),
    ];
    let names = BTreeSet::from(["x", "y", "default"].map(str::to_owned));
    let link = Link::new(LayerInterface { imports, exports: vec![Some(names), None, None, None] });
    let code = link.rewrite(text, path).map_or_else(|| text.to_owned(), |rewritten| rewritten.code);
    (code, link.refusal())
}

/// What stands before the imports of the layer.
fn linked(text: &str) -> String {
    let (code, refusal) = link(text, "/hoist/agent.tsx");
    assert_eq!(refusal, None);
    let end = code.find("\n;import {").unwrap_or(code.len());
    code[..end].trim().to_owned()
}

#[test]
fn reads() {
    for (source, expected) in [
        ("import { x } from 'a'; export default x;", "export default __hoist_layer_0.x;"),
        ("import { x as z } from 'a'; f(z.p, z[0]);", "f(__hoist_layer_0.x.p, __hoist_layer_0.x[0]);"),
        ("import d from 'b'; new d(1);", "new __hoist_layer_1.default(1);"),
        ("import * as n from 'a'; f({ n }, n.x);", "f({ n: __hoist_layer_0 }, __hoist_layer_0.x);"),
        ("import { 'p-q' as r } from 'b'; f(r);", "f(__hoist_layer_1[\"p-q\"]);"),
        ("import { x } from 'a'; f({ x });", "f({ x: __hoist_layer_0.x });"),
        ("import { x } from 'a'; { let x = 1; f(x) }", "{ let x = 1; f(x) }"),
        (
            "import { X } from 'b'; f(<X p={X}>1</X>);",
            "f(<__hoist_layer_1.X p={__hoist_layer_1.X}>1</__hoist_layer_1.X>);",
        ),
        ("import type { x } from 'a'; export const y: x = 1;", "import type { x } from 'a'; export const y: x = 1;"),
    ] {
        assert_eq!(linked(source), expected, "{source}");
    }
}

#[test]
fn calls() {
    for (source, expected) in [
        ("import { x } from 'a'; const v = 1\nx(v)", "const v = 1\n;(0, __hoist_layer_0.x)(v)"),
        (
            "import { x } from 'a'; if (v) x()\nelse x?.()",
            "if (v) (0, __hoist_layer_0.x)()\nelse (0, __hoist_layer_0.x)?.()",
        ),
        ("import { x } from 'a'; const f = () => x`t`;", "const f = () => (0, __hoist_layer_0.x)`t`;"),
        ("import { x } from 'a'; x.m()", "__hoist_layer_0.x.m()"),
        ("import { x } from 'a'; @x() class C {}", "@__hoist_layer_0.x() class C {}"),
        ("export const f = () => import('c');", "export const f = () => __hoist_layer_2();"),
    ] {
        assert_eq!(linked(source), expected, "{source}");
    }
}

#[test]
fn commonjs_goes_over_a_bridge() {
    let (code, _) = link("module.exports = () => require('c');", "/hoist/agent.js");
    assert_eq!(
        code,
        format!(";const {{ $3: __hoist_layer_3 }} = require(\"{BRIDGE}\");module.exports = () => __hoist_layer_3();")
    );
}

#[test]
fn names_of_its_own() {
    let code = linked("import { x } from 'a'; const __hoist_layer_0 = x; f(__hoist_layer_0);");
    assert_eq!(code, "const __hoist_layer_0 = __hoist_layer_0_.x; f(__hoist_layer_0);");
}

#[test]
fn names_that_are_not_exported() {
    let (_, refusal) = link("import { z } from 'a'; f(z);", "/hoist/agent.ts");
    assert_eq!(refusal.as_deref(), Some("\"a\" has no export named \"z\""));
    let (_, refusal) = link("import { z } from 'b'; f(z);", "/hoist/agent.ts");
    assert_eq!(refusal, None);
    let (_, refusal) = link("import { Type } from 'a'; export const f = (x: Type) => x;", "/hoist/agent.ts");
    assert_eq!(refusal, None);
}
