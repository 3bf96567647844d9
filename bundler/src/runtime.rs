//! The few modules of ours that a bundle may need at run time, and the change to the engine's own: what makes CommonJS
//! modules also keeps them, by name, so that `require.js` can hand them to Node's loader. Their text is in `runtime/`.
//!
//! A bundle in which nobody has a `require` of its own holds none of them and imports no `node:module`.

use oxc::{
    allocator::Allocator,
    ast::ast::{BindingPattern, Declaration, Statement},
    span::GetSpan,
};

use crate::{
    options::{BundleOptions, Purpose},
    own_paths::quote,
    source,
};

/// What the engine calls the maker of CommonJS modules.
const COMMON_JS: &str = "__commonJS";
const COMMON_JS_TEXT: &str = include_str!("runtime/common_js.js");
/// What the modules are kept in.
const KEPT: &str = "export var __hoist={modules:/* @__PURE__ */new Map()};\n";

const PREFIX: &str = "\0hoist/";

/// The id of a module of ours, by the specifier that our own code writes.
pub(crate) fn id(specifier: &str) -> Option<String> {
    let name = specifier.strip_prefix("hoist:")?;
    matches!(name, "require" | "import" | "url" | "file" | "root").then(|| format!("{PREFIX}{name}.js"))
}

/// The text of a module of ours.
pub(crate) fn text(id: &str, options: &BundleOptions) -> Option<String> {
    let text = match id.strip_prefix(PREFIX)? {
        "require.js" => include_str!("runtime/require.js"),
        "import.js" => include_str!("runtime/import.js"),
        "url.js" => include_str!("runtime/url.js"),
        "file.js" => include_str!("runtime/file.js"),
        "root.js" => return Some(root(options)),
        _ => return None,
    };
    Some(text.to_owned())
}

/// Where the program's paths begin: at the virtual root, or at the folder beside the bundle.
fn root(options: &BundleOptions) -> String {
    match options.purpose {
        Purpose::Run => "export const root = \"file:///hoist/\", beside = true;".to_owned(),
        Purpose::Bundle => {
            let assets = options.assets.trim_end_matches('/');
            let folder = if assets.is_empty() || assets == "." { String::new() } else { format!("{assets}/") };
            // In two steps, lest the engine take it for an asset.
            format!(
                "const here = import.meta.url; export const root = new URL({}, here).href, beside = {};",
                quote(&format!("./{folder}")),
                folder.is_empty()
            )
        }
    }
}

/// The engine's runtime, changed; `None` when it is not what it was, which would be another engine.
pub(crate) fn keep_modules(engine: &str) -> Option<String> {
    let allocator = Allocator::default();
    let (program, errors) = source::parse(&allocator, engine, "runtime.mjs");
    if !errors.is_empty() {
        return None;
    }
    let maker = program.body.iter().find_map(|statement| {
        let Statement::ExportDeclaration(export) = statement else { return None };
        let Declaration::VariableDeclaration(variables) = &export.declaration else { return None };
        variables.declarations.iter().find_map(|declarator| match &declarator.id {
            BindingPattern::BindingIdentifier(name) if name.name == COMMON_JS => declarator.init.as_ref(),
            _ => None,
        })
    })?;
    let span = maker.span();
    let (before, rest) = engine.split_at_checked(span.start as usize)?;
    let after = engine.get(span.end as usize..)?;
    debug_assert!(rest.ends_with(after));
    Some(format!("{before}{}{after}\n{KEPT}", COMMON_JS_TEXT.trim_end()))
}
