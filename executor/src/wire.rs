//! What passes between the service and a run's process, over a socket pair that keeps message boundaries
//! (`SOCK_SEQPACKET`).
//!
//! Guest code can write to any descriptor of its process that it finds, so a message from the run counts only when it
//! begins with a secret that the service drew for this run and that never enters JavaScript. Everything is bounded, and
//! only the first complete answer counts.

use std::collections::HashMap;
use std::os::fd::{AsRawFd as _, BorrowedFd};

use serde::{Deserialize, Serialize};

use crate::file_tree::FileTree;
use crate::limits::Limits;
use crate::outcome::{Exceeded, Failure, Level};
use crate::program::Codec;

/// The largest message. Well under the kernel's default send buffer, which bounds a message of this kind of socket.
pub(crate) const MESSAGE_BYTES: usize = 64 * 1024;

/// The secret at the start of every message from a run.
pub(crate) type Secret = [u8; 16];

/// What stands before a message's payload: the secret and one byte that says what it is.
pub(crate) const HEADER_BYTES: usize = size_of::<Secret>() + 1;

/// The most payload in one message.
pub(crate) const PAYLOAD_BYTES: usize = MESSAGE_BYTES - HEADER_BYTES;

/// What a message from a run holds.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[repr(u8)]
pub(crate) enum Kind {
    /// Text of a console message that goes on.
    LogPart = 1,
    /// A level's number and the end of a console message.
    LogEnd = 2,
    /// The console said more than may be said; nothing of it follows.
    LogTruncated = 3,
    /// Bytes of the answer's body.
    BodyPart = 4,
    /// The answer, as JSON, to which the body's bytes belong. Ends the conversation.
    Answer = 5,
    /// The most of V8's heap that was in use at once, as eight bytes, the lowest first.
    PeakHeap = 6,
}

impl Kind {
    fn from_byte(byte: u8) -> Option<Self> {
        let kinds = [Self::LogPart, Self::LogEnd, Self::LogTruncated, Self::BodyPart, Self::Answer, Self::PeakHeap];
        kinds.into_iter().find(|kind| *kind as u8 == byte)
    }
}

/// How a run says that it ended.
#[derive(Debug, Deserialize, Serialize)]
pub(crate) enum Answer {
    /// The body is the value's text in the codec.
    Value,
    /// The body is the response's.
    Response { status: u16, headers: Vec<(String, String)> },
    /// The program threw.
    Threw(Failure),
    /// The program exited.
    Exited { code: i32 },
    /// The codec cannot hold the value.
    Unserializable { message: String },
    /// Nothing can settle the entry's promise.
    NeverSettled,
    /// A limit that only the process itself can see, and where the program stood.
    Limit { exceeded: Exceeded, stack: Option<String> },
    /// The input is not in the codec.
    MalformedInput { problem: String },
}

/// Descriptors that one message can carry (Linux: SCM_MAX_FD).
pub(crate) const DESCRIPTORS: usize = 253;

/// A folder of the program's files: its path below `/hoist`, and which of the images that were sent it is.
pub(crate) type FolderMessage = (String, usize);

/// The first message to a run. The images follow, as descriptors, at most [`DESCRIPTORS`] to a message of one byte; then the
/// program's parts, cut into messages, in the order of the fields.
#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct Start {
    pub(crate) secret: Secret,
    pub(crate) name: String,
    pub(crate) images: usize,
    /// The part that is [`FolderMessage`]s, as JSON.
    pub(crate) folders_bytes: usize,
    pub(crate) code_bytes: usize,
    pub(crate) source_map_bytes: Option<usize>,
    pub(crate) layer_bytes: Option<usize>,
    pub(crate) layer_map_bytes: Option<usize>,
    pub(crate) input_bytes: Option<usize>,
    pub(crate) codec: Codec,
    pub(crate) cpu_seconds: u64,
    pub(crate) heap_bytes: usize,
    pub(crate) buffer_bytes: usize,
    pub(crate) process_bytes: usize,
    pub(crate) output_bytes: usize,
    pub(crate) log_bytes: usize,
    pub(crate) log_lines: usize,
    pub(crate) log_line_bytes: usize,
    pub(crate) operations: usize,
    pub(crate) timers: usize,
    pub(crate) temporary_bytes: usize,
}

impl Start {
    /// The message that announces a program whose parts have these sizes.
    pub(crate) fn new(secret: Secret, program: &crate::Program, files: &Images<'_>, limits: &Limits) -> Self {
        Self {
            secret,
            name: program.name.clone(),
            images: files.images.len(),
            folders_bytes: files.folders.len(),
            code_bytes: program.code.len(),
            source_map_bytes: program.source_map.as_ref().map(String::len),
            layer_bytes: program.layer.as_ref().map(|layer| layer.code.len()),
            layer_map_bytes: layer_map(program).map(String::len),
            input_bytes: program.input.as_ref().map(String::len),
            codec: program.codec,
            // The kernel's own limit counts whole seconds; the service's clock is exact and comes first.
            cpu_seconds: limits.cpu.as_secs() + 2,
            heap_bytes: limits.heap_bytes,
            buffer_bytes: limits.buffer_bytes,
            process_bytes: limits.process_bytes,
            output_bytes: limits.output_bytes,
            log_bytes: limits.log_bytes,
            log_lines: limits.log_lines,
            log_line_bytes: limits.log_line_bytes,
            operations: limits.operations,
            timers: limits.timers,
            temporary_bytes: limits.temporary_bytes,
        }
    }

    /// All parts together, in bytes.
    pub(crate) fn parts_bytes(&self) -> usize {
        let optional = [self.source_map_bytes, self.layer_bytes, self.layer_map_bytes, self.input_bytes];
        self.folders_bytes + self.code_bytes + optional.into_iter().flatten().sum::<usize>()
    }
}

/// A file tree as it is sent: each image once, however many folders have it.
pub(crate) struct Images<'a> {
    /// The images.
    pub(crate) images: Vec<BorrowedFd<'a>>,
    /// The folders, as JSON.
    pub(crate) folders: Vec<u8>,
}

impl<'a> Images<'a> {
    /// Numbers the images of a tree.
    pub(crate) fn of(files: &'a FileTree) -> serde_json::Result<Self> {
        let mut numbers = HashMap::new();
        let mut images = Vec::new();
        let mut folders: Vec<FolderMessage> = Vec::with_capacity(files.folders.len());
        for folder in &files.folders {
            let number = *numbers.entry(folder.image.as_fd().as_raw_fd()).or_insert_with(|| {
                images.push(folder.image.as_fd());
                images.len() - 1
            });
            folders.push((folder.path.clone(), number));
        }
        Ok(Self { images, folders: serde_json::to_vec(&folders)? })
    }
}

/// A program's parts, in the order in which they follow the first message.
pub(crate) fn parts(program: &crate::Program) -> impl Iterator<Item = &String> {
    let layer = program.layer.as_ref().map(|layer| &layer.code);
    [Some(&program.code), program.source_map.as_ref(), layer, layer_map(program), program.input.as_ref()]
        .into_iter()
        .flatten()
}

fn layer_map(program: &crate::Program) -> Option<&String> {
    program.layer.as_ref().and_then(|layer| layer.source_map.as_ref())
}

/// Writes a message's header in front of a payload. Needs no allocation beyond `buffer`.
pub(crate) fn frame<'a>(buffer: &'a mut [u8], secret: &Secret, kind: Kind, payload: &[u8]) -> &'a [u8] {
    let end = HEADER_BYTES + payload.len();
    buffer[..secret.len()].copy_from_slice(secret);
    buffer[secret.len()] = kind as u8;
    buffer[HEADER_BYTES..end].copy_from_slice(payload);
    &buffer[..end]
}

/// Reads a message, or `None` when it is not one of ours.
pub(crate) fn unframe<'a>(message: &'a [u8], secret: &Secret) -> Option<(Kind, &'a [u8])> {
    let (header, payload) = message.split_at_checked(HEADER_BYTES)?;
    let (claimed, kind) = header.split_at(secret.len());
    if claimed != secret {
        return None;
    }
    Some((Kind::from_byte(kind[0])?, payload))
}

/// A level as one byte, in the numbers of deno_web's console.
pub(crate) fn level_from_byte(byte: u8) -> Option<Level> {
    [Level::Debug, Level::Info, Level::Warn, Level::Error].get(usize::from(byte)).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_without_the_secret_is_nobodys() {
        let mut buffer = [0; 64];
        let message = frame(&mut buffer, &[7; 16], Kind::Answer, b"payload").to_vec();
        assert_eq!(unframe(&message, &[7; 16]), Some((Kind::Answer, &b"payload"[..])));
        assert_eq!(unframe(&message, &[8; 16]), None);
        assert_eq!(unframe(&message[..HEADER_BYTES - 1], &[7; 16]), None);
    }

    #[test]
    fn an_unknown_kind_is_nobodys() {
        let mut message = [7; HEADER_BYTES];
        message[16] = 99;
        assert_eq!(unframe(&message, &[7; 16]), None);
    }
}
