//! `.wasm` files as modules, as Node runs what becomes of them.

use super::*;

/// `(module (func (export "add") (param i32 i32) (result i32) local.get 0 local.get 1 i32.add))`
const ADD: &[u8] = b"\0asm\x01\0\0\0\x01\x07\x01\x60\x02\x7f\x7f\x01\x7f\x03\x02\x01\0\x07\x07\x01\x03add\0\0\x0a\x09\x01\x07\0\x20\0\x20\x01\x6a\x0b";

/// `(module (import "<from>" "one" (func $one (result i32))) (func (export "two") (result i32) call $one call $one i32.add))`
fn two(from: &str) -> Vec<u8> {
    let import = [&[1, u8::try_from(from.len()).unwrap()], from.as_bytes(), b"\x03one\0\0"].concat();
    let section = [&[2, u8::try_from(import.len()).unwrap()], import.as_slice()].concat();
    [
        b"\0asm\x01\0\0\0\x01\x05\x01\x60\0\x01\x7f",
        section.as_slice(),
        b"\x03\x02\x01\0\x07\x07\x01\x03two\0\x01\x0a\x09\x01\x07\0\x10\0\x10\0\x6a\x0b",
    ]
    .concat()
}

/// A package `w` with these files and modules, imported as `import * as all from "w"`.
fn value(purpose: BundleOptions, text: &str, files: &[(&str, &[u8])]) -> String {
    let local = [("a.mjs", "import * as all from 'w'; export default all.value")];
    let mut input = Case::new(&local, &[]).options(purpose).input();
    let mut given: BTreeMap<String, Vec<u8>> =
        files.iter().map(|(path, bytes)| ((*path).to_owned(), bytes.to_vec())).collect();
    given.insert("package.json".to_owned(), br#"{"type": "module"}"#.to_vec());
    given.insert("index.js".to_owned(), text.as_bytes().to_vec());
    let mounts = [("node_modules/w".to_owned(), "w@1.0.0".to_owned(), PackageFiles::Given(given))];
    input.files =
        VirtualFiles::with_packages([("a.mjs".to_owned(), Some(Arc::from(local[0].1.as_bytes())))].into(), mounts);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
    let bundle = runtime.block_on(bundle(&input)).unwrap_or_else(|errors| panic!("{errors:#?}"));
    if input.options.purpose == Purpose::Run {
        assert!(bundle.needs_files && bundle.read_at_run_time == ["node_modules/w"]);
        return bundle.code;
    }
    evaluate(&bundle.code)
}

#[test]
fn exports_of_an_instance() {
    let text =
        "import * as m from './a.wasm'; import { add } from './a.wasm'; export const value = [m.add(1, 2), add(3, 4)]";
    assert_eq!(value(BundleOptions::bundle(), text, &[("a.wasm", ADD)]), "[3,7]");
    let code = value(BundleOptions::run(), text, &[("a.wasm", ADD)]);
    assert!(code.contains("readFileSync(\"/hoist/node_modules/w/a.wasm\")"), "{code}");
}

#[test]
fn the_compiled_module() {
    let text = "import a from './a.wasm'; import source b from './a.wasm'; import { default as c } from './a.wasm'; const d = await import.source('./a.wasm'); const e = (await import('./a.wasm')).add(1, 1); export const value = [a instanceof WebAssembly.Module, a === b, a === c, a === d, e]";
    assert_eq!(value(BundleOptions::bundle(), text, &[("a.wasm", ADD)]), "[true,true,true,true,2]");
}

#[test]
fn imports_are_modules() {
    let bytes = two("./one.js");
    let text = "export * from './one.js'; import { two } from './a.wasm'; export const value = two()";
    let files: &[(&str, &[u8])] = &[("a.wasm", &bytes), ("one.js", b"export const one = () => 21")];
    assert_eq!(value(BundleOptions::bundle(), text, files), "42");
    let bytes = two("env");
    let text = "import a from './a.wasm'; export const value = new WebAssembly.Instance(a, { env: { one: () => 4 } }).exports.two()";
    assert_eq!(value(BundleOptions::bundle(), text, &[("a.wasm", &bytes)]), "8");
}
