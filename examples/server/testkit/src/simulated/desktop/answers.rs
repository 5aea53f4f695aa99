//! The desktop's calls before its socket, and their answers.

use std::time::Instant;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::super::content::{Message, opened};
use super::super::{Body, Output};
use super::{Desktop, Phase, Purpose};
use crate::http::Answer;

/// Messages that it asks for.
const COUNT: u64 = 20;

impl Desktop {
    /// Makes a call of the start.
    pub(super) fn ask(&mut self, purpose: Purpose, now: Instant) {
        let (path, body) = match purpose {
            Purpose::Nodes => ("/disc/nodes", Body::Empty),
            Purpose::Modules => ("/app/modules/all", Body::Empty),
            Purpose::Ping => ("/ping", Body::Empty),
            Purpose::Version => {
                ("/app/version/check", Body::Json(json!({ "versionCode": 4 }).to_string()))
            }
            Purpose::Staff => {
                let request = json!({ "id": self.person.uid });
                ("/v1/staff/get-staff", Body::Json(request.to_string()))
            }
            Purpose::Backup => ("/backup/address-retrieve", Body::Empty),
            _ => {
                let request = match self.book.newest() {
                    Some(start) => json!({ "count": COUNT, "start": start }),
                    None => json!({ "count": COUNT }),
                };
                ("/app/record/sync-record", Body::Json(request.to_string()))
            }
        };
        self.call(purpose, path, body, now);
    }

    pub(super) fn answered(&mut self, purpose: Purpose, answer: Option<Answer>, now: Instant) {
        match purpose {
            Purpose::Act(path) => {
                let result = answer.map_or(i64::MIN, |answer| answer.envelope().0);
                self.results.insert(path, result);
            }
            Purpose::Push(msg_id) => self.pushed(&msg_id, answer.as_ref()),
            Purpose::Groups => {
                let data = answer.map(|answer| answer.data());
                let groups = data.as_ref().and_then(|data| data["groups"].as_array());
                for group in groups.into_iter().flatten() {
                    self.keep_group(group);
                }
            }
            Purpose::Group => {
                // Somebody who has left is refused.
                let envelope = answer.map(|answer| answer.envelope());
                if let Some((0, data)) = envelope {
                    self.keep_group(&data);
                }
            }
            _ if self.phase == Phase::Starting => self.goes_on(&purpose, answer, now),
            _ => {}
        }
    }

    /// The next step of the start.
    fn goes_on(&mut self, purpose: &Purpose, answer: Option<Answer>, now: Instant) {
        let next = match purpose {
            Purpose::Nodes => self.choose_server(answer.as_ref()).map(|()| Purpose::Modules),
            Purpose::Modules => {
                let modules = answer.as_ref().and_then(data);
                let modules = modules.as_ref().and_then(Value::as_array);
                modules.and_then(|modules| has_endpoints(modules)).ok_or("modules")
            }
            // Measured, and shown.
            Purpose::Ping => Ok(Purpose::Version),
            Purpose::Version => Ok(Purpose::Staff),
            Purpose::Staff => {
                let is_answered = answer.is_some_and(|answer| answer.status == 200);
                is_answered.then_some(Purpose::Backup).ok_or("staff")
            }
            Purpose::Backup => Ok(Purpose::Sync),
            _ => {
                let pulled = answer.as_ref().and_then(data);
                match pulled {
                    Some(pulled) => {
                        self.pulled(&pulled, now);
                        self.phase = Phase::Connecting;
                        self.outputs.push_back(Output::Connect);
                        return;
                    }
                    None => Err("sync"),
                }
            }
        };
        match next {
            Ok(next) => self.ask(next, now),
            Err(why) => self.phase = Phase::Stuck(why),
        }
    }

    fn choose_server(&mut self, answer: Option<&Answer>) -> Result<(), &'static str> {
        let nodes = answer.and_then(data);
        let first =
            nodes.and_then(|nodes| Some(nodes["servers"][0]["address"].as_str()?.to_owned()));
        self.home = first;
        self.home.is_some().then_some(()).ok_or("nodes")
    }

    fn pulled(&mut self, pulled: &Value, now: Instant) {
        let records = pulled["records"].as_array().cloned().unwrap_or_default();
        if pulled["record_count"] != json!(records.len()) {
            self.fault(format!("{} of {} records", pulled["record_count"], records.len()));
        }
        for record in records {
            let body = STANDARD.decode(record.as_str().expect("a text")).expect("base64");
            let (kind, common) = opened(&body);
            if kind != 0 {
                self.fault(format!("a record of type {kind}"));
            }
            self.take(Message::read(&common), now);
        }
    }

    /// The answer to a message that was posted: the id is the digits right after `"logId":`.
    fn pushed(&mut self, msg_id: &str, answer: Option<&Answer>) {
        let id = answer.filter(|answer| answer.envelope().0 == 0).and_then(|answer| {
            let (_, rest) = answer.text().split_once("\"logId\":")?;
            let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
            digits.parse().ok()
        });
        let time = answer.map(|answer| answer.envelope().1["datetime"].as_u64());
        // Otherwise it stays pending, and is not sent again.
        if let (Some(id), Some(Some(time))) = (id, time) {
            self.book.answered(msg_id, id, time);
        }
    }

    fn keep_group(&mut self, group: &Value) {
        let id = group["idStr"].as_str().unwrap_or_default().to_owned();
        // A number is a double to it.
        let double = group["id"].as_f64().map(|id| (id as i64).to_string());
        if double.as_ref() != Some(&id) {
            self.fault(format!("{double:?} is not {id}"));
        }
        let key = group["key"].as_str().unwrap_or_default().as_bytes().to_vec();
        self.groups.insert(id, Some(key));
        let texts = self
            .book
            .unopened()
            .filter_map(|message| Some((message.msg_id.clone(), self.text_of(message)?)));
        let texts: Vec<_> = texts.collect();
        texts.into_iter().for_each(|(msg_id, text)| self.book.open(&msg_id, text));
    }
}

/// The next step, if whatever is switched on can be reached: the client takes the first endpoint of
/// `oa` without a look whether there is one.
fn has_endpoints(modules: &[Value]) -> Option<Purpose> {
    let oa = modules.iter().find(|module| module["name"] == "oa" && module["isEnabled"] == true);
    let is_whole = oa.is_none_or(|oa| oa["endPoints"][0].is_string());
    is_whole.then_some(Purpose::Ping)
}

/// The data of a success.
fn data(answer: &Answer) -> Option<Value> {
    let (result, data) = answer.envelope();
    (result == 0).then_some(data)
}
