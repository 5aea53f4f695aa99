//! The load of a plan for its report: every value, and nothing of the server.

use serde_json::{Map, Value, json};

use super::{Flow, Plan, Span, Topology};

impl Plan {
    /// The load. Two runs can be compared if this is the same.
    #[must_use]
    pub fn load(&self) -> Value {
        let mut load = Map::new();
        let mut put = |key: &str, value: Value| drop(load.insert(key.to_owned(), value));
        let span = |time| json!(Span(time).to_string());
        put("sessions", json!(self.sessions));
        if let Some(accounts) = &self.accounts {
            put("accounts", json!(accounts.to_string()));
        }
        match &self.topology {
            Topology::Alone => {}
            Topology::Rooms { rooms, memberships, publishers } => {
                put("rooms", json!(rooms));
                put("memberships", json!(memberships));
                put("publishers", json!(publishers));
            }
            Topology::Groups { groups, sizes, publishers, friends, private } => {
                put("rooms", json!(groups));
                put("groups", json!(sizes.to_string()));
                put("publishers", json!(publishers));
                put("friends", json!(friends));
                put("private", json!(private));
            }
        }
        match self.flow {
            Flow::Silent => {}
            Flow::Open(rate) => put("rate", json!(rate)),
            Flow::Closed(window) => put("window", json!(window)),
            Flow::Find { limit, share } => {
                put("rate", json!("find"));
                put("limit", span(limit));
                put("share", json!(share));
            }
        }
        if self.flow == Flow::Silent {
            put("heartbeat", span(self.connections.heartbeat));
            put("concurrency", json!(self.connections.concurrency));
        } else {
            put("size", json!(self.size));
        }
        if let Some(rate) = self.connections.connect_rate {
            put("rate", json!(rate));
        }
        if let Some(churn) = self.disturbances.churn {
            put("churn", json!(churn.leaves));
            put("away", span(churn.away));
            put("breaks", json!(churn.breaks));
        }
        if let Some(storm) = self.disturbances.storm {
            put("stay", json!(storm.stay));
        }
        if let Some(stall) = self.disturbances.stall {
            put("stalled", json!(stall.sessions));
        }
        put("warmup", span(self.times.warm_up));
        put("duration", span(self.times.measure));
        put("seed", json!(self.seed));
        Value::Object(load)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::Options;

    fn load(text: &str) -> Value {
        Plan::new(Options::read(text).unwrap()).unwrap().load()
    }

    #[test]
    fn the_load_has_every_value_and_nothing_of_the_server() {
        let expected = json!({
            "sessions": 20, "rooms": 1, "memberships": 1, "publishers": 1, "rate": 50.0,
            "size": 128, "warmup": "1s", "duration": "5s", "seed": 1,
        });
        assert_eq!(load("scenario = \"fan\"\nsessions = 20"), expected);
        let elsewhere = "scenario = \"fan\"\nsessions = 20\naddr = [\"tcp://[::1]:1\"]\n\
                         dialect = \"dtalk\"\nthreads = 2";
        assert_eq!(load(elsewhere), expected);
    }

    #[test]
    fn each_scenario_says_what_makes_it_another() {
        let has = |text: &str, key: &str| load(text).get(key).is_some();
        assert!(has("scenario = \"echo\"", "window"));
        assert!(has("scenario = \"idle\"", "heartbeat"));
        assert!(has("scenario = \"chat\"", "groups") && has("scenario = \"chat\"", "churn"));
        assert!(has("scenario = \"storm\"", "stay"));
        assert!(has("scenario = \"connect\"\nrate = 5", "rate"));
        assert_eq!(load("scenario = \"tortoise\"\nsessions = 9").get("stalled"), Some(&json!(4)));
        assert!(has("scenario = \"fan\"\nrate = \"find\"", "limit"));
    }
}
