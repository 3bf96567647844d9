//! Systems that a mirror is for, as npm's `os` and `cpu` fields name them.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

/// Node's `process.platform`.
const SYSTEMS: [&str; 9] = ["aix", "android", "darwin", "freebsd", "linux", "netbsd", "openbsd", "sunos", "win32"];
/// Node's `process.arch`.
const PROCESSORS: [&str; 11] =
    ["arm", "arm64", "ia32", "loong64", "mips", "mipsel", "ppc", "ppc64", "riscv64", "s390x", "x64"];

/// One system: `linux-x64`. On Linux the C library is glibc.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Platform {
    pub(crate) os: &'static str,
    pub(crate) cpu: &'static str,
}

impl Platform {
    /// What programs run on.
    pub const OF_PROGRAMS: Self = Self { os: "linux", cpu: "x64" };
}

impl FromStr for Platform {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (os, cpu) = text.split_once('-').ok_or("a platform is like linux-x64, or all")?;
        if cpu.ends_with("-musl") || cpu.ends_with("-glibc") {
            return Err("a platform names no C library; all has every one of them".to_owned());
        }
        let known = |names: &[&'static str], name: &str, what: &str| {
            let found = names.iter().find(|known| **known == name).copied();
            found.ok_or_else(|| format!("{name:?} is no {what}; there are {}", names.join(", ")))
        };
        Ok(Self { os: known(&SYSTEMS, os, "system")?, cpu: known(&PROCESSORS, cpu, "processor")? })
    }
}

impl fmt::Display for Platform {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}-{}", self.os, self.cpu)
    }
}

/// The systems whose optional dependencies belong into a mirror.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Platforms {
    /// Every system's, of every C library.
    All,
    /// These systems'.
    These(BTreeSet<Platform>),
}

impl Platforms {
    /// The reverse of [`Platforms::names`].
    pub(crate) fn of_names(names: &[String]) -> Result<Self, String> {
        match names {
            [all] if all == "all" => Ok(Self::All),
            names => Ok(Self::These(names.iter().map(|name| name.parse()).collect::<Result<_, _>>()?)),
        }
    }

    pub(crate) fn names(&self) -> Vec<String> {
        match self {
            Self::All => vec!["all".to_owned()],
            Self::These(platforms) => platforms.iter().map(ToString::to_string).collect(),
        }
    }
}
