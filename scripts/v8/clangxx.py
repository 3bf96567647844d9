"""Stands in for clang++ while V8 is built: compiles V8's own sources with precompiled headers, one set per group of sources.

Without them the build takes some four times as long. A source that does not compile with its group's header, and everything
that is no source of V8's, goes to the real compiler unchanged.
"""
import fcntl
import hashlib
import os
import subprocess
import sys

REAL = os.environ["HOIST_CLANGXX"]
HEADERS = os.environ["HOIST_PCH"]

CORE = """src/execution/isolate-inl.h src/objects/objects-inl.h src/heap/factory-inl.h src/heap/heap-inl.h
    src/handles/handles-inl.h src/execution/arguments-inl.h src/execution/frames-inl.h src/roots/roots-inl.h
    src/api/api-inl.h src/objects/js-array-buffer-inl.h src/objects/js-function-inl.h src/objects/map-inl.h
    src/logging/counters.h src/common/message-template.h src/parsing/parse-info.h """
COMPILER = CORE + """src/compiler/js-heap-broker-inl.h src/compiler/js-graph.h src/compiler/node-matchers.h
    src/compiler/node-properties.h src/compiler/common-operator.h src/compiler/simplified-operator.h src/compiler/linkage.h
    src/compiler/access-builder.h src/compiler/graph-assembler.h src/codegen/interface-descriptors-inl.h"""
GROUPS = {
    "core": CORE,
    "builtins": CORE + "src/builtins/builtins-utils-inl.h src/objects/managed-inl.h",
    "csa": """src/execution/isolate-inl.h src/objects/objects-inl.h src/heap/factory-inl.h
        src/codegen/code-stub-assembler-inl.h src/builtins/builtins-utils-gen.h src/codegen/interface-descriptors-inl.h""",
    "compiler": COMPILER,
    "turboshaft": CORE + """src/compiler/js-heap-broker-inl.h src/compiler/turboshaft/assembler.h
        src/compiler/turboshaft/operations.h src/compiler/turboshaft/copying-phase.h src/compiler/turboshaft/phase.h""",
    "maglev": CORE + """src/compiler/js-heap-broker-inl.h src/codegen/interface-descriptors-inl.h src/maglev/maglev-ir-inl.h
        src/maglev/maglev-graph.h src/maglev/maglev-graph-processor.h""",
    "wasm": CORE + """src/wasm/wasm-objects-inl.h src/wasm/wasm-engine.h src/wasm/wasm-module.h src/wasm/wasm-code-manager.h
        src/wasm/wasm-opcodes-inl.h src/wasm/function-compiler.h src/wasm/module-decoder.h""",
}
BY_FOLDER = {"/turboshaft/": "turboshaft", "/src/compiler/": "compiler", "/maglev/": "maglev", "/wasm/": "wasm"}
V8_TARGETS = {"v8_base_without_compiler", "v8_compiler", "v8_init", "v8_snapshot"}
GENERATED_TARGETS = {"v8_initializers": "csa", "torque_generated_initializers": "csa", "torque_generated_definitions": "core"}


def group_of(output, source):
    """The group whose header a source is compiled with, from the GN target it belongs to and its folder."""
    parts = output.split("/")
    if parts[:2] != ["obj", "v8"] or len(parts) < 3:
        return None
    if parts[2] in GENERATED_TARGETS:
        return GENERATED_TARGETS[parts[2]]
    if parts[2] not in V8_TARGETS:
        return None
    for folder, group in BY_FOLDER.items():
        if folder in source:
            return group
    if source.endswith("-gen.cc"):
        return "csa"
    return "builtins" if "/builtins/" in source else "core"


def parse(arguments):
    """The output, the source, and the flags that a precompiled header has to share with its users."""
    output = source = None
    flags = []
    rest = iter(arguments)
    for argument in rest:
        if argument == "-o":
            output = next(rest)
        elif argument == "-c":
            source = next(rest)
        elif argument == "-MF":
            next(rest)
        elif argument != "-MD" and not argument.startswith("-fmodule-name"):
            flags.append(argument)
    return output, source, flags


def precompiled(group, flags):
    """The header of a group for these flags, made by whoever asks first; None when it cannot be made."""
    key = hashlib.sha256("\0".join([*flags, group, GROUPS[group]]).encode()).hexdigest()[:16]
    header = f"{HEADERS}/{group}-{key}.h"
    compiled, refused = f"{header}.pch", f"{header}.refused"
    with open(f"{header}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not os.path.exists(compiled) and not os.path.exists(refused):
            with open(header, "w") as out:
                out.writelines(f'#include "{included}"\n' for included in GROUPS[group].split())
            command = [REAL, *flags, "-fpch-instantiate-templates", "-x", "c++-header", header, "-o", f"{compiled}.new"]
            made = subprocess.run(command, capture_output=True, text=True)
            if made.returncode == 0:
                os.rename(f"{compiled}.new", compiled)
            elif made.returncode > 0:
                with open(refused, "w") as out:
                    out.write(made.stderr)
    return compiled if os.path.exists(compiled) else None


def main():
    arguments = sys.argv[1:]
    output, source, flags = parse(arguments)
    group = group_of(output, source) if output and source and source.endswith(".cc") else None
    header = precompiled(group, flags) if group else None
    if header:
        command = [argument for argument in arguments if not argument.startswith("-fmodule-name")]
        compiled = subprocess.run([REAL, *command, "-include-pch", header], capture_output=True, text=True)
        if compiled.returncode == 0:
            return
        with open(f"{HEADERS}/fallback.log", "a") as log:
            log.write(f"{group} {source}\n{compiled.stderr[:1500]}\n")
    os.execv(REAL, [REAL, *arguments])


main()
