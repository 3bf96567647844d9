//! Frames between the owner of a cache and who uses it: eight bytes with two lengths, a message as JSON, bytes as they are.
//!
//! Descriptors travel beside the first byte of the frame that counts them. Each side bounds what the other sends, and how long it
//! takes over it. Reading never goes beyond a frame, so what comes with it belongs to it.

use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::time::Duration;

use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, ReturnFlags, SendAncillaryBuffer, SendAncillaryMessage,
    SendFlags, recvmsg, sendmsg,
};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::io::{AsyncWriteExt, Interest};
use tokio::net::UnixStream;

use crate::limits::Limits;

/// Descriptors that one message can carry (Linux: SCM_MAX_FD).
pub(crate) const DESCRIPTORS: usize = 253;
const HEADER: usize = 8;
/// Room is made for so many bytes at a time: a length is only a claim.
const STEP: usize = 1 << 18;

#[cfg(target_os = "linux")]
const CLOSE_ON_EXEC: RecvFlags = RecvFlags::CMSG_CLOEXEC;
#[cfg(not(target_os = "linux"))]
const CLOSE_ON_EXEC: RecvFlags = RecvFlags::empty();

/// One end of a connection.
#[derive(Debug)]
pub(crate) struct Channel {
    stream: UnixStream,
    message_bytes: usize,
    module_bytes: usize,
    wait: Duration,
}

/// What came at once.
#[derive(Debug)]
pub(crate) struct Frame {
    message: Vec<u8>,
    pub(crate) bytes: Vec<u8>,
    pub(crate) descriptors: Vec<OwnedFd>,
}

impl Frame {
    /// The message, as what it should be.
    pub(crate) fn read<T: DeserializeOwned>(&self) -> io::Result<T> {
        serde_json::from_slice(&self.message).map_err(|error| invalid(error.to_string()))
    }
}

impl Channel {
    pub(crate) fn new(stream: UnixStream, limits: &Limits) -> Self {
        Self {
            stream,
            message_bytes: limits.owner_message_bytes,
            module_bytes: limits.owner_module_bytes,
            wait: limits.owner_message_wait,
        }
    }

    /// The connection itself.
    pub(crate) fn stream(&self) -> &UnixStream {
        &self.stream
    }

    /// Sends a message and the bytes that belong to it.
    pub(crate) async fn send(&mut self, message: &impl Serialize, bytes: &[u8]) -> io::Result<()> {
        let head = self.head(message, bytes.len())?;
        let stream = &mut self.stream;
        let sending = async {
            stream.write_all(&head).await?;
            stream.write_all(bytes).await
        };
        within(self.wait, sending).await
    }

    /// Sends a message and at most [`DESCRIPTORS`] descriptors.
    pub(crate) async fn send_descriptors(
        &mut self,
        message: &impl Serialize,
        descriptors: &[BorrowedFd<'_>],
    ) -> io::Result<()> {
        let head = self.head(message, 0)?;
        let stream = &mut self.stream;
        let sending = async {
            let sent = stream
                .async_io(Interest::WRITABLE, || {
                    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(DESCRIPTORS))];
                    let mut control = SendAncillaryBuffer::new(&mut space);
                    if !control.push(SendAncillaryMessage::ScmRights(descriptors)) {
                        return Err(invalid("too many descriptors for one message"));
                    }
                    Ok(sendmsg(&*stream, &[IoSlice::new(&head)], &mut control, SendFlags::NOSIGNAL)?)
                })
                .await?;
            stream.write_all(head.get(sent..).unwrap_or_default()).await
        };
        within(self.wait, sending).await
    }

    /// Waits for the next frame, however long that takes; none when the other end has closed.
    pub(crate) async fn receive(&mut self) -> io::Result<Option<Frame>> {
        let mut header = [0; HEADER];
        let mut descriptors = Vec::new();
        let begun = self.read(&mut header, &mut descriptors).await?;
        if begun == 0 {
            return Ok(None);
        }
        within(self.wait, self.rest(header, begun, descriptors)).await.map(Some)
    }

    async fn rest(&self, mut header: [u8; HEADER], begun: usize, mut descriptors: Vec<OwnedFd>) -> io::Result<Frame> {
        self.read_exactly(&mut header[begun..], &mut descriptors).await?;
        let [a, b, c, d, e, f, g, h] = header;
        let lengths = [u32::from_le_bytes([a, b, c, d]), u32::from_le_bytes([e, f, g, h])];
        let [message, bytes] = lengths.map(|length| usize::try_from(length).unwrap_or(usize::MAX));
        if message > self.message_bytes || bytes > self.module_bytes {
            return Err(invalid(format!("a frame of {message} and {bytes} bytes is larger than was agreed")));
        }
        let message = self.read_growing(message, &mut descriptors).await?;
        let bytes = self.read_growing(bytes, &mut descriptors).await?;
        Ok(Frame { message, bytes, descriptors })
    }

    async fn read_growing(&self, length: usize, descriptors: &mut Vec<OwnedFd>) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        while bytes.len() < length {
            let start = bytes.len();
            bytes.resize(length.min(start + STEP), 0);
            self.read_exactly(&mut bytes[start..], descriptors).await?;
        }
        Ok(bytes)
    }

    async fn read_exactly(&self, mut space: &mut [u8], descriptors: &mut Vec<OwnedFd>) -> io::Result<()> {
        while !space.is_empty() {
            match self.read(space, descriptors).await? {
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                length => space = &mut space[length..],
            }
        }
        Ok(())
    }

    async fn read(&self, space: &mut [u8], descriptors: &mut Vec<OwnedFd>) -> io::Result<usize> {
        self.stream.async_io(Interest::READABLE, || receive_some(&self.stream, space, descriptors)).await
    }

    /// Ends when the other end closes or speaks, which it must not while it waits for an answer.
    pub(crate) async fn hung_up(&self) {
        loop {
            if self.stream.readable().await.is_err() {
                return;
            }
            match self.stream.try_read(&mut [0]) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                _ => return,
            }
        }
    }

    /// The header and the JSON of a frame.
    fn head(&self, message: &impl Serialize, bytes: usize) -> io::Result<Vec<u8>> {
        let mut frame = vec![0; HEADER];
        serde_json::to_writer(&mut frame, message)?;
        let message = frame.len() - HEADER;
        if message > self.message_bytes || bytes > self.module_bytes {
            return Err(invalid(format!("{message} and {bytes} bytes are too much for one frame")));
        }
        let length = |value: usize| u32::try_from(value).map_err(|_| invalid("a frame is too large"));
        frame[..4].copy_from_slice(&length(message)?.to_le_bytes());
        frame[4..HEADER].copy_from_slice(&length(bytes)?.to_le_bytes());
        Ok(frame)
    }
}

fn receive_some(stream: &UnixStream, space: &mut [u8], descriptors: &mut Vec<OwnedFd>) -> io::Result<usize> {
    let mut room = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(DESCRIPTORS))];
    let mut control = RecvAncillaryBuffer::new(&mut room);
    let received = recvmsg(stream, &mut [IoSliceMut::new(space)], &mut control, CLOSE_ON_EXEC)?;
    for message in control.drain() {
        if let RecvAncillaryMessage::ScmRights(more) = message {
            descriptors.extend(more);
        }
    }
    if received.flags.contains(ReturnFlags::CTRUNC) || descriptors.len() > DESCRIPTORS {
        return Err(invalid("more descriptors than one message, or this process, can have"));
    }
    Ok(received.bytes)
}

async fn within<T>(wait: Duration, work: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    tokio::time::timeout(wait, work).await.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
}

fn invalid(detail: impl Into<String>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, detail.into())
}
