//! Every route of the server, from outside: good input, bad input and the wrong caller, on each
//! database.
//!
//! * `table`: the routes with their cases; `groups`: those of groups;
//! * `scene`: the people, groups and messages that the cases name;
//! * `others`: routes that do not answer with the envelope;
//! * `served`: no route is served without being in the table.

mod groups;
mod others;
mod scene;
mod served;
mod table;

use std::thread;

use comet_server_testkit::http::{Answer, form, request};
use comet_sql_testing::Kind;
use scene::Scene;
use table::{Body, Case, Route};

/// Answers to a missing token, and to one that is too old.
const TOKENS: [i64; 2] = [-1010, -1011];
/// Older than tokens may be, in milliseconds.
const TOO_OLD: i64 = 126_000;

#[test]
fn every_route_takes_good_input_and_refuses_bad_input_and_the_wrong_caller() {
    thread::scope(|scope| {
        for kind in [Kind::Sqlite, Kind::MariaDb, Kind::Postgres] {
            let thread = thread::Builder::new().name(format!("routes on {kind:?}"));
            let run = move || {
                let mut scene = Scene::new(kind);
                table::all().for_each(|route| is_as_specified(&mut scene, route));
            };
            thread.spawn_scoped(scope, run).expect("a thread");
        }
    });
}

/// Refusals first: then nothing good depends on what was refused.
fn is_as_specified(scene: &mut Scene, route: &Route) {
    assert!(!route.good.is_empty(), "{} has a good case", route.path);
    if route.takes_token {
        refuses_tokens(scene, route);
        assert!(!route.bad.is_empty() || !route.takes_body, "{} has a bad case", route.path);
    }
    for case in route.bad.iter().chain(route.wrong) {
        let (who, body, code) = case;
        let answer = send(scene, route, who, *body);
        assert_eq!(answer.envelope().0, *code, "{} {who} {body:?}", route.path);
    }
    for (who, body, field) in route.good {
        let answer = send(scene, route, who, *body);
        let data = answer.data();
        let has_it = field.is_empty() || data.pointer(field).is_some();
        assert!(has_it, "{} {who} {body:?}: no {field} in {data}", route.path);
        scene.learn(route.path, &data);
    }
}

fn refuses_tokens(scene: &Scene, route: &Route) {
    let (_, body, _) = route.good[0];
    let old = scene.person("alice").token_of_age(TOO_OLD);
    for (token, code) in [None, Some(old.as_str())].into_iter().zip(TOKENS) {
        let headers = token.map(|token| ("FZM-SIGNATURE", token));
        let answer = send_with(scene, route, headers.as_slice(), body);
        assert_eq!(answer.code(), code, "{} with the token {token:?}", route.path);
    }
}

fn send(scene: &Scene, route: &Route, who: &str, body: Body) -> Answer {
    let token = (!who.is_empty()).then(|| scene.person(who).token());
    let headers = token.as_deref().map(|token| ("FZM-SIGNATURE", token));
    send_with(scene, route, headers.as_slice(), body)
}

fn send_with(scene: &Scene, route: &Route, headers: &[(&str, &str)], body: Body) -> Answer {
    let (kind, body) = match body {
        Body::None => (None, Vec::new()),
        Body::Json(text) => (Some("application/json".to_owned()), scene.fill(text).into_bytes()),
        Body::Raw(make) => (Some("application/octet-stream".to_owned()), make(scene)),
        Body::Form(part, make) => {
            let (kind, body) = form(part, "message", &make(scene));
            (Some(kind), body)
        }
    };
    let kind = kind.as_deref().map(|kind| ("Content-Type", kind));
    let device = [("FZM-DEVICE", "Android"), ("FZM-UUID", "uuid"), ("FZM-DEVICE-NAME", "P30")];
    let headers: Vec<_> = headers.iter().copied().chain(device).chain(kind).collect();
    request(scene.address(), route.method, route.path, &headers, &body)
}

#[test]
fn tokens_of_the_cases_are_good_ones() {
    let cases = table::all().flat_map(|route| {
        let good = route.good.iter().map(|(who, ..)| *who);
        good.chain(route.bad.iter().chain(route.wrong).map(|(who, ..): &Case| *who))
    });
    let mut unknown = cases.filter(|who| !who.is_empty() && !scene::PEOPLE.contains(who));
    assert_eq!(unknown.next(), None);
}
