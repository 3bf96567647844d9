//! The names of Node's builtin modules.

/// Builtins that may be written without `node:`, sorted.
const BARE: &[&str] = &[
    "_http_agent",
    "_http_client",
    "_http_common",
    "_http_incoming",
    "_http_outgoing",
    "_http_server",
    "_stream_duplex",
    "_stream_passthrough",
    "_stream_readable",
    "_stream_transform",
    "_stream_wrap",
    "_stream_writable",
    "_tls_common",
    "_tls_wrap",
    "assert",
    "assert/strict",
    "async_hooks",
    "buffer",
    "child_process",
    "cluster",
    "console",
    "constants",
    "crypto",
    "dgram",
    "diagnostics_channel",
    "dns",
    "dns/promises",
    "domain",
    "events",
    "fs",
    "fs/promises",
    "http",
    "http2",
    "https",
    "inspector",
    "inspector/promises",
    "module",
    "net",
    "os",
    "path",
    "path/posix",
    "path/win32",
    "perf_hooks",
    "process",
    "punycode",
    "querystring",
    "readline",
    "readline/promises",
    "repl",
    "stream",
    "stream/consumers",
    "stream/promises",
    "stream/web",
    "string_decoder",
    "sys",
    "timers",
    "timers/promises",
    "tls",
    "trace_events",
    "tty",
    "url",
    "util",
    "util/types",
    "v8",
    "vm",
    "wasi",
    "worker_threads",
    "zlib",
];

/// Builtins that only exist with `node:`, sorted.
const PREFIXED: &[&str] = &["sea", "sqlite", "test", "test/reporters"];

/// The `node:` name of a builtin, for `fs`, `node:fs` and `node:test` alike; `None` when it is none.
pub(crate) fn canonical(specifier: &str) -> Option<String> {
    let (name, prefixed) = match specifier.strip_prefix("node:") {
        Some(name) => (name, true),
        None => (specifier, false),
    };
    let known = BARE.binary_search(&name).is_ok() || (prefixed && PREFIXED.binary_search(&name).is_ok());
    known.then(|| format!("node:{name}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_sorted_and_names_are_canonical() {
        assert!(BARE.is_sorted());
        assert!(PREFIXED.is_sorted());
        assert_eq!(canonical("fs").as_deref(), Some("node:fs"));
        assert_eq!(canonical("node:fs/promises").as_deref(), Some("node:fs/promises"));
        assert_eq!(canonical("node:test").as_deref(), Some("node:test"));
        assert_eq!(canonical("test"), None);
        assert_eq!(canonical("node:nothing"), None);
        assert_eq!(canonical("punycode/"), None);
    }
}
