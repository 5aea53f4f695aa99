//! The scenarios at a small scale, against comet itself in this process.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use comet::{
    Config, Connect, ConnectReply, Delivery, Gateway, Identity, Listen, Message, Peer, Receipt,
    Refusal, Router,
};
use comet_bench::host::Interrupt;
use comet_bench::scenario::{ScenarioSettings, cuts};
use comet_bench::server::Target;

/// What a member says goes to everybody in its room.
struct Rooms;

impl Router for Rooms {
    fn connect(&self, _: &Gateway, request: Connect, reply: ConnectReply) {
        let room: Arc<str> = String::from_utf8_lossy(&request.ext).into();
        let identity = Identity::new(request.app, request.token).room(&room);
        reply.accept(identity.context(room));
    }

    fn receive(&self, gateway: &Gateway, peer: &Peer, message: Message, receipt: Receipt) {
        let Some(room) = peer.context::<Arc<str>>() else { return };
        match gateway.publish(room, Delivery::acked(message.body)) {
            Ok(()) => receipt.ack(""),
            Err(_) => receipt.refuse(Refusal::later(0)),
        }
    }
}

pub(crate) fn gateway() -> (Gateway, Target) {
    let config =
        Config::default().shards(2).resume(|it| it.ttl = Duration::from_secs(60)).ping(|it| {
            it.idle_timeout = Duration::from_secs(8);
            it.interval = Duration::from_secs(4);
        });
    let local = SocketAddr::from(([127, 0, 0, 1], 0));
    let gateway = Gateway::builder(Rooms)
        .config(config)
        .listen(Listen::tcp(local))
        .listen(Listen::websocket(local))
        .start()
        .expect("started");
    let addresses = gateway.addresses();
    let target = Target { tcp: addresses[0], ws: addresses[1] };
    (gateway, target)
}

fn plan(seconds: u64) -> cuts::Plan {
    cuts::Plan {
        seconds,
        sessions: 100,
        members: 20,
        rate: 2_000,
        body: 128,
        proxies: 3,
        every: 5.0,
        stall: 3.0,
        settle: 30,
        seed: 7,
    }
}

fn setting() -> ScenarioSettings {
    ScenarioSettings {
        relay: PathBuf::new(),
        flags: Vec::new(),
        program: env!("CARGO_BIN_EXE_comet-bench").into(),
        interrupt: Interrupt::never(),
        is_quiet: true,
    }
}

#[test]
fn connections_break_for_ten_seconds_and_nothing_is_lost_or_comes_twice() {
    let (gateway, target) = gateway();
    let report =
        cuts::against(&plan(10), target, std::process::id(), &setting()).expect("a result");
    assert!(report.findings.passed(), "{report}");
    let json = report.json();
    let figures = json["figures"].as_array().expect("figures");
    let figure = |name: &str| {
        let found = figures.iter().find(|figure| figure["name"] == name);
        found.and_then(|figure| figure["value"].as_f64()).expect("a number")
    };
    assert!(figure("deliveries received") >= 15_000.0, "{report}");
    assert!(figure("connections reset") >= 50.0, "{report}");
    assert!(figure("connections half closed") >= 50.0, "{report}");
    assert!(figure("proxies stopped and gone on") >= 1.0, "{report}");
    drop(gateway);
}

#[test]
fn a_run_with_settings_of_its_own_comes_to_a_partial_report_when_it_is_interrupted() {
    let (_gateway, target) = gateway();
    let setting = setting();
    setting.interrupt.pull();
    let report = cuts::against(&plan(600), target, std::process::id(), &setting).expect("a result");
    assert!(!report.about.is_complete() && report.findings.passed(), "{report}");
    assert_eq!(report.about.plan()["seconds"], 600);
    assert_eq!(
        report.findings.find("sessions").map(comet_bench::report::Figure::value),
        Some(100.0)
    );
}
