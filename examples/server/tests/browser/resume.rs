//! Lost connections, some of which the session survives.

use std::time::{Duration, Instant};

use bytes::Bytes;
use comet_protocol::comet::{AwayReason, Failure, Gap, GapReason, GoingAway, Seq, ServerFrame};

use crate::chromium::Driver;
use crate::line::Line;
use crate::page::Page;
use crate::server::Server;
use crate::wait;

/// Reads the number of pulls from the record.
const PULLS: &str = "
    return performance.getEntriesByType('resource')
        .filter(({ name }) => name.endsWith('/sync-record')).length;";

#[tokio::test]
async fn a_page_whose_connection_is_cut_goes_on_where_it_was() {
    let (server, driver) = (Server::start().await, Driver::start().await);
    let line = Line::to(server.address()).await;
    let alice = Page::sign_in(driver.browser().await, &server.url(), "alice").await;
    let bob = Page::sign_in(driver.browser().await, &line.url(), "bob").await;
    bob.open_person("alice").await;
    alice.open_person("bob").await;
    alice.send("before").await;
    bob.wait_for_talk(&["before"]).await;
    assert_eq!(bob.session().await, "new");
    let pulls: u32 = bob.script(PULLS).await;

    for round in 1..=3 {
        line.lose();
        alice.send(&format!("lost {round}")).await;
        line.wait_for_losses(1).await;
        bob.send(&format!("unanswered {round}")).await;
        line.wait_for_losses(2).await;
        line.cut();
        bob.wait_for_element("#status[data-state='online'][data-session='resumed']").await;
        wait_for_connections(&line, round + 1).await;
        alice.send(&format!("after {round}")).await;
        bob.wait_for_messages("the talk goes on", |shown| shown.len() == 1 + 3 * round).await;
    }

    let round = |n| [format!("lost {n}"), format!("unanswered {n}"), format!("after {n}")];
    let talk: Vec<String> = [vec!["before".to_owned()], (1..=3).flat_map(round).collect()].concat();
    bob.wait_for_talk(&talk).await;
    alice.wait_for_talk(&talk).await;
    alice.wait_for_marks("received").await;
    bob.wait_for_marks("received").await;
    assert_eq!(bob.script::<u32>(PULLS).await, pulls, "what was lost came by the session");
}

#[tokio::test]
async fn a_page_that_is_loaded_again_leaves_its_session_and_misses_nothing() {
    let (server, driver) = (Server::start().await, Driver::start().await);
    let line = Line::to(server.address()).await;
    let alice = Page::sign_in(driver.browser().await, &server.url(), "alice").await;
    let bob = Page::sign_in(driver.browser().await, &line.url(), "bob").await;
    bob.open_person("alice").await;
    alice.open_person("bob").await;

    line.lose();
    alice.send("lost").await;
    line.wait_for_losses(1).await;
    bob.send("unanswered").await;
    line.wait_for_losses(2).await;
    bob.reload().await;
    server.wait_for_metric("comet_gateway_closed_total{reason=\"left\"} 1").await;
    bob.wait_for_state("online").await;
    assert_eq!(bob.session().await, "new");
    bob.wait_for_talk(&["lost", "unanswered"]).await;
    bob.wait_for_marks("received").await;
    alice.wait_for_talk(&["lost", "unanswered"]).await;
    alice.wait_for_marks("received").await;
    server.wait_for_metric("comet_gateway_sessions 2").await;
}

#[tokio::test]
async fn what_a_gap_leaves_out_is_pulled() {
    let (server, driver) = (Server::start().await, Driver::start().await);
    let line = Line::to(server.address()).await;
    let alice = Page::sign_in(driver.browser().await, &server.url(), "alice").await;
    let bob = Page::sign_in(driver.browser().await, &line.url(), "bob").await;
    bob.open_person("alice").await;
    alice.open_person("bob").await;
    alice.send("before").await;
    bob.wait_for_talk(&["before"]).await;
    let pulls: u32 = bob.script(PULLS).await;

    line.lose();
    alice.send("too much").await;
    let lost = line.wait_for_losses(1).await;
    let gap = Gap { count: 1, reason: GapReason::Slow.into(), ..Gap::default() };
    line.say(&ServerFrame::Gap { to: Seq::new(lost[0]), gap });
    bob.wait_for_talk(&["before", "too much"]).await;
    wait_for_pulls(&bob, pulls + 1).await;

    let notice = Gap { count: 2, ..Gap::default() };
    line.say(&ServerFrame::Gap { to: Seq::NONE, gap: notice });
    // Deliveries of no room and without a number are in no record.
    let of_room = Gap { count: 2, room: "4".to_owned(), ..Gap::default() };
    line.say(&ServerFrame::Gap { to: Seq::NONE, gap: of_room });
    wait_for_pulls(&bob, pulls + 2).await;

    line.cut();
    alice.send("after").await;
    bob.wait_for_talk(&["before", "too much", "after"]).await;
    alice.wait_for_marks("received").await;
    wait_for_pulls(&bob, pulls + 2).await;
}

#[tokio::test]
async fn a_page_stays_away_as_long_as_a_server_that_goes_asks() {
    const AWAY: Duration = Duration::from_secs(3);
    let (server, driver) = (Server::start().await, Driver::start().await);
    let line = Line::to(server.address()).await;
    let bob = Page::sign_in(driver.browser().await, &line.url(), "bob").await;

    let told = Instant::now();
    line.say(&ServerFrame::GoingAway(GoingAway {
        reason: AwayReason::Restart.into(),
        return_after_ms: 3_000,
        may_resume: true,
        ticket: Bytes::new(),
    }));
    bob.wait_for_state("waiting").await;
    bob.click("#banner-button").await;
    bob.script::<()>("dispatchEvent(new Event('online'));").await;
    wait_for_connections(&line, 2).await;
    assert!(told.elapsed() >= AWAY, "it came back after {:?}", told.elapsed());
    bob.wait_for_element("#status[data-state='online'][data-session='resumed']").await;
}

#[tokio::test]
async fn a_page_comes_back_when_the_next_server_is_there() {
    let (mut server, driver) = (Server::start().await, Driver::start().await);
    let line = Line::to(server.address()).await;
    let alice = Page::sign_in(driver.browser().await, &server.url(), "alice").await;
    let bob = Page::sign_in(driver.browser().await, &line.url(), "bob").await;
    alice.open_person("bob").await;
    bob.open_person("alice").await;
    alice.send("before").await;
    bob.wait_for_talk(&["before"]).await;

    // Two pages are asked to reconnect at once; their attempts fail until a server is running.
    server.drain().await;
    alice.send("between").await;
    server.restart().await;
    wait_for_connections(&line, 2).await;
    alice.send("after").await;
    bob.wait_for_talk(&["before", "between", "after"]).await;
    alice.wait_for_marks("received").await;
    // Attempts aborted on a busy machine leave nothing behind.
    server.wait_for_metric("comet_gateway_sessions 2").await;
}

#[tokio::test]
async fn a_session_that_the_server_ends_waits_for_the_person() {
    let (server, driver) = (Server::start().await, Driver::start().await);
    let line = Line::to(server.address()).await;
    let bob = Page::sign_in(driver.browser().await, &line.url(), "bob").await;

    line.say(&ServerFrame::Error(Failure {
        code: 13,
        text: "kicked".to_owned(),
        ..Failure::default()
    }));
    bob.wait_for_state("ended").await;
    assert_eq!(bob.banner().await, "The server has ended the session: kicked.");
    bob.script::<()>("dispatchEvent(new Event('online'));").await;
    // A page that connects shows it at once.
    bob.wait_for_state("ended").await;
    assert_eq!(line.connections(), 1, "only the person may ask for another");
    bob.click("#banner-button").await;
    bob.wait_for_state("online").await;
}

async fn wait_for_connections(line: &Line, count: usize) {
    let seen = wait::poll(async || if line.connections() >= count { Ok(()) } else { Err(()) });
    seen.await.expect("the page connects again");
}

async fn wait_for_pulls(page: &Page, count: u32) {
    let seen = wait::poll(async || {
        let pulls: u32 = page.script(PULLS).await;
        if pulls == count { Ok(()) } else { Err(pulls) }
    });
    if let Err(pulls) = seen.await {
        panic!("pulled {pulls} times, expected {count}");
    }
}
