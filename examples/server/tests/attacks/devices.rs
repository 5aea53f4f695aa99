//! One user on very many devices, or on two that replace each other.

use std::time::{Duration, Instant};

use comet_dtalk::message::Device;
use comet_server_testkit::person::{device, phone};
use comet_testkit::usage;

use crate::arena::{Arena, person};
use crate::attack::Attack;
use crate::line::{Line, open, until};
use crate::login;

pub(crate) const ATTACKS: &[Attack] = &[
    Attack::new("devices-1500", "one user signs in on 1,500 devices", many),
    Attack::new("devices-same", "300 connections of the same user and device", same),
    Attack::new("phones-alternate", "two phones replace each other for 8 seconds", alternate),
    Attack::new("phones-over-the-limit", "50 phones of a user who may have one", over_the_limit)
        .with(&["devices.phone=1"]),
    Attack::new("devices-sign-in-and-out", "a device that signs in and drops 500 times", flaps),
];

/// Cost of the last hundred logins relative to the first: it must not grow with the number of
/// devices.
fn many(arena: &mut Arena) {
    arena.may_grow(96 * crate::arena::MIB);
    let who = person("has many devices");
    let pid = arena.server.process.id();
    let mut lines = Vec::new();
    let mut costs = Vec::new();
    for hundred in 0..15 {
        let before = usage::cpu(pid).unwrap_or_default();
        for number in 0..100 {
            let login = device(Device::Windows, &format!("desktop {hundred} {number}"));
            lines.extend(login::tcp_with(arena, &who, Some(&login)));
        }
        costs.push(usage::cpu(pid).unwrap_or_default() - before);
        lines.iter_mut().for_each(|line: &mut Line| {
            line.look();
            line.unread.clear();
        });
    }
    arena.is("signed in", lines.len(), 1_500);
    let least = Duration::from_millis(100);
    let (first, last) = (costs[0].max(least), costs[14].max(least));
    arena.at_most(
        "the last hundred cost, in hundredths of the first",
        last.as_millis() * 100 / first.as_millis(),
        400,
    );
}

fn same(arena: &mut Arena) {
    let who = person("is the same");
    let login = device(Device::Windows, "the one desktop");
    let lines: Vec<Line> =
        (0..300).filter_map(|_| login::tcp_with(arena, &who, Some(&login))).collect();
    arena.at_least("signed in, one after the other", lines.len(), 1);
    let mut lines = lines;
    until(Duration::from_secs(8), || open(&mut lines) <= 1);
    let open = open(&mut lines);
    arena.at_most("open at the end", open, 1);
}

/// Each reconnects as soon as it is told of the other's login.
fn alternate(arena: &mut Arena) {
    let who = person("has two phones");
    let logins = ["one", "two"].map(|uuid| phone(&format!("phone {uuid}")));
    let ask = |arena: &Arena, number: usize| {
        let mut line = arena.line(crate::arena::Port::Tcp);
        line.say(login::frame_of(&who, Some(&logins[number])));
        line
    };
    let mut lines = [ask(arena, 0), ask(arena, 1)];
    let mut attempts = 2;
    let began = Instant::now();
    while began.elapsed() < Duration::from_secs(8) {
        for (number, line) in lines.iter_mut().enumerate() {
            let told = line.look() && says_replaced(line);
            if told || !line.look() {
                *line = ask(arena, number);
                attempts += 1;
            }
        }
        crate::line::pass(crate::line::TICK);
    }
    // One second, doubling: 1 + 2 + 4 are seven.
    arena.at_most("logins in 8 s", attempts, 20);
}

/// The server pushes a notice of the other's login, which makes clients disconnect and reconnect.
fn says_replaced(line: &mut Line) -> bool {
    login::frames(line).iter().any(|frame| frame.op == comet_testkit::frame::DELIVER)
}

fn over_the_limit(arena: &mut Arena) {
    let who = person("has too many phones");
    let mut lines: Vec<Line> = (0..50)
        .filter_map(|number| {
            let login = phone(&format!("phone {number}"));
            login::tcp_with(arena, &who, Some(&login))
        })
        .collect();
    until(Duration::from_secs(6), || open(&mut lines) <= 1);
    let open = open(&mut lines);
    arena.is("phones with a session at the end", open, 1);
}

fn flaps(arena: &mut Arena) {
    let who = person("cannot decide");
    let login = device(Device::Windows, "flapping desktop");
    let began = Instant::now();
    let came = (0..500).filter(|number| {
        let line = login::tcp_with(arena, &who, Some(&login));
        let came = line.is_some();
        if number % 2 == 0 {
            line.into_iter().for_each(Line::reset);
        }
        came
    });
    let came = came.count();
    arena.is("signed in", came, 500);
    arena.within("all of them", Some(began.elapsed()), Duration::from_secs(60));
}
