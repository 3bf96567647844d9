//! The service's side of a run: sends the program, keeps the clocks, collects what is said, and decides how it ended.

use std::io::IoSlice;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};
use std::time::{Duration, Instant};

use rustix::io::Errno;
use rustix::net::{RecvFlags, SendAncillaryBuffer, SendAncillaryMessage, SendFlags};
use tokio::io::{AsyncReadExt as _, Interest};
use tokio::net::unix::pipe;

pub use crate::process::WorkerCommand;

use crate::error::Error;
use crate::limits::Limits;
use crate::log_room::LogRoom;
use crate::os::Ended;
use crate::outcome::{Exceeded, Level, LimitKind, LogLine, Outcome, Report, Response, Usage};
use crate::process::Process;
use crate::program::Program;
use crate::wire::{Answer, DESCRIPTORS, Images, Kind, MESSAGE_BYTES, Secret, Start, level_from_byte, parts, unframe};

/// How often the processor time of a run is looked at. What it may exceed its limit by.
const CPU_INTERVAL: Duration = Duration::from_millis(20);

/// How long to wait where the system has too many descriptors on their way. The run's own time bounds how often.
const DESCRIPTORS_WAIT: Duration = Duration::from_millis(1);

/// Runs programs, each in a process of its own.
#[derive(Clone, Debug)]
pub struct Executor {
    command: WorkerCommand,
}

/// Why the service stopped listening to a run.
enum Stop {
    /// The run has answered.
    Answered(Answer),
    /// The process or its socket is gone.
    Gone,
    /// The service ended it.
    Exceeded(Exceeded),
}

impl Executor {
    /// An executor whose workers are started by `command`.
    pub fn new(command: WorkerCommand) -> Self {
        Self { command }
    }

    /// Runs `program` to its end, or to its limits' end. Dropping the future kills the process.
    ///
    /// # Errors
    ///
    /// Only for what is not the program's doing: [`Error`].
    pub async fn run(&self, program: &Program, limits: &Limits) -> Result<Report, Error> {
        if let Some(bytes) = program.input.as_ref().map(String::len).filter(|bytes| *bytes > limits.input_bytes) {
            return Err(Error::InputTooLarge { bytes, limit: limits.input_bytes });
        }
        let bytes = parts(program).map(String::len).sum();
        if bytes > limits.program_bytes {
            return Err(Error::ProgramTooLarge { bytes, limit: limits.program_bytes });
        }
        let started = Instant::now();
        let mut secret = Secret::default();
        rustix::rand::getrandom(&mut secret, rustix::rand::GetRandomFlags::empty())
            .map_err(|error| Error::Worker(error.into()))?;
        let mut process = Process::start(&self.command)?;
        let mut transcript = Transcript::new(started, limits);
        let stop = tokio::select! {
            biased;
            stop = converse(&mut process, &secret, program, limits, &mut transcript) => stop,
            () = tokio::time::sleep(limits.wall) => Stop::Exceeded(Exceeded {
                which: LimitKind::Wall,
                limit: millis(limits.wall),
                measured: millis(started.elapsed()),
            }),
        };
        let wall = started.elapsed();
        let ended = process.kill().map_err(Error::Worker)?;
        let stop = match stop {
            Stop::Gone => transcript.drain_socket(&process, &secret).map_or(Stop::Gone, Stop::Answered),
            Stop::Answered(_) | Stop::Exceeded(_) => stop,
        };
        transcript.drain_streams(&mut process);
        let usage = Usage {
            cpu: ended.cpu,
            wall,
            peak_resident_bytes: ended.peak_resident_bytes,
            peak_heap_bytes: transcript.peak_heap_bytes,
            private_bytes: None,
        };
        let outcome = transcript.outcome(stop, &ended, limits)?;
        Ok(Report { outcome, logs: transcript.lines, logs_truncated: transcript.truncated, usage })
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// Sends the program and listens until there is an answer or a reason to stop.
async fn converse(
    process: &mut Process,
    secret: &Secret,
    program: &Program,
    limits: &Limits,
    transcript: &mut Transcript,
) -> Stop {
    if send_program(process, secret, program, limits).await.is_err() {
        // It may have ended for a reason that it has said.
        return Stop::Gone;
    }
    let mut buffer = vec![0; MESSAGE_BYTES];
    let mut output = vec![0; 8 * 1024];
    let mut errors = vec![0; 8 * 1024];
    let mut streams_open = (true, true);
    let mut clock = tokio::time::interval(CPU_INTERVAL);
    loop {
        let handle = &process.socket;
        tokio::select! {
            received = handle.async_io(Interest::READABLE, |socket| {
                Ok(rustix::net::recv(socket, &mut *buffer, RecvFlags::empty())?.0)
            }) => match received {
                Ok(0) | Err(_) => return Stop::Gone,
                Ok(bytes) => match transcript.message(&buffer[..bytes], secret) {
                    Some(Received::Answer(answer)) => return Stop::Answered(answer),
                    Some(Received::TooMuch(exceeded)) => return Stop::Exceeded(exceeded),
                    None => {}
                },
            },
            read = process.output.read(&mut output), if streams_open.0 => match read {
                Ok(0) | Err(_) => streams_open.0 = false,
                Ok(bytes) => transcript.stream(Level::Info, &output[..bytes]),
            },
            read = process.errors.read(&mut errors), if streams_open.1 => match read {
                Ok(0) | Err(_) => streams_open.1 = false,
                Ok(bytes) => transcript.stream(Level::Error, &errors[..bytes]),
            },
            _ = clock.tick() => {
                if let Some(used) = process.cpu_time().filter(|used| *used > limits.cpu) {
                    return Stop::Exceeded(Exceeded {
                        which: LimitKind::Cpu,
                        limit: millis(limits.cpu),
                        measured: millis(used),
                    });
                }
            }
        }
    }
}

async fn send_program(process: &Process, secret: &Secret, program: &Program, limits: &Limits) -> std::io::Result<()> {
    let files = Images::of(&program.files)?;
    let header = serde_json::to_vec(&Start::new(*secret, program, &files, limits))?;
    send(process, &header).await?;
    for images in files.images.chunks(DESCRIPTORS) {
        send_images(process, images).await?;
    }
    let texts = parts(program).map(String::as_bytes);
    for part in std::iter::once(files.folders.as_slice()).chain(texts) {
        for chunk in part.chunks(MESSAGE_BYTES) {
            send(process, chunk).await?;
        }
    }
    Ok(())
}

async fn send_images(process: &Process, images: &[BorrowedFd<'_>]) -> std::io::Result<()> {
    let send = |socket: &OwnedFd| {
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(DESCRIPTORS))];
        let mut control = SendAncillaryBuffer::new(&mut space);
        if !control.push(SendAncillaryMessage::ScmRights(images)) {
            return Err(std::io::ErrorKind::InvalidInput.into());
        }
        // A message without a byte would be the end of the conversation.
        Ok(rustix::net::sendmsg(socket, &[IoSlice::new(&[0])], &mut control, SendFlags::NOSIGNAL)?)
    };
    loop {
        match process.socket.async_io(Interest::WRITABLE, send).await {
            // As many descriptors are on their way, to all runs together, as one process may have; the runs take them in.
            Err(error) if error.raw_os_error() == Some(Errno::TOOMANYREFS.raw_os_error()) => {
                tokio::time::sleep(DESCRIPTORS_WAIT).await;
            }
            sent => return sent.map(|_| ()),
        }
    }
}

async fn send(process: &Process, message: &[u8]) -> std::io::Result<()> {
    let send = |socket: &OwnedFd| Ok(rustix::net::send(socket, message, SendFlags::NOSIGNAL)?);
    process.socket.async_io(Interest::WRITABLE, send).await?;
    Ok(())
}

/// What the run has said so far, bounded.
struct Transcript {
    started: Instant,
    lines: Vec<LogLine>,
    truncated: bool,
    log_room: LogRoom,
    /// A console message whose end has not come.
    message: Vec<u8>,
    /// Text of the standard streams that no line break has ended: output, errors.
    unfinished: [Vec<u8>; 2],
    body: Vec<u8>,
    body_limit: usize,
    peak_heap_bytes: Option<u64>,
}

enum Received {
    Answer(Answer),
    TooMuch(Exceeded),
}

impl Transcript {
    fn new(started: Instant, limits: &Limits) -> Self {
        Self {
            started,
            lines: Vec::new(),
            truncated: false,
            log_room: LogRoom::new(limits),
            message: Vec::new(),
            unfinished: [Vec::new(), Vec::new()],
            body: Vec::new(),
            body_limit: limits.output_bytes,
            peak_heap_bytes: None,
        }
    }

    /// Takes one message of the socket's. What is not ours is ignored.
    fn message(&mut self, message: &[u8], secret: &Secret) -> Option<Received> {
        let (kind, payload) = unframe(message, secret)?;
        match kind {
            Kind::LogPart => {
                let room = self.log_room.next().unwrap_or(0).saturating_sub(self.message.len());
                self.truncated |= payload.len() > room;
                self.message.extend_from_slice(&payload[..payload.len().min(room)]);
                None
            }
            Kind::LogEnd => {
                let (level, text) = payload.split_first()?;
                let mut whole = std::mem::take(&mut self.message);
                whole.extend_from_slice(text);
                self.line(level_from_byte(*level)?, &whole);
                None
            }
            Kind::LogTruncated => {
                self.truncated = true;
                None
            }
            Kind::BodyPart => {
                let bytes = self.body.len() + payload.len();
                if bytes > self.body_limit {
                    return Some(Received::TooMuch(Exceeded {
                        which: LimitKind::Output,
                        limit: self.body_limit as u64,
                        measured: bytes as u64,
                    }));
                }
                self.body.extend_from_slice(payload);
                None
            }
            Kind::PeakHeap => {
                self.peak_heap_bytes = Some(u64::from_le_bytes(payload.try_into().ok()?));
                None
            }
            Kind::Answer => serde_json::from_slice(payload).ok().map(Received::Answer),
        }
    }

    /// Takes bytes of a standard stream, line by line.
    fn stream(&mut self, level: Level, bytes: &[u8]) {
        let index = usize::from(level == Level::Error);
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            let text = piece.strip_suffix(b"\n").unwrap_or(piece);
            let room = self.log_room.next().unwrap_or(0).saturating_sub(self.unfinished[index].len());
            self.truncated |= text.len() > room;
            self.unfinished[index].extend_from_slice(&text[..text.len().min(room)]);
            if text.len() < piece.len() {
                let line = std::mem::take(&mut self.unfinished[index]);
                self.line(level, &line);
            }
        }
    }

    fn line(&mut self, level: Level, text: &[u8]) {
        let text = text.strip_suffix(b"\n").unwrap_or(text);
        let Some(room) = self.log_room.next() else {
            self.truncated = true;
            return;
        };
        let kept = text.len().min(room);
        self.truncated |= kept < text.len();
        self.log_room.take(kept);
        let text = String::from_utf8_lossy(&text[..kept]).into_owned();
        self.lines.push(LogLine { level, text, at_ms: millis(self.started.elapsed()) });
    }

    /// Reads what a process that has ended left in its socket.
    fn drain_socket(&mut self, process: &Process, secret: &Secret) -> Option<Answer> {
        let mut buffer = vec![0; MESSAGE_BYTES];
        loop {
            match rustix::net::recv(process.socket.get_ref().as_fd(), &mut *buffer, RecvFlags::DONTWAIT) {
                Ok((bytes, _)) if bytes > 0 => {
                    if let Some(Received::Answer(answer)) = self.message(&buffer[..bytes], secret) {
                        return Some(answer);
                    }
                }
                Err(Errno::INTR) => {}
                Ok(_) | Err(_) => return None,
            }
        }
    }

    /// Reads what a process that has ended left in its standard streams.
    fn drain_streams(&mut self, process: &mut Process) {
        let mut buffer = vec![0; 8 * 1024];
        for level in [Level::Info, Level::Error] {
            let stream: &pipe::Receiver = if level == Level::Info { &process.output } else { &process.errors };
            while let Ok(bytes) = rustix::io::read(stream.as_fd(), &mut buffer) {
                if bytes == 0 {
                    break;
                }
                self.stream(level, &buffer[..bytes]);
            }
            let last = std::mem::take(&mut self.unfinished[usize::from(level == Level::Error)]);
            if !last.is_empty() {
                self.line(level, &last);
            }
        }
    }

    fn outcome(&mut self, stop: Stop, ended: &Ended, limits: &Limits) -> Result<Outcome, Error> {
        Ok(match stop {
            Stop::Exceeded(exceeded) => Outcome::Limit { exceeded, stack: None },
            Stop::Answered(Answer::Value) => match String::from_utf8(std::mem::take(&mut self.body)) {
                Ok(text) => Outcome::Value(text),
                Err(_) => Outcome::Crashed { detail: "the answer is not text".to_string() },
            },
            Stop::Answered(Answer::Response { status, headers }) => {
                Outcome::Response(Response { status, headers, body: std::mem::take(&mut self.body) })
            }
            Stop::Answered(Answer::Threw(failure)) => Outcome::Threw(failure),
            Stop::Answered(Answer::Exited { code }) => Outcome::Exited { code },
            Stop::Answered(Answer::Unserializable { message }) => Outcome::Unserializable { message },
            Stop::Answered(Answer::NeverSettled) => Outcome::NeverSettled,
            Stop::Answered(Answer::Limit { exceeded, stack }) => Outcome::Limit { exceeded, stack },
            Stop::Answered(Answer::MalformedInput { problem }) => return Err(Error::MalformedInput { problem }),
            Stop::Gone => self.unexplained(ended, limits),
        })
    }

    /// The process has ended without an answer.
    fn unexplained(&self, ended: &Ended, limits: &Limits) -> Outcome {
        if ended.signal == Some(libc::SIGXCPU) || ended.cpu > limits.cpu {
            let (limit, measured) = (millis(limits.cpu), millis(ended.cpu));
            return Outcome::Limit { exceeded: Exceeded { which: LimitKind::Cpu, limit, measured }, stack: None };
        }
        let how = match (ended.signal, ended.code) {
            // The service's own signal: the connection was gone while the process was still there.
            (Some(libc::SIGKILL), _) => "its connection closed before it answered".to_string(),
            (Some(signal), _) => format!("signal {signal}"),
            (None, code) => format!("exit code {}", code.unwrap_or(-1)),
        };
        let said = self.lines.last().map(|line| format!(": {}", line.text)).unwrap_or_default();
        Outcome::Crashed { detail: format!("{how}{said}") }
    }
}
