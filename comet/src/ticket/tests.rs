//! Tickets on the test's own clock.

use super::layout::SEALED;
use super::*;

use proptest::prelude::*;

const HOUR: u64 = 3_600_000;

/// The first millisecond of a period of an hour.
const START: u64 = 500_000 * HOUR;

const NONCE: [u8; 24] = [9; 24];

fn tickets() -> Tickets {
    Tickets::new([7; 32], Duration::from_millis(HOUR))
}

fn ticket(expires: u64) -> Ticket {
    let binding = *b"sixteen letters!";
    Ticket { session: 0x1234_5678_9abc_def0, epoch: 3, expires, not_before: 0, binding }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn counting_from<const N: usize>(first: u8) -> [u8; N] {
    let mut bytes = [first; N];
    bytes.iter_mut().zip(first..).for_each(|(byte, value)| *byte = value);
    bytes
}

/// Test vectors from other implementations: BLAKE2s of Python's hashlib, and libsodium.
#[test]
fn a_ticket_is_these_bytes() {
    let tickets = Tickets::new(counting_from(0), Duration::from_millis(HOUR));
    let now = 1_790_000_000_123;
    let binding = tickets.binding("im", "zoë", "d-1");
    assert_eq!(hex(&binding), "d7c6db524a5b40e5ed74182fdd07c6c0");
    let ticket = Ticket {
        session: 0x0001_0000_0300_0002,
        epoch: 7,
        expires: now + 120_000,
        not_before: now + 250,
        binding,
    };
    let sealed = tickets.seal(now, counting_from(0x40), &ticket);
    let expected = [
        "010000000000079646404142434445464748494a4b4c4d4e4f50515253545556",
        "57d854756778d9a19aca0148853daf1967a95e9f822980faf4a59efff48bd490",
        "62f6ee43698cdfc3a56161220be47aa3d7b93a7d41d347b9ad2799ce725556b5",
        "3624a95913",
    ];
    assert_eq!(hex(&sealed), expected.concat());
    assert_eq!(tickets.open(now, &sealed), Ok(ticket));
}

#[test]
fn what_was_sealed_comes_back_until_it_expires() {
    let ticket = Ticket { not_before: START + 5, ..ticket(START + 1_000) };
    let sealed = tickets().seal(START, NONCE, &ticket);
    assert_eq!(sealed.len(), 101);
    assert_eq!(tickets().open(START, &sealed), Ok(ticket.clone()));
    assert_eq!(tickets().open(START + 999, &sealed), Ok(ticket));
    assert_eq!(tickets().open(START + 1_000, &sealed), Err(BadTicket::Expired));
    assert_eq!(tickets().open(u64::MAX, &sealed), Err(BadTicket::Expired));
}

#[test]
fn a_ticket_with_any_bit_changed_is_refused() {
    let sealed = tickets().seal(START, NONCE, &ticket(START + 1_000));
    assert!(tickets().open(START, &sealed).is_ok());
    for bit in 0..SEALED * 8 {
        let mut changed = sealed.to_vec();
        changed[bit / 8] ^= 1 << (bit % 8);
        assert!(tickets().open(START, &changed).is_err(), "bit {bit}");
    }
}

#[test]
fn the_period_in_the_clear_part_is_not_taken_on_trust() {
    let sealed = tickets().seal(START, NONCE, &ticket(START + 1_000));
    for period in [START / HOUR - 1, START / HOUR + 1] {
        let mut changed = sealed.to_vec();
        changed[1..9].copy_from_slice(&period.to_be_bytes());
        assert_eq!(tickets().open(START, &changed), Err(BadTicket::Unknown));
    }
}

#[test]
fn a_ticket_of_another_length_is_refused() {
    let sealed = tickets().seal(START, NONCE, &ticket(START + 1_000));
    for len in 0..sealed.len() {
        assert_eq!(tickets().open(START, &sealed[..len]), Err(BadTicket::Unknown), "{len} bytes");
    }
    let longer = [&sealed[..], &[0]].concat();
    assert_eq!(tickets().open(START, &longer), Err(BadTicket::Unknown));
}

#[test]
fn a_ticket_of_another_secret_is_unknown() {
    let others = Tickets::new([8; 32], Duration::from_millis(HOUR));
    let sealed = others.seal(START, NONCE, &ticket(START + 1_000));
    assert_eq!(tickets().open(START, &sealed), Err(BadTicket::Unknown));
}

#[test]
fn a_period_is_accepted_until_its_last_ticket_has_expired() {
    let last_moment = START + HOUR - 1;
    let sealed = tickets().seal(last_moment, NONCE, &ticket(last_moment + HOUR));
    assert!(tickets().open(last_moment + HOUR - 1, &sealed).is_ok());
    assert_eq!(tickets().open(last_moment + HOUR, &sealed), Err(BadTicket::Expired));
}

#[test]
fn the_key_of_a_period_that_is_over_opens_nothing() {
    let tickets = tickets();
    let sealed = tickets.seal(START, NONCE, &ticket(START + 1_000));
    let over = START + 2 * HOUR;
    assert_eq!(tickets.accept(START / HOUR, over - 1), Ok(()));
    assert_eq!(tickets.accept(START / HOUR, over), Err(BadTicket::Expired));
    assert_eq!(tickets.open(over, &sealed), Err(BadTicket::Expired));
}

#[test]
fn no_ticket_lives_longer_than_a_rotation() {
    let sealed = tickets().seal(START + 17, NONCE, &ticket(u64::MAX));
    assert_eq!(tickets().open(START + 17, &sealed), Ok(ticket(START + 17 + HOUR)));
    assert_eq!(tickets().open(START + 17 + HOUR, &sealed), Err(BadTicket::Expired));
}

#[test]
fn after_the_clock_stepped_back_a_ticket_is_as_good_as_new_and_no_better() {
    let sealed_at = START + 30 * 60_000;
    let original = Ticket { not_before: sealed_at + 50, ..ticket(sealed_at + 1_000) };
    let sealed = tickets().seal(sealed_at, NONCE, &original);
    // Also into the period before.
    for back in [1, 20 * 60_000, 90 * 60_000] {
        let now = sealed_at - back;
        let opened = tickets().open(now, &sealed).unwrap();
        let wait = if now == sealed_at { now + 50 } else { 0 };
        assert_eq!((opened.expires, opened.not_before), (now + 1_000, wait));
    }
    assert_eq!(tickets().open(START - HOUR - 1, &sealed), Err(BadTicket::Unknown));
}

#[test]
fn a_ticket_that_may_be_used_at_once_says_so_whatever_the_clock_did() {
    let sealed = tickets().seal(START + 10, NONCE, &ticket(START + 1_000));
    assert_eq!(tickets().open(START + 4, &sealed), Ok(ticket(START + 994)));
}

#[test]
fn names_do_not_lend_letters_to_each_other() {
    let tickets = tickets();
    let all = [("a", "bc", ""), ("ab", "c", ""), ("abc", "", ""), ("", "abc", ""), ("a", "b", "c")];
    let bindings: std::collections::HashSet<_> =
        all.map(|(app, user, device)| tickets.binding(app, user, device)).into();
    assert_eq!(bindings.len(), all.len());
    assert_eq!(tickets.binding("a", "b", "c"), tickets.binding("a", "b", "c"));
    let others = Tickets::new([8; 32], Duration::from_millis(HOUR));
    assert_ne!(others.binding("a", "b", "c"), tickets.binding("a", "b", "c"));
}

#[test]
fn the_secret_is_not_in_the_log() {
    assert_eq!(format!("{:?}", tickets()), "Tickets { rotation_ms: 3600000, .. }");
}

proptest! {
    #[test]
    fn arbitrary_bytes_are_no_ticket(
        bytes in prop_oneof![
            proptest::collection::vec(any::<u8>(), 0..200),
            proptest::collection::vec(any::<u8>(), SEALED),
        ],
        ours in any::<bool>(),
        period in prop_oneof![any::<u64>(), 0..3_u64, u64::MAX - 2..=u64::MAX],
        now in prop_oneof![any::<u64>(), 0..3_u64, u64::MAX - 2..=u64::MAX],
        rotation in prop_oneof![Just(0), Just(1), Just(HOUR), Just(u64::MAX)],
    ) {
        let mut bytes = bytes;
        if ours && bytes.len() >= 9 {
            bytes[..9].copy_from_slice(&layout::header(period));
        }
        let tickets = Tickets::new([7; 32], Duration::from_millis(rotation));
        prop_assert!(tickets.open(now, &bytes).is_err());
    }

    #[test]
    fn a_ticket_lives_from_any_moment_on_for_as_long_as_it_says(
        now in 0..u64::MAX / 2,
        rotation in prop_oneof![Just(0), 1..10_000_u64, Just(u64::MAX)],
        life in 0..20_000_u64,
        elapsed in 0..40_000_u64,
    ) {
        let tickets = Tickets::new([7; 32], Duration::from_millis(rotation));
        let sealed = tickets.seal(now, NONCE, &ticket(now + life));
        let life = life.min(rotation.max(1));
        let opened = tickets.open(now + elapsed, &sealed);
        if elapsed < life {
            prop_assert_eq!(opened, Ok(ticket(now + life)));
        } else {
            prop_assert_eq!(opened, Err(BadTicket::Expired));
        }
    }
}
