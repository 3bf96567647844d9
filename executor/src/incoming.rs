//! Messages with descriptors as either side reads them, and what a zygote tells.

use std::io::IoSliceMut;
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;

use rustix::io::Errno;
use rustix::net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, recvmsg};

use crate::wire::{DESCRIPTORS, Event, Kind, Secret, unframe};

/// Reads a message with the descriptors that may have come with it. No bytes: the other side has closed.
pub(crate) fn receive(socket: &OwnedFd, buffer: &mut [u8]) -> std::io::Result<(usize, Vec<OwnedFd>)> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(DESCRIPTORS))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let bytes = loop {
        match recvmsg(socket, &mut [IoSliceMut::new(buffer)], &mut control, RecvFlags::CMSG_CLOEXEC) {
            Ok(received) => break received.bytes,
            Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    };
    let mut descriptors = Vec::new();
    for message in control.drain() {
        if let RecvAncillaryMessage::ScmRights(rights) = message {
            descriptors.extend(rights);
        }
    }
    Ok((bytes, descriptors))
}

/// What a message tells, when it is the zygote's.
pub(crate) fn event(message: &[u8], secret: &Secret) -> Option<Event> {
    let (kind, payload) = unframe(message, secret)?;
    if kind != Kind::Event {
        return None;
    }
    serde_json::from_slice(payload).ok()
}
