//! Turns the platform's sources into what V8 reads: TypeScript into JavaScript, the free name `Deno` into a property of
//! an object that guest code cannot reach, and everything into ASCII. Part of the build script only.

use std::path::Path;

use deno_core::{ModuleCodeString, ModuleName, SourceMapData};
use deno_error::JsErrorBox;
use oxc::allocator::Allocator;
use oxc::ast::ast::Program;
use oxc::codegen::Codegen;
use oxc::parser::Parser;
use oxc::semantic::SemanticBuilder;
use oxc::span::SourceType;
use oxc::transformer::{TransformOptions, Transformer};

use crate::platform::NODE_VERSION;

/// A place where a source of the platform would hand guest code something that it must not find.
struct Patch {
    file: &'static str,
    from: &'static str,
    to: &'static str,
}

const PATCHES: [Patch; 21] = [
    // Text that becomes a function: no name in it can be found as in a source.
    Patch {
        file: "deno_fs/30_fs.js",
        from: "'const unix = Deno.build.os === \"darwin\" || Deno.build.os === \"linux\" || Deno.build.os === \"android\" || \
               Deno.build.os === \"openbsd\" || Deno.build.os === \"freebsd\";'",
        to: "'const unix = true;'",
    },
    // What packages run on is Node, as far as they are told; these two entries would send them other ways.
    Patch { file: "deno_node/_process/process.ts", from: "  deno: \"\",\n", to: "" },
    Patch { file: "deno_node/_process/process.ts", from: "  typescript: \"\",\n", to: "" },
    // The set-up function would be left on the global object, whenever the module is first used.
    Patch { file: "node:module", from: "globalThis.nodeBootstrap =", to: "internals.nodeBootstrap =" },
    // An op itself would be a property of the module.
    Patch {
        file: "internal_binding/util.ts",
        from: "const parseEnv = op_node_parse_env as (",
        to: "const parseEnv = ((content) => op_node_parse_env(content)) as (",
    },
    Patch {
        file: "node:module",
        from: "let internalModuleStat = op_require_stat;",
        to: "let internalModuleStat = (path) => op_require_stat(path);",
    },
    // Node's own `internal/…` are not for users: among them is the way to every internal binding.
    Patch {
        file: "node:module",
        from: "  return request in nativeModuleExports;\n",
        to: "  return request in nativeModuleExports && !StringPrototypeStartsWith(request, \"internal/\");\n",
    },
    Patch {
        file: "node:module",
        from: "  const modExports = nativeModuleExports[request];\n",
        to: "  const modExports = StringPrototypeStartsWith(request, \"internal/\") ? undefined : nativeModuleExports[request];\n",
    },
    // Code that a program names (bootstrap.js, `scriptName`).
    Patch {
        file: "deno_node/vm.js",
        from: "      code,\n      filename,\n",
        to: "      code,\n      __bootstrap.internals.scriptName(filename),\n",
    },
    Patch {
        file: "deno_node/vm.js",
        from: "    code,\n    filename,\n",
        to: "    code,\n    __bootstrap.internals.scriptName(filename),\n",
    },
    Patch {
        file: "deno_node/vm.js",
        from: "      sourceText,\n      identifier,\n",
        to: "      sourceText,\n      __bootstrap.internals.scriptName(identifier),\n",
    },
    Patch {
        file: "node:module",
        from: "url.pathToFileURL(filename).toString()",
        to: "internals.scriptName(`${url.pathToFileURL(filename)}`)",
    },
    // A cache of code is nearly machine code, and V8 hardly looks at its bytes: what a program brings is always refused, as
    // the cache of another engine would be.
    Patch {
        file: "deno_node/vm.js",
        from: "      columnOffset,\n      cachedData,\n",
        to: "      columnOffset,\n      undefined,\n",
    },
    Patch {
        file: "deno_node/vm.js",
        from: "this.cachedDataRejected = result.cachedDataRejected;",
        to: "this.cachedDataRejected = cachedData === undefined ? result.cachedDataRejected : true;",
    },
    Patch {
        file: "deno_node/vm.js",
        from: "    columnOffset,\n    cachedData,\n",
        to: "    columnOffset,\n    undefined,\n",
    },
    Patch {
        file: "deno_node/vm.js",
        from: "result.value.cachedDataRejected = result.cachedDataRejected;",
        to: "result.value.cachedDataRejected = cachedData === undefined ? result.cachedDataRejected : true;",
    },
    // V8's own generator, which forks of one process share as it stands.
    Patch {
        file: "deno_fetch/21_formdata.js",
        from: "`${MathRandom()}${MathRandom()}`",
        to: "`${__bootstrap.internals.random()}${__bootstrap.internals.random()}`",
    },
    // What the permissions refuse is told with the code that Node has for it.
    Patch {
        file: "deno_node/internal/errors.ts",
        from: "function extractOsErrorNumberFromErrorMessage(e: unknown): number | undefined {\n",
        to: "function extractOsErrorNumberFromErrorMessage(e: unknown): number | undefined {\n  \
             if (ObjectPrototypeIsPrototypeOf(Deno.errors.NotCapable.prototype, e)) return 13;\n",
    },
    Patch {
        file: "deno_node/vm.js",
        from: "    wasm,\n    microtaskQueue,\n  );\n  WeakMapPrototypeSet(",
        to: "    wasm,\n    microtaskQueue,\n  );\n  core.ops.op_hoist_vm_context(contextObject);\n  WeakMapPrototypeSet(",
    },
    Patch {
        file: "deno_node/vm.js",
        from: "      microtaskQueue,\n    );\n    WeakMapPrototypeSet(",
        to: "      microtaskQueue,\n    );\n    core.ops.op_hoist_vm_context(context);\n    WeakMapPrototypeSet(",
    },
    // Its ops go to the host's files past our file system.
    Patch {
        file: "deno_node/wasi.ts",
        from: "const preopens: [string, string][] = [];\n    if (options.preopens) {\n",
        to: "const preopens: [string, string][] = [];\n    if (options.preopens) {\n      \
             if (ObjectEntries(options.preopens).length > 0) throw new Error(\"node:wasi: preopens are not available in a run, \
             whose files are in memory: read them with node:fs and pass their content\");\n",
    },
];

/// One source of the platform as V8 is to see it. Lines are kept in JavaScript; no map is made for TypeScript.
pub(crate) fn transpile(
    name: ModuleName,
    code: ModuleCodeString,
) -> Result<(ModuleCodeString, Option<SourceMapData>), JsErrorBox> {
    let name = name.as_str();
    let is_typescript = name.ends_with(".ts") || name.starts_with("node:");
    let mut source = code.as_str().to_string();
    if source.contains("__NODE_VERSION__") {
        source = source.replace("__NODE_VERSION__", NODE_VERSION);
    }
    for patch in PATCHES.iter().filter(|patch| name.ends_with(patch.file)) {
        assert!(source.contains(patch.from), "{name} is written in another way than it was: no {:?}", patch.from);
        source = source.replace(patch.from, patch.to);
    }
    // deno_core's own scripts set `Deno` up and run before anything else.
    if source.contains("Deno") && !name.starts_with("ext:core/") {
        source = rename_deno(name, &source)?;
    }
    if is_typescript {
        source = strip_types(name, &source)?;
    }
    Ok((to_ascii(&source).into(), None))
}

fn parse<'a>(allocator: &'a Allocator, name: &str, source: &'a str) -> Result<Program<'a>, JsErrorBox> {
    let parsed = Parser::new(allocator, source, SourceType::ts().with_module(true)).parse();
    if parsed.panicked {
        return Err(JsErrorBox::generic(format!("{name}: {:?}", parsed.diagnostics)));
    }
    Ok(parsed.program)
}

/// Scripts are compiled with a parameter `__bootstrap`; modules import from core.
fn rename_deno(name: &str, source: &str) -> Result<String, JsErrorBox> {
    let allocator = Allocator::default();
    let program = parse(&allocator, name, source)?;
    let is_module = program.body.iter().any(|statement| statement.is_module_declaration());
    let semantic = SemanticBuilder::new().with_build_nodes(true).build(&program).semantic;
    let scoping = semantic.scoping();
    let Some(references) = scoping.root_unresolved_references().get("Deno") else {
        return Ok(source.to_string());
    };
    let mut places: Vec<u32> =
        references.iter().map(|id| semantic.reference_span(scoping.get_reference(*id)).start).collect();
    places.sort_unstable();
    let replacement = if is_module { "hoistInternals.Deno" } else { "__bootstrap.internals.Deno" };
    let mut renamed = String::with_capacity(source.len() + places.len() * replacement.len());
    if is_module {
        renamed.push_str("import { internals as hoistInternals } from \"ext:core/mod.js\"; ");
    }
    let mut done = 0;
    for place in places {
        let place = place as usize;
        renamed.push_str(&source[done..place]);
        renamed.push_str(replacement);
        done = place + "Deno".len();
    }
    renamed.push_str(&source[done..]);
    Ok(renamed)
}

fn strip_types(name: &str, source: &str) -> Result<String, JsErrorBox> {
    let allocator = Allocator::default();
    let mut program = parse(&allocator, name, source)?;
    // The transformer evaluates enums and wants to be told so when the scopes are built.
    let scoping = SemanticBuilder::new().with_enum_eval(true).build(&program).semantic.into_scoping();
    let options = TransformOptions::default();
    let transformed = Transformer::new(&allocator, Path::new(name), &options).build_with_scoping(scoping, &mut program);
    if let Some(error) = transformed.diagnostics.first() {
        return Err(JsErrorBox::generic(format!("{name}: {error}")));
    }
    Ok(Codegen::new().build(&program).code)
}

/// deno_core takes its sources for Latin-1; the generator prints escapes as the characters themselves.
fn to_ascii(source: &str) -> String {
    let mut ascii = String::with_capacity(source.len());
    for character in source.chars() {
        if character.is_ascii() {
            ascii.push(character);
        } else {
            let mut units = [0; 2];
            for unit in character.encode_utf16(&mut units) {
                ascii.push_str(&format!("\\u{unit:04x}"));
            }
        }
    }
    ascii
}
