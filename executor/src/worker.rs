//! The service's side of a run: sends the program, keeps the clocks, collects what is said, and decides how it ended.

use std::os::fd::AsFd as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::io::Errno;
use rustix::net::RecvFlags;
use tokio::io::{AsyncReadExt as _, Interest};
use tokio::net::unix::pipe;

pub use crate::process::WorkerCommand;

use crate::error::Error;
use crate::limits::Limits;
use crate::log_room::LogRoom;
use crate::os::Ended;
use crate::outcome::{Evaluation, Exceeded, Level, LimitKind, LogLine, Outcome, Report, Response, Usage};
use crate::outgoing::Outgoing;
use crate::process::Process;
use crate::program::Program;
use crate::wire::{self, Answer, Kind, MESSAGE_BYTES, Secret, Start, level_from_byte, unframe};
use crate::zygotes::{Evaluated, Place, ZygoteLimits, Zygotes};

/// How often the processor time of a run is looked at. What it may exceed its limit by.
const CPU_INTERVAL: Duration = Duration::from_millis(20);

/// How much later than a run's own watchdog the service ends it.
const HARD_STOP: Duration = Duration::from_millis(250);

/// Runs programs, each in a process of its own.
#[derive(Clone, Debug)]
pub struct Executor {
    way: Way,
}

#[derive(Clone, Debug)]
enum Way {
    /// A process is started for each run.
    Alone(WorkerCommand),
    /// A run is a fork.
    Forked(Arc<Zygotes>),
}

/// Why the service stopped listening to a run.
enum Stop {
    /// The run has answered.
    Answered(Answer),
    /// The process or its socket is gone.
    Gone,
    /// The service ended it.
    Exceeded(Exceeded),
    /// It has stopped itself at a limit; where it stood.
    Stopped(Exceeded, Option<String>),
}

impl Executor {
    /// An executor that starts a process for each run, by a command that leads to [`crate::worker_main`].
    pub fn new(command: WorkerCommand) -> Self {
        Self { way: Way::Alone(command) }
    }

    /// An executor whose runs are forked from processes that have evaluated what they share, started by a command that leads
    /// to [`crate::zygote_main`].
    ///
    /// # Errors
    ///
    /// When no thread can be started.
    pub fn with_zygotes(command: WorkerCommand, limits: ZygoteLimits) -> Result<Self, Error> {
        let zygotes = Zygotes::new(command, limits).map_err(Error::Worker)?;
        Ok(Self { way: Way::Forked(Arc::new(zygotes)) })
    }

    /// Makes ready what does not depend on a program.
    ///
    /// # Errors
    ///
    /// When the first zygote does not start.
    pub async fn prepare(&self) -> Result<(), Error> {
        match &self.way {
            Way::Alone(_) => Ok(()),
            Way::Forked(zygotes) => zygotes.prepare().await,
        }
    }

    /// Runs `program` to its end, or to its limits' end. Dropping the future kills the process.
    ///
    /// # Errors
    ///
    /// Only for what is not the program's doing: [`Error`].
    pub async fn run(&self, program: &Program, limits: &Limits) -> Result<Report, Error> {
        Ok(self.hold(program, limits).await?.0)
    }

    /// As [`Executor::run`], but the process lives on, without being listened to, until what comes with the report is
    /// dropped. For measurements.
    ///
    /// # Errors
    ///
    /// As [`Executor::run`].
    pub async fn hold(&self, program: &Program, limits: &Limits) -> Result<(Report, Held), Error> {
        if let Some(bytes) = program.input.as_ref().map(String::len).filter(|bytes| *bytes > limits.input_bytes) {
            return Err(Error::InputTooLarge { bytes, limit: limits.input_bytes });
        }
        let bytes = program.bytes();
        if bytes > limits.program_bytes {
            return Err(Error::ProgramTooLarge { bytes, limit: limits.program_bytes });
        }
        let started = Instant::now();
        let secret = wire::draw_secret().map_err(Error::Worker)?;
        let Placed { mut process, told, evaluation } = self.place(program).await?;
        process.begin();
        let mut transcript = Transcript::new(started, limits);
        let stop = tokio::select! {
            biased;
            stop = async {
                match send_program(&process, &told, secret, program, limits).await {
                    Ok(()) => converse(&mut process, &secret, limits, &mut transcript).await,
                    // It may have ended for a reason that it has said.
                    Err(_) => Stop::Gone,
                }
            } => stop,
            () = tokio::time::sleep(limits.wall + HARD_STOP) => Stop::Exceeded(wall_exceeded(limits, started)),
        };
        let wall = started.elapsed();
        // What the process says of itself comes after these.
        let (cpu, private_bytes) = (process.cpu_time(), process.private_bytes());
        let peak_resident_bytes = process.peak_resident_bytes().unwrap_or_default();
        let (stop, ended) = match stop {
            Stop::Answered(Answer::Stopped { stack }) => (stopped(cpu, limits, started, stack), None),
            Stop::Answered(_) | Stop::Stopped(..) => (stop, None),
            Stop::Gone | Stop::Exceeded(_) => {
                let ended = process.end().await.map_err(Error::Worker)?;
                let said = matches!(stop, Stop::Gone).then(|| transcript.drain_socket(&process, &secret)).flatten();
                (said.map_or(stop, Stop::Answered), Some(ended))
            }
        };
        transcript.drain_streams(&mut process);
        let usage = Usage {
            cpu: ended.map(|ended| ended.cpu).max(cpu).unwrap_or_default(),
            wall,
            peak_resident_bytes: ended.map_or(peak_resident_bytes, |ended| ended.peak_resident_bytes),
            peak_heap_bytes: transcript.peak_heap_bytes,
            private_bytes,
        };
        let outcome = transcript.outcome(stop, ended.unwrap_or_default(), limits)?;
        let report =
            Report { outcome, logs: transcript.lines, logs_truncated: transcript.truncated, usage, evaluation };
        Ok((report, Held { _process: process }))
    }

    async fn place(&self, program: &Program) -> Result<Placed, Error> {
        match &self.way {
            Way::Alone(command) => Ok(Placed {
                process: Process::start(command)?,
                told: Told { level: Evaluated::Nothing, data_bytes: None, code_cache: None },
                evaluation: Evaluation::EachRun { reason: None },
            }),
            Way::Forked(zygotes) => {
                let Place { process, level, data_bytes, each_run, code_cache } = zygotes.place(program).await?;
                let evaluation = match level {
                    Evaluated::Program => Evaluation::Program,
                    Evaluated::Layer => Evaluation::Layer { reason: each_run },
                    Evaluated::Nothing => Evaluation::EachRun { reason: each_run },
                };
                let told = Told { level, data_bytes: Some(data_bytes), code_cache };
                Ok(Placed { process, told, evaluation })
            }
        }
    }
}

/// A process for a run, and what it has done already.
struct Placed {
    process: Process,
    told: Told,
    evaluation: Evaluation,
}

/// What a process knows of its program before it is sent anything, and what helps it with the rest.
struct Told {
    level: Evaluated,
    data_bytes: Option<u64>,
    code_cache: Option<Arc<Vec<u8>>>,
}

/// A run's process that lives on.
#[derive(Debug)]
pub struct Held {
    _process: Process,
}

fn wall_exceeded(limits: &Limits, started: Instant) -> Exceeded {
    Exceeded { which: LimitKind::Wall, limit: millis(limits.wall), measured: millis(started.elapsed()) }
}

/// Which limit a run has stopped at by itself, by the service's own clocks.
fn stopped(cpu: Option<Duration>, limits: &Limits, started: Instant, stack: Option<String>) -> Stop {
    match cpu.filter(|cpu| *cpu >= limits.cpu) {
        Some(cpu) => {
            Stop::Stopped(Exceeded { which: LimitKind::Cpu, limit: millis(limits.cpu), measured: millis(cpu) }, stack)
        }
        None if started.elapsed() >= limits.wall => Stop::Stopped(wall_exceeded(limits, started), stack),
        None => Stop::Gone,
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// Listens until there is an answer or a reason to stop.
async fn converse(process: &mut Process, secret: &Secret, limits: &Limits, transcript: &mut Transcript) -> Stop {
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
                if let Some(used) = process.cpu_time().filter(|used| *used > limits.cpu + HARD_STOP) {
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

/// Sends what the process has not been told before.
async fn send_program(
    process: &Process,
    told: &Told,
    secret: Secret,
    program: &Program,
    limits: &Limits,
) -> std::io::Result<()> {
    let layer = program.layer.as_deref();
    let (files, layer, module) = match told.level {
        Evaluated::Nothing => (Some(&program.files), layer, Some(&*program.module)),
        Evaluated::Layer => (program.files_beside_layer(), None, Some(&*program.module)),
        Evaluated::Program => (None, None, None),
    };
    let mut outgoing = Outgoing::new(&program.name, files)?
        .program(module)
        .layer(layer.map(|layer| &layer.module), told.code_cache.as_ref().map(|cache| cache.as_slice()))
        .input(program.input.as_deref(), program.codec);
    let parcel = std::mem::take(&mut outgoing.parcel);
    let first = serde_json::to_vec(&Start::new(secret, parcel, told.data_bytes, limits))?;
    outgoing.send(&process.socket, &first).await
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
            Kind::Event => None,
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

    fn outcome(&mut self, stop: Stop, ended: Ended, limits: &Limits) -> Result<Outcome, Error> {
        Ok(match stop {
            Stop::Exceeded(exceeded) => Outcome::Limit { exceeded, stack: None },
            Stop::Stopped(exceeded, stack) => Outcome::Limit { exceeded, stack },
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
            // Without a limit that the service knows of.
            Stop::Answered(Answer::Stopped { .. }) | Stop::Gone => self.unexplained(&ended, limits),
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
