//! What a run may use. Each limit has a default that suits one tool call of an agent.

use std::time::Duration;

/// The limits of one run.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Time from start to answer. Default 30 s: longer than a tool call should take, short enough to notice a hang.
    pub wall: Duration,
    /// Processor time of the whole process. Default 10 s.
    pub cpu: Duration,
    /// V8's heap, in bytes. Default 128 MiB.
    pub heap_bytes: usize,
    /// What `ArrayBuffer`s may hold together, in bytes. Default 128 MiB.
    pub buffer_bytes: usize,
    /// Memory of the process that is in neither (blobs, WebAssembly, compressors, compiled code), in bytes. Default 256 MiB.
    pub process_bytes: usize,
    /// The answer: a value's text or a response's body, in bytes. Default 1 MiB.
    pub output_bytes: usize,
    /// What the console and the standard streams may say, in bytes, with some 50 more for each line; what comes after is
    /// dropped. Default 256 KiB.
    pub log_bytes: usize,
    /// How many lines (of a stream) and messages (of the console) that may be; what comes after is dropped. Default 4,096:
    /// nobody reads more, and an answer's size is mostly theirs.
    pub log_lines: usize,
    /// One line or message, in bytes; the rest of it is dropped. Default 64 KiB: one object that is printed whole leaves room
    /// for what is said after it.
    pub log_line_bytes: usize,
    /// Asynchronous operations of the platform (a digest, a compression, a message waited for) under way at once. Default
    /// 16,384: with what waits for them, as many take some 20 MiB of the heap.
    pub operations: usize,
    /// Timers alive at once. Default 65,536: with what waits for them, as many take a third of the heap.
    pub timers: usize,
    /// The input's text, in bytes. Default 16 MiB: its value takes several times that of the heap.
    pub input_bytes: usize,
    /// What the files in `/tmp`, which are in the process's memory, may hold together, in bytes. Default 64 MiB.
    pub temporary_bytes: usize,
    /// The program with its source map and input, in bytes. Default 64 MiB.
    pub program_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        const MEBIBYTE: usize = 1 << 20;
        Self {
            wall: Duration::from_secs(30),
            cpu: Duration::from_secs(10),
            heap_bytes: 128 * MEBIBYTE,
            buffer_bytes: 128 * MEBIBYTE,
            process_bytes: 256 * MEBIBYTE,
            output_bytes: MEBIBYTE,
            log_bytes: MEBIBYTE / 4,
            log_lines: 4096,
            log_line_bytes: MEBIBYTE / 16,
            operations: 1 << 14,
            timers: 1 << 16,
            input_bytes: 16 * MEBIBYTE,
            temporary_bytes: 64 * MEBIBYTE,
            program_bytes: 64 * MEBIBYTE,
        }
    }
}
