//! What a zygote tells, as the service reads it.

use std::io::IoSliceMut;
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;

use rustix::net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, recvmsg};

use crate::wire::{Event, Kind, Secret, unframe};

/// Reads a message with the descriptor that may have come with it.
pub(crate) fn receive(socket: &OwnedFd, buffer: &mut [u8]) -> std::io::Result<(usize, Vec<OwnedFd>)> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(4))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let received = recvmsg(socket, &mut [IoSliceMut::new(buffer)], &mut control, RecvFlags::CMSG_CLOEXEC)?;
    let mut descriptors = Vec::new();
    for message in control.drain() {
        if let RecvAncillaryMessage::ScmRights(rights) = message {
            descriptors.extend(rights);
        }
    }
    Ok((received.bytes, descriptors))
}

/// What a message tells, when it is the zygote's.
pub(crate) fn event(message: &[u8], secret: &Secret) -> Option<Event> {
    let (kind, payload) = unframe(message, secret)?;
    if kind != Kind::Event {
        return None;
    }
    serde_json::from_slice(payload).ok()
}
