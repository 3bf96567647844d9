//! `hoist bench-adapter` as the harness of the side-by-side benchmark uses it.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::place::{Place, finish};
use crate::registry::Registry;

/// What the workloads look like: a handler, which says which text it is.
fn workload(nonce: &str) -> Value {
    let source = format!(
        "import {{ version }} from 'majors';
        const NONCE = '{nonce}';
        export default {{
          async fetch(request) {{
            const {{ n }} = await request.json();
            return new Response(JSON.stringify({{ nonce: NONCE, version, n }}, null, 2));
          }},
        }};"
    );
    json!({ "id": "majors", "dependencies": { "majors": "2" }, "source": source })
}

fn body(place: &Place, registry: &Registry, cache: &str, nonce: &str, n: u32) -> Value {
    json!({
        "workload": workload(nonce), "input": { "n": n },
        "registry": registry.url(), "cacheDir": place.path(cache),
    })
}

/// The replies by their numbers, the first line's being 0.
fn talk(place: &Place, flags: &str, requests: &[(&str, Value)]) -> BTreeMap<u64, Value> {
    let lines = requests.iter().zip(1u64..).map(|((operation, body), id)| {
        let mut request = body.clone();
        let fields = request.as_object_mut().expect("a request is an object");
        fields.insert("id".to_owned(), id.into());
        fields.insert("op".to_owned(), (*operation).into());
        request.to_string() + "\n"
    });
    place.write("requests", lines.collect::<String>());
    let mut command = place.command("sh");
    command.args(["-c", &format!("exec \"$0\" bench-adapter {flags} < requests"), env!("CARGO_BIN_EXE_hoist")]);
    let finished = finish(command);
    assert_eq!(finished.code(), 0, "{}", finished.describe());
    let replies = finished.stdout.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let replies: BTreeMap<u64, Value> = replies.map(|reply| (reply["id"].as_u64().unwrap(), reply)).collect();
    assert_eq!(replies.len(), requests.len() + 1, "{}", finished.describe());
    replies
}

#[test]
fn a_program_is_built_once_and_run_more_often() {
    let registry = Registry::start();
    let place = Place::with_registry("bench-adapter", "http://127.0.0.1:1/");
    let (cold, warm) = (body(&place, &registry, "a", "one", 1), body(&place, &registry, "a", "two", 4));
    let mut relink = warm.clone();
    relink["relink"] = true.into();
    let replies = talk(
        &place,
        "",
        &[
            ("hot", json!({ "input": { "n": 1 } })),
            ("prepare", body(&place, &registry, "prepared", "none", 0)),
            ("cold", cold),
            ("hot", json!({ "input": { "n": 2 } })),
            ("hot", json!({ "input": { "n": 3 } })),
            ("warm", warm),
            ("warm", relink),
            ("hot", json!({ "input": { "n": 5 } })),
            ("bundle", json!({ "cacheDir": place.path("a") })),
            ("fly", json!({})),
            ("hold", json!({ "k": 3, "input": { "n": 6 } })),
            ("release", json!({})),
            ("quit", json!({})),
        ],
    );
    let value = |nonce: &str, n: u32| json!({ "nonce": nonce, "version": "2.0.0", "n": n });
    assert_eq!(replies[&1]["ok"], false, "nothing was built yet");
    for (id, nonce, n) in [(3, "one", 1), (4, "one", 2), (5, "one", 3), (6, "two", 4), (7, "two", 4), (8, "two", 5)] {
        assert_eq!(replies[&id]["result"], value(nonce, n), "{}", replies[&id]);
    }
    let phases = |id: u64, stage: &str| !replies[&id]["phases"][stage].is_null();
    assert!(phases(3, "fetch_ms") && phases(3, "run_ms"), "{}", replies[&3]);
    // The layer is kept; a relinked program is bundled with its packages anew.
    assert!(phases(6, "link_ms") && !phases(6, "fetch_ms"), "{}", replies[&6]);
    assert!(phases(7, "fetch_ms") && !phases(7, "link_ms"), "{}", replies[&7]);
    for kind in ["plain", "minified"] {
        let path = replies[&9]["files"][kind].as_str().unwrap();
        assert!(std::fs::read_to_string(path).unwrap().contains("2.0.0"), "{kind}");
    }
    assert_eq!(replies[&10]["unsupported"], true);
    assert_eq!((&replies[&11]["result"], &replies[&11]["live"]), (&value("two", 6), &json!(3)), "{}", replies[&11]);
    assert_eq!(replies[&12]["ok"], true);
    // No package was fetched twice.
    let requests = registry.take_requests();
    assert!(requests.iter().all(|(path, count)| *count == 1 || !path.ends_with(".tgz")), "{requests:#?}");
    place.passed();
}

#[test]
fn an_echo_answers_as_is_expected() {
    let registry = Registry::start();
    let place = Place::new("bench-echo");
    place.write("workloads/majors/expect.json", "{\n \"version\": \"2.0.0\",\n \"n\": 1.5\n}\n");
    let replies = talk(
        &place,
        "--echo workloads",
        &[
            ("cold", body(&place, &registry, "a", "one", 1)),
            ("hot", json!({})),
            ("hold", json!({ "k": 2 })),
            ("quit", json!({})),
        ],
    );
    for id in [1, 2] {
        assert_eq!(replies[&id]["result"], json!({ "nonce": "one", "version": "2.0.0", "n": 1.5 }));
    }
    assert_eq!(replies[&3]["unsupported"], true);
    assert!(registry.take_requests().is_empty());
    place.passed();
}
