//! The start-up snapshot that the build script made, and the platform's sources that are not in it.

/// The snapshot's bytes.
pub(crate) static SNAPSHOT: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/platform.snapshot"));

mod residual {
    include!(concat!(env!("OUT_DIR"), "/residual.rs"));

    /// Lazily loaded scripts, by specifier.
    pub(crate) fn scripts() -> &'static [(&'static str, &'static str)] {
        SCRIPTS
    }

    /// Lazily loaded modules, by specifier.
    pub(crate) fn modules() -> &'static [(&'static str, &'static str)] {
        MODULES
    }
}

pub(crate) use residual::{modules, scripts};
