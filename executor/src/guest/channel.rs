//! The run's side of the conversation. One channel a process: also what has no state of ours at hand, such as an
//! allocator that has nothing left, must be able to say why the process ends.

use std::os::fd::OwnedFd;
use std::sync::{Arc, LazyLock, OnceLock};

use rustix::io::Errno;
use rustix::net::{RecvFlags, SendFlags};

use super::peak_heap;
use crate::file_tree::{self, LazyImage, OpenImage};
use crate::incoming;
use crate::os;
use crate::outcome::{Exceeded, LimitKind};
use crate::wire::{Answer, First, HEADER_BYTES, Kind, MESSAGE_BYTES, PAYLOAD_BYTES, Secret, frame};

/// The socket to the service and the secret that makes a message count.
pub(crate) struct Channel {
    socket: OwnedFd,
    secret: Secret,
}

static CHANNEL: OnceLock<Channel> = OnceLock::new();

/// The process's channel, once it has been told what to run.
pub(crate) fn get() -> Option<&'static Channel> {
    CHANNEL.get()
}

/// Keeps the channel for the rest of the process's life.
pub(crate) fn open(socket: OwnedFd, secret: Secret) -> &'static Channel {
    CHANNEL.get_or_init(|| Channel { socket, secret })
}

/// What the service sends before the program runs.
pub(crate) struct Received<M> {
    /// The first message.
    pub(crate) first: M,
    /// The images of the program's files.
    pub(crate) images: Vec<Arc<LazyImage>>,
    /// The program's parts, one after the other.
    pub(crate) parts: Vec<u8>,
}

/// Images that stay unmapped until they are looked at, each of which takes a descriptor. What comes after them is mapped at
/// once: a process may have 1,024 descriptors on most systems.
const UNMAPPED_IMAGES: usize = 512;

/// Reads the first message, and the images and the program's parts that follow it.
pub(crate) fn receive<M: First>(socket: &OwnedFd, open: OpenImage) -> std::io::Result<Received<M>> {
    let mut buffer = Vec::with_capacity(MESSAGE_BYTES);
    receive_message(socket, &mut buffer)?;
    let first: M = serde_json::from_slice(&buffer)?;
    let parcel = first.parcel();
    let mut images = Vec::with_capacity(parcel.images);
    while images.len() < parcel.images {
        let before = images.len();
        for descriptor in incoming::receive(socket, &mut [0])?.1 {
            let image = file_tree::lazy(descriptor, open);
            if images.len() >= UNMAPPED_IMAGES {
                LazyLock::force(&image);
            }
            images.push(Arc::new(image));
        }
        if images.len() == before {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
    }
    let expected = parcel.parts_bytes();
    let mut parts = Vec::with_capacity(expected);
    while parts.len() < expected {
        buffer.clear();
        receive_message(socket, &mut buffer)?;
        parts.extend_from_slice(&buffer);
    }
    Ok(Received { first, images, parts })
}

/// Reads a message behind what is in the buffer, as far as its capacity goes. The buffer is not filled with zeros first: each
/// page that is touched has to be copied from the zygote.
fn receive_message(socket: &OwnedFd, buffer: &mut Vec<u8>) -> std::io::Result<usize> {
    loop {
        match rustix::net::recv(socket, rustix::buffer::spare_capacity(buffer), RecvFlags::empty()) {
            Ok((0, _)) => return Err(std::io::ErrorKind::UnexpectedEof.into()),
            Ok((bytes, _)) => return Ok(bytes),
            Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

impl Channel {
    /// Sends text of the console's.
    pub(crate) fn log(&self, level: u8, text: &str) {
        let mut chunks = text.as_bytes().chunks(PAYLOAD_BYTES - 1).peekable();
        let mut last: &[u8] = &[];
        while let Some(chunk) = chunks.next() {
            if chunks.peek().is_some() {
                self.send(Kind::LogPart, chunk);
            } else {
                last = chunk;
            }
        }
        let mut payload = Vec::with_capacity(1 + last.len());
        payload.push(level);
        payload.extend_from_slice(last);
        self.send(Kind::LogEnd, &payload);
    }

    /// Says that the console has said more than may be said.
    pub(crate) fn log_truncated(&self) {
        self.send(Kind::LogTruncated, &[]);
    }

    /// Sends the answer. The service, which looks at what the process has used first, ends it.
    pub(crate) fn answer(&self, answer: &Answer, body: &[u8]) -> ! {
        let header = serde_json::to_vec(answer).unwrap_or_default();
        if header.len() > PAYLOAD_BYTES {
            // A response's headers have no limit of their own.
            let (limit, measured) = (PAYLOAD_BYTES as u64, header.len() as u64);
            self.exceeded(Exceeded { which: LimitKind::Output, limit, measured });
        }
        for chunk in body.chunks(PAYLOAD_BYTES) {
            self.send(Kind::BodyPart, chunk);
        }
        self.tell_peak_heap();
        self.send(Kind::Answer, &header);
        self.wait_for_close()
    }

    /// Says that a limit which only this process can see has been exceeded, and ends the process. Allocates nothing: there
    /// may be nothing left.
    pub(crate) fn exceeded(&self, exceeded: Exceeded) -> ! {
        use std::io::Write as _;
        let mut payload = [0_u8; 160];
        let mut cursor = std::io::Cursor::new(&mut payload[..]);
        let Exceeded { which, limit, measured } = exceeded;
        // The form that `Answer::Limit` has in JSON.
        let which = which.name();
        let _ = write!(
            cursor,
            r#"{{"Limit":{{"exceeded":{{"which":"{which}","limit":{limit},"measured":{measured}}},"stack":null}}}}"#,
        );
        let end = cursor.position() as usize;
        self.tell_peak_heap();
        let mut buffer = [0_u8; 256];
        self.send_message(frame(&mut buffer, &self.secret, Kind::Answer, &payload[..end]));
        self.wait_for_close()
    }

    /// Allocates nothing either.
    fn tell_peak_heap(&self) {
        if let Some(bytes) = peak_heap::bytes() {
            let mut buffer = [0_u8; 64];
            self.send_message(frame(&mut buffer, &self.secret, Kind::PeakHeap, &bytes.to_le_bytes()));
        }
    }

    /// Blocks until the service has closed its end, then ends the process.
    pub(crate) fn wait_for_close(&self) -> ! {
        let mut buffer = [0_u8; 64];
        loop {
            match rustix::net::recv(&self.socket, &mut buffer, RecvFlags::empty()) {
                Ok((1.., _)) | Err(Errno::INTR) => {}
                Ok((0, _)) | Err(_) => os::exit_now(0),
            }
        }
    }

    fn send(&self, kind: Kind, payload: &[u8]) {
        let mut message = Vec::with_capacity(HEADER_BYTES + payload.len());
        message.extend_from_slice(&self.secret);
        message.push(kind as u8);
        message.extend_from_slice(payload);
        self.send_message(&message);
    }

    fn send_message(&self, message: &[u8]) {
        loop {
            match rustix::net::send(&self.socket, message, SendFlags::NOSIGNAL) {
                Err(Errno::INTR) => {}
                // Guest code may have made the descriptor non-blocking; the service reads on.
                Err(Errno::AGAIN) => std::thread::yield_now(),
                // The service has gone: nobody waits for this run any more.
                Err(_) => os::exit_now(1),
                Ok(_) => return,
            }
        }
    }
}

/// Ends the process because an allocation failed, when there is somebody to tell.
pub(crate) fn out_of_memory(which: LimitKind, limit: u64, measured: u64) {
    if let Some(channel) = get() {
        channel.exceeded(Exceeded { which, limit, measured });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hand_written_form_is_an_answer() {
        let text = r#"{"Limit":{"exceeded":{"which":"heap","limit":1,"measured":2},"stack":null}}"#;
        let answer: Answer = serde_json::from_str(text).unwrap();
        let Answer::Limit { exceeded, stack: None } = &answer else { panic!("{answer:?}") };
        assert!(matches!(exceeded, Exceeded { which: LimitKind::Heap, limit: 1, measured: 2 }));
        assert_eq!(serde_json::to_string(&answer).unwrap(), text);
    }
}
