//! What a process gives up about itself: memory that others could look at or feel, core dumps, capabilities, its place in the
//! system when memory is short.

use std::io;

use rustix::process::{DumpableBehavior, Resource, Rlimit, Signal};
use rustix::thread::{CapabilitySet, CapabilitySets};

use super::{failed, kernel};
use crate::error::Error;

/// Makes the process, and those that come from it, the first to be killed when memory runs out. Must come before whatever
/// takes the process's own files in /proc away: namespaces, landlock, not being dumpable.
pub(super) fn first_to_be_killed() -> io::Result<()> {
    std::fs::write("/proc/self/oom_score_adj", "1000")
}

/// Nothing of it is written to a core file, read by a debugger, or laid together with another process's memory.
pub(super) fn keep_memory_private() -> Result<(), Error> {
    let none = Rlimit { current: Some(0), maximum: Some(0) };
    rustix::process::setrlimit(Resource::Core, none).map_err(failed("core limit"))?;
    rustix::process::set_dumpable_behavior(DumpableBehavior::NotDumpable).map_err(failed("not dumpable"))?;
    // A huge page would be copied whole at the first byte that a child writes.
    rustix::thread::disable_transparent_huge_pages(true).map_err(failed("huge pages"))?;
    // Kernels that know no such switch merge nothing that is not asked for.
    let _ = kernel::keep_pages_apart();
    Ok(())
}

/// Gives up every capability, those of a user namespace too, which it must have entered before.
pub(super) fn drop_capabilities() -> Result<(), Error> {
    let mut each = (0..u64::BITS).map(|number| CapabilitySet::from_bits_retain(1 << number));
    // Up to the first that the kernel does not know, or of all where the process may not: without new privileges the bounding
    // set gives nothing to anybody.
    while each.next().is_some_and(|one| rustix::thread::remove_capability_from_bounding_set(one).is_ok()) {}
    rustix::thread::clear_ambient_capability_set().map_err(failed("ambient capabilities"))?;
    let none = CapabilitySet::empty();
    let sets = CapabilitySets { effective: none, permitted: none, inheritable: none };
    rustix::thread::set_capabilities(None, sets).map_err(failed("capabilities"))
}

/// Has the process killed when its parent ends. To be asked for again after every fork and whatever changes credentials.
pub(super) fn die_with_parent() -> Result<(), Error> {
    rustix::process::set_parent_process_death_signal(Some(Signal::KILL)).map_err(failed("parent-death signal"))
}
