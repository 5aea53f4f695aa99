//! Plans of options, and errors of options that make no sense.

use super::*;
use crate::plan::Accounts;

fn plan(text: &str) -> Plan {
    Plan::new(Options::read(text).unwrap()).unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn told(text: &str) -> String {
    Plan::new(Options::read(text).unwrap()).expect_err(text).to_string()
}

#[test]
fn what_is_not_said_depends_on_the_scenario() {
    let fan = plan("scenario = \"fan\"");
    let rooms = Topology::Rooms { rooms: 1, memberships: 1, publishers: 1 };
    assert_eq!((fan.sessions, fan.topology, fan.flow), (1_000, rooms, Flow::Open(50.0)));
    assert_eq!(fan.times.warm_up, Duration::from_secs(1));
    assert_eq!(
        fan.location,
        ServerLocation::Relay { program: None, flags: vec![], carrier: Carrier::Ws }
    );
    let echo = plan("scenario = \"echo\"");
    assert_eq!((echo.topology, echo.flow), (Topology::Alone, Flow::Closed(1)));
    let idle = plan("scenario = \"idle\"");
    assert_eq!((idle.flow, idle.times.measure), (Flow::Silent, Duration::from_secs(50)));
}

#[test]
fn a_window_means_as_fast_as_it_allows() {
    assert_eq!(plan("scenario = \"fan\"\nwindow = 8").flow, Flow::Closed(8));
    assert_eq!(plan("scenario = \"fan\"\nrate = \"max\"").flow, Flow::Closed(32));
    let find = plan("scenario = \"fan\"\nrate = \"find\"\nlimit = \"2ms\"").flow;
    assert_eq!(find, Flow::Find { limit: Duration::from_millis(2), share: 0.5 });
    assert_eq!(plan("scenario = \"connect\"\nrate = 70").connections.connect_rate, Some(70.0));
}

#[test]
fn the_relay_is_told_what_the_run_needs() {
    let raw = plan(
        "scenario = \"fan\"\ndialect = \"raw\"\ndelivery = \"best-effort\"\n\
         relay-flag = [\"--shards=1\"]",
    );
    let flags = ["--delivery", "best-effort", "--dialect", "raw", "--shards=1"];
    let flags = flags.map(str::to_owned).to_vec();
    assert_eq!(raw.location, ServerLocation::Relay { program: None, flags, carrier: Carrier::Ws });
    let flags = |text| match plan(text).location {
        ServerLocation::Relay { flags, .. } => flags.join(" "),
        location => panic!("{location:?}"),
    };
    assert_eq!(flags("scenario = \"chat\""), "--addressed");
    assert_eq!(flags("scenario = \"chat\"\nbreaks = 1"), "--addressed --resume-ttl 60");
    assert_eq!(flags("scenario = \"chat\"\nbreaks = 1\ndialect = \"dtalk\""), "--addressed");
    assert_eq!(flags("scenario = \"storm\""), "--resume-ttl 120");
    assert_eq!(flags("scenario = \"storm\"\ndialect = \"goim\""), "");
}

#[test]
fn many_sessions_come_from_several_addresses() {
    assert_eq!(plan("scenario = \"idle\"").connections.sources, 0);
    assert_eq!(plan("scenario = \"idle\"\nsessions = 50000").connections.sources, 3);
    assert_eq!(plan("scenario = \"idle\"\nsources = 9").connections.sources, 9);
}

#[test]
fn a_message_is_as_long_on_the_wire_as_was_asked_for() {
    let body = |dialect| plan(&format!("scenario = \"fan\"\ndialect = \"{dialect}\"")).body();
    assert_eq!([body("raw"), body("raw-text")], [128, 96]);
}

#[test]
fn what_makes_no_sense_is_named() {
    for (text, error) in [
        (
            "sessions = 5",
            "`scenario` is missing: idle, connect, echo, fan, chat, storm or tortoise",
        ),
        ("scenario = \"idle\"\nlimit = \"1s\"", "`limit` means nothing to idle"),
        ("scenario = \"echo\"\nrooms = 2", "`rooms` means nothing to echo"),
        ("scenario = \"fan\"\nsize = 7", "`size` must be from 8 to 1047552"),
        (
            "scenario = \"fan\"\nsize = 11\ndialect = \"raw-text\"",
            "`size` must be from 12 to 1047552",
        ),
        ("scenario = \"echo\"\nsize = 31\nsessions = 65537", "`size` must be from 32 to 1047552"),
        ("scenario = \"fan\"\nsessions = 3\nrooms = 4", "`rooms` must be from 1 to 3"),
        (
            "scenario = \"fan\"\nrate = 5\nwindow = 8",
            "`window` does not go with a rate that is not `max`",
        ),
        (
            "scenario = \"fan\"\nlimit = \"1s\"",
            "`limit` does not go with a rate that is not `find`",
        ),
        ("scenario = \"chat\"\nprivate = 1.5", "`private` must be from 0 to 1"),
        (
            "scenario = \"chat\"\nrate = \"max\"",
            "`rate` does not go with chat, unless it is a number",
        ),
        (
            "scenario = \"fan\"\naddr = [\"ws://x\"]\ncarrier = \"tcp\"",
            "`carrier` does not go with `addr`, which is no relay of ours",
        ),
        (
            "scenario = \"fan\"\ndialect = \"mqtt\"",
            "the relay does not speak mqtt over WebSocket: `addr` must name a server that does",
        ),
        (
            "scenario = \"fan\"\ndialect = \"raw\"\ncarrier = \"tcp\"",
            "the relay does not speak raw over plain TCP: `addr` must name a server that does",
        ),
        (
            "scenario = \"chat\"\ndialect = \"raw\"",
            "chat needs sessions in several rooms, which raw does not have",
        ),
    ] {
        assert_eq!(told(text), error, "{text}");
    }
}

#[test]
fn connections_are_not_broken_where_nobody_answers() {
    for (dialect, is_fine) in [("mqtt", false), ("nats", false), ("dtalk", true)] {
        let text = format!(
            "scenario = \"chat\"\nbreaks = 1\ndialect = \"{dialect}\"\n\
             addr = [\"ws://127.0.0.1:1\"]"
        );
        let plan = Plan::new(Options::read(&text).unwrap());
        assert_eq!(plan.is_ok(), is_fine, "{dialect}: {plan:?}");
        let plan = Plan::new(Options::read(&text.replace("breaks = 1", "churn = 1")).unwrap());
        assert!(plan.is_ok(), "{plan:?}");
    }
}

#[test]
fn in_a_storm_the_publishers_are_among_those_who_stay() {
    let storm = plan("scenario = \"storm\"");
    let rooms = Topology::Rooms { rooms: 160, memberships: 1, publishers: 1 };
    assert_eq!((storm.sessions, &storm.topology, storm.timed()), (16_000, &rooms, 1_000));
    assert_eq!((storm.flow, storm.threads, storm.connections.sources), (Flow::Open(100.0), 2, 8));
    let limits = storm.disturbances.storm.map(|storm| (storm.back_within, storm.slower));
    assert_eq!(limits, Some((Duration::from_secs(3), 1.5)));
    let stay = |text: &str| plan(text).disturbances.storm.unwrap().stay;
    assert_eq!(stay("scenario = \"storm\"\nsessions = 320\nrooms = 10"), 20);
    assert_eq!(stay("scenario = \"storm\"\nsessions = 320\nrooms = 10\npublishers = 3"), 30);
    assert_eq!(plan("scenario = \"fan\"").timed(), 1_000);
    for (text, error) in [
        ("stay = 159", "`stay` must be from 160 to 15999"),
        ("stay = 16000", "`stay` must be from 160 to 15999"),
        ("publishers = 0", "`publishers` must be from 1 to 100"),
        ("slower = 0.5", "`slower` must be from 1 to 1000000"),
        ("rate = \"find\"", "`rate` does not go with storm, unless it is a number"),
        ("window = 3", "`window` means nothing to storm"),
        ("breaks = 3", "`breaks` means nothing to storm"),
    ] {
        assert_eq!(told(&format!("scenario = \"storm\"\n{text}")), error);
    }
    assert_eq!(told("scenario = \"fan\"\nstay = 3"), "`stay` means nothing to fan");
}

#[test]
fn accounts_are_for_servers_that_know_users_and_for_loads_without_rooms() {
    let at = "addr = [\"tcp://127.0.0.1:1\"]";
    let chat = plan(&format!("scenario = \"chat\"\n{at}\nsign = true"));
    assert_eq!((chat.dialect, &chat.accounts), (Dialect::Dtalk, &Some(Accounts::Signed)));
    let Topology::Groups { groups, private, friends, .. } = chat.topology else {
        panic!("{chat:?}")
    };
    assert_eq!((groups, private, friends), (0, 1.0, 3));
    assert_eq!(chat.load()["accounts"], "with made-up keys");
    let groups = "sign = true\nhttp = \"http://[::1]:1\"\nrooms = 9\nprivate = 0.5";
    let groups = plan(&format!("scenario = \"chat\"\n{at}\n{groups}"));
    assert!(matches!(groups.topology, Topology::Groups { groups: 9, private: 0.5, .. }));
    let idle = plan(&format!("scenario = \"idle\"\n{at}\ntoken-file = \"tokens\""));
    let rooms = Topology::Rooms { rooms: 0, memberships: 0, publishers: 0 };
    assert_eq!((idle.topology, idle.accounts), (rooms, Some(Accounts::File("tokens".into()))));
    assert_eq!(plan("scenario = \"fan\"\nsign = false").accounts, None);
    for (text, error) in [
        (
            "chat\"\nsign = true\ndemo = \"http://[::1]:1",
            "`sign` does not go with credentials from",
        ),
        ("idle\"\nsign = true\ndialect = \"goim", "idle needs logins by token, which goim does"),
        ("chat\"\nsign = true\nrooms = 2\nlabel = \"", "chat cannot be run with `sign`: it needs"),
        ("chat\"\nsign = true\nprivate = 0.5\nlabel = \"", "chat cannot be run with `sign`"),
        ("chat\"\nhttp = \"http://[::1]:1", "`http` does not go with anything but `sign`"),
        ("echo\"\nsign = true\nhttp = \"http://[::1]:1", "`http` means nothing to echo"),
        ("fan\"\nsign = true\nlabel = \"", "fan cannot be run with `sign`: it needs rooms"),
        ("storm\"\nsign = true\nlabel = \"", "storm cannot be run with `sign`: it needs"),
        ("chat\"\nsign = true\nbreaks = 1\nlabel = \"", "`breaks` does not go with accounts in"),
        ("echo\"\nsign = true\nsize = 15361\nlabel = \"", "`size` must be from 0 to 15360"),
        (
            "connect\"\nduration = \"2m\"\ndemo = \"http://[::1]:1",
            "`demo` does not go with logins for more than 100 s",
        ),
    ] {
        let told = told(&format!("{at}\nscenario = \"{text}\""));
        assert!(told.starts_with(error), "{text}: {told}");
    }
    let alone = told("scenario = \"echo\"\nsign = true");
    assert!(alone.starts_with("`sign` does not go with the relay, which believes any"), "{alone}");
}
