use std::sync::Arc;

use crate::{
    layer::LayerPlan,
    program::{Program, Round},
    scan::ImportKind,
};

/// The plan for the first of these files.
fn plan(files: &[(&str, &str)]) -> LayerPlan {
    let mut program = Program::new(files[0].0);
    loop {
        match program.advance() {
            Round::Lacking(paths) => {
                for path in paths {
                    let text = files.iter().find(|(name, _)| *name == path).map(|(_, text)| text.as_bytes());
                    program.answer(path, text.map(Arc::from));
                }
            }
            Round::Complete(scan) => return scan.plan,
            Round::Wrong(diagnostics) => panic!("{diagnostics:?}"),
        }
    }
}

/// Its imports as text, or the reason why there is none.
fn said(files: &[(&str, &str)]) -> String {
    match plan(files) {
        LayerPlan::Whole { reason } => reason,
        LayerPlan::Layer(imports) => {
            let imports = imports.iter().map(|import| match import.kind {
                ImportKind::Static => import.specifier.clone(),
                ImportKind::Dynamic => format!("import({})", import.specifier),
                ImportKind::Require => format!("require({})", import.specifier),
            });
            imports.collect::<Vec<_>>().join(" ")
        }
    }
}

#[test]
fn imports_are_sorted_and_effects_go_first() {
    let source =
        "import z from 'z'; import 'y'; import 'x'; import { a } from 'a'; import('z'); a; z; export default 1";
    assert_eq!(said(&[("a.ts", source)]), "y x a z import(z)");
    assert_eq!(said(&[("a.ts", "import a from 'a/b.json' with { type: 'json' }; a")]), "a/b.json");
    assert_eq!(said(&[("a.js", "module.exports = () => require('q')")]), "require(q)");
    assert_eq!(said(&[("a.tsx", "export default <p/>")]), "react/jsx-runtime");
    assert_eq!(said(&[("a.ts", "import type { T } from 'a'; import { U } from 'b'; export const x: T | U = 1")]), "");
}

#[test]
fn what_acts_before_a_package_is_loaded() {
    let entry = ("a.ts", "import './b'; import { c } from 'c'; c()");
    let quiet = ("b.ts", "import { d } from 'd'; export const e = new d(); export function f() { e.g() }");
    assert_eq!(said(&[entry, quiet]), "c d");
    for acting in [
        "process.env.X = '1'",
        "(globalThis as any).x = 1",
        "Array.prototype.x = 1",
        "console.log(1)",
        "let y; y = z()",
    ] {
        let text = format!("export const x = 1; {acting}");
        assert_eq!(said(&[entry, ("b.ts", &text)]), "b.ts acts before \"c\" is imported", "{acting}");
    }
    // Whatever was loaded before may be imported again.
    let again = ("a.ts", "import { c } from 'c'; import './b'; c()");
    assert_eq!(said(&[again, ("b.ts", "import { c } from 'c'; c()")]), "c");
}

#[test]
fn what_a_read_cannot_say() {
    for (source, reason) in [
        ("export { a } from 'a'", "a.ts re-exports from \"a\""),
        ("export * from 'a'", "a.ts re-exports from \"a\""),
        ("import { a } from 'a'; export { a }", "a.ts exports or assigns what it imports from \"a\""),
        ("import a from 'a' with { type: 'text' }; a", "a.ts imports with attributes \"a\""),
        ("import a = require('a'); a", "a.ts imports by assignment \"a\""),
        ("import('b', { with: { type: 'text' } })", "a.ts imports with attributes"),
    ] {
        assert_eq!(said(&[("a.ts", source)]), reason, "{source}");
    }
    let lazy = [("a.ts", "export default () => import('./b')"), ("b.ts", "import { c } from 'c'; export const d = c")];
    assert_eq!(said(&lazy), "b.ts, which is loaded when it is called for, imports \"c\"");
    let config = ("tsconfig.json", r#"{"compilerOptions": {"jsx": "react"}}"#);
    let classic = [("a.tsx", "import React from 'react'; export default <p/>"), config];
    assert_eq!(said(&classic), "a.tsx has JSX that calls a function in scope");
}
