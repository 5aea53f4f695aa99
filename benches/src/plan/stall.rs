//! The stall of a plan: sessions that stop reading, and limits for the others and the server.

use super::bounds::share;
use super::{Kind, Options, PlanError, Stall, Topology};

/// Bytes that a relay of the run's own may use for queues, windows and logs.
const BUDGET: u64 = 32 << 20;
/// The flag of the budget.
const MEMORY: &str = "--memory-budget";

/// Flags of a relay of the run's own: small queues that drop the oldest, so that slow readers
/// matter, and sessions that outlive a connection which a slow reader lost.
const FLAGS: [(&str, &str); 5] = [
    ("--overflow", "drop-oldest"),
    ("--window", "32"),
    ("--queue", "64"),
    ("--room-log", "64"),
    ("--resume-ttl", "300"),
];

/// The stall of the scenario, if it has one.
pub(super) fn stall(
    kind: Kind,
    given: &Options,
    sessions: usize,
    topology: &Topology,
) -> Result<Option<Stall>, PlanError> {
    let (Kind::Tortoise, Topology::Rooms { rooms, publishers, .. }) = (kind, topology) else {
        return Ok(None);
    };
    let stalled = share("stalled", given.disturbances.stalled.unwrap_or(0.5))?;
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a share of sessions, of which there are far fewer than 2^53"
    )]
    let stopping = (sessions as f64 * stalled) as usize;
    if stopping + rooms * publishers > sessions {
        let with = "so many publishers, who do not stop reading";
        return Err(PlanError::Contradiction { key: "stalled", with });
    }
    let slower = given.disturbances.slower.unwrap_or(1.2);
    let (least, most) = (0.0, 1e6);
    if !(least..=most).contains(&slower) {
        return Err(PlanError::OutOfBounds { key: "slower", least, most });
    }
    let growth =
        given.disturbances.growth.map(|size| size.0 as u64).or_else(|| budget_and_more(given));
    Ok(Some(Stall { sessions: stopping, slower, growth }))
}

/// Flags of a relay of the run's own, without those that the user gives.
pub(super) fn relay_flags(given: &Options) -> impl Iterator<Item = String> {
    let is_it = given.scenario == Some(Kind::Tortoise);
    let budget = (MEMORY, BUDGET.to_string());
    let own = FLAGS.map(|(flag, value)| (flag, value.to_owned())).into_iter().chain([budget]);
    let own = own.filter(move |(flag, _)| is_it && !is_given(given, flag));
    own.flat_map(|(flag, value)| [flag.to_owned(), value])
}

/// The budget that this gives a relay, and 5 % for the rest of its memory.
fn budget_and_more(given: &Options) -> Option<u64> {
    let is_given_one =
        given.server.addr.as_ref().is_none_or(Vec::is_empty) && !is_given(given, MEMORY);
    is_given_one.then_some(BUDGET / 20 * 21)
}

fn is_given(given: &Options, flag: &str) -> bool {
    let told = |it: &String| it.split('=').next() == Some(flag);
    given.server.relay_flag.iter().flatten().any(told)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{Flow, Plan, ServerLocation};

    fn outcome(more: &str) -> Result<Plan, String> {
        let text = format!("scenario = \"tortoise\"\n{more}");
        Plan::new(Options::read(&text).unwrap()).map_err(|error| error.to_string())
    }

    fn stall_of(more: &str) -> Stall {
        outcome(more).unwrap().disturbances.stall.unwrap()
    }

    #[test]
    fn half_of_ten_thousand_stop_unless_something_else_is_said() {
        let plan = outcome("").unwrap();
        assert_eq!((plan.sessions, plan.size, plan.flow), (10_000, 256, Flow::Open(8.0)));
        let expected = Stall { sessions: 5_000, slower: 1.2, growth: Some(BUDGET / 20 * 21) };
        assert_eq!(plan.disturbances.stall, Some(expected));
        assert_eq!(stall_of("sessions = 9\nstalled = 0.25\nslower = 3.0").sessions, 2);
        assert_eq!(stall_of("stalled = 0").sessions, 0);
        let fan = Plan::new(Options::read("scenario = \"fan\"").unwrap()).unwrap();
        assert_eq!(fan.disturbances.stall, None);
    }

    #[test]
    fn publishers_do_not_stop() {
        assert_eq!(stall_of("sessions = 10\nrooms = 2\nstalled = 0.8").sessions, 8);
        for (text, error) in [
            (
                "sessions = 10\nrooms = 2\nstalled = 0.9",
                "`stalled` does not go with so many publishers, who do not stop reading",
            ),
            ("stalled = 1.1", "`stalled` must be from 0 to 1"),
            ("slower = -1.0", "`slower` must be from 0 to 1000000"),
            ("rate = \"max\"", "`rate` does not go with tortoise, unless it is a number"),
            ("rate = \"find\"", "`rate` does not go with tortoise, unless it is a number"),
            ("window = 3", "`window` means nothing to tortoise"),
        ] {
            assert_eq!(outcome(text).unwrap_err(), error, "{text}");
        }
    }

    #[test]
    fn memory_is_limited_by_what_is_said_or_by_the_budget_that_the_relay_gets() {
        let growth = |more: &str| stall_of(more).growth;
        assert_eq!(growth("growth = \"8MiB\""), Some(8 << 20));
        assert_eq!(growth("addr = [\"ws://127.0.0.1:1\"]"), None);
        assert_eq!(growth("addr = [\"ws://127.0.0.1:1\"]\ngrowth = \"1KiB\""), Some(1_024));
        assert_eq!(growth("relay-flag = [\"--memory-budget=9\"]"), None);
    }

    #[test]
    fn the_relay_is_told_nothing_twice() {
        let flags = |more: &str| match outcome(more).unwrap().location {
            ServerLocation::Relay { flags, .. } => flags.join(" "),
            location => panic!("{location:?}"),
        };
        assert_eq!(
            flags("relay-flag = [\"--window=8\", \"--queue\", \"9\"]"),
            "--overflow drop-oldest --room-log 64 --resume-ttl 300 --memory-budget 33554432 \
             --window=8 --queue 9"
        );
    }
}
