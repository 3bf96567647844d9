//! Evaluates a layer, or a program, once for every fork that this process will have, and says when that would not be the same
//! as evaluating it in each of them.
//!
//! A layer may read the clock and the platform's constants, and what it says is said again in each run. A program may not: it
//! is evaluated once only when nobody could tell.

use deno_core::error::{CoreError, CoreErrorKind};
use deno_core::{ModuleSpecifier, v8};

use super::answer::STALLED;
use super::engine::{self, Engine, Main};
use super::functions::Watched;
use super::interposed;
use super::notices::EachRun;
use super::parts::{Parts, Text};
use super::streams::{Held, Streams};
use crate::platform;

/// Packages that draw `Math.random` while they are evaluated and do nothing with it that two runs could not share. A line is
/// a package and the reason.
const HARMLESS: &str = include_str!("harmless_random.txt");

/// Bytes of an error's message that are told.
const MESSAGE_BYTES: usize = 500;

/// Whose rules count.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Rules {
    Layer,
    Program,
}

/// Evaluates the parts that have come: Node's own modules, the layer, the program. `streams` are descriptors beside 1 and 2
/// that are the same streams as they.
pub(crate) fn evaluate(
    engine: &mut Engine,
    tokio: &tokio::runtime::Runtime,
    builtins: &[String],
    parts: Parts,
    streams: &[(i32, i32)],
) -> Result<(), EachRun> {
    let said = engine.host.said();
    let kept = Streams::keep(streams).map_err(threw)?;
    let evaluated = evaluate_parts(engine, tokio, builtins, parts);
    let held = kept.hand_on(&engine.host).map_err(threw)?;
    let rules = evaluated?;
    if held == Held::Yes {
        return Err(EachRun::OpenHandle);
    }
    match rules {
        Rules::Program if engine.host.said() != said => Err(EachRun::Console),
        Rules::Program | Rules::Layer => Ok(()),
    }
}

/// Evaluates the parts, and says by whose rules they count.
fn evaluate_parts(
    engine: &mut Engine,
    tokio: &tokio::runtime::Runtime,
    builtins: &[String],
    parts: Parts,
) -> Result<Rules, EachRun> {
    let Parts { specifier, program, layer, tree, .. } = parts;
    if let Some(tree) = tree {
        engine.files.mount(tree);
    }
    tokio.block_on(load_builtins(engine, builtins));
    if let Some(Text { code, source_map }) = layer {
        let specifier = engine.loader.announce_layer(source_map).map_err(threw)?;
        watched(engine, tokio, &specifier, code, Rules::Layer)?;
    }
    let Some(Text { code, source_map }) = program else { return Ok(Rules::Layer) };
    engine.loader.set_program(specifier.clone(), source_map);
    let namespace = watched(engine, tokio, &specifier, code, Rules::Program)?;
    if !is_handler(engine, &namespace) {
        return Err(EachRun::NotAHandler);
    }
    engine.evaluated = Some(namespace);
    Ok(Rules::Program)
}

/// Loads modules of Node's ahead: nothing of a guest's is in them. One that cannot be loaded throws where it is imported.
async fn load_builtins(engine: &mut Engine, builtins: &[String]) {
    let Some(require) = engine.loader.require() else { return };
    {
        let runtime = &mut engine.runtime;
        deno_core::scope!(scope, runtime);
        v8::tc_scope!(let scope, scope);
        let require = v8::Local::new(scope, &require);
        let receiver = v8::undefined(scope).into();
        for name in builtins.iter().filter(|name| platform::is_builtin(name)) {
            if let Some(name) = v8::String::new(scope, name) {
                require.call(scope, receiver, &[name.into()]);
                scope.reset();
            }
        }
    }
    let _ = engine.turn().await;
}

fn watched(
    engine: &mut Engine,
    tokio: &tokio::runtime::Runtime,
    specifier: &ModuleSpecifier,
    code: String,
    rules: Rules,
) -> Result<v8::Global<v8::Object>, EachRun> {
    let main = if rules == Rules::Program { Main::Yes } else { Main::No };
    let before = Traces::of(engine);
    engine.watch_random(Watched::Yes).map_err(threw)?;
    engine.notices.watch();
    let clock_reads = || interposed::clock_reads() + platform::stamps();
    let clock = clock_reads();
    let evaluated = tokio.block_on(async {
        let namespace = engine.evaluate(specifier, code, main).await?;
        if engine.immediates()? > 0 {
            engine.notices.note(EachRun::Immediate);
        }
        let at_rest = engine.turn().await?;
        Ok::<_, CoreError>((namespace, at_rest))
    });
    let looked = engine.notices.clock_was_read();
    let clock = clock_reads() != clock || looked;
    if looked {
        engine.elapsed = platform::elapsed(&mut engine.runtime);
    }
    let seen = engine.notices.seen();
    engine.watch_random(Watched::No).map_err(threw)?;
    let (namespace, at_rest) = evaluated.map_err(|error| seen.clone().unwrap_or_else(|| reason_of(&error)))?;
    if let Some(reason) = seen.or_else(|| before.left(engine, tokio)) {
        return Err(reason);
    }
    if !at_rest {
        return Err(EachRun::Pending);
    }
    draws(engine, rules)?;
    match rules {
        Rules::Program if clock => Err(EachRun::Clock),
        Rules::Program | Rules::Layer => Ok(namespace),
    }
}

/// What leaves no trace in an op, as it stands before something is evaluated.
struct Traces {
    generator: platform::Generator,
    resources: usize,
    threads: usize,
}

impl Traces {
    fn of(engine: &mut Engine) -> Self {
        Self {
            generator: platform::generator(&mut engine.runtime),
            resources: engine.runtime.op_state().borrow().resource_table.len(),
            threads: engine::threads_started(),
        }
    }

    /// What has been left since.
    fn left(&self, engine: &mut Engine, tokio: &tokio::runtime::Runtime) -> Option<EachRun> {
        let now = Self::of(engine);
        [
            (tokio.metrics().num_alive_tasks() > 0, EachRun::AsyncOperation),
            (now.threads != self.threads, EachRun::Thread),
            (now.generator != self.generator, EachRun::Randomness),
            (now.resources != self.resources, EachRun::OpenHandle),
        ]
        .into_iter()
        .find_map(|(is_left, reason)| is_left.then_some(reason))
    }
}

/// Whether every draw of `Math.random` was one that does no harm.
fn draws(engine: &Engine, rules: Rules) -> Result<(), EachRun> {
    let mut packages = Vec::new();
    for (file, line, column) in engine.notices.draws() {
        let source = engine.loader.original(&file, line, column).map_or(file, |(source, ..)| source);
        let package = package_of(&source).unwrap_or("the program").to_owned();
        let is_harmless = HARMLESS.lines().any(|line| line.split_whitespace().next() == Some(package.as_str()));
        if (rules == Rules::Program || !is_harmless) && !packages.contains(&package) {
            packages.push(package);
        }
    }
    if packages.is_empty() { Ok(()) } else { Err(EachRun::MathRandom { packages }) }
}

/// The package that a source is in. Sources are named `zod@3.25.1/lib/index.js`; a program's own have no version.
fn package_of(source: &str) -> Option<&str> {
    let scope = if source.starts_with('@') { source.find('/')? + 1 } else { 0 };
    let end = source[scope..].find('/').map_or(source.len(), |at| scope + at);
    let at = source[scope..end].find('@')?;
    Some(&source[..scope + at])
}

/// Whether a program's default export is a function, or an object with `fetch`.
fn is_handler(engine: &mut Engine, namespace: &v8::Global<v8::Object>) -> bool {
    let runtime = &mut engine.runtime;
    deno_core::scope!(scope, runtime);
    v8::tc_scope!(let scope, scope);
    let namespace = v8::Local::new(scope, namespace);
    let mut read = |object: v8::Local<v8::Object>, name: &str| {
        let name = v8::String::new(scope, name)?;
        let value = object.get(scope, name.into());
        scope.reset();
        value
    };
    let Some(entry) = read(namespace, "default") else { return false };
    if entry.is_function() {
        return true;
    }
    let Ok(entry) = v8::Local::<v8::Object>::try_from(entry) else { return false };
    read(entry, "fetch").is_some_and(|fetch| fetch.is_function())
}

/// Why something that did not come to its end has to be evaluated in each run.
fn reason_of(error: &CoreError) -> EachRun {
    match error.as_kind() {
        CoreErrorKind::PendingPromiseResolution => EachRun::Pending,
        CoreErrorKind::Js(error) if error.exception_message.ends_with(STALLED) => EachRun::Pending,
        CoreErrorKind::Js(error) if error.exception_message.starts_with(REJECTED) => EachRun::UnhandledRejection,
        _ => threw(error),
    }
}

/// How deno_core begins what it says of a rejection that nobody has handled.
const REJECTED: &str = "Uncaught (in promise)";

fn threw(error: impl std::fmt::Display) -> EachRun {
    let message = error.to_string();
    // Its stack says nothing more to who reads why.
    let message = message.lines().next().unwrap_or_default();
    EachRun::Threw { message: message[..message.floor_char_boundary(MESSAGE_BYTES)].to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packages_are_found_in_paths() {
        assert_eq!(package_of("react-dom@19.2.0/cjs/x.js"), Some("react-dom"));
        assert_eq!(package_of("@scope/b@1.0.0-rc.1/x.js"), Some("@scope/b"));
        assert_eq!(package_of("src/main.ts"), None);
        assert_eq!(package_of("main.ts"), None);
    }

    #[test]
    fn every_harmless_package_has_a_reason() {
        for line in HARMLESS.lines().filter(|line| !line.starts_with('#')) {
            assert!(line.split_whitespace().count() > 3, "{line:?} is a package and the reason");
        }
    }
}
