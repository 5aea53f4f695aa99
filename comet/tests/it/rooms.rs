//! Who gets what: rooms, users, broadcasts, and the order of what one thread asks for.

use std::time::Duration;

use comet::{Closed, Delivery, Identity, Target};
use comet_testkit::client::{Client, Transport};
use comet_testkit::clock;
use comet_testkit::frame::{delivery, frame};

use crate::support::gateway::{Server, Setup, config};
use crate::support::place::everywhere;

fn text(text: &str) -> Delivery {
    Delivery::best_effort(text.to_owned())
}

/// The next thing that comes is this; so nothing else came before.
fn hears(client: &mut Client, expected: &str) {
    assert_eq!(client.receive(), delivery(0, expected));
}

#[test]
fn a_publish_reaches_every_member_on_every_shard_once_and_nobody_else() {
    everywhere(|place| {
        let server = Server::start(config(place.shards));
        let mut members = server.on_every_shard(place.transport, "in", "lobby");
        let mut others = server.on_every_shard(place.transport, "out", "elsewhere");
        server.gateway.publish("lobby", Delivery::acked("hello")).unwrap();
        for (_, client) in &mut members {
            client.takes(1, b"hello");
            client.beat(2);
        }
        others.iter_mut().for_each(|(_, client)| client.beat(2));
        let rooms = 2 * place.shards as u64;
        assert_eq!(server.stats().deliveries, members.len() as u64);
        assert_eq!(server.stats().rooms, rooms, "counted on each shard");
    });
}

#[test]
fn a_session_may_be_in_many_rooms_and_in_each_only_once() {
    everywhere(|place| {
        let server = Server::start(config(place.shards));
        let mut client = server.client(place.transport, "alice", "red,green,red,blue");
        let session = server.log.peer("alice").session();
        server.gateway.join(session, "green").unwrap();
        for room in ["red", "green", "blue", "none", "red"] {
            server.gateway.publish(room, text(room)).unwrap();
        }
        ["red", "green", "blue", "red"].iter().for_each(|room| hears(&mut client, room));
        client.beat(9);
    });
}

#[test]
fn rooms_of_the_identity_are_joined_before_anything_is_published_to_the_new_session() {
    everywhere(|place| {
        let server = Setup::new(config(place.shards))
            .on_connect(|_, request, reply| {
                let identity = Identity::new("app", request.token);
                reply.accept((0..100).fold(identity, |identity, n| identity.room(&n.to_string())));
            })
            .start();
        let mut client = server.connect(place.transport);
        client.send(&comet_testkit::frame::auth(1, "alice", ""));
        // As soon as the router knows of the session, whoever is told by it may publish.
        server.log.peer("alice");
        for room in 0..100 {
            server.gateway.publish(&room.to_string(), text(&room.to_string())).unwrap();
        }
        assert_eq!(client.receive(), frame(2, 1, b""), "the auth reply is first");
        (0..100).for_each(|room| hears(&mut client, &room.to_string()));
    });
}

#[test]
fn who_joins_hears_what_is_published_from_then_on_until_leaving() {
    everywhere(|place| {
        let server = Server::start(config(place.shards));
        let mut client = server.client(place.transport, "alice", "");
        let session = server.log.peer("alice").session();
        let gateway = &server.gateway;
        gateway.publish("lobby", text("before")).unwrap();
        for round in 0..20 {
            gateway.join(session, "lobby").unwrap();
            gateway.publish("lobby", text(&format!("in {round}"))).unwrap();
            gateway.leave(session, "lobby").unwrap();
            gateway.publish("lobby", text("gone")).unwrap();
        }
        gateway.push(session, text("the end")).unwrap();
        (0..20).for_each(|round| hears(&mut client, &format!("in {round}")));
        hears(&mut client, "the end");
        clock::eventually("the room is gone", || server.stats().rooms == 0);
    });
}

#[test]
fn a_user_joins_leaves_and_is_pushed_to_with_all_devices() {
    everywhere(|place| {
        let server = Server::start(config(place.shards));
        let mut phone = server.client(place.transport, "alice@phone", "");
        let mut desktop = server.client(place.transport, "alice@desktop", "");
        let mut bob = server.client(place.transport, "bob", "");
        server.log.peer("bob");
        let gateway = &server.gateway;
        gateway.join(Target::user("dtalk", "alice"), "lobby").unwrap();
        gateway.publish("lobby", text("in the room")).unwrap();
        gateway.leave(Target::user("dtalk", "alice"), "lobby").unwrap();
        gateway.publish("lobby", text("gone")).unwrap();
        gateway.push(Target::user("dtalk", "alice"), Delivery::acked("to alice")).unwrap();
        for client in [&mut phone, &mut desktop] {
            hears(client, "in the room");
            client.takes(1, b"to alice");
            client.beat(5);
        }
        bob.beat(5);
    });
}

#[test]
fn the_members_of_a_room_join_another_leave_it_and_are_kicked_together() {
    everywhere(|place| {
        let server = Server::start(config(place.shards));
        let mut members = server.on_every_shard(place.transport, "in", "lobby");
        let mut others = server.on_every_shard(place.transport, "out", "elsewhere");
        let gateway = &server.gateway;
        gateway.join(Target::room("lobby"), "hall").unwrap();
        gateway.push(Target::room("hall"), text("in the hall")).unwrap();
        gateway.leave(Target::All, "hall").unwrap();
        gateway.publish("hall", text("nobody is in the hall")).unwrap();
        gateway.push(Target::All, text("to all")).unwrap();
        gateway.kick(Target::room("lobby"), format!("closed by {}", "al")).unwrap();
        for (user, client) in &mut members {
            hears(client, "in the hall");
            hears(client, "to all");
            assert_eq!(client.ending(), place.transport.goodbye(1008));
            assert_eq!(server.log.closed(user), Closed::Kicked("closed by al".into()));
        }
        for (_, client) in &mut others {
            hears(client, "to all");
            client.beat(5);
        }
    });
}

#[test]
fn users_of_different_apps_are_different_whatever_their_names_look_like() {
    everywhere(|place| {
        let server = Setup::new(config(place.shards))
            .on_connect(|_, request, reply| {
                let (app, user) = request.token.split_once('/').expect("app/user");
                reply.accept(Identity::new(app, user));
            })
            .start();
        let names = [("a:b", "c"), ("a", "b:c"), ("ab", "c"), ("a", "bc"), ("", "abc")];
        let mut clients: Vec<Client> = names
            .iter()
            .map(|(app, user)| server.client(place.transport, &format!("{app}/{user}"), ""))
            .collect();
        names.iter().for_each(|(_, user)| drop(server.log.peer(user)));
        for (number, (app, user)) in names.iter().enumerate() {
            server.gateway.push(Target::user(app, user), text(&number.to_string())).unwrap();
        }
        for (number, client) in clients.iter_mut().enumerate() {
            hears(client, &number.to_string());
            client.beat(2);
        }
    });
}

#[test]
fn kicked_and_departed_members_get_nothing_more_and_the_others_everything() {
    everywhere(|place| {
        let server = Server::start(config(place.shards));
        let mut stays = server.client(place.transport, "stays", "lobby");
        let mut kicked = server.client(place.transport, "kicked", "lobby");
        let leaves = server.client(place.transport, "leaves", "lobby");
        let session = server.log.peer("kicked").session();
        server.gateway.publish("lobby", text("one")).unwrap();
        server.gateway.kick(session, "a test").unwrap();
        server.gateway.publish("lobby", text("two")).unwrap();
        hears(&mut kicked, "one");
        assert!(matches!(kicked.next(clock::deadline()), comet_testkit::client::Next::Ended(_)));
        drop(leaves);
        server.log.closed("leaves");
        server.gateway.publish("lobby", text("three")).unwrap();
        ["one", "two", "three"].iter().for_each(|text| hears(&mut stays, text));
        stays.beat(2);
        server.gateway.push(session, text("to nobody")).unwrap();
    });
}

#[test]
fn what_one_thread_publishes_and_pushes_keeps_its_order_for_each_session() {
    everywhere(|place| {
        let server = Server::start(config(place.shards).delivery(|it| {
            it.window = 2_000;
            it.queue = 1;
        }));
        let mut clients = server.on_every_shard(place.transport, "user", "red,green");
        let gateway = &server.gateway;
        let sessions: Vec<_> =
            clients.iter().map(|(user, _)| server.log.peer(user).session()).collect();
        for number in 0..1_500 {
            let body = number.to_string();
            let class = if number % 7 < 3 { Delivery::acked } else { Delivery::best_effort };
            // Each way directly follows each other one at some time.
            match [0, 1, 4, 2, 0, 3, 1, 2, 4, 0, 2][number % 11] {
                0 | 1 => gateway.publish("red", class(body)).unwrap(),
                2 => gateway.publish("green", class(body)).unwrap(),
                3 => gateway.broadcast(class(body)).unwrap(),
                _ => {
                    for (session, (user, _)) in sessions.iter().zip(&clients) {
                        if number % 2 == 0 {
                            gateway.push(*session, class(body.clone())).unwrap();
                        } else {
                            gateway.push(Target::user("dtalk", user), class(body.clone())).unwrap();
                        }
                    }
                }
            }
        }
        for (_, client) in &mut clients {
            let mut next_seq = 1;
            for number in 0..1_500 {
                let is_acked = number % 7 < 3;
                let seq = if is_acked { next_seq } else { 0 };
                next_seq += u32::from(is_acked);
                assert_eq!(client.receive(), delivery(seq, number.to_string()));
            }
        }
    });
}

#[test]
fn publishes_that_alternate_between_rooms_reach_the_members_of_theirs_alone() {
    everywhere(|place| {
        let server = Server::start(config(place.shards));
        let mut red = server.on_every_shard(place.transport, "red", "red");
        let mut green = server.on_every_shard(place.transport, "green", "green");
        for number in 0..300 {
            let room = if number % 3 == 0 { "red" } else { "green" };
            server.gateway.publish(room, text(&number.to_string())).unwrap();
        }
        let mine = |is_red: bool| (0..300).filter(move |number| (number % 3 == 0) == is_red);
        for (is_red, (_, client)) in
            red.iter_mut().map(|it| (true, it)).chain(green.iter_mut().map(|it| (false, it)))
        {
            mine(is_red).for_each(|number| hears(client, &number.to_string()));
            client.beat(2);
        }
    });
}

#[test]
fn what_several_threads_publish_arrives_whole_and_in_each_threads_order() {
    everywhere(|place| {
        let server = Server::start(config(place.shards).memory(|it| it.write_bytes = 64 << 20));
        let mut clients = server.on_every_shard(place.transport, "user", "lobby");
        std::thread::scope(|scope| {
            for thread in 0..4 {
                let gateway = &server.gateway;
                scope.spawn(move || {
                    for number in 0..300 {
                        // Some are long enough to be shared instead of copied.
                        let filler = ".".repeat(if number % 50 == 0 { 9_000 } else { 10 });
                        let body = format!("{thread} {number} {filler}");
                        gateway.publish("lobby", text(&body)).unwrap();
                    }
                });
            }
            for (_, client) in &mut clients {
                let mut next = [0; 4];
                for _ in 0..1_200 {
                    let body = String::from_utf8(client.receive().body).unwrap();
                    let mut parts = body.split(' ');
                    let mut number = || parts.next().unwrap().parse::<usize>().unwrap();
                    let (thread, number) = (number(), number());
                    assert_eq!(number, next[thread], "of thread {thread}");
                    next[thread] += 1;
                }
                assert_eq!(next, [300; 4]);
            }
        });
    });
}

#[test]
fn a_session_is_in_no_more_rooms_than_it_may_and_in_a_new_one_after_leaving() {
    everywhere(|place| {
        let server = Server::start(config(place.shards).limits(|it| it.rooms_per_session = 3));
        let mut client = server.client(place.transport, "alice", "1,2,3,4");
        let session = server.log.peer("alice").session();
        let gateway = &server.gateway;
        gateway.join(session, "5").unwrap();
        gateway.leave(session, "2").unwrap();
        gateway.join(session, "6").unwrap();
        for room in 1..=6 {
            gateway.publish(&room.to_string(), text(&room.to_string())).unwrap();
        }
        ["1", "3", "6"].iter().for_each(|room| hears(&mut client, room));
        client.beat(2);
    });
}

#[test]
fn a_broadcast_reaches_every_session_and_no_connection_without_one() {
    everywhere(|place| {
        let server = Server::start(config(place.shards));
        let mut clients = server.on_every_shard(place.transport, "user", "");
        let mut stranger = server.connect(place.transport);
        clock::eventually("the stranger has come", || server.arrived() == clients.len() as u64 + 1);
        server.gateway.broadcast(Delivery::acked("to all")).unwrap();
        clients.iter_mut().for_each(|(_, client)| client.takes(1, b"to all"));
        stranger.sign_in("late", "");
        stranger.beat(2);
    });
}

#[test]
fn rooms_come_and_go_under_publishing_and_none_is_left() {
    everywhere(|place| {
        let server = Server::start(config(place.shards).memory(|it| it.write_bytes = 64 << 20));
        let mut stays = server.client(place.transport, "stays", "lobby");
        std::thread::scope(|scope| {
            let gateway = &server.gateway;
            for _ in 0..2 {
                scope.spawn(|| {
                    (0..500).for_each(|_| gateway.publish("lobby", text("tick")).unwrap());
                });
            }
            for number in 0..30 {
                let user = format!("guest-{number}");
                let mut guest = server.client(place.transport, &user, "lobby,other");
                let session = server.log.peer(&user).session();
                if number % 2 == 0 {
                    gateway.leave(session, "lobby").unwrap();
                    gateway.join(session, "lobby").unwrap();
                }
                if number % 3 == 0 {
                    guest.send(&frame(5, 9, b""));
                }
            }
        });
        (0..1_000).for_each(|_| hears(&mut stays, "tick"));
        stays.beat(2);
        drop(stays);
        server.is_deserted();
    });
}

#[test]
fn a_slow_member_gets_everything_that_fits_whole_and_in_order() {
    everywhere(|place| {
        let limits = config(place.shards).memory(|it| it.write_bytes = 64 << 20).delivery(|it| {
            it.window = 1_000;
            it.window_bytes = 64 << 20;
            it.rto = Duration::from_secs(60);
        });
        let server = Server::start(limits);
        let mut client = server.client(place.transport, "alice", "lobby");
        let body = |number: u32| vec![number as u8; 1 + (number as usize * 7_919) % 60_000];
        for number in 0..600 {
            let class = if number % 3 == 0 { Delivery::acked } else { Delivery::best_effort };
            server.gateway.publish("lobby", class(body(number))).unwrap();
        }
        for number in 0..600 {
            let seq = if number % 3 == 0 { number / 3 + 1 } else { 0 };
            assert!(client.receive() == delivery(seq, body(number)), "number {number}");
        }
    });
}

#[test]
fn goers_and_comers_take_places_in_a_room_without_taking_each_others_mail() {
    let server = Server::start(config(2));
    let mut members: Vec<(usize, Client)> = Vec::new();
    for round in 0..40 {
        let user = format!("user-{round}");
        members.push((round, server.client(Transport::Tcp, &user, "lobby,other")));
        if round % 3 == 2 {
            let (gone, client) = members.remove(members.len() / 2);
            drop(client);
            server.log.closed(&format!("user-{gone}"));
        }
        server.gateway.publish("lobby", text(&round.to_string())).unwrap();
        members.iter_mut().for_each(|(_, client)| hears(client, &round.to_string()));
    }
    members.iter_mut().for_each(|(_, client)| client.beat(2));
}
