//! A day of use, on each database: the deployed desktop and Android clients, simulated.
//!
//! Every hour follows the one before, on the same data. In the afternoon everybody talks at random
//! for a while, `COMET_DAY_SECONDS` if set. In the evening all devices have all that they should,
//! once, in order, and no client has met anything that it cannot cope with.
//!
//! * `town`: the people, their devices, and what was said;
//! * `hours`: the day.

mod hours;
mod town;

use std::thread;
use std::time::Duration;

use comet_sql_testing::Kind;
use town::Town;

/// Length of the afternoon.
const AFTERNOON: Duration = Duration::from_secs(3);

#[test]
fn a_day_of_use() {
    thread::scope(|scope| {
        for kind in [Kind::Sqlite, Kind::MariaDb, Kind::Postgres] {
            let thread = thread::Builder::new().name(format!("a day on {kind:?}"));
            thread.spawn_scoped(scope, move || day(kind)).expect("a thread");
        }
    });
}

fn day(kind: Kind) {
    let mut town = Town::new(kind);
    town.all_sign_in();
    town.two_people_talk();
    town.a_group_is_made();
    town.a_muted_member_keeps_trying();
    town.a_phone_goes_through_a_tunnel();
    town.a_desktop_is_closed_for_lunch();
    town.answers_get_lost();
    town.messages_are_taken_back_and_marked();
    town.all_talk_for(afternoon());
    town.a_second_phone_takes_over();
    town.somebody_is_removed_while_away();
    town.the_server_is_updated_and_crashes();
    town.the_muted_member_has_given_up();
    town.is_as_it_should_be();
}

fn afternoon() -> Duration {
    let told = std::env::var("COMET_DAY_SECONDS").ok();
    let seconds = told.map(|told| told.parse().expect("COMET_DAY_SECONDS is a number"));
    seconds.map_or(AFTERNOON, Duration::from_secs)
}
