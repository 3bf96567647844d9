//! What runs of one service do to each other: nothing, whatever they do and however they end.

mod draws;
mod hygiene;
mod kills;
mod neighbours;
mod processes;
mod soak;

use serde_json::{Value, json};

use crate::serve::Answer;

/// A request for one module and nothing else.
fn code(text: &str) -> Value {
    json!({ "code": text })
}

/// A request for one module that imports what it lists nowhere else.
fn automatic(text: &str, input: Value) -> Value {
    json!({"code": text, "auto": true, "input": input})
}

/// The value of an answer that is one.
#[track_caller]
fn value(answer: &Answer) -> Value {
    assert_eq!(answer.status, 200, "{}", answer.text);
    let whole = answer.json();
    assert_eq!(whole["outcome"], "value", "{}", answer.text);
    whole["value"].clone()
}
