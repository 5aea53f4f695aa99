//! Everything that section 5 of RFC 6455 forbids, each with its exact error.

use comet_protocol::ws::{CloseCode, Decoder, Limits, Opcode, Role, WsError};

use crate::peer::{Receiver, Said, frame, received_by_client, received_by_server, unhex};

const MASK: Option<[u8; 4]> = Some([0xa1, 0xb2, 0xc3, 0xd4]);

/// What a server says to the bytes, which must not depend on how they are cut.
fn refusal(hex: &str) -> (WsError, u16) {
    refusal_of(&unhex(hex), Limits::default())
}

fn refusal_of(bytes: &[u8], limits: Limits) -> (WsError, u16) {
    let at_once = Receiver::new(Role::Server, limits).receive(bytes).expect_err("refused at once");
    let mut receiver = Receiver::new(Role::Server, limits);
    let bytewise = bytes
        .iter()
        .find_map(|byte| receiver.receive(&[*byte]).err())
        .expect("refused byte by byte");
    assert_eq!(at_once, bytewise);
    (at_once, at_once.close_code().get())
}

#[test]
fn reserved_bits_are_refused() {
    assert_eq!(refusal("c18000000000"), (WsError::ReservedBits(0b100), 1002));
    assert_eq!(refusal("a28000000000"), (WsError::ReservedBits(0b010), 1002));
    assert_eq!(refusal("998000000000"), (WsError::ReservedBits(0b001), 1002));
    assert_eq!(refusal("f08000000000"), (WsError::ReservedBits(0b111), 1002));
}

#[test]
fn reserved_opcodes_are_refused() {
    for opcode in [0x3, 0x4, 0x5, 0x6, 0x7, 0xb, 0xc, 0xd, 0xe, 0xf] {
        let bytes = [0x80 | opcode, 0x80, 0, 0, 0, 0];
        let refused = refusal_of(&bytes, Limits::default());
        assert_eq!(refused, (WsError::ReservedOpcode(opcode), 1002));
    }
}

#[test]
fn mask_is_required_of_clients_and_forbidden_to_servers() {
    assert_eq!(refusal("810548656c6c6f"), (WsError::NotMasked, 1002));
    assert_eq!(refusal("8900"), (WsError::NotMasked, 1002));
    let masked = unhex("818537fa213d7f9f4d5158");
    assert_eq!(received_by_client(&masked), Err(WsError::Masked));
    assert_eq!(WsError::Masked.close_code(), CloseCode::PROTOCOL);
}

#[test]
fn control_frames_are_whole_and_short() {
    assert_eq!(refusal("098000000000"), (WsError::FragmentedControl, 1002));
    assert_eq!(refusal("0a8000000000"), (WsError::FragmentedControl, 1002));
    assert_eq!(refusal("088000000000"), (WsError::FragmentedControl, 1002));
    assert_eq!(refusal("89fe007e00000000"), (WsError::ControlTooLong, 1002));
    assert_eq!(refusal("88ff000000000000007e00000000"), (WsError::ControlTooLong, 1002));
}

#[test]
fn control_frame_of_125_bytes_is_taken() {
    let body = vec![0x5a; 125];
    let bytes = frame(true, Opcode::Ping, &body, MASK);
    assert_eq!(received_by_server(&bytes), Ok(vec![Said::Ping(body)]));
}

#[test]
fn length_must_be_in_its_shortest_form() {
    assert_eq!(refusal("82fe007d"), (WsError::LengthNotMinimal(125), 1002));
    assert_eq!(refusal("82fe0000"), (WsError::LengthNotMinimal(0), 1002));
    assert_eq!(refusal("82ff000000000000ffff"), (WsError::LengthNotMinimal(65_535), 1002));
    assert_eq!(refusal("82ff0000000000000001"), (WsError::LengthNotMinimal(1), 1002));
}

#[test]
fn top_bit_of_a_long_length_is_refused() {
    assert_eq!(refusal("82ff8000000000000000"), (WsError::LengthOutOfRange(1 << 63), 1002));
    assert_eq!(refusal("82ffffffffffffffffff"), (WsError::LengthOutOfRange(u64::MAX), 1002));
}

#[test]
fn lengths_at_the_borders_of_their_forms_are_taken() {
    for len in [0, 1, 125, 126, 127, 65_535, 65_536] {
        let payload = vec![0x5a; len];
        let bytes = frame(true, Opcode::Binary, &payload, MASK);
        assert_eq!(received_by_server(&bytes), Ok(vec![Said::Binary(payload)]), "{len}");
    }
}

#[test]
fn continuation_needs_a_message() {
    assert_eq!(refusal("808000000000"), (WsError::UnexpectedContinuation, 1002));
    assert_eq!(refusal("008000000000"), (WsError::UnexpectedContinuation, 1002));
    let after_a_whole_message = "828000000000808000000000";
    assert_eq!(refusal(after_a_whole_message), (WsError::UnexpectedContinuation, 1002));
    let after_a_fragmented_message = "028000000000808000000000808000000000";
    assert_eq!(refusal(after_a_fragmented_message), (WsError::UnexpectedContinuation, 1002));
}

#[test]
fn messages_do_not_interleave() {
    assert_eq!(refusal("018000000000818000000000"), (WsError::InterleavedMessage, 1002));
    assert_eq!(refusal("028000000000028000000000"), (WsError::InterleavedMessage, 1002));
}

#[test]
fn message_beyond_the_limit_is_refused_from_its_head_alone() {
    let limits = Limits { max_message: 1000, ..Limits::default() };
    let mut decoder = Decoder::new(Role::Server);
    let mut head = unhex("82fe03e900000000");
    let refused = decoder.decode(&mut head, &limits);
    assert_eq!(refused, Err(WsError::MessageTooLong { limit: 1000 }));
    assert_eq!(decoder.held(), 0);

    let longest = frame(true, Opcode::Binary, &[1; 1000], MASK);
    let received = Receiver::new(Role::Server, limits).receive(&longest);
    assert_eq!(received, Ok(vec![Said::Binary(vec![1; 1000])]));
}

#[test]
fn message_beyond_every_address_is_refused() {
    let limit = Limits::default().max_message;
    let refused = refusal("82ff7fffffffffffffff00000000");
    assert_eq!(refused, (WsError::MessageTooLong { limit }, 1009));
}

#[test]
fn fragments_count_together_against_the_limit() {
    let limits = Limits { max_message: 1000, ..Limits::default() };
    let mut bytes = frame(false, Opcode::Binary, &[1; 600], MASK);
    bytes.extend(frame(false, Opcode::Continuation, &[2; 400], MASK));
    let taken = [bytes.clone(), frame(true, Opcode::Continuation, &[], MASK)].concat();
    let message = [vec![1; 600], vec![2; 400]].concat();
    let received = Receiver::new(Role::Server, limits).receive(&taken);
    assert_eq!(received, Ok(vec![Said::Binary(message)]));

    let one_more = [bytes, frame(true, Opcode::Continuation, &[3], MASK)].concat();
    assert_eq!(refusal_of(&one_more, limits), (WsError::MessageTooLong { limit: 1000 }, 1009));
}

#[test]
fn message_without_end_is_refused_by_its_fragments() {
    let limits = Limits { max_fragments: 3, ..Limits::default() };
    let fragments = |count| {
        let mut bytes = frame(false, Opcode::Text, &[], MASK);
        for _ in 1..count {
            bytes.extend(frame(false, Opcode::Continuation, &[], MASK));
        }
        bytes
    };
    assert_eq!(Receiver::new(Role::Server, limits).receive(&fragments(3)), Ok(vec![]));
    let last = [fragments(2), frame(true, Opcode::Continuation, b"x", MASK)].concat();
    let received = Receiver::new(Role::Server, limits).receive(&last);
    assert_eq!(received, Ok(vec![Said::Text(b"x".to_vec())]));
    assert_eq!(refusal_of(&fragments(4), limits), (WsError::TooManyFragments { limit: 3 }, 1008));
}

#[test]
fn fragments_are_counted_anew_for_each_message() {
    let limits = Limits { max_fragments: 2, ..Limits::default() };
    let message =
        [frame(false, Opcode::Binary, b"a", MASK), frame(true, Opcode::Continuation, b"b", MASK)]
            .concat();
    let received = Receiver::new(Role::Server, limits).receive(&message.repeat(3));
    assert_eq!(received, Ok(vec![Said::Binary(b"ab".to_vec()); 3]));
}

#[test]
fn half_a_close_code_is_refused() {
    assert_eq!(refusal("88810000000003"), (WsError::TruncatedCloseCode, 1002));
}

#[test]
fn close_codes_that_may_not_be_sent_are_refused() {
    let forbidden =
        [0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1100, 1999, 2000, 2999, 5000, 5999, 65_535];
    for code in forbidden {
        let bytes = frame(true, Opcode::Close, &u16::to_be_bytes(code), MASK);
        let refused = refusal_of(&bytes, Limits::default());
        assert_eq!(refused, (WsError::InvalidCloseCode(code), 1002));
        assert_eq!(CloseCode::new(code), None);
    }
}

#[test]
fn close_codes_of_the_registry_are_taken() {
    let allowed = [
        1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3999, 4000,
        4999,
    ];
    for code in allowed {
        let body = [&u16::to_be_bytes(code)[..], "tschüß".as_bytes()].concat();
        let bytes = frame(true, Opcode::Close, &body, MASK);
        let said = Said::Close(Some((code, "tschüß".to_owned())));
        assert_eq!(received_by_server(&bytes), Ok(vec![said]));
    }
}

#[test]
fn close_reason_must_be_utf8() {
    let body = [&[0x03, 0xe8][..], b"\xce\xba\xed\xa0\x80"].concat();
    let bytes = frame(true, Opcode::Close, &body, MASK);
    assert_eq!(refusal_of(&bytes, Limits::default()), (WsError::InvalidUtf8, 1007));
}

#[test]
fn first_two_bytes_are_judged_without_the_rest() {
    assert_eq!(refusal("c1fe"), (WsError::ReservedBits(0b100), 1002));
    assert_eq!(refusal("83fe"), (WsError::ReservedOpcode(3), 1002));
    assert_eq!(refusal("09fd"), (WsError::FragmentedControl, 1002));
    assert_eq!(refusal("89ff"), (WsError::ControlTooLong, 1002));
}
