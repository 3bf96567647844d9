//! `.wasm` files as modules: what Node, Deno and Workers make of them (the WebAssembly/ES Module Integration proposal).
//!
//! `import * as m` and named imports have the exports of an instance, whose own imports are modules too; `import source m`
//! has the compiled module, and so has a default import where the file exports no `default`, as Workers have it. A file
//! whose imports are no modules (`env`, say) cannot be instantiated here and is only the compiled module.
//!
//! The bytes stay in their file where it is there anyway: in a run, for packages. Otherwise the text holds them.

use base64::{Engine, engine::general_purpose::STANDARD};
use wasm_dep_analyzer::{ParseOptions, WasmDeps};

use crate::own_paths::quote;

/// What an importer wants of the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// An instance's exports.
    Instance,
    /// The compiled module.
    Source,
    /// Its default export.
    Default,
}

const SOURCE: &str = "?source";
const DEFAULT: &str = "?default";

/// A specifier or path of a `.wasm` file, and the form that its end asks for.
pub(crate) fn split(specifier: &str) -> Option<(&str, Form)> {
    let (path, form) = if let Some(path) = specifier.strip_suffix(SOURCE) {
        (path, Form::Source)
    } else if let Some(path) = specifier.strip_suffix(DEFAULT) {
        (path, Form::Default)
    } else {
        (specifier, Form::Instance)
    };
    path.ends_with(".wasm").then_some((path, form))
}

/// The specifier that asks for a form.
pub(crate) fn in_form(specifier: &str, form: Form) -> String {
    let end = match form {
        Form::Instance => "",
        Form::Source => SOURCE,
        Form::Default => DEFAULT,
    };
    format!("{specifier}{end}")
}

/// Where a module has its bytes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Bytes {
    /// From the file.
    File,
    /// From its own text.
    Text,
}

/// The text of the module that a `.wasm` file is. `is_module` says of the names that it imports from which of them are
/// modules.
pub(crate) fn module(path: &str, bytes: &[u8], form: Form, place: Bytes, is_module: impl Fn(&str) -> bool) -> String {
    // What cannot be parsed is the engine's to refuse, when it compiles it.
    let parsed = WasmDeps::parse(bytes, ParseOptions { skip_types: true }).ok();
    let exports: Vec<&str> = parsed.iter().flat_map(|parsed| &parsed.exports).map(|export| export.name).collect();
    let mut imports: Vec<&str> = parsed.iter().flat_map(|parsed| &parsed.imports).map(|import| import.module).collect();
    imports.sort_unstable();
    imports.dedup();
    let has_default = exports.contains(&"default");
    let can_be_instantiated = parsed.is_some() && imports.iter().all(|name| is_module(name));
    let compiled = || match place {
        Bytes::File => format!(
            "import{{readFileSync}}from\"node:fs\";const source=new WebAssembly.Module(readFileSync({}));",
            quote(path)
        ),
        Bytes::Text => format!(
            "const source=new WebAssembly.Module(Uint8Array.from(atob(\"{}\"),(c)=>c.charCodeAt(0)));",
            STANDARD.encode(bytes)
        ),
    };
    let source = quote(&in_form(path, Form::Source));
    match form {
        Form::Source => format!("{}export default source;", compiled()),
        Form::Default if has_default && can_be_instantiated => format!("export{{default}}from{};", quote(path)),
        Form::Default => format!("export{{default}}from{source};"),
        Form::Instance if !can_be_instantiated => format!("export{{default}}from{source};"),
        Form::Instance => instance(&source, &imports, &exports, has_default),
    }
}

/// All forms of one file share its compiled module.
fn instance(source: &str, imports: &[&str], exports: &[&str], has_default: bool) -> String {
    let mut text = format!("import source from{source};");
    let mut object = String::new();
    for (index, name) in imports.iter().enumerate() {
        text.push_str(&format!("import*as import_{index} from{};", quote(name)));
        object.push_str(&format!("{}:import_{index},", quote(name)));
    }
    text.push_str(&format!("const{{exports}}=new WebAssembly.Instance(source,{{__proto__:null,{object}}});"));
    for (index, name) in exports.iter().enumerate() {
        text.push_str(&format!(
            "const export_{index}=exports[{}];export{{export_{index} as {}}};",
            quote(name),
            quote(name)
        ));
    }
    if !has_default {
        text.push_str("export default source;");
    }
    text
}
