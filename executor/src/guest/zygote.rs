//! A process that runs no program itself: it waits to be told to fork, and reaps its children. Its first form has nothing of
//! a guest's in it; a fork of it may evaluate a layer or a program and then waits in the same way.
//!
//! It has one thread, always. What a child must not share with it is closed, replaced or renewed before anything of a guest's
//! runs in the child. Nothing of a child's comes back but how it ended.

use std::collections::HashMap;
use std::convert::Infallible;
use std::os::fd::{AsFd as _, AsRawFd as _, BorrowedFd, OwnedFd};
use std::process::ExitCode;

use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::process::{Pid, PidfdFlags, Signal};

use super::channel::{self, Received};
use super::engine::{self, Compile, Engine};
use super::parts::{Mapping, Parts};
use super::start::{NO_PROGRAM, SOCKETS, take_socket};
use super::text::SharedText;
use super::{allowance, code_cache, heap, once, run, watchdog};
use crate::file_tree::OpenImage;
use crate::os::{self, Forked};
use crate::wire::{Answer, Command, Event, HEADER_BYTES, Kind, Load, Role, Secret, Start, frame};
use crate::{incoming, outgoing, platform, sandbox};

/// The zygotes' side of [`crate::Executor`]. Its standard input is the control socket; it must be called before the process
/// has a second thread. Returns only when no zygote could be made.
///
/// `open` maps an image of a program's files.
pub fn zygote_main(open: OpenImage) -> ExitCode {
    match start(open) {
        Ok(never) => match never {},
        Err(error) => {
            eprintln!("{error}");
            ExitCode::from(NO_PROGRAM)
        }
    }
}

/// How often the base uses the platform, so that V8 has compiled, and seen the types of, what every run would begin with.
const WARM_ROUNDS: usize = 100;

type Failed = Box<dyn std::error::Error>;

fn start(open: OpenImage) -> Result<Infallible, Failed> {
    sandbox::close_inherited()?;
    let pids = sandbox::pid_namespace()?;
    let control = take_socket()?;
    let text = SharedText::find();
    sandbox::enter_zygote(pids)?;
    // Entering a namespace would have undone this.
    follow_parent(rustix::process::getppid())?;
    let tokio = engine::time_only()?;
    let mut engine = {
        let _context = tokio.enter();
        Engine::start(Compile::Eagerly, open)?
    };
    platform::renew(&mut engine.runtime);
    engine.settle_globals()?;
    for _ in 0..WARM_ROUNDS {
        engine.renew_functions()?;
        tokio.block_on(engine.warm())?;
    }
    // What is not there is not copied.
    engine.runtime.v8_isolate().low_memory_notification();
    text.share();
    // Maps again what a run takes.
    tokio.block_on(engine.warm())?;
    if tokio.metrics().num_alive_tasks() > 0 {
        return Err("the platform sends asynchronous operations when it is warmed".into());
    }
    // Its threads and timers are none; dropping it would only wake what waits for nothing.
    std::mem::forget(tokio);
    let streams = inherited_streams()?;
    let mut zygote = Zygote::new(control, Secret::default(), streams)?;
    // Who started this process may hold only the one that waits for it.
    let handle = rustix::process::pidfd_open(rustix::process::getpid(), PidfdFlags::empty())?;
    zygote.tell(&Event::Ready { each_run: None }, Some(handle.as_fd()))?;
    drop(handle);
    zygote.serve(engine)
}

/// Ends this process when its parent ends, or has ended before that could be asked for.
fn follow_parent(parent: Option<Pid>) -> std::io::Result<()> {
    rustix::process::set_parent_process_death_signal(Some(Signal::KILL))?;
    if rustix::process::getppid() != parent {
        os::exit_now(0);
    }
    Ok(())
}

/// Descriptors beside 0, 1 and 2 that are the same streams: the platform has made itself some. A child's own streams have to
/// take their places as well.
fn inherited_streams() -> std::io::Result<Vec<(i32, i32)>> {
    let identity =
        |descriptor: BorrowedFd<'_>| rustix::fs::fstat(descriptor).ok().map(|stat| (stat.st_dev, stat.st_ino));
    let streams = [rustix::stdio::stdin(), rustix::stdio::stdout(), rustix::stdio::stderr()].map(identity);
    let mut found = Vec::new();
    for number in 3..SOCKETS {
        let Some(descriptor) = os::borrow(number) else { continue };
        let Some(identity) = identity(descriptor) else { continue };
        if let Some(stream) = streams.iter().position(|stream| *stream == Some(identity)) {
            found.push((number, stream as i32));
        }
    }
    Ok(found)
}

/// The state of a zygote beside its engine.
struct Zygote {
    control: OwnedFd,
    secret: Secret,
    /// Where children's ends are told.
    signals: OwnedFd,
    streams: Vec<(i32, i32)>,
    children: HashMap<i32, u64>,
    is_retired: bool,
    /// This process, by which its children see whether it is still there.
    process: Pid,
}

impl Zygote {
    fn new(control: OwnedFd, secret: Secret, streams: Vec<(i32, i32)>) -> std::io::Result<Self> {
        let (signals, process) = (os::watch_children(SOCKETS)?, rustix::process::getpid());
        Ok(Self { control, secret, signals, streams, children: HashMap::new(), is_retired: false, process })
    }

    /// Does what it is told until it is told to retire or nobody is left to tell it anything.
    fn serve(mut self, engine: Engine) -> Result<Infallible, Failed> {
        let mut buffer = [0_u8; 512];
        heap::fill_holes();
        loop {
            if self.is_retired && self.children.is_empty() {
                os::exit_now(0);
            }
            let mut polled = [PollFd::new(&self.control, PollFlags::IN), PollFd::new(&self.signals, PollFlags::IN)];
            match rustix::event::poll(&mut polled, None) {
                Err(rustix::io::Errno::INTR) => continue,
                polled => polled?,
            };
            let [control, signals] = polled.map(|polled| polled.revents());
            if !signals.is_empty() {
                self.reap()?;
            }
            if control.is_empty() {
                continue;
            }
            let (bytes, descriptors) = incoming::receive(&self.control, &mut buffer)?;
            if bytes == 0 {
                os::exit_now(0);
            }
            match serde_json::from_slice(&buffer[..bytes])? {
                Command::Retire => self.is_retired = true,
                Command::Fork { id, role } => match os::fork() {
                    Ok(Forked::Parent(pid)) => self.tell_of(id, pid)?,
                    Ok(Forked::Child) => return self.child(engine, role, descriptors),
                    Err(error) => self.tell(&Event::NotForked { id, detail: error.to_string() }, None)?,
                },
            }
        }
    }

    fn tell_of(&mut self, id: u64, pid: i32) -> Result<(), Failed> {
        self.children.insert(pid, id);
        let pid = Pid::from_raw(pid).ok_or("fork gave no number")?;
        let handle = rustix::process::pidfd_open(pid, PidfdFlags::empty())?;
        self.tell(&Event::Forked { id }, Some(handle.as_fd()))
    }

    fn reap(&mut self) -> Result<(), Failed> {
        // What the descriptor tells is only that there is something to reap.
        let mut information = [0_u8; 1024];
        let _ = rustix::io::read(&self.signals, &mut information);
        while let Ok(Some((pid, ended))) = os::reap_any() {
            if let Some(id) = self.children.remove(&pid) {
                self.tell(&Event::Ended { id, ended }, None)?;
            }
        }
        Ok(())
    }

    fn tell(&mut self, event: &Event, descriptor: Option<BorrowedFd<'_>>) -> Result<(), Failed> {
        let text = serde_json::to_vec(event)?;
        let mut buffer = vec![0; HEADER_BYTES + text.len()];
        let message = frame(&mut buffer, &self.secret, Kind::Event, &text);
        Ok(outgoing::send_now(&self.control, message, descriptor.as_slice())?)
    }

    /// What a fork does first. Never returns but with an error.
    fn child(self, mut engine: Engine, role: Role, descriptors: Vec<OwnedFd>) -> Result<Infallible, Failed> {
        follow_parent(Some(self.process))?;
        rustix::process::setsid()?;
        os::unblock_children()?;
        let streams = self.streams.clone();
        // Closed below by number, with everything else.
        std::mem::forget(self);
        let mut descriptors = descriptors.into_iter();
        let mut next = || descriptors.next().ok_or("a descriptor is missing");
        let socket = rustix::io::fcntl_dupfd_cloexec(&next()?, SOCKETS + 50)?;
        if role == Role::Run {
            for stream in [1, 2] {
                let given = next()?;
                os::duplicate_to(given.as_fd(), stream)?;
                for (number, _) in streams.iter().filter(|(_, of)| *of == stream) {
                    os::duplicate_to(given.as_fd(), *number)?;
                }
            }
        }
        drop(descriptors);
        close_others(&streams, socket.as_raw_fd())?;
        if role == Role::Run {
            return start_run(engine, socket);
        }
        let received: Received<Load> = channel::receive(&socket, engine.open_image)?;
        if role == Role::Compiler {
            return compile(engine, socket, received);
        }
        load(&mut engine, socket, received, streams)?.serve(engine)
    }
}

/// Closes everything but the standard streams, what is the same as they, and the socket.
fn close_others(streams: &[(i32, i32)], socket: i32) -> std::io::Result<()> {
    let mut first = 3;
    let mut kept: Vec<i32> = streams.iter().map(|(number, _)| *number).chain([socket]).collect();
    kept.sort_unstable();
    for number in kept {
        os::close_between(first as u32, (number - 1) as u32)?;
        first = number + 1;
    }
    os::close_between(first as u32, u32::MAX)
}

/// Evaluates what has come, and tells whether it may be evaluated once; a zygote that may not ends here.
fn load(
    engine: &mut Engine,
    socket: OwnedFd,
    received: Received<Load>,
    streams: Vec<(i32, i32)>,
) -> Result<Zygote, Failed> {
    let Received { first: load, images, parts } = received;
    let parts = Parts::split(&load.parcel, &images, Mapping::Eager, parts)?;
    allowance::set(engine, &load)?;
    engine.renew_functions()?;
    let tokio = engine::time_only()?;
    let evaluated = once::evaluate(engine, &tokio, &load.builtins, parts, &streams);
    std::mem::forget(tokio);
    let mut zygote = Zygote::new(socket, load.secret, streams)?;
    let each_run = evaluated.err();
    let ends = each_run.is_some();
    zygote.tell(&Event::Ready { each_run }, None)?;
    if ends {
        os::exit_now(0);
    }
    Ok(zygote)
}

/// Compiles the layer that has come and sends its code cache. Nothing of it is evaluated here, nor was anything before: what V8
/// is given to read later comes from a process without guest code.
fn compile(mut engine: Engine, socket: OwnedFd, received: Received<Load>) -> Result<Infallible, Failed> {
    let Received { first: load, images, parts } = received;
    let parts = Parts::split(&load.parcel, &images, Mapping::Lazy, parts)?;
    let layer = parts.layer.ok_or("there is no layer to compile")?;
    let cache = code_cache::of_layer(&mut engine, &layer.code).ok_or("the layer cannot be compiled")?;
    let channel = channel::open(socket, load.secret);
    channel.answer(&Answer::Value, &cache)
}

/// How long a child waits before it takes it that nobody needs it soon. Where runs follow each other faster, the time is better
/// spent on them.
const IDLE: Timespec = Timespec { tv_sec: 0, tv_nsec: 5_000_000 };

/// Whether something comes within this time.
fn is_asked(socket: &OwnedFd, within: Timespec) -> std::io::Result<bool> {
    let mut polled = [PollFd::new(socket, PollFlags::IN)];
    Ok(rustix::event::poll(&mut polled, Some(&within))? > 0)
}

/// Becomes a run that waits for its program.
fn start_run(mut engine: Engine, socket: OwnedFd) -> Result<Infallible, Failed> {
    let tokio = engine::complete()?;
    platform::renew(&mut engine.runtime);
    // Its time begins with its program; what that touches is touched here.
    engine.renew_functions()?;
    sandbox::enter_run()?;
    watchdog::start(&mut engine.runtime)?;
    if !is_asked(&socket, IDLE)? {
        // There is time to have its pages copied before somebody waits for them.
        tokio.block_on(engine.warm())?;
    }
    let received: Received<Start> = channel::receive(&socket, engine.open_image)?;
    let data_bytes = received.first.data_bytes.ok_or("the service does not say what the process has allocated")?;
    run::run(engine, socket, &tokio, received, data_bytes)
}
