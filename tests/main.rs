//! The tests of the whole: the built binary, end to end, against a registry of the tests' own.
//!
//! What a test says stands in `testdata/` wherever it can; these files run it. Nothing here leaves the machine, but for
//! [`live`], which is ignored unless it is asked for.

mod bench_adapter;
mod bundles;
mod concurrency;
mod doctor;
mod hostile;
mod hostile_sources;
mod isolation;
mod lifetimes;
mod live;
mod locks;
mod mirror;
mod npm_clients;
mod npm_endpoint;
mod owner;
mod place;
mod registry;
mod scenarios;
mod serve;
mod signing;
mod universe;
