//! What a process gives up before it sees anything hostile: files, the network, other processes, new privileges, and in the
//! end every system call that it does not need. Each part is used where the kernel has it; none of them alone is the wall.
//!
//! A bundler worker enters the sandbox with the filter of runs and is done. A zygote enters it in namespaces of its own and
//! adds the filter of zygotes; what it forks has all of that already, and each run adds the filter of runs. Nothing here is
//! ever given back.

mod attempts;
mod calls;
mod care;
mod filter;
mod kernel;
mod namespaces;
mod probe;
#[cfg(test)]
mod tests;

use std::fmt::Display;

use landlock::{ABI, Access, AccessFs, AccessNet, CompatLevel, Compatible, Ruleset, RulesetAttr, Scope};

pub use self::namespaces::{PidNamespace, pid_namespace};
pub use self::probe::{Observed, Stage, probe_main};
use crate::error::Error;
use crate::os;

/// The newest landlock that this code knows; older kernels are asked for what they have.
const LANDLOCK: ABI = ABI::V6;

/// Closes what this process has inherited beside its standard streams: what stood open in the command's own parent (sockets
/// above all) is not the worker's. Must be called first of all, before the process has opened anything.
///
/// # Errors
///
/// When the kernel cannot (before Linux 5.9): what is open cannot be known then.
pub fn close_inherited() -> Result<(), Error> {
    os::close_from(3).map_err(failed("close_range"))
}

/// Enters the sandbox. Must be called before the process has a second thread, and after it has opened whatever file it
/// needs: none can be opened later.
///
/// # Errors
///
/// When a part that every supported kernel has cannot be set up.
pub fn enter() -> Result<(), Error> {
    give_up(PidNamespace::Shared)
}

/// Enters the sandbox, whole, as a process that makes no other and needs nothing to start with: [`enter`] and [`enter_run`].
///
/// # Errors
///
/// When a part that every supported kernel has cannot be set up.
pub fn enter_worker() -> Result<(), Error> {
    enter()?;
    enter_run()
}

/// Enters the sandbox as the zygote that all others come from. Must be called after [`pid_namespace`], otherwise when
/// [`enter`] may be called, and before the engine starts.
///
/// # Errors
///
/// When a part that every supported kernel has cannot be set up.
pub fn enter_zygote(pids: PidNamespace) -> Result<(), Error> {
    give_up(pids)?;
    filter::enter_zygote()
}

/// Gives up, for all threads of a process that is in the sandbox, what only a zygote needs. Must be called before guest code
/// arrives. Threads can still be started.
///
/// # Errors
///
/// When the kernel refuses.
pub fn enter_run() -> Result<(), Error> {
    filter::enter_run()
}

fn give_up(pids: PidNamespace) -> Result<(), Error> {
    // Not every system lets its processes volunteer.
    let _ = care::first_to_be_killed();
    rustix::thread::set_no_new_privs(true).map_err(failed("no_new_privs"))?;
    namespaces::leave_network(pids);
    // After the namespaces, which give whoever makes them every capability in them and make it dumpable as the system likes.
    care::drop_capabilities()?;
    care::keep_memory_private()?;
    restrict().map_err(failed("landlock"))
}

fn failed<E: Display>(what: &'static str) -> impl Fn(E) -> Error {
    move |error| Error::Sandbox(format!("{what}: {error}"))
}

/// Landlock without a rule: no path, no TCP port, no signal to and no abstract socket of a process outside.
fn restrict() -> Result<(), landlock::RulesetError> {
    Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(AccessFs::from_all(LANDLOCK))?
        .handle_access(AccessNet::from_all(LANDLOCK))?
        .scope(Scope::from_all(LANDLOCK))?
        .create()?
        .restrict_self()?;
    Ok(())
}
