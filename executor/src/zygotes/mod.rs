//! The tree of zygotes: a base with the platform, below it one for each dependency layer, below that one for each program that
//! comes again. A run is a fork of the lowest that fits.
//!
//! What was evaluated in a zygote serves only programs that asked for exactly that, and one tenant. Zygotes are made when they
//! are asked for, kept by use under a budget, and replaced by age and by the number of their forks.

mod code_caches;
mod key;
mod shelf;
mod spawner;
mod zygote;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use self::code_caches::{CodeCaches, Found};
use self::key::Key;
use self::shelf::{Shelf, Slot};
use self::spawner::Spawner;
use self::zygote::{Made, Zygote};
use crate::error::Error;
use crate::guest::EachRun;
use crate::outgoing::Outgoing;
use crate::process::{Process, WorkerCommand};
use crate::program::Program;
use crate::wire::{self, Load, Secret};

/// What zygotes may use.
#[derive(Clone, Debug)]
pub struct ZygoteLimits {
    /// Children that wait ready below each zygote that has been used lately. Default 2: one is taken while the next is forked.
    pub standbys: usize,
    /// Zygotes that have children waiting. Default 8.
    pub zygotes_with_standbys: usize,
    /// Zygotes below the base. Default 128.
    pub zygotes: usize,
    /// What zygotes below the base may have to themselves together, in bytes. Default 1 GiB.
    pub memory_bytes: u64,
    /// What a zygote may allocate in V8's heap while it evaluates, and as much again in buffers, in bytes. Default 512 MiB.
    pub heap_bytes: usize,
    /// What may be written to `/tmp` meanwhile, in bytes. Default 64 MiB, as in a run.
    pub temporary_bytes: usize,
    /// How often a zygote forks before it is replaced: all its forks have the same addresses and hash seeds. Default 20,000.
    pub forks: u64,
    /// How old a zygote gets before it is replaced. Default 10 minutes.
    pub age: Duration,
    /// How long a layer or a program may take to be evaluated. Default 10 s.
    pub evaluate_within: Duration,
}

impl Default for ZygoteLimits {
    fn default() -> Self {
        Self {
            standbys: 2,
            zygotes_with_standbys: 8,
            zygotes: 128,
            memory_bytes: 1 << 30,
            heap_bytes: 512 << 20,
            temporary_bytes: 64 << 20,
            forks: 20_000,
            age: Duration::from_secs(600),
            evaluate_within: Duration::from_secs(10),
        }
    }
}

/// How long the base may take to start: some 100 ms where nothing else runs.
const BASE_WITHIN: Duration = Duration::from_secs(30);

/// How often a place is looked for again when a zygote has ended under it.
const ATTEMPTS: usize = 3;

/// What of a program has been evaluated already in the process that is to run it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Evaluated {
    /// Nothing.
    Nothing,
    /// Its layer and Node's modules.
    Layer,
    /// All of it.
    Program,
}

/// A process for a run.
pub(crate) struct Place {
    pub(crate) process: Process,
    pub(crate) level: Evaluated,
    /// See [`Zygote::data_bytes`].
    pub(crate) data_bytes: u64,
    /// Why no more of it has been.
    pub(crate) each_run: Option<EachRun>,
    /// What V8 has kept of compiling the layer, where that is evaluated in the run.
    pub(crate) code_cache: Option<Arc<Vec<u8>>>,
}

/// The tree.
#[derive(Debug)]
pub(crate) struct Zygotes {
    command: WorkerCommand,
    spawner: Spawner,
    limits: ZygoteLimits,
    base: Arc<Slot>,
    shelf: Shelf,
    code_caches: CodeCaches,
}

impl Zygotes {
    /// No zygotes yet.
    pub(crate) fn new(command: WorkerCommand, limits: ZygoteLimits) -> std::io::Result<Self> {
        let spawner = Spawner::new(command.clone())?;
        Ok(Self {
            command,
            spawner,
            base: Arc::default(),
            shelf: Shelf::default(),
            code_caches: CodeCaches::default(),
            limits,
        })
    }

    /// Makes the base, and children that wait below it.
    pub(crate) async fn prepare(self: &Arc<Self>) -> Result<(), Error> {
        let base = self.base().await?;
        base.stand_by(self.limits.standbys).await.map_err(Error::Worker)
    }

    /// A process for this program, as far along as there is one.
    pub(crate) async fn place(self: &Arc<Self>, program: &Program) -> Result<Place, Error> {
        let mut last = None;
        for _ in 0..ATTEMPTS {
            match self.try_place(program).await {
                // The zygote has ended, and nothing of the program had been sent anywhere.
                Err(Error::Worker(error)) => last = Some(error),
                placed => return placed,
            }
        }
        Err(Error::Worker(last.unwrap_or_else(|| std::io::ErrorKind::BrokenPipe.into())))
    }

    async fn try_place(self: &Arc<Self>, program: &Program) -> Result<Place, Error> {
        let whole = Key::of_program(program);
        let known = match self.shelf.ready(&whole, &self.limits) {
            Some(Ok(zygote)) => return self.fork(zygote, Evaluated::Program, None).await,
            Some(Err(reason)) => Some(reason),
            None => None,
        };
        let base = self.base().await?;
        if !Key::is_needed(program) {
            self.consider(&base, whole, program);
            return self.fork(base, Evaluated::Nothing, known).await;
        }
        let key = Key::of_layer(program);
        let slot = self.shelf.slot(&key);
        let mut is_new = false;
        let make = || {
            is_new = true;
            self.make_layer(&base, program)
        };
        let made = slot.get(&self.limits, make).await?;
        if is_new {
            self.shelf.keep_within(&self.limits);
        }
        match made {
            Ok(layer) => {
                self.consider(&layer, whole, program);
                self.fork(layer, Evaluated::Layer, known).await
            }
            Err(reason) => {
                let code_cache = self.code_cache(&base, program);
                Ok(Place { code_cache, ..self.fork(base, Evaluated::Nothing, Some(reason)).await? })
            }
        }
    }

    async fn fork(
        self: &Arc<Self>,
        zygote: Arc<Zygote>,
        level: Evaluated,
        each_run: Option<EachRun>,
    ) -> Result<Place, Error> {
        let process = zygote.run().await.map_err(Error::Worker)?;
        let place = Place { process, level, data_bytes: zygote.data_bytes(), each_run, code_cache: None };
        let zygotes = self.clone();
        tokio::spawn(async move {
            // One that has ended is made again when it is asked for.
            let _ = zygote.stand_by(zygotes.limits.standbys).await;
            zygotes.shelf.stand_down_all_but(zygotes.limits.zygotes_with_standbys);
        });
        Ok(place)
    }

    async fn base(&self) -> Result<Arc<Zygote>, Error> {
        let made = self.base.get(&self.limits, || self.start_base()).await?;
        made.map_err(|reason| Error::Worker(std::io::Error::other(reason.describe())))
    }

    async fn start_base(&self) -> Result<Made, Error> {
        let failed = |source| Error::Spawn { program: self.command.program.display().to_string(), source };
        let spawner::Spawned { control, handle, errors, mut reaper } = self.spawner.spawn().await.map_err(failed)?;
        let made = Zygote::take(control, handle, Secret::default(), BASE_WITHIN).await.map_err(failed)?;
        let Some(pid) = reaper.0.take() else { return Ok(made) };
        if let Made::EachRun(_) = made {
            // It has said why, and has ended.
            drop(crate::process::KillOnDrop(Some(pid)));
            let mut said = [0; 2048];
            let bytes = rustix::io::read(&errors, &mut said).unwrap_or(0);
            let said = String::from_utf8_lossy(&said[..bytes]).trim().to_owned();
            return Err(failed(std::io::Error::other(said)));
        }
        let reaping = std::thread::Builder::new().name("zygote".to_owned()).spawn(move || {
            // What it says when it ends badly is for whoever looks at the service.
            let mut said = std::io::BufReader::new(std::fs::File::from(errors));
            let _ = std::io::copy(&mut said, &mut std::io::stderr());
            let _ = crate::os::reap(pid);
        });
        reaping.map_err(failed)?;
        Ok(made)
    }

    async fn make_layer(&self, base: &Arc<Zygote>, program: &Program) -> Result<Made, Error> {
        let layer = program.layer.as_deref();
        let outgoing = Outgoing::new(&program.name, program.files_of_layer())
            .map_err(|error| Error::Worker(error.into()))?
            .layer(layer.map(|layer| &layer.module), None);
        base.fork_zygote(self.load(program)?, outgoing, self.limits.evaluate_within).await.map_err(Error::Worker)
    }

    /// The code cache of a program's layer, made in the background when it is first asked for.
    fn code_cache(self: &Arc<Self>, base: &Arc<Zygote>, program: &Program) -> Option<Arc<Vec<u8>>> {
        let layer = program.layer.clone()?;
        match self.code_caches.find(layer.module.hash()) {
            Found::Cache(cache) => return Some(cache),
            Found::Coming => return None,
            Found::Absent => {}
        }
        let (zygotes, base, program) = (self.clone(), base.clone(), program.clone());
        tokio::spawn(async move {
            let Ok(load) = zygotes.load(&program) else { return };
            let Ok(outgoing) = Outgoing::new(&program.name, None) else { return };
            let made = base.compile(load, outgoing.layer(Some(&layer.module), None));
            // Without it the layer is compiled in each run, as it is now.
            if let Ok(Ok(cache)) = tokio::time::timeout(zygotes.limits.evaluate_within, made).await {
                zygotes.code_caches.keep(layer.module.hash(), cache);
            }
        });
        None
    }

    fn load(&self, program: &Program) -> Result<Load, Error> {
        let secret = wire::draw_secret().map_err(Error::Worker)?;
        let builtins = Key::builtins(program);
        // What is left out is known where it is sent.
        let ZygoteLimits { heap_bytes, temporary_bytes, .. } = self.limits;
        Ok(Load { secret, builtins, heap_bytes, temporary_bytes, parcel: Default::default(), data_bytes: 0 })
    }

    /// Makes a zygote for a program that has come before, without anybody waiting for it.
    fn consider(self: &Arc<Self>, parent: &Arc<Zygote>, key: Key, program: &Program) {
        let slot = self.shelf.slot(&key);
        if !slot.is_due() {
            return;
        }
        let (zygotes, parent, program) = (self.clone(), parent.clone(), program.clone());
        tokio::spawn(async move {
            let make = || async {
                let outgoing = Outgoing::new(&program.name, program.files_beside_layer())
                    .map_err(|error| Error::Worker(error.into()))?
                    .program(Some(&program.module));
                let load = Load { builtins: Vec::new(), ..zygotes.load(&program)? };
                parent.fork_zygote(load, outgoing, zygotes.limits.evaluate_within).await.map_err(Error::Worker)
            };
            if let Ok(Ok(zygote)) = slot.get(&zygotes.limits, make).await {
                let _ = zygote.stand_by(zygotes.limits.standbys).await;
            }
            zygotes.shelf.keep_within(&zygotes.limits);
        });
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
