//! One zygote as the service holds it: its control socket, the children that wait ready, and what it tells of them.

use std::collections::{HashMap, VecDeque};
use std::os::fd::{AsFd as _, OwnedFd};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use rustix::process::Signal;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::sync::oneshot;

use super::lock;
use crate::guest::EachRun;
use crate::incoming;
use crate::os::{self, Ended};
use crate::outgoing::{self, Outgoing};
use crate::process::{Ends, Process, socket_pair};
use crate::wire::{Command, Event, Kind, Load, MESSAGE_BYTES, Role, Secret, unframe};

/// A zygote. Dropped, it is told to fork no more; it ends after its last child.
#[derive(Debug)]
pub(crate) struct Zygote {
    link: Arc<Link>,
    ids: AtomicU64,
    born: Instant,
    ready: Mutex<VecDeque<Process>>,
    /// What it had allocated when it could fork, in bytes, as its children need to know.
    data_bytes: u64,
    /// What it has to itself, in bytes.
    private_bytes: u64,
}

/// What the handle and the task that listens share.
#[derive(Debug)]
struct Link {
    control: AsyncFd<OwnedFd>,
    secret: Secret,
    is_alive: AtomicBool,
    waiting: Mutex<Waiting>,
}

/// Who waits for what the zygote tells.
#[derive(Debug, Default)]
struct Waiting {
    ready: Option<oneshot::Sender<Ready>>,
    forked: HashMap<u64, oneshot::Sender<Result<OwnedFd, String>>>,
    ended: HashMap<u64, oneshot::Sender<Ended>>,
}

/// Bytes of a code cache: some times those of the code.
const CODE_CACHE_BYTES: usize = 128 << 20;

/// That it can fork, or why not; and a handle on its process if it is not the one that was started.
type Ready = (Option<EachRun>, Option<OwnedFd>);

/// How making a zygote ended.
pub(crate) enum Made {
    /// It can fork.
    Zygote(Arc<Zygote>),
    /// What it was to evaluate has to be evaluated in each run.
    EachRun(EachRun),
}

impl Zygote {
    /// Takes up a process that has been started or forked, and waits until it can fork. Dropping the future ends it.
    pub(super) async fn take(
        control: OwnedFd,
        handle: OwnedFd,
        secret: Secret,
        within: Duration,
    ) -> std::io::Result<Made> {
        rustix::io::ioctl_fionbio(&control, true)?;
        Self::wait(Link::new(control, secret)?, handle, within).await
    }

    async fn wait(link: Arc<Link>, handle: OwnedFd, within: Duration) -> std::io::Result<Made> {
        let mut unfinished = KillUnfinished(Some(handle));
        let (ready, told) = oneshot::channel();
        link.lock().ready = Some(ready);
        tokio::spawn(Link::listen(link.clone()));
        let mut process = None;
        let told = match tokio::time::timeout(within, told).await {
            Ok(Ok((None, own))) => {
                process = own;
                None
            }
            Ok(Ok((Some(reason), _))) => Some(reason),
            Ok(Err(_)) => Some(EachRun::Ended { detail: "it ended while it was evaluated".to_owned() }),
            Err(_) => Some(EachRun::Deadline),
        };
        if let Some(reason) = told {
            return Ok(Made::EachRun(reason));
        }
        let started = unfinished.0.take();
        let pid = process.or(started).and_then(|handle| os::pid_of(handle.as_fd()));
        let pid = pid.ok_or(std::io::ErrorKind::BrokenPipe)?;
        Ok(Made::Zygote(Arc::new(Self {
            link,
            ids: AtomicU64::new(0),
            born: Instant::now(),
            ready: Mutex::default(),
            data_bytes: os::data_bytes(pid).ok_or(std::io::ErrorKind::BrokenPipe)?,
            private_bytes: os::unique_bytes(pid).unwrap_or(0),
        })))
    }

    /// Whether it can still fork, as far as is known.
    pub(crate) fn is_alive(&self) -> bool {
        self.link.is_alive.load(Ordering::Relaxed)
    }

    /// How often it has forked.
    pub(crate) fn forks(&self) -> u64 {
        self.ids.load(Ordering::Relaxed)
    }

    /// How long it can have forked for.
    pub(crate) fn age(&self) -> Duration {
        self.born.elapsed()
    }

    /// See the field.
    pub(crate) fn data_bytes(&self) -> u64 {
        self.data_bytes
    }

    /// See the field.
    pub(crate) fn private_bytes(&self) -> u64 {
        self.private_bytes
    }

    /// A child that waits ready, or one that is forked now.
    pub(crate) async fn run(&self) -> std::io::Result<Process> {
        match self.take_ready() {
            Some(process) => Ok(process),
            None => self.fork_run().await,
        }
    }

    fn take_ready(&self) -> Option<Process> {
        lock(&self.ready).pop_front()
    }

    /// Forks until so many children wait ready.
    pub(crate) async fn stand_by(&self, children: usize) -> std::io::Result<()> {
        while lock(&self.ready).len() < children && self.is_alive() {
            let process = self.fork_run().await?;
            lock(&self.ready).push_back(process);
        }
        Ok(())
    }

    /// Lets the children go that wait ready.
    pub(crate) fn stand_down(&self) {
        lock(&self.ready).clear();
    }

    async fn fork_run(&self) -> std::io::Result<Process> {
        let (ends, [socket, output, errors]) = Ends::pair()?;
        let descriptors = [socket.as_fd(), output.as_fd(), errors.as_fd()];
        let (handle, ended) = self.fork(Role::Run, &descriptors).await?;
        Process::forked(handle, ended, ends)
    }

    /// A zygote below this one, that evaluates what is sent.
    pub(crate) async fn fork_zygote(
        &self,
        load: Load,
        outgoing: Outgoing<'_>,
        within: Duration,
    ) -> std::io::Result<Made> {
        let (ours, theirs) = socket_pair()?;
        let secret = load.secret;
        let (handle, _ended) = self.fork(Role::Zygote, &[theirs.as_fd()]).await?;
        drop(theirs);
        rustix::io::ioctl_fionbio(&ours, true)?;
        let link = Link::new(ours, secret)?;
        let load = Load { parcel: outgoing.parcel.clone(), data_bytes: self.data_bytes, ..load };
        outgoing.send(&link.control, &serde_json::to_vec(&load)?).await?;
        Self::wait(link, handle, within).await
    }

    /// What V8 keeps of compiling the layer that is sent.
    pub(crate) async fn compile(&self, load: Load, outgoing: Outgoing<'_>) -> std::io::Result<Vec<u8>> {
        let (ours, theirs) = socket_pair()?;
        let (handle, _ended) = self.fork(Role::Compiler, &[theirs.as_fd()]).await?;
        drop(theirs);
        let _unfinished = KillUnfinished(Some(handle));
        rustix::io::ioctl_fionbio(&ours, true)?;
        let socket = os::watch(ours)?;
        let load = Load { parcel: outgoing.parcel.clone(), ..load };
        outgoing.send(&socket, &serde_json::to_vec(&load)?).await?;
        let mut cache = Vec::new();
        let mut buffer = vec![0; MESSAGE_BYTES];
        loop {
            let (bytes, _) =
                socket.async_io(Interest::READABLE, |socket| incoming::receive(socket, &mut buffer)).await?;
            match unframe(&buffer[..bytes], &load.secret) {
                Some((Kind::BodyPart, part)) if cache.len() < CODE_CACHE_BYTES => cache.extend_from_slice(part),
                Some((Kind::Answer, _)) => return Ok(cache),
                _ => return Err(std::io::ErrorKind::InvalidData.into()),
            }
        }
    }

    async fn fork(
        &self,
        role: Role,
        descriptors: &[std::os::fd::BorrowedFd<'_>],
    ) -> std::io::Result<(OwnedFd, oneshot::Receiver<Ended>)> {
        let id = self.ids.fetch_add(1, Ordering::Relaxed);
        let (forked, handle) = oneshot::channel();
        let (told, ended) = oneshot::channel();
        {
            let mut waiting = self.link.lock();
            if !self.is_alive() {
                return Err(std::io::ErrorKind::BrokenPipe.into());
            }
            waiting.forked.insert(id, forked);
            waiting.ended.insert(id, told);
        }
        let command = serde_json::to_vec(&Command::Fork { id, role })?;
        outgoing::send_with(&self.link.control, &command, descriptors).await?;
        match handle.await {
            Ok(Ok(handle)) => Ok((handle, ended)),
            Ok(Err(detail)) => Err(std::io::Error::other(detail)),
            Err(_) => Err(std::io::ErrorKind::BrokenPipe.into()),
        }
    }
}

impl Drop for Zygote {
    fn drop(&mut self) {
        self.stand_down();
        if let Ok(command) = serde_json::to_vec(&Command::Retire) {
            let _ = rustix::net::send(self.link.control.get_ref(), &command, rustix::net::SendFlags::NOSIGNAL);
        }
    }
}

/// Ends a zygote that nobody waits for any more.
struct KillUnfinished(Option<OwnedFd>);

impl Drop for KillUnfinished {
    fn drop(&mut self) {
        if let Some(handle) = &self.0 {
            let _ = rustix::process::pidfd_send_signal(handle, Signal::KILL);
        }
    }
}

impl Link {
    fn new(control: OwnedFd, secret: Secret) -> std::io::Result<Arc<Self>> {
        Ok(Arc::new(Self {
            control: os::watch(control)?,
            secret,
            is_alive: AtomicBool::new(true),
            waiting: Mutex::default(),
        }))
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        lock(&self.waiting)
    }

    /// Hands on what the zygote tells, until it ends.
    async fn listen(self: Arc<Self>) {
        let mut buffer = vec![0; MESSAGE_BYTES];
        loop {
            let received =
                self.control.async_io(Interest::READABLE, |socket| incoming::receive(socket, &mut buffer)).await;
            let Ok((bytes, descriptors)) = received else { break };
            if bytes == 0 {
                break;
            }
            if let Some(event) = incoming::event(&buffer[..bytes], &self.secret) {
                self.hear(event, descriptors);
            }
        }
        let mut waiting = self.lock();
        self.is_alive.store(false, Ordering::Relaxed);
        // Whoever waits hears that nothing comes any more.
        *waiting = Waiting::default();
    }

    fn hear(&self, event: Event, descriptors: Vec<OwnedFd>) {
        let mut waiting = self.lock();
        match event {
            Event::Ready { each_run } => {
                if let Some(ready) = waiting.ready.take() {
                    let _ = ready.send((each_run, descriptors.into_iter().next()));
                }
            }
            Event::Forked { id } => {
                let handle = descriptors.into_iter().next().ok_or_else(|| "no pidfd came with it".to_owned());
                if let Some(forked) = waiting.forked.remove(&id)
                    && let Err(Ok(handle)) = forked.send(handle)
                {
                    // Nobody wants the child any more.
                    drop(KillUnfinished(Some(handle)));
                }
            }
            Event::NotForked { id, detail } => {
                waiting.ended.remove(&id);
                if let Some(forked) = waiting.forked.remove(&id) {
                    let _ = forked.send(Err(detail));
                }
            }
            Event::Ended { id, ended } => {
                if let Some(told) = waiting.ended.remove(&id) {
                    let _ = told.send(ended);
                }
            }
        }
    }
}
