//! What may be typed after `hoist prewarm` and `hoist mirror`.

use std::collections::BTreeSet;
use std::path::PathBuf;

use clap::{Args, Subcommand};
use registry_cache::{MirrorKey, Platform, Platforms};

use crate::cli::CacheArguments;
use crate::given_lock::LockArguments;

/// `hoist prewarm`.
#[derive(Debug, Args)]
pub(crate) struct PrewarmArguments {
    /// What is to be kept.
    #[command(flatten)]
    pub(crate) wanted: WantedArguments,
    /// Print one object with what was done
    #[arg(long)]
    pub(crate) json: bool,
    /// The lock.
    #[command(flatten)]
    pub(crate) lock: LockArguments,
    /// The cache.
    #[command(flatten)]
    pub(crate) cache: CacheArguments,
}

/// Files that ask for packages.
#[derive(Debug, Args)]
pub(crate) struct WantedArguments {
    /// A package.json, an object of names and ranges, or a program, whose imports count; the first one's project has the
    /// .npmrc that counts
    #[arg(value_name = "FILE", required = true)]
    pub(crate) files: Vec<PathBuf>,
    /// Take the latest version of packages that a program imports and nothing names a version of
    #[arg(long)]
    pub(crate) auto: bool,
}

/// `hoist mirror`.
#[derive(Debug, Subcommand)]
pub(crate) enum MirrorCommand {
    /// Write everything that manifests and programs need as one signed file
    Export(ExportArguments),
    /// Take over such a file, if its signature and everything in it is right
    Import(ImportArguments),
    /// Print the key that exports are signed with
    Key,
}

/// `hoist mirror export`.
#[derive(Debug, Args)]
pub(crate) struct ExportArguments {
    /// What is to be in it.
    #[command(flatten)]
    pub(crate) wanted: WantedArguments,
    /// Where to write it
    #[arg(short, long, value_name = "OUT")]
    pub(crate) output: PathBuf,
    /// The systems whose optional packages belong to it: all, or linux-x64, darwin-arm64, … [default: linux-x64]
    #[arg(long = "platform", value_name = "PLATFORM,…", value_delimiter = ',', value_parser = parse_platform)]
    pub(crate) platforms: Vec<NamedPlatform>,
    /// Print one object with what was written
    #[arg(long)]
    pub(crate) json: bool,
    /// The cache.
    #[command(flatten)]
    pub(crate) cache: CacheArguments,
}

/// One `--platform`.
#[derive(Clone, Debug)]
pub(crate) enum NamedPlatform {
    /// Every one.
    All,
    /// This one.
    One(Platform),
}

impl ExportArguments {
    /// The platforms together. Programs' own is always among them.
    pub(crate) fn platforms(&self) -> Platforms {
        let mut named = BTreeSet::from([Platform::OF_PROGRAMS]);
        for platform in &self.platforms {
            match platform {
                NamedPlatform::All => return Platforms::All,
                NamedPlatform::One(platform) => drop(named.insert(platform.clone())),
            }
        }
        Platforms::These(named)
    }
}

/// `hoist mirror import`.
#[derive(Debug, Args)]
pub(crate) struct ImportArguments {
    /// The file
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// Accept what is signed by this key, this time; may stand several times
    #[arg(long = "trust", value_name = "KEY")]
    pub(crate) trusted: Vec<MirrorKey>,
    /// Print one object with what was taken over
    #[arg(long)]
    pub(crate) json: bool,
    /// The cache.
    #[command(flatten)]
    pub(crate) cache: CacheArguments,
}

fn parse_platform(text: &str) -> Result<NamedPlatform, String> {
    match text {
        "all" => Ok(NamedPlatform::All),
        text => text.parse().map(NamedPlatform::One),
    }
}
