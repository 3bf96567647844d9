//! Builtins that can be imported and hardly used: a program runs in a process without rights.

use crate::diagnostics::Diagnostic;

/// The builtins by their `node:` names, with what throws and what to do instead.
const LIMITED: [(&str, &str, &str); 10] = [
    (
        "node:child_process",
        "starting a process",
        "do the work in this program, or with a package that is pure JavaScript or WebAssembly",
    ),
    ("node:cluster", "starting a process", "do the work in this program; it serves one request"),
    ("node:worker_threads", "starting a thread", "do the work in this program, in pieces between which it awaits"),
    ("node:dgram", "opening a socket", "take what the program needs as its input"),
    ("node:repl", "a terminal", "take what the program needs as its input"),
    ("node:inspector", "the debugger", "write what is of interest with console.log"),
    ("node:inspector/promises", "the debugger", "write what is of interest with console.log"),
    ("node:sqlite", "a database on disk", "use a database that is WebAssembly, such as sql.js"),
    ("node:wasi", "a folder of the host", "instantiate the module with WebAssembly.instantiate and imports of its own"),
    ("node:trace_events", "tracing", "take times with performance.now"),
];

/// What to say where the program itself imports a builtin, if anything.
pub(crate) fn warning(name: &str) -> Option<Diagnostic> {
    let (name, what, instead) = LIMITED.iter().find(|(limited, ..)| *limited == name)?;
    let message = format!("{name} is imported, but {what} is not available in an isolate: it throws when used");
    Some(Diagnostic::new("limited-builtin", message).hint(format!("instead, {instead}")))
}
