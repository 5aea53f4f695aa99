//! From a connection to a session: who is let in, who may try again, who hears nothing.

use std::sync::Mutex;
use std::sync::mpsc::sync_channel;
use std::time::Duration;

use comet::{Closed, ConnectReply, Dialect, Identity, Target};
use comet_testkit::client::{Client, Ending, Transport};
use comet_testkit::frame::{auth, delivery, frame, reply, say};
use comet_testkit::{clock, websocket};

use crate::support::gateway::{Server, Setup, config};
use crate::support::log::Event;
use crate::support::place::{Way, everywhere, over_both, way};

/// "wrong" is refused with a body, "nobody" is let go, everybody else is let in.
fn doorman(shards: usize) -> Setup {
    Setup::new(config(shards).handshake(|it| it.attempts = 3)).on_connect(|_, request, reply| {
        match request.token.as_str() {
            "wrong" => reply.refuse("another device"),
            "nobody" => drop(reply),
            user => reply.accept(Identity::new(request.app.as_str(), user)),
        }
    })
}

fn attempts(server: &Server) -> Vec<(String, u8)> {
    server.log.so_far(|event| match event {
        Event::Connect { token, attempt } => Some((token.clone(), *attempt)),
        _ => None,
    })
}

#[test]
fn a_peer_has_the_contexts_of_every_router_and_knows_its_connection() {
    over_both(|place| {
        let server = Setup::new(config(place.shards))
            .on_connect(|_, request, reply| {
                let reply = reply.context(request.attempt).context("outer").context(7u32);
                let identity = Identity::new(request.app, request.token);
                reply.accept(identity.context(String::from("inner")).context(8u32));
            })
            .start();
        for user in ["al", "bo", "cy"] {
            let _client = server.client(place.transport, user, "");
            let peer = server.log.peer(user);
            assert_eq!((peer.context::<u8>(), peer.context::<&str>()), (Some(&1), Some(&"outer")));
            assert_eq!(peer.context::<String>().map(String::as_str), Some("inner"));
            assert_eq!(peer.context::<u32>(), Some(&8), "the identity's own comes first");
            assert_eq!(peer.dialect(), Dialect::Dtalk);
            assert!(peer.remote().ip().is_loopback() && peer.remote().port() != 0);
        }
    });
}

#[test]
fn names_that_are_too_long_get_no_session() {
    let server = Setup::new(config(1))
        .on_connect(|_, request, reply| {
            reply.accept(Identity::new(request.app, "x".repeat(65_536)));
        })
        .start();
    let mut client = server.connect(Transport::Tcp);
    client.send(&auth(1, "al", ""));
    assert_eq!(client.ending(), Ending::Fin);
    assert_eq!(server.ended_as(&Closed::Refused), 1);
}

#[test]
fn the_golden_auth_frame_is_answered_by_the_golden_reply() {
    everywhere(|place| {
        let server = Setup::new(config(place.shards))
            .on_connect(|log, request, reply| log.keep(request, reply))
            .start();
        let mut client = server.connect(place.transport);
        let golden = b"\0\0\0\x33\0\x14\0\x01\0\0\0\x01\0\0\0\x01\0\0\0\0\
            \x0a\x05dtalk\x12\x01T\x1a\x13\x08\x04\x12\x05alice\x2a\x03u-1\x32\x03mac";
        match place.transport {
            Transport::Tcp => client.socket.write(golden),
            Transport::WebSocket => client.socket.write(websocket::masked(0x82, golden)),
        }
        let (request, reply) = server.log.asked();
        assert_eq!((request.app.as_str(), request.token.as_str()), ("dtalk", "T"));
        assert_eq!(&request.ext[..], b"\x08\x04\x12\x05alice\x2a\x03u-1\x32\x03mac");
        // Over TLS it is another socket's, at the end of a pipe.
        let remote = (request.remote.ip(), request.remote.port() == client.socket.local().port());
        assert_eq!(remote, (client.socket.local().ip(), way() != Way::Tls));
        assert_eq!((request.dialect, request.attempt), (Dialect::Dtalk, 1));
        assert!(request.upgrade.is_none());

        reply.accept(Identity::new("dtalk", "alice"));
        let golden = b"\0\0\0\x14\0\x14\0\x01\0\0\0\x02\0\0\0\x01\0\0\0\0";
        let header: &[u8] = if place.transport == Transport::Tcp { b"" } else { b"\x82\x14" };
        assert_eq!(client.socket.take(header.len() + 20), [header, golden].concat());
        assert_eq!(server.stats().authenticated, 1);
    });
}

#[test]
fn a_refused_peer_is_told_and_may_ask_again_on_the_same_connection() {
    everywhere(|place| {
        let server = doorman(place.shards).start();
        let mut client = server.connect(place.transport);
        client.send(&auth(4, "wrong", ""));
        assert_eq!(client.receive(), frame(2, 4, b"another device"));
        client.send(&auth(5, "alice", ""));
        assert_eq!(client.receive(), frame(2, 5, b""));
        assert_eq!(client.ask(6, b"hello"), b"hello");
        assert_eq!(attempts(&server), [("wrong".to_owned(), 1), ("alice".to_owned(), 2)]);
        assert_eq!((server.stats().refused, server.stats().authenticated), (1, 1));
    });
}

#[test]
fn a_dropped_reply_closes_the_connection_without_a_word() {
    everywhere(|place| {
        let server = doorman(place.shards).start();
        let mut client = server.connect(place.transport);
        client.send(&auth(1, "nobody", ""));
        match place.transport {
            Transport::Tcp => assert_eq!(client.socket.rest().0, b""),
            Transport::WebSocket => assert_eq!(client.ending(), Ending::Close(Some(1008))),
        }
        assert_eq!(server.ended_as(&Closed::Refused), 1);
        assert_eq!(server.stats().refused, 1);
    });
}

#[test]
fn the_last_of_the_attempts_is_answered_and_closed() {
    everywhere(|place| {
        let server = doorman(place.shards).start();
        let mut client = server.connect(place.transport);
        for seq in 1..=3 {
            client.send(&auth(seq, "wrong", ""));
            assert_eq!(client.receive(), frame(2, seq, b"another device"));
        }
        assert_eq!(client.ending(), place.transport.goodbye(1008));
        assert_eq!(server.ended_as(&Closed::AuthAttempts), 1);
        assert_eq!(attempts(&server).last(), Some(&("wrong".to_owned(), 3)));
    });
}

#[test]
fn whatever_comes_before_auth_is_ignored() {
    everywhere(|place| {
        let server = doorman(place.shards).start();
        let mut client = server.connect(place.transport);
        client.send_all(&[say(1, b"too early"), frame(3, 2, b""), frame(10, 3, b"")]);
        client.sign_in("alice", "");
        client.beat(4);
        assert_eq!(server.stats().frames_ignored, 3);
        assert_eq!(server.stats().messages, 0);
    });
}

#[test]
fn an_auth_body_that_is_none_ends_the_connection() {
    everywhere(|place| {
        let server = doorman(place.shards).start();
        let mut client = server.connect(place.transport);
        client.send(&frame(1, 1, b"\xff\xff\xff"));
        assert_eq!(client.ending(), place.transport.goodbye(1002));
        assert_eq!(server.ended_as(&Closed::BadAuth), 1);
        assert_eq!(attempts(&server), []);
    });
}

#[test]
fn any_protocol_version_but_the_comet_dialects_is_taken_and_version_1_is_spoken() {
    everywhere(|place| {
        let server = doorman(place.shards).start();
        for ver in [0, 1, 3, 0xffff] {
            let mut client = server.connect(place.transport);
            let mut request = auth(1, "alice", "");
            request.ver = ver;
            client.send(&request);
            assert_eq!(client.receive(), frame(2, 1, b""));
            let mut message = say(2, b"hello");
            message.ver = ver;
            client.send(&message);
            assert_eq!(client.receive(), reply(2, b"hello"));
        }
    });
}

#[test]
fn a_peer_may_be_let_in_later_by_another_thread_and_what_it_sent_meanwhile_waits() {
    everywhere(|place| {
        let server = Setup::new(config(place.shards))
            .on_connect(|log, request, reply| log.keep(request, reply))
            .start();
        let mut client = server.connect(place.transport);
        client.send_all(&[auth(1, "alice", ""), say(2, b"first"), frame(3, 3, b"")]);
        let (_, decision) = server.log.asked();
        client.send(&say(4, b"second"));
        assert_eq!(server.stats().messages, 0, "nobody has let the peer in");

        std::thread::spawn(move || decision.accept(Identity::new("dtalk", "alice")));
        assert_eq!(client.receive(), frame(2, 1, b""));
        let mut replies = client.receive_all(3);
        replies.sort_by_key(|frame| frame.seq);
        assert_eq!(replies, [reply(2, b"first"), frame(4, 3, [0; 4]), reply(4, b"second")]);
    });
}

/// Signs in and speaks in one write, until a session was accepted away from its home.
fn moves_while_speaking(speak: impl Fn(&mut Client, &str) + Sync) {
    over_both(|place| {
        let server = Server::start(config(place.shards));
        let mut stay = Vec::new();
        for number in 0..64 {
            let user = format!("user-{number}");
            let mut client = server.connect(place.transport);
            speak(&mut client, &user);
            assert_eq!(client.receive(), frame(2, 1, b""));
            let replies: Vec<_> = (2..=40).map(|seq| reply(seq, seq.to_string())).collect();
            assert_eq!(client.receive_all(39), replies);
            client.beat(41);
            let stats = server.stats();
            assert_eq!((stats.authenticated, stats.sessions), (number + 1, number + 1));
            if (2..number).contains(&stats.moved) {
                return;
            }
            stay.push(client);
        }
        panic!("no session was accepted away from its home");
    });
}

#[test]
fn what_follows_auth_in_one_write_is_read_also_when_the_session_moves_in_between() {
    moves_while_speaking(|client, user| {
        let mut frames = vec![auth(1, user, "")];
        frames.extend((2..=40).map(|seq| say(seq, seq.to_string())));
        client.send_all(&frames);
    });
}

#[test]
fn what_follows_auth_in_one_message_is_read_also_when_the_session_moves_in_between() {
    moves_while_speaking(|client, user| {
        let mut frames = vec![auth(1, user, "")];
        frames.extend((2..=40).map(|seq| say(seq, seq.to_string())));
        match client.transport {
            Transport::Tcp => client.send_all(&frames),
            Transport::WebSocket => client.send_together(&frames),
        }
    });
}

#[test]
fn an_anonymous_peer_has_a_session_that_is_reached_by_its_id_and_its_rooms() {
    everywhere(|place| {
        let server = Setup::new(config(place.shards))
            .on_connect(|_, _, reply| reply.accept(Identity::anonymous().room("lobby")))
            .start();
        let mut client = server.client(place.transport, "whoever", "");
        let peer = server.log.peer("");
        assert_eq!((peer.app(), peer.user(), peer.device()), ("", "", ""));
        let say = |text: &'static str| comet::Delivery::best_effort(text);
        server.gateway.push(Target::user("", ""), say("to a user without a name")).unwrap();
        server.gateway.push(peer.session(), say("to the session")).unwrap();
        assert_eq!(client.receive(), delivery(0, b"to the session"));
        server.gateway.publish("lobby", say("to the room")).unwrap();
        assert_eq!(client.receive(), delivery(0, b"to the room"));
        clock::eventually("counted", || server.stats().moved == 0);
    });
}

#[test]
fn a_router_that_holds_its_answer_has_more_time_than_the_handshake() {
    over_both(|place| {
        let (held, replies) = sync_channel(1);
        let held = Mutex::new(held);
        let time = Duration::from_millis(200);
        let server = Setup::new(config(place.shards).handshake(|it| it.timeout = time))
            .on_connect(move |_, request, reply| {
                reply.hold(Duration::from_secs(60));
                held.lock()
                    .expect("no panic")
                    .send((request.token, reply))
                    .expect("the test goes on");
            })
            .start();
        let mut client = server.connect(place.transport);
        client.send(&auth(1, "alice", ""));
        let (user, reply) = replies.recv().expect("asked");
        // One that came later and says nothing has used up its time.
        server.connect(place.transport).ending();
        reply.accept(Identity::new("app", user));
        assert_eq!(client.receive(), frame(2, 1, b""));
        client.beat(2);
    });
}

#[test]
fn a_router_learns_whether_a_peer_still_waits_for_its_answer() {
    over_both(|place| {
        let (held, replies) = sync_channel(1);
        let held = Mutex::new(held);
        let server = Setup::new(config(place.shards))
            .on_connect(move |_, request, reply| {
                let told = (request.token, reply);
                held.lock().expect("no panic").send(told).expect("the test goes on");
            })
            .start();
        let is_awaited = |reply: &ConnectReply| {
            let (tell, told) = sync_channel(1);
            reply.is_awaited(move |is_awaited| tell.send(is_awaited).expect("asked"));
            told.recv().expect("answered")
        };
        let mut stays = server.connect(place.transport);
        stays.send(&auth(1, "alice", ""));
        let (user, reply) = replies.recv().expect("asked");
        assert!(is_awaited(&reply));
        let mut goes = server.connect(place.transport);
        goes.send(&auth(1, "bob", ""));
        let (_, gone) = replies.recv().expect("asked");
        drop(goes);
        clock::eventually("it is noticed", || !is_awaited(&gone));
        reply.accept(Identity::new("app", user));
        assert_eq!(stays.receive(), frame(2, 1, b""));
    });
}
