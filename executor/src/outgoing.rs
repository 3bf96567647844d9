//! Sends what a process is to run: a first message, the images as descriptors, the parts cut into messages.

use std::io::IoSlice;
use std::mem::MaybeUninit;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::time::Duration;

use rustix::io::Errno;
use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use crate::file_tree::FileTree;
use crate::program::{Codec, Module};
use crate::wire::{DESCRIPTORS, Images, MESSAGE_BYTES, Parcel};

/// How long to wait where the system has too many descriptors on their way. The run's own time bounds how often.
const DESCRIPTORS_WAIT: Duration = Duration::from_millis(1);

/// What is sent after the first message, and what that says of it.
#[derive(Default)]
pub(crate) struct Outgoing<'a> {
    pub(crate) parcel: Parcel,
    images: Vec<BorrowedFd<'a>>,
    folders: Vec<u8>,
    parts: Vec<&'a [u8]>,
}

impl<'a> Outgoing<'a> {
    /// Files first.
    pub(crate) fn new(name: &str, files: Option<&'a FileTree>) -> serde_json::Result<Self> {
        let mut outgoing = Self { parcel: Parcel { name: name.to_owned(), ..Parcel::default() }, ..Self::default() };
        if let Some(files) = files.filter(|files| !files.folders.is_empty()) {
            let Images { images, folders } = Images::of(files)?;
            (outgoing.parcel.images, outgoing.parcel.folders_bytes) = (images.len(), folders.len());
            (outgoing.images, outgoing.folders) = (images, folders);
        }
        Ok(outgoing)
    }

    /// Then the program's module.
    pub(crate) fn program(mut self, module: Option<&'a Module>) -> Self {
        let map = module.and_then(Module::source_map);
        self.parcel.code_bytes = self.part(module.map(|module| module.code().as_bytes()));
        self.parcel.source_map_bytes = self.part(map.map(str::as_bytes));
        self
    }

    /// Then the layer's, with what V8 has kept of compiling it.
    pub(crate) fn layer(mut self, module: Option<&'a Module>, code_cache: Option<&'a [u8]>) -> Self {
        let map = module.and_then(Module::source_map);
        self.parcel.layer_bytes = self.part(module.map(|module| module.code().as_bytes()));
        self.parcel.layer_map_bytes = self.part(map.map(str::as_bytes));
        self.parcel.code_cache_bytes = self.part(code_cache);
        self
    }

    /// Then the input, in its codec, which is the value's as well.
    pub(crate) fn input(mut self, input: Option<&'a str>, codec: Codec) -> Self {
        self.parcel.codec = codec;
        self.parcel.input_bytes = self.part(input.map(str::as_bytes));
        self
    }

    fn part(&mut self, part: Option<&'a [u8]>) -> Option<usize> {
        self.parts.extend(part);
        part.map(<[u8]>::len)
    }

    /// Sends all of it behind the first message.
    pub(crate) async fn send(&self, socket: &AsyncFd<OwnedFd>, first: &[u8]) -> std::io::Result<()> {
        send(socket, first).await?;
        for images in self.images.chunks(DESCRIPTORS) {
            // A message without a byte would be the end of the conversation.
            send_with(socket, &[0], images).await?;
        }
        for part in std::iter::once(self.folders.as_slice()).chain(self.parts.iter().copied()) {
            for chunk in part.chunks(MESSAGE_BYTES) {
                send(socket, chunk).await?;
            }
        }
        Ok(())
    }
}

/// Sends a message with descriptors.
pub(crate) async fn send_with(
    socket: &AsyncFd<OwnedFd>,
    message: &[u8],
    descriptors: &[BorrowedFd<'_>],
) -> std::io::Result<()> {
    loop {
        match socket.async_io(Interest::WRITABLE, |socket| send_now(socket, message, descriptors)).await {
            // As many descriptors are on their way, to all runs together, as one process may have; the runs take them in.
            Err(error) if error.raw_os_error() == Some(Errno::TOOMANYREFS.raw_os_error()) => {
                tokio::time::sleep(DESCRIPTORS_WAIT).await;
            }
            sent => return sent,
        }
    }
}

/// Sends a message with descriptors, as far as the socket takes it now.
pub(crate) fn send_now(socket: &OwnedFd, message: &[u8], descriptors: &[BorrowedFd<'_>]) -> std::io::Result<()> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(DESCRIPTORS))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    if !descriptors.is_empty() && !control.push(SendAncillaryMessage::ScmRights(descriptors)) {
        return Err(std::io::ErrorKind::InvalidInput.into());
    }
    rustix::net::sendmsg(socket, &[IoSlice::new(message)], &mut control, SendFlags::NOSIGNAL)?;
    Ok(())
}

async fn send(socket: &AsyncFd<OwnedFd>, message: &[u8]) -> std::io::Result<()> {
    let send = |socket: &OwnedFd| Ok(rustix::net::send(socket, message, SendFlags::NOSIGNAL)?);
    socket.async_io(Interest::WRITABLE, send).await?;
    Ok(())
}
