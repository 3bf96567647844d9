//! What a worker process gives up before it sees anything hostile: files, the network, new privileges, core dumps. Each
//! part is used where the kernel has it; none of them alone is the wall.

use landlock::{ABI, Access, AccessFs, AccessNet, CompatLevel, Compatible, Ruleset, RulesetAttr, Scope};
use rustix::process::{Resource, Rlimit};

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
    os::close_from(3).map_err(|error| Error::Sandbox(format!("close_range: {error}")))
}

/// Enters the sandbox. Must be called before the process has a second thread, and after it has opened whatever file it
/// needs: none can be opened later.
///
/// # Errors
///
/// When a part that every supported kernel has cannot be set up.
pub fn enter() -> Result<(), Error> {
    rustix::thread::set_no_new_privs(true).map_err(failed("no_new_privs"))?;
    let none = Rlimit { current: Some(0), maximum: Some(0) };
    rustix::process::setrlimit(Resource::Core, none).map_err(failed("core limit"))?;
    // Not every system lets its users have namespaces. Where it does, the process is in a network without interfaces.
    let _ = os::leave_network();
    restrict().map_err(|error| Error::Sandbox(format!("landlock: {error}")))
}

fn failed(what: &'static str) -> impl Fn(rustix::io::Errno) -> Error {
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

/// Enters the sandbox of zygotes. As [`enter`].
///
/// # Errors
///
/// As [`enter`].
pub fn enter_zygote() -> Result<(), Error> {
    enter()
}

/// Gives up what only a zygote needs, in each run's process.
///
/// # Errors
///
/// When a part that every supported kernel has cannot be set up.
pub fn enter_run() -> Result<(), Error> {
    Ok(())
}
