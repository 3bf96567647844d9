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
use crate::guest::EachRun;
use crate::limits::Limits;
use crate::os::Ended;
use crate::outcome::{Exceeded, Failure, Level};
use crate::program::Codec;

/// The largest message. Well under the kernel's default send buffer, which bounds a message of this kind of socket.
pub(crate) const MESSAGE_BYTES: usize = 64 * 1024;

/// The secret at the start of every message from a run.
pub(crate) type Secret = [u8; 16];

/// A secret that nobody else has.
pub(crate) fn draw_secret() -> std::io::Result<Secret> {
    let mut secret = Secret::default();
    rustix::rand::getrandom(&mut secret, rustix::rand::GetRandomFlags::empty())?;
    Ok(secret)
}

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
    /// What a zygote tells, as JSON.
    Event = 6,
    /// The most of V8's heap that was in use at once, as eight bytes, the lowest first.
    PeakHeap = 7,
}

impl Kind {
    fn from_byte(byte: u8) -> Option<Self> {
        let kinds = [
            Self::LogPart,
            Self::LogEnd,
            Self::LogTruncated,
            Self::BodyPart,
            Self::Answer,
            Self::Event,
            Self::PeakHeap,
        ];
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
    /// The process stopped itself at a limit that the service measures; where the program stood.
    Stopped { stack: Option<String> },
}

/// Descriptors that one message can carry (Linux: SCM_MAX_FD).
pub(crate) const DESCRIPTORS: usize = 253;

/// A folder of the program's files: its path below `/hoist`, and which of the images that were sent it is.
pub(crate) type FolderMessage = (String, usize);

/// What follows a first message: the images, as descriptors, at most [`DESCRIPTORS`] to a message of one byte; then the parts,
/// cut into messages, in the order of the fields.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub(crate) struct Parcel {
    /// The name of the program's module; see [`crate::Program::name`].
    pub(crate) name: String,
    pub(crate) images: usize,
    /// The part that is [`FolderMessage`]s, as JSON.
    pub(crate) folders_bytes: usize,
    /// None where the program has been evaluated before.
    pub(crate) code_bytes: Option<usize>,
    pub(crate) source_map_bytes: Option<usize>,
    /// None where there is no layer, or it has been evaluated before.
    pub(crate) layer_bytes: Option<usize>,
    pub(crate) layer_map_bytes: Option<usize>,
    /// V8's code cache of the layer.
    pub(crate) code_cache_bytes: Option<usize>,
    pub(crate) input_bytes: Option<usize>,
    pub(crate) codec: Codec,
}

impl Parcel {
    /// All parts together, in bytes.
    pub(crate) fn parts_bytes(&self) -> usize {
        let optional = [
            self.code_bytes,
            self.source_map_bytes,
            self.layer_bytes,
            self.layer_map_bytes,
            self.code_cache_bytes,
            self.input_bytes,
        ];
        self.folders_bytes + optional.into_iter().flatten().sum::<usize>()
    }
}

/// A first message.
pub(crate) trait First: serde::de::DeserializeOwned {
    /// What follows it.
    fn parcel(&self) -> &Parcel;
}

/// The first message to a run.
#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct Start {
    pub(crate) secret: Secret,
    pub(crate) parcel: Parcel,
    /// What the process had allocated when it was forked, in bytes, where it could not look itself.
    pub(crate) data_bytes: Option<u64>,
    pub(crate) wall_ms: u64,
    pub(crate) cpu_ms: u64,
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

impl First for Start {
    fn parcel(&self) -> &Parcel {
        &self.parcel
    }
}

impl Start {
    /// The message that announces a program with these limits.
    pub(crate) fn new(secret: Secret, parcel: Parcel, data_bytes: Option<u64>, limits: &Limits) -> Self {
        let millis = |duration: std::time::Duration| u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
        Self {
            secret,
            parcel,
            data_bytes,
            wall_ms: millis(limits.wall),
            cpu_ms: millis(limits.cpu),
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
}

/// The first message to a zygote that has been forked: what it is to evaluate, once for all its forks.
#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct Load {
    pub(crate) secret: Secret,
    pub(crate) parcel: Parcel,
    /// Node's own modules that are loaded ahead, with `node:`.
    pub(crate) builtins: Vec<String>,
    /// What evaluating may allocate in V8's heap, and as much again in buffers, in bytes.
    pub(crate) heap_bytes: usize,
    /// What the process had allocated when it was forked, in bytes: it cannot look itself.
    pub(crate) data_bytes: u64,
    /// What it may write to `/tmp`, in bytes.
    pub(crate) temporary_bytes: usize,
}

impl First for Load {
    fn parcel(&self) -> &Parcel {
        &self.parcel
    }
}

/// What a zygote is told, one to a message.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
pub(crate) enum Command {
    /// Fork. The descriptors that come with it are the child's: a run's socket, its standard output and its standard error; a
    /// zygote's control socket.
    Fork {
        /// The number by which the child is spoken of.
        id: u64,
        /// What it is to be.
        role: Role,
    },
    /// Fork no more, and end after the last child.
    Retire,
}

/// What a child of a zygote is.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub(crate) enum Role {
    /// One run.
    Run,
    /// A zygote itself.
    Zygote,
    /// One that compiles a layer, evaluates nothing, tells what V8 would keep of it, and ends.
    Compiler,
}

/// What a zygote tells, one to a message.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) enum Event {
    /// It can fork, or, with a reason, what it was to evaluate has to be evaluated in each run, and it ends.
    Ready {
        /// The reason.
        each_run: Option<EachRun>,
    },
    /// There is a child, whose pidfd comes with this.
    Forked {
        /// Which.
        id: u64,
    },
    /// There is no child.
    NotForked {
        /// Which.
        id: u64,
        /// Why.
        detail: String,
    },
    /// A child has ended.
    Ended {
        /// Which.
        id: u64,
        /// How.
        ended: Ended,
    },
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
