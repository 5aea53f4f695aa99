//! Scenario files: the options of a run as TOML.
//!
//! A command line may override any of them. The given options of both can be had as a table, so
//! that a report can repeat them and an error can name a key that means nothing to a scenario.
//!
//! In files all options stand beside each other. Each part of them is read from the whole file and
//! takes its own; `serde(flatten)` would let unknown names pass, and errors would have no line.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use clap::{Args, Command};
use serde::de::{Error as _, IgnoredAny};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use toml::de::Error;
use toml::{Table, Value};

use super::{Kind, Options, PlanError};

impl Options {
    /// Reads a scenario file.
    ///
    /// # Errors
    ///
    /// [`PlanError::File`] names the line and the key.
    pub fn read(text: &str) -> Result<Self, PlanError> {
        toml::from_str::<BTreeMap<Name, IgnoredAny>>(text)?;
        Ok(Self::from_parts(|| toml::Deserializer::parse(text))?)
    }

    /// These options, overridden by others.
    ///
    /// # Errors
    ///
    /// [`PlanError::File`] when the two do not fit together.
    pub fn overridden_by(&self, others: &Self) -> Result<Self, PlanError> {
        let mut given = self.given();
        given.extend(others.given());
        Ok(Self::from_parts(|| Ok(given.clone()))?)
    }

    /// The options that were given, by their names.
    #[must_use]
    pub fn given(&self) -> Table {
        let Self { scenario, server, accounts, load, times, search, chat, disturbances, report } =
            self;
        let parts = [
            table(&Scenario { scenario: *scenario }),
            table(server),
            table(accounts),
            table(load),
            table(times),
            table(search),
            table(chat),
            table(disturbances),
            table(report),
        ];
        parts.into_iter().flatten().collect()
    }

    /// Reads each part from the same source, whose names are known.
    fn from_parts<'de, D>(source: impl Fn() -> Result<D, Error>) -> Result<Self, Error>
    where
        D: Deserializer<'de, Error = Error>,
    {
        Ok(Self {
            scenario: Scenario::deserialize(source()?)?.scenario,
            server: Deserialize::deserialize(source()?)?,
            accounts: Deserialize::deserialize(source()?)?,
            load: Deserialize::deserialize(source()?)?,
            times: Deserialize::deserialize(source()?)?,
            search: Deserialize::deserialize(source()?)?,
            chat: Deserialize::deserialize(source()?)?,
            disturbances: Deserialize::deserialize(source()?)?,
            report: Deserialize::deserialize(source()?)?,
        })
    }
}

/// As a table in another file; an error has the place of the table.
impl<'de> Deserialize<'de> for Options {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // JSON may have `null` for an option that was not given.
        let given = BTreeMap::<Name, Option<Value>>::deserialize(deserializer)?;
        let given: Table =
            given.into_iter().filter_map(|(name, value)| Some((name.0, value?))).collect();
        Self::from_parts(|| Ok(given.clone())).map_err(D::Error::custom)
    }
}

impl Serialize for Options {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.given().serialize(serializer)
    }
}

/// The part that no command line has.
#[derive(Deserialize, Serialize)]
struct Scenario {
    scenario: Option<Kind>,
}

/// The options of a part that were given.
fn table(part: &impl Serialize) -> Table {
    // Every option is a number, a text or a list of texts, which TOML can hold.
    Table::try_from(part).unwrap_or_default()
}

/// Name of an option. Others cannot be read.
#[derive(Eq, Ord, PartialEq, PartialOrd)]
struct Name(String);

impl<'de> Deserialize<'de> for Name {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        if NAMES.contains(&name) {
            return Ok(Self(name));
        }
        let known = NAMES.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
        Err(D::Error::custom(format_args!("unknown field `{name}`, expected one of {known}")))
    }
}

/// Names of all options: those of the command line, and the scenario.
static NAMES: LazyLock<Vec<String>> = LazyLock::new(|| {
    let line = Options::augment_args(Command::new("options"));
    let names = line.get_arguments().filter_map(|arg| arg.get_long()).map(str::to_owned);
    ["scenario".to_owned()].into_iter().chain(names).collect()
});

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::plan::{Guarantee, Rate, Span};

    const FILE: &str = "scenario = \"fan\"\n# people\nsessions = 500\nrate = 50\n\
                        delivery = \"acked\"\nwarmup = \"2s\"\n";

    #[test]
    fn a_file_holds_the_options_of_a_command_line() {
        let options = Options::read(FILE).unwrap();
        assert_eq!((options.scenario, options.load.sessions), (Some(Kind::Fan), Some(500)));
        assert_eq!(options.load.rate, Some(Rate::PerSecond(50.0)));
        assert_eq!(options.server.delivery, Some(Guarantee::Acked));
        let given = options.given();
        let names: Vec<&str> = given.keys().map(String::as_str).collect();
        assert_eq!(names, ["delivery", "rate", "scenario", "sessions", "warmup"]);
    }

    /// Every option, with a value.
    const ALL: &str = r#"
        scenario = "chat"
        addr = ["ws://127.0.0.1:1"]
        dialect = "dtalk"
        carrier = "tcp"
        pid = 1
        insecure = true
        ca = "ca.pem"
        relay = "relay"
        relay-flag = ["--shards=2"]
        delivery = "best-effort"
        demo = "http://127.0.0.1:2"
        token-file = "tokens"
        sign = false
        http = "http://127.0.0.1:29"
        sessions = 2
        rooms = 3
        memberships = 4
        publishers = 5
        size = "6"
        rate = "max"
        window = 7
        ramp = "8s"
        concurrency = 9
        heartbeat = "10s"
        sources = 11
        threads = 12
        seed = 13
        warmup = "14s"
        duration = "15s"
        settle = "16s"
        interval = "17s"
        limit = "18ms"
        share = 0.5
        groups = "20"
        private = 0.25
        friends = 21
        churn = 22.0
        away = "23s"
        breaks = 24.0
        stay = 25
        back-within = "26s"
        slower = 1.5
        stalled = 0.75
        growth = "27"
        json = "report.json"
        html = "report.html"
        fail-above = ["p99=28ms"]
        label = "label"
    "#;

    #[test]
    fn every_option_stands_in_a_file_and_is_written_as_it_was_read() {
        let options = Options::read(ALL).unwrap();
        let given = options.given();
        let missing: Vec<_> = NAMES.iter().filter(|name| !given.contains_key(*name)).collect();
        assert!(missing.is_empty() && given.len() == NAMES.len(), "{missing:?}");
        assert_eq!(given, toml::from_str(ALL).unwrap());
        assert_eq!(options.times.settle, Some(Span(Duration::from_secs(16))));
        assert_eq!(options.disturbances.slower, Some(1.5));
        let json = serde_json::to_string(&options).unwrap();
        assert_eq!(serde_json::from_str::<Options>(&json).unwrap(), options);
        assert_eq!(toml::from_str::<Options>(ALL).unwrap(), options);
    }

    #[test]
    fn results_of_older_programs_have_null_for_what_was_not_given() {
        let read = serde_json::from_str::<Options>(r#"{ "scenario": "fan", "rate": null }"#);
        assert_eq!(read.unwrap().given(), toml::from_str("scenario = \"fan\"").unwrap());
        let unknown = serde_json::from_str::<Options>(r#"{ "sesions": 5 }"#).unwrap_err();
        assert!(unknown.to_string().contains("`sesions`"), "{unknown}");
    }

    #[test]
    fn a_command_line_says_the_last_word() {
        let mut line = Options::default();
        (line.load.rate, line.load.window) = (Some(Rate::Max), Some(8));
        let both = Options::read(FILE).unwrap().overridden_by(&line).unwrap();
        assert_eq!((both.load.rate, both.load.window), (Some(Rate::Max), Some(8)));
        assert_eq!((both.load.sessions, both.scenario), (Some(500), Some(Kind::Fan)));
    }

    #[test]
    fn what_cannot_be_read_is_named_with_its_line() {
        let told = |text| Options::read(text).unwrap_err().to_string();
        let unknown = told("scenario = \"fan\"\nsesions = 5\n");
        assert!(unknown.contains("line 2") && unknown.contains("`sesions`"), "{unknown}");
        let wrong = told("rate = 5\n\nwarmup = 5\n");
        assert!(wrong.contains("line 3") && wrong.contains("not a time such as 5s"), "{wrong}");
        let scenario = told("scenario = \"fun\"\n");
        assert!(scenario.contains("line 1") && scenario.contains("`fan`"), "{scenario}");
    }
}
