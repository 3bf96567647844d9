//! The frames between a worker and its owner: eight bytes with two lengths, a message as JSON, bytes as they are.
//! Descriptors travel beside the first byte of the frame that counts them. Either side bounds what the other sends.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    io::{self, IoSlice, IoSliceMut, Write},
    mem::MaybeUninit,
    os::{
        fd::{BorrowedFd, OwnedFd},
        unix::net::UnixStream,
    },
};

use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage, SendFlags,
    recvmsg, sendmsg,
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use tokio::io::{AsyncReadExt, AsyncWriteExt, Interest};

use crate::{
    bundle::Bundle,
    diagnostics::Diagnostic,
    inspect::Inspection,
    layer::{LayerImport, LayerInterface},
    limits::Limits,
    options::BundleOptions,
    scan::Scan,
};

/// Descriptors that one message can carry (Linux: SCM_MAX_FD).
pub(crate) const DESCRIPTORS: usize = 253;
/// Bytes of JSON in one frame, whoever sends it.
const MESSAGE_BYTES: usize = 16 << 20;
const HEADER: usize = 8;

#[cfg(target_os = "linux")]
const CLOSE_ON_EXEC: RecvFlags = RecvFlags::CMSG_CLOEXEC;
/// A worker starts no process; only Linux can say so here.
#[cfg(not(target_os = "linux"))]
const CLOSE_ON_EXEC: RecvFlags = RecvFlags::empty();

/// A local file and how many bytes it has, or none when it is absent.
pub(crate) type FileAnswer = (String, Option<u64>);

/// What an owner asks of its worker.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Request {
    /// First, and once.
    Setup(Limits),
    /// Find the program that starts at this local path.
    Scan { entry: String, options: BundleOptions },
    /// What was lacking; the bytes of the files that exist follow in this order, with these lengths.
    Files(Vec<FileAnswer>),
    /// Do once what every request does, with a program of your own.
    Warm,
    /// So many packages' descriptors come with this frame.
    Images { count: usize },
    /// Bundle the program that was found.
    Bundle { mounts: Vec<MountMessage>, rewrites: BTreeMap<String, String>, options: BundleOptions },
    /// Bundle a layer with these exports.
    Layer { mounts: Vec<MountMessage>, imports: Vec<LayerImport>, options: BundleOptions },
    /// Say what the package that the root imports by this name is made of.
    Inspect { mounts: Vec<MountMessage>, name: String },
    /// Link the program that was found to a layer.
    Link { interface: LayerInterface, options: BundleOptions },
    /// Compile one local file on its own.
    Transform { path: String, options: BundleOptions },
}

/// A package's place.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct MountMessage {
    pub(crate) path: String,
    pub(crate) package_id: String,
    /// Which of the descriptors that were sent.
    pub(crate) image: usize,
}

/// What a worker answers.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Reply {
    /// It must know these local files first.
    Lacking(Vec<String>),
    Scanned(Scan),
    /// It has done what it was asked to.
    Warm,
    /// It lacks more local files than `files`.
    LackingTooMany {
        measured: u64,
    },
    /// There are more than `imports`.
    TooManyImports {
        measured: u64,
    },
    Inspected(Inspection),
    /// The packages that came are mapped.
    Mapped,
    /// The bytes are the code, then the map.
    Bundled {
        /// Without its texts.
        bundle: Bundle,
        code_bytes: usize,
        /// A layer's.
        exports: Vec<Option<BTreeSet<String>>>,
    },
    /// The bytes are the code, then the map.
    Transformed {
        code_bytes: usize,
        warnings: Vec<Diagnostic>,
    },
    /// The program must be bundled as a whole, and why.
    Unlinkable(String),
    /// The program is wrong.
    Wrong(Vec<Diagnostic>),
    /// The output is larger than `output_bytes`.
    OutputTooLarge {
        measured: u64,
    },
    /// The request makes no sense.
    Confused(String),
}

fn invalid(detail: impl Into<String>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, detail.into())
}

/// The header and the JSON of a frame.
fn head(message: &impl Serialize, bytes: usize) -> io::Result<Vec<u8>> {
    let mut frame = vec![0; HEADER];
    serde_json::to_writer(&mut frame, message)?;
    let json = frame.len() - HEADER;
    let length = |value: usize| u32::try_from(value).map_err(|_| invalid("a frame is too large"));
    if json > MESSAGE_BYTES {
        return Err(invalid("a message is too large"));
    }
    frame[..4].copy_from_slice(&length(json)?.to_le_bytes());
    frame[4..HEADER].copy_from_slice(&length(bytes)?.to_le_bytes());
    Ok(frame)
}

fn lengths(header: [u8; HEADER], most_bytes: u64) -> io::Result<(usize, usize)> {
    let [a, b, c, d, e, f, g, h] = header;
    let json = u32::from_le_bytes([a, b, c, d]) as usize;
    let bytes = u32::from_le_bytes([e, f, g, h]) as usize;
    if json > MESSAGE_BYTES || bytes as u64 > most_bytes {
        return Err(invalid("a frame is larger than was agreed"));
    }
    Ok((json, bytes))
}

fn parse<T: DeserializeOwned>(json: &[u8]) -> io::Result<T> {
    serde_json::from_slice(json).map_err(|error| invalid(error.to_string()))
}

/// The owner's end.
#[derive(Debug)]
pub(crate) struct OwnerEnd(tokio::net::UnixStream);

impl OwnerEnd {
    pub(crate) fn new(socket: UnixStream) -> io::Result<Self> {
        socket.set_nonblocking(true)?;
        Ok(Self(tokio::net::UnixStream::from_std(socket)?))
    }

    /// Sends a request and the bytes that belong to it.
    pub(crate) async fn send(&mut self, request: &Request, bytes: &[u8]) -> io::Result<()> {
        self.0.write_all(&head(request, bytes.len())?).await?;
        self.0.write_all(bytes).await
    }

    /// Sends a request and at most [`DESCRIPTORS`] descriptors.
    pub(crate) async fn send_descriptors(&mut self, request: &Request, fds: &[BorrowedFd<'_>]) -> io::Result<()> {
        let frame = head(request, 0)?;
        let sent = self
            .0
            .async_io(Interest::WRITABLE, || {
                let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(DESCRIPTORS))];
                let mut control = SendAncillaryBuffer::new(&mut space);
                if !control.push(SendAncillaryMessage::ScmRights(fds)) {
                    return Err(invalid("too many descriptors for one message"));
                }
                Ok(sendmsg(&self.0, &[IoSlice::new(&frame)], &mut control, SendFlags::NOSIGNAL)?)
            })
            .await?;
        self.0.write_all(frame.get(sent..).unwrap_or_default()).await
    }

    /// Receives a reply and its bytes, of which there may be so many.
    pub(crate) async fn receive(&mut self, most_bytes: u64) -> io::Result<(Reply, Vec<u8>)> {
        let mut header = [0; HEADER];
        self.0.read_exact(&mut header).await?;
        let (json_length, length) = lengths(header, most_bytes)?;
        let mut json = vec![0; json_length];
        self.0.read_exact(&mut json).await?;
        let mut bytes = vec![0; length];
        self.0.read_exact(&mut bytes).await?;
        Ok((parse(&json)?, bytes))
    }
}

/// The worker's end, which blocks.
#[derive(Debug)]
pub(crate) struct WorkerEnd {
    socket: UnixStream,
    received: VecDeque<u8>,
    descriptors: VecDeque<OwnedFd>,
}

impl WorkerEnd {
    pub(crate) fn new(socket: UnixStream) -> Self {
        Self { socket, received: VecDeque::new(), descriptors: VecDeque::new() }
    }

    /// Sends a reply and the parts that its bytes are made of.
    pub(crate) fn send(&mut self, reply: &Reply, parts: &[&[u8]]) -> io::Result<()> {
        self.socket.write_all(&head(reply, parts.iter().map(|part| part.len()).sum())?)?;
        for part in parts {
            self.socket.write_all(part)?;
        }
        Ok(())
    }

    /// Receives a request and its bytes; `None` when the owner is gone.
    pub(crate) fn receive(&mut self, most_bytes: u64) -> io::Result<Option<(Request, Vec<u8>)>> {
        if self.received.is_empty() && self.fill()? == 0 {
            return Ok(None);
        }
        let header = self.take(HEADER)?;
        let header = header.try_into().map_err(|_| invalid("a frame without a header"))?;
        let (json, bytes) = lengths(header, most_bytes)?;
        let json = self.take(json)?;
        let bytes = self.take(bytes)?;
        Ok(Some((parse(&json)?, bytes)))
    }

    /// The descriptors that came with the last frame. Nothing else may be on its way: they can arrive early, but they
    /// are never late.
    pub(crate) fn descriptors(&mut self) -> Vec<OwnedFd> {
        self.descriptors.drain(..).collect()
    }

    fn take(&mut self, length: usize) -> io::Result<Vec<u8>> {
        while self.received.len() < length {
            if self.fill()? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        Ok(self.received.drain(..length).collect())
    }

    fn fill(&mut self) -> io::Result<usize> {
        let mut buffer = [0; 1 << 16];
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(DESCRIPTORS))];
        let mut control = RecvAncillaryBuffer::new(&mut space);
        let length = loop {
            let mut parts = [IoSliceMut::new(&mut buffer)];
            match recvmsg(&self.socket, &mut parts, &mut control, CLOSE_ON_EXEC) {
                Ok(message) => break message.bytes,
                Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        };
        for message in control.drain() {
            if let RecvAncillaryMessage::ScmRights(fds) = message {
                self.descriptors.extend(fds);
            }
        }
        self.received.extend(&buffer[..length]);
        Ok(length)
    }
}

#[cfg(test)]
mod tests {
    use std::{
        fs::File,
        io::{Read, Seek},
        os::fd::AsFd,
    };

    use super::*;

    #[tokio::test]
    async fn requests_and_descriptors_arrive() {
        let (ours, theirs) = UnixStream::pair().unwrap();
        let mut owner = OwnerEnd::new(ours).unwrap();
        let worker = std::thread::spawn(move || {
            let mut end = WorkerEnd::new(theirs);
            let mut seen = Vec::new();
            while let Some((request, bytes)) = end.receive(1 << 20).unwrap() {
                for descriptor in end.descriptors() {
                    let mut text = String::new();
                    let mut file = File::from(descriptor);
                    file.rewind().unwrap();
                    file.read_to_string(&mut text).unwrap();
                    seen.push(text);
                }
                match request {
                    Request::Files(_) => {
                        seen.push(format!("{} bytes", bytes.len()));
                        end.send(&Reply::Mapped, &[]).unwrap();
                    }
                    Request::Images { count } => end.send(&Reply::Confused(count.to_string()), &[b"ab", b"c"]).unwrap(),
                    Request::Setup(_)
                    | Request::Warm
                    | Request::Scan { .. }
                    | Request::Transform { .. }
                    | Request::Bundle { .. }
                    | Request::Layer { .. }
                    | Request::Link { .. }
                    | Request::Inspect { .. } => panic!(),
                }
            }
            seen
        });
        owner.send(&Request::Files(vec![("a".to_owned(), Some(200_000))]), &vec![7; 200_000]).await.unwrap();
        assert!(matches!(owner.receive(0).await.unwrap().0, Reply::Mapped));
        let files: Vec<File> = (0..3)
            .map(|number| {
                let mut file = File::from(rustix::fs::memfd_create("test", rustix::fs::MemfdFlags::CLOEXEC).unwrap());
                write!(file, "file {number}").unwrap();
                file
            })
            .collect();
        let fds: Vec<_> = files.iter().map(AsFd::as_fd).collect();
        owner.send_descriptors(&Request::Images { count: 3 }, &fds).await.unwrap();
        let (reply, bytes) = owner.receive(3).await.unwrap();
        assert!(matches!(reply, Reply::Confused(count) if count == "3"));
        assert_eq!(bytes, b"abc");
        drop(owner);
        assert_eq!(worker.join().unwrap(), ["200000 bytes", "file 0", "file 1", "file 2"]);
    }

    #[test]
    fn frames_that_are_too_large_are_refused() {
        assert!(lengths(*b"\xff\xff\xff\xff\0\0\0\0", 10).is_err());
        assert!(lengths(*b"\0\0\0\0\x0b\0\0\0", 10).is_err());
        assert_eq!(lengths(*b"\x01\0\0\0\x0a\0\0\0", 10).unwrap(), (1, 10));
    }
}
