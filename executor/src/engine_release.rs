//! Which V8 this is, and since when it is out. An engine that runs hostile code is to be young.

use deno_core::v8;

/// The version that is linked, as it calls itself, and the day on which the crate that holds it was published. To be changed
/// together with the crates of the engine; a test compares the first with the engine itself.
const PUBLISHED: (&str, &str) = ("15.0.245.2-rusty", "2026-07-26");

/// A version of the engine.
#[derive(Clone, Copy, Debug)]
pub struct EngineRelease {
    /// As V8 counts.
    pub version: &'static str,
    /// Year, month and day.
    pub published: &'static str,
}

/// The engine that programs run on.
pub fn engine_release() -> EngineRelease {
    EngineRelease { version: v8::V8::get_version(), published: PUBLISHED.1 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_day_is_that_of_the_version() {
        assert_eq!(engine_release().version, PUBLISHED.0, "which day was this version published on?");
    }
}
