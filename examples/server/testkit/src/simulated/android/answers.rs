//! The phone's calls, and their answers.

use std::time::Instant;

use serde_json::{Value, json};

use super::super::Body;
use super::{Android, Phase, Purpose};
use crate::http::Answer;

impl Android {
    pub(super) fn answered(&mut self, purpose: Purpose, answer: Option<Answer>, now: Instant) {
        match purpose {
            Purpose::Nodes if self.phase == Phase::Starting => {
                self.call(Purpose::Modules, "/app/modules/all", Body::Empty, now);
            }
            Purpose::Modules if self.phase == Phase::Starting => {
                let request = Body::Json(json!({ "versionCode": 61 }).to_string());
                self.call(Purpose::Version, "/app/version/check", request, now);
            }
            Purpose::Version if self.phase == Phase::Starting => {
                self.check_version(answer.as_ref());
                self.connect(0);
            }
            Purpose::Nodes | Purpose::Modules | Purpose::Version => {}
            Purpose::Groups => {
                let listed = answer.map(|answer| answer.data()["groups"].clone());
                let groups = listed.as_ref().and_then(Value::as_array);
                groups.into_iter().flatten().for_each(|group| self.keep_group(group));
            }
            Purpose::Group(id) => match answer.map(|answer| answer.envelope()) {
                Some((0, group)) => self.keep_group(&group),
                // It is asked for again with the next message.
                _ => drop(self.groups.remove(&id)),
            },
            Purpose::Push(msg_id) => self.pushed(&msg_id, answer.as_ref(), now),
            Purpose::Act(path) => {
                let envelope = answer.map(|answer| answer.envelope());
                let (result, data) = envelope.unwrap_or((i64::MIN, Value::Null));
                if result == 0 && path.ends_with("/create-group") {
                    self.keep_group(&data);
                }
                self.results.insert(path, result);
            }
        }
    }

    /// Reads the fields that are read without a look whether they are there.
    fn check_version(&mut self, answer: Option<&Answer>) {
        let Some(version) = answer.map(Answer::data) else { return };
        let is_whole = version["versionCode"].is_u64()
            && version["force"].is_boolean()
            && version["description"].is_array()
            && version["url"].is_string();
        if !is_whole {
            self.fault(format!("a version without its fields: {version}"));
        }
    }
}
