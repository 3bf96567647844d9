//! The two filters of system calls, made into programs for the kernel [seccompiler].
//!
//! A zygote enters its own; each run adds the second one. They are made once, in the zygote, so that a run pays for nothing
//! but handing its program to the kernel. That takes the longer the longer the program is, so a zygote's run adds only what
//! refuses the difference: what is left is the same. A filter answers what it refuses with one error number, so a small one
//! stands beside them for the one call that is answered differently. Filters are never taken off, and every process and thread
//! that is made later has those of its maker.

use std::collections::BTreeMap;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen as Width, SeccompCmpOp as Compare, SeccompCondition, SeccompFilter,
    SeccompRule, TargetArch,
};

use super::calls::{BOTH, Call, Condition, OLDER, RUN, ZYGOTE};
use crate::error::Error;

/// The programs, whole.
struct Programs {
    no_clone3: BpfProgram,
    zygote: BpfProgram,
    /// For a run that no zygote has forked.
    run: BpfProgram,
    /// For a run that has its zygote's filter.
    difference: BpfProgram,
}

static PROGRAMS: OnceLock<Programs> = OnceLock::new();

/// Whether this process has a zygote's filter, by itself or from its parent.
static IS_ZYGOTE: AtomicBool = AtomicBool::new(false);

/// Makes the programs.
#[cfg(test)]
pub(super) fn prepare() -> Result<(), Error> {
    programs().map(|_| ())
}

/// Filters the whole process as a zygote.
pub(super) fn enter_zygote() -> Result<(), Error> {
    let programs = programs()?;
    install(&programs.no_clone3)?;
    install(&programs.zygote)?;
    IS_ZYGOTE.store(true, Ordering::Relaxed);
    Ok(())
}

/// Filters the whole process as a run.
pub(super) fn enter_run() -> Result<(), Error> {
    let programs = programs()?;
    if IS_ZYGOTE.load(Ordering::Relaxed) {
        return install(&programs.difference);
    }
    install(&programs.no_clone3)?;
    install(&programs.run)
}

/// Every thread of the process has it afterwards: one that stood aside could be made to act for the others.
fn install(program: &BpfProgram) -> Result<(), Error> {
    seccompiler::apply_filter_all_threads(program).map_err(failed)
}

fn programs() -> Result<&'static Programs, Error> {
    if let Some(programs) = PROGRAMS.get() {
        return Ok(programs);
    }
    let made = Programs {
        no_clone3: refuse_clone3().map_err(failed)?,
        zygote: allow([BOTH, OLDER, ZYGOTE]).map_err(failed)?,
        run: allow([BOTH, OLDER, RUN]).map_err(failed)?,
        difference: refuse_difference().map_err(failed)?,
    };
    Ok(PROGRAMS.get_or_init(|| made))
}

fn failed(error: impl Into<seccompiler::Error>) -> Error {
    Error::Sandbox(format!("seccomp: {}", error.into()))
}

/// `clone3` passes its flags by reference, where no filter can look: it is answered as if the kernel had none, and glibc
/// goes on with `clone`.
fn refuse_clone3() -> Result<BpfProgram, seccompiler::BackendError> {
    let absent = SeccompAction::Errno(libc::ENOSYS as u32);
    let rules = BTreeMap::from([(libc::SYS_clone3, Vec::new())]);
    SeccompFilter::new(rules, SeccompAction::Allow, absent, architecture()?)?.try_into()
}

/// An error, not the process's end, for what is refused: the engine, tokio and glibc probe for what a kernel can do.
fn allow(lists: [&[Call]; 3]) -> Result<BpfProgram, seccompiler::BackendError> {
    let refused = SeccompAction::Errno(libc::EPERM as u32);
    let mut rules = BTreeMap::new();
    for call in lists.into_iter().flatten() {
        let sets = call.when.iter().map(|set| SeccompRule::new(conditions(set)?)).collect::<Result<_, _>>()?;
        rules.insert(call.number, sets);
    }
    SeccompFilter::new(rules, refused, SeccompAction::Allow, architecture()?)?.try_into()
}

/// What zygotes may do and runs may not.
fn refuse_difference() -> Result<BpfProgram, seccompiler::BackendError> {
    let refused = SeccompAction::Errno(libc::EPERM as u32);
    let mut rules = BTreeMap::new();
    for call in ZYGOTE {
        let kept = RUN.iter().find(|kept| kept.number == call.number).map_or(NEVER, |kept| kept.when);
        let lost = call.when.iter().filter(|set| !kept.contains(set));
        let sets = lost.map(|set| SeccompRule::new(conditions(set)?)).collect::<Result<_, _>>()?;
        rules.insert(call.number, sets);
    }
    SeccompFilter::new(rules, SeccompAction::Allow, refused, architecture()?)?.try_into()
}

const NEVER: &[&[Condition]] = &[];

fn conditions(set: &[Condition]) -> Result<Vec<SeccompCondition>, seccompiler::BackendError> {
    let condition = |condition: &Condition| match *condition {
        Condition::Is(argument, value) => SeccompCondition::new(argument, Width::Dword, Compare::Eq, value.into()),
        Condition::IsNot(argument, value) => SeccompCondition::new(argument, Width::Dword, Compare::Ne, value.into()),
        Condition::Below(argument, value) => SeccompCondition::new(argument, Width::Dword, Compare::Lt, value.into()),
        Condition::IsWhole(argument, value) => SeccompCondition::new(argument, Width::Qword, Compare::Eq, value),
        Condition::Bits(argument, mask, value) => {
            SeccompCondition::new(argument, Width::Dword, Compare::MaskedEq(mask.into()), value.into())
        }
    };
    set.iter().map(condition).collect()
}

fn architecture() -> Result<TargetArch, seccompiler::BackendError> {
    std::env::consts::ARCH.try_into()
}
