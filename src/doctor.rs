//! `hoist doctor`: what keeps programs apart from this machine, and how old the engine is.
//!
//! Nothing is concluded from versions. A child process enters the sandbox as zygotes and runs do, tries what hostile code would
//! try, and says what the kernel answered; `parts` judges that.

mod machine;
mod parts;

use std::process::Stdio;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use executor::sandbox::Observed;
use serde::Serialize;

use crate::cli::{DoctorArguments, SANDBOX_PROBE, worker_arguments};
use crate::console;
use crate::error::Error;
use crate::exit_code::{Exit, exit_of_error};

use self::machine::Machine;
use self::parts::{Part, Seen};

/// What the trying may take. It takes some ten milliseconds.
const PATIENCE: Duration = Duration::from_secs(20);

/// Everything that is printed. Its JSON is the command's `--json`.
#[derive(Debug, Serialize)]
struct Diagnosis {
    /// Every required part is active.
    isolated: bool,
    engine: Engine,
    parts: Vec<Part>,
    /// Why what was tried ended before its end.
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<String>,
    machine: Machine,
}

#[derive(Debug, Serialize)]
struct Engine {
    version: &'static str,
    published: &'static str,
    age_days: Option<u64>,
}

/// Tries, judges and prints.
pub(crate) fn doctor(arguments: DoctorArguments) -> Exit {
    let printed = diagnose().and_then(|diagnosis| {
        let text = if arguments.json { console::to_json(&diagnosis) + "\n" } else { diagnosis.to_text() };
        console::print_result(text.as_bytes())?;
        Ok(if diagnosis.isolated { Exit::Done } else { Exit::Internal })
    });
    printed.unwrap_or_else(|error| {
        console::print_error(&error);
        exit_of_error(&error)
    })
}

fn diagnose() -> Result<Diagnosis, Error> {
    let (seen, problem) = probe()?;
    let parts = parts::judge(&Seen::new(seen));
    let isolated = problem.is_none() && parts.iter().all(|part| part.active || !part.required);
    let release = executor::engine_release();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs() / 86_400;
    let engine = Engine {
        version: release.version,
        published: release.published,
        age_days: machine::day_number(release.published).and_then(|day| now.checked_sub(day)),
    };
    Ok(Diagnosis { isolated, engine, parts, problem, machine: Machine::look() })
}

/// Has the child try everything. What it said before something went wrong counts.
fn probe() -> Result<(Vec<Observed>, Option<String>), Error> {
    let internal = |problem: String| Error::Internal { problem };
    let program = std::env::current_exe().map_err(|error| internal(error.to_string()))?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| internal(error.to_string()))?;
    let mut command = tokio::process::Command::new(program);
    command.args(worker_arguments(SANDBOX_PROBE)).env_clear().current_dir("/").stdin(Stdio::null()).kill_on_drop(true);
    let output = runtime.block_on(async { tokio::time::timeout(PATIENCE, command.output()).await });
    let output = match output {
        Ok(output) => output.map_err(|error| internal(format!("cannot start the probe: {error}")))?,
        Err(_) => return Ok((Vec::new(), Some(format!("nothing came of it in {} s", PATIENCE.as_secs())))),
    };
    let said = String::from_utf8_lossy(&output.stdout);
    let seen = said.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let problem = (!output.status.success()).then(|| {
        let words = String::from_utf8_lossy(&output.stderr);
        if words.trim().is_empty() { output.status.to_string() } else { words.trim().to_owned() }
    });
    Ok((seen, problem))
}

impl Diagnosis {
    fn to_text(&self) -> String {
        let Engine { version, published, age_days } = self.engine;
        let age = age_days.map_or(String::new(), |days| format!(", {days} days ago"));
        let mut text = format!("V8 {version}, published {published}{age}\n{}\n", self.machine.to_text());
        for Part { name, active, required, detail } in &self.parts {
            let state = match (active, required) {
                (true, _) => "active",
                (false, true) => "MISSING",
                (false, false) => "missing",
            };
            text.push_str(&format!("{state:<8} {name:<24} {detail}\n"));
        }
        if let Some(problem) = &self.problem {
            text.push_str(&format!("\nnot everything could be tried: {problem}\n"));
        }
        text.push_str(match self.isolated {
            true => "\nprograms are kept apart as documented\n",
            false => "\nprograms are NOT kept apart as documented\n",
        });
        text
    }
}
