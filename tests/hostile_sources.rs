//! Sources that hang, fill a stack or a memory, or have too much of something: they work or end in an error with a name,
//! within the bundler's deadline, and nobody else notices. Large ones are made here instead of kept.

use std::collections::BTreeMap;
use std::fs;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::place::{Finished, Place, finish};
use crate::registry::Registry;
use crate::serve::Service;
use crate::universe::Package;

/// Levels that no stack holds.
const DEEP: usize = 200_000;
/// How long a source may take that is refused for its shape: no deadline has to pass.
const SOON: Duration = Duration::from_secs(30);
/// Threads of a bundler worker: its first, the one that answers, four that build, four of the engine's pool, eight that
/// read (see the bundler's limits).
const THREADS: usize = 2 + 4 + 4 + 8;

/// Text that nests: what is repeated before, what stands in the middle, what is repeated after.
const SHAPES: &[(&str, &str, &str, &str, &str)] = &[
    ("parentheses.ts", "export default ", "(", "1", ")"),
    ("arrays.ts", "export default ", "[", "1", "]"),
    ("objects.ts", "export default ", "{a:", "1", "}"),
    ("blocks.ts", "export default 1;", "{", "", "}"),
    ("templates.ts", "export default ", "`${", "1", "}`"),
    ("arrows.ts", "export default ", "()=>", "1", ""),
    ("functions.ts", "export default 1;", "function f(){", "", "}"),
    ("patterns.ts", "export default 1; let b; ", "[", "b", "] = b"),
    ("types.ts", "export default 1; export type A = ", "Array<", "1", ">"),
    ("tuples.ts", "export default 1; export type A = ", "[", "1", "]"),
    ("namespaces.ts", "export default 1;", "namespace a{", "export const x = 1", "}"),
    ("elements.tsx", "export default ", "<a>", "1", "</a>"),
    ("attributes.tsx", "export default ", "<a b={", "1", "}/>"),
    ("sums.ts", "export default 1", "", "", "+1"),
    ("members.ts", "const a = {}; export default () => a", "", "", ".a"),
    ("calls.ts", "const a = {}; export default () => a", "", "", "()"),
    ("conditions.ts", "export default ", "1?1:", "1", ""),
    ("else-ifs.ts", "export default 1;", "if(1){}else ", "{}", ""),
    ("awaits.ts", "export default ", "await ", "1", ""),
    ("classes.ts", "export default ", "class extends ", "Object{}", "{}"),
    ("generics.ts", "export default 1;", "a<", "", ""),
];

fn error_code(finished: &Finished) -> String {
    let answer = finished.json().unwrap_or_else(|error| panic!("{error}\n{}", finished.describe()));
    answer["error"]["code"].as_str().unwrap_or_default().to_owned()
}

#[test]
fn sources_that_nest_too_deeply_are_refused_by_name() {
    let place = Place::new("deep-sources");
    for (file, head, before, middle, after) in SHAPES {
        let text = format!("{head}{}{middle}{}", before.repeat(DEEP), after.repeat(DEEP));
        place.write(file, format!("/* @jsxRuntime classic */ {text}"));
        let finished = finish(place.hoist(&["bundle", file, "-o", "out.js"]));
        assert_eq!(finished.code(), 7, "{}", finished.describe());
        let expected = format!("error[source-too-deep]: {file}");
        assert!(finished.stderr.starts_with(&expected), "{expected}\n{}", finished.describe());
        assert!(finished.elapsed < SOON, "{}", finished.describe());
    }
    place.passed();
}

#[test]
fn sources_just_below_the_bound_work() {
    let place = Place::new("nested-sources");
    for (file, head, before, middle, after) in SHAPES.iter().filter(|(file, ..)| *file != "generics.ts") {
        let text = format!("{head}{}{middle}{}", before.repeat(1_200), after.repeat(1_200));
        place.write(file, format!("/* @jsxRuntime classic */ const React = {{ createElement: () => 1 }}; {text}"));
        let finished = finish(place.hoist(&["bundle", file, "-o", "out.js"]));
        assert_eq!(finished.code(), 0, "{file}\n{}", finished.describe());
    }
    place.passed();
}

#[test]
fn programs_with_too_much_of_something() {
    let place = Place::new("too-much");
    let lines = |count: usize, line: &dyn Fn(usize) -> String| (0..count).map(line).collect::<String>();
    let programs = [
        ("imports.ts", "import './other.ts';\n".repeat(350_000), 0, ""),
        ("missing.ts", lines(200_000, &|number| format!("import './m{number}.ts';\n")), 7, "bundle-too-large"),
        ("packages.ts", lines(200_000, &|number| format!("import 'p{number}';\n")), 7, "bundle-too-large"),
        ("same-name.ts", "let a;".repeat(1_000_000), 7, "bundle"),
        ("one-line.ts", format!("export default 1;{}", "var a=1;".repeat(900_000)), 0, ""),
        ("string.ts", format!("export default '{}'.length", "x".repeat(8_000_000)), 0, ""),
        ("too-large.ts", format!("export default '{}'.length", "x".repeat(10_000_000)), 13, "local-file"),
        ("open.ts", "/*".repeat(1_000_000), 7, "bundle"),
        ("own-imports.ts", "import '#a'; import '#c/x'".to_owned(), 7, "bundle"),
    ];
    place.write("other.ts", "export {};");
    place.write("package.json", r##"{"imports": {"#a": "#b", "#b": "#a", "#c/*": "#c/*"}}"##);
    for (file, text, exit, code) in programs {
        place.write(file, text);
        let finished = finish(place.hoist(&["run", file, "--json"]));
        assert_eq!(finished.code(), exit, "{file}\n{}", finished.describe());
        assert_eq!(error_code(&finished), code, "{file}\n{}", finished.describe());
    }
    place.passed();
}

/// A package's files by their paths.
type Files = Vec<(String, Vec<u8>)>;

fn files(files: &[(&str, &str)]) -> Files {
    files.iter().map(|(path, text)| ((*path).to_owned(), text.as_bytes().to_vec())).collect()
}

/// What may come of a package.
enum End {
    /// The program's value.
    Value(Value),
    /// An error with this code, whose text holds this.
    Error(&'static str, &'static str),
}

/// Packages that explode whoever reads them.
fn explosive() -> Vec<(&'static str, Files, End)> {
    let deep = |open: &str, close: &str, count: usize| format!("{}{}", open.repeat(count), close.repeat(count));
    let brackets = format!("module.exports = {}", deep("[", "]", DEEP));
    let sum = format!("export const a = 1{};", "+1".repeat(DEEP));
    let exports = format!(
        r#"{{"name":"x","version":"1.0.0","exports":{}"./a.js"{}}}"#,
        r#"{"node":"#.repeat(10_000),
        "}".repeat(10_000)
    );
    let star = |others: &[&str], own: &str| {
        let others = others.iter().map(|other| format!("export * from './{other}.mjs';"));
        format!("{} export const {own} = '{own}';", others.collect::<String>())
    };
    let invalid = b"exports.text = '\xff\xfe\xc0\xaf'; exports.length = exports.text.length".to_vec();
    let own_name = r#"{"name":"own-name","version":"1.0.0","exports":{".":"./a.mjs","./b":"./b.mjs"}}"#;
    let own_imports =
        r##"{"name":"own-imports","version":"1.0.0","exports":"./a.mjs","imports":{"#a":"#b","#b":"#a"}}"##;
    vec![
        ("deep-brackets", files(&[("index.js", &brackets)]), End::Error("source-too-deep", "deep-brackets/index.js")),
        ("deep-sum", files(&[("index.js", &sum)]), End::Error("bundle", "deep-sum@1.0.0/index.js")),
        ("deep-exports", files(&[("package.json", &exports), ("a.js", "")]), End::Error("bundle", "deep-exports")),
        (
            "star-cycle",
            files(&[
                ("package.json", r#"{"name":"star-cycle","version":"1.0.0","exports":"./a.mjs"}"#),
                ("a.mjs", &star(&["a", "b", "c"], "a")),
                ("b.mjs", &star(&["c", "a"], "b")),
                ("c.mjs", &star(&["a", "b"], "c")),
            ]),
            End::Value(json!(["a", "b", "c"])),
        ),
        ("invalid-utf8", vec![("index.js".to_owned(), invalid)], End::Value(json!(["length", "text"]))),
        (
            "own-name",
            files(&[
                ("package.json", own_name),
                ("a.mjs", "export * from 'own-name'; export * from 'own-name/b'; export const a = 1;"),
                ("b.mjs", "import { a } from 'own-name'; export const b = () => a;"),
            ]),
            End::Value(json!(["a", "b"])),
        ),
        ("own-imports", files(&[("package.json", own_imports), ("a.mjs", "import '#a'")]), End::Error("bundle", "#a")),
        (
            "long-line",
            files(&[("index.js", &format!("exports.a = 1;{}", "exports.b=function(){return 1};".repeat(100_000)))]),
            End::Value(json!(["a", "b"])),
        ),
        (
            "long-string",
            files(&[("index.js", &format!("exports.a = '{}'.length;", "x".repeat(10 << 20)))]),
            End::Value(json!(["a"])),
        ),
    ]
}

fn program(package: &str) -> String {
    // What else stands in the namespace of CommonJS depends on the way that the program took.
    let filter = "filter((name) => name !== 'default' && name !== 'module.exports').sort()";
    format!("import * as it from '{package}@1'; export default () => Object.keys(it).{filter};")
}

#[test]
fn packages_that_explode_a_parser() {
    let packages = explosive();
    let generated =
        packages.iter().map(|(name, files, _)| ((*name).to_owned(), Package::generated(name, files.clone())));
    let registry = Registry::with_packages(generated.collect());
    let place = Place::with_registry("explosive", &registry.url());
    for (name, _, end) in &packages {
        place.write("agent.ts", program(name));
        let finished = finish(place.hoist(&["run", "agent.ts", "--json"]));
        match end {
            End::Value(value) => {
                let answer = finished.json().unwrap_or_else(|error| panic!("{error}\n{}", finished.describe()));
                assert_eq!(answer["value"], *value, "{name}\n{}", finished.describe());
            }
            End::Error(code, text) => {
                assert_eq!(error_code(&finished), *code, "{name}\n{}", finished.describe());
                assert_eq!(finished.code(), 7, "{name}");
                assert!(finished.stdout.contains(text), "{name}\n{}", finished.describe());
            }
        }
        assert!(finished.elapsed < SOON, "{name}\n{}", finished.describe());
    }
    place.passed();
}

/// So much that it may be too much for a debug build: an answer in time is enough.
#[test]
fn packages_with_more_than_anybody_needs() {
    let modules = (0..50_000).map(|number| (format!("m/{number}.js"), format!("exports.x={number}").into_bytes()));
    let all: String = (0..50_000).map(|number| format!("require('./m/{number}.js');\n")).collect();
    let modules = modules.chain([("index.js".to_owned(), all.into_bytes())]).collect();
    let imports = "import './b.mjs';\n".repeat(1_000_000).into_bytes();
    let manifest = br#"{"name":"many-imports","version":"1.0.0","exports":"./a.mjs"}"#.to_vec();
    let imports = vec![
        ("package.json".to_owned(), manifest),
        ("a.mjs".to_owned(), imports),
        ("b.mjs".to_owned(), b"export {}".to_vec()),
    ];
    let generated = [("many-modules", modules), ("many-imports", imports)];
    let generated = generated.map(|(name, files)| (name.to_owned(), Package::generated(name, files)));
    let registry = Registry::with_packages(BTreeMap::from(generated));
    let place = Place::with_registry("more-than-enough", &registry.url());
    for name in ["many-modules", "many-imports"] {
        place.write("agent.ts", program(name));
        let finished = finish(place.hoist(&["run", "agent.ts", "--json"]));
        assert!(!finished.killed, "{name}\n{}", finished.describe());
        let code = error_code(&finished);
        let is_named =
            ["", "bundle-deadline", "bundle-too-large", "package-limit", "program-too-large", "source-too-deep"]
                .contains(&code.as_str());
        assert!(is_named, "{name}: {code:?}\n{}", finished.describe());
    }
    place.passed();
}

/// A program that the engine does not finish within the deadline: every one of its files exports everything from every
/// other one.
fn endless() -> Value {
    const FILES: usize = 400;
    let exports: String = (0..FILES).map(|file| format!("export*from'./{file}.mjs';")).collect();
    let mut files: serde_json::Map<String, Value> =
        (0..FILES).map(|file| (format!("{file}.mjs"), json!(format!("{exports}export const x{file} = 1;")))).collect();
    files.insert(
        "agent.mjs".to_owned(),
        json!("import * as all from './0.mjs'; export default Object.keys(all).length;"),
    );
    json!({"entry": "agent.mjs", "files": files})
}

#[tokio::test]
async fn the_service_goes_on_beside_a_bad_build() {
    let packages = explosive().into_iter().filter(|(_, _, end)| matches!(end, End::Error(..)));
    let packages: Vec<_> =
        packages.map(|(name, files, _)| (name.to_owned(), Package::generated(name, files))).collect();
    let names: Vec<String> = packages.iter().map(|(name, _)| name.clone()).collect();
    let registry = Registry::with_packages(packages.into_iter().collect());
    let service = Service::start_with("bad-beside-good", &["--runs", "4"], registry);
    let endless = tokio::time::timeout(Duration::from_secs(600), service.run(endless()));
    let others = async {
        for name in &names {
            let bad = service.run(json!({"code": program(name)}));
            let good = service.run(json!({"code": "import { kind } from 'dual@1'; export default kind;"}));
            let (bad, good) = tokio::join!(bad, good);
            assert_eq!(bad.status, 422, "{name}: {}", bad.text);
            good.assert(200, "/value", json!("esm"));
        }
    };
    tokio::select! {
        ended = endless => panic!("the slow build was not slow: {}", ended.map(|answer| answer.text).unwrap_or_default()),
        () = others => {}
    }
    service.stop();
}

#[tokio::test]
async fn a_connection_that_is_dropped_ends_its_build() {
    let service = Service::start_with("dropped-build", &[], Registry::start());
    let build = service.run(endless());
    let (mut most_threads, mut before) = (0, 0);
    let watch = async {
        let seen = Instant::now();
        // Long enough for every thread to be there.
        while seen.elapsed() < Duration::from_secs(5) {
            tokio::time::sleep(Duration::from_millis(20)).await;
            let workers = workers(service.id());
            before = workers.len();
            let threads = workers.into_iter().map(threads).max().unwrap_or(0);
            most_threads = most_threads.max(threads);
        }
    };
    tokio::select! {
        answer = build => panic!("the slow build was not slow: {}", answer.text),
        () = watch => {}
    }
    assert!(most_threads > 2, "no build was seen");
    assert!(most_threads <= THREADS, "{most_threads} threads");
    // The future is dropped, and its connection with it. Others wait for requests to come; this one is at work.
    let deadline = Instant::now() + Duration::from_secs(10);
    while workers(service.id()).len() >= before {
        assert!(Instant::now() < deadline, "the build goes on without its client");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    service.stop();
}

/// The bundler workers that a process has started.
fn workers(parent: u32) -> Vec<u32> {
    let Ok(tasks) = fs::read_dir(format!("/proc/{parent}/task")) else { return Vec::new() };
    let children = tasks.filter_map(|task| fs::read_to_string(task.ok()?.path().join("children")).ok());
    let children: Vec<String> =
        children.flat_map(|line| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>()).collect();
    let is_worker = |child: &&String| {
        let arguments = fs::read(format!("/proc/{child}/cmdline")).unwrap_or_default();
        arguments.split(|byte| *byte == 0).any(|argument| argument == b"bundler-worker")
    };
    children.iter().filter(is_worker).filter_map(|child| child.parse().ok()).collect()
}

fn threads(process: u32) -> usize {
    fs::read_dir(format!("/proc/{process}/task")).map_or(0, Iterator::count)
}
