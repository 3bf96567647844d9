//! The adapter that runs nothing: what it takes is the harness's own time and the pipe's.

use std::path::{Path, PathBuf};

use serde_json::Value;
use serde_json::value::RawValue;

use super::nothing_built;
use super::wire::{Asked, Refused, Reply, Workload, one_line, requests, send};
use crate::error::Error;

/// Where a result says which text it is from.
const NONCE: &str = "nonce";

/// Answers as `folder` says that workloads answer, until the input ends.
pub(crate) async fn echo(folder: PathBuf) -> Result<(), Error> {
    let mut requests = requests();
    let mut expected = None;
    send(&Reply::hello("echo"))?;
    while let Some(asked) = requests.recv().await.transpose()? {
        let id = asked.id;
        let ends = asked.op == "quit";
        send(&Reply::to(id, answer(asked, &folder, &mut expected)))?;
        if ends {
            break;
        }
    }
    Ok(())
}

fn answer(asked: Asked, folder: &Path, expected: &mut Option<Box<RawValue>>) -> Result<Reply, Refused> {
    match (asked.op.as_str(), asked.workload) {
        ("prepare" | "quit", _) => return Ok(Reply::default()),
        ("cold" | "warm", Some(workload)) => *expected = Some(result(&workload, folder)?),
        ("hot", _) => {}
        (operation, _) => return Err(Refused::Unsupported(format!("an echo has no {operation}"))),
    }
    let result = expected.clone().ok_or_else(nothing_built)?;
    Ok(Reply { result: Some(result), ..Reply::default() })
}

/// What the workload answers: what is expected of it, and the nonce in its text.
fn result(workload: &Workload, folder: &Path) -> Result<Box<RawValue>, Refused> {
    let path = folder.join(&workload.id).join("expect.json");
    let failed = |problem: String| Refused::Failed(format!("cannot read {}: {problem}", path.display()));
    let text = std::fs::read_to_string(&path).map_err(|error| failed(error.to_string()))?;
    let mut value: Value = serde_json::from_str(&text).map_err(|error| failed(error.to_string()))?;
    let quoted = workload.source.split_once("NONCE = '").and_then(|(_, rest)| rest.split_once('\''));
    if let (Some(fields), Some((nonce, _))) = (value.as_object_mut(), quoted) {
        fields.insert(NONCE.to_owned(), Value::from(nonce));
    }
    one_line(value.to_string()).map_err(|error| failed(error.to_string()))
}
