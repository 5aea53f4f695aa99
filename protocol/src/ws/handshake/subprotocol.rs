//! Subprotocol of a connection (RFC 6455 sections 1.9 and 4.2.2).

/// The first of the server's subprotocols, in the server's order, that the client offers.
///
/// Names are case-sensitive. Without one in common the response has no `Sec-WebSocket-Protocol`,
/// and the client decides whether to continue; browsers do not.
#[must_use]
pub fn choose_subprotocol<'s>(spoken: &'s [String], offered: &[&str]) -> Option<&'s str> {
    spoken.iter().map(String::as_str).find(|name| offered.contains(name))
}

/// Whether this is a valid name of a subprotocol: a token of RFC 9110 section 5.6.2.
#[must_use]
pub fn is_subprotocol(name: &str) -> bool {
    let is_mark = |byte: u8| b"!#$%&'*+-.^_`|~".contains(&byte);
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || is_mark(byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_servers_order_decides_among_what_the_client_offers() {
        let spoken = ["v2.chat", "v1.chat"].map(str::to_owned);
        let choose = |offered: &[&str]| choose_subprotocol(&spoken, offered).map(str::to_owned);
        assert_eq!(choose(&["v1.chat", "v2.chat"]).as_deref(), Some("v2.chat"));
        assert_eq!(choose(&["mqtt", "v1.chat"]).as_deref(), Some("v1.chat"));
        assert_eq!(choose(&["V1.CHAT", "mqtt"]), None);
        assert_eq!(choose(&[]), None);
    }

    #[test]
    fn names_are_tokens() {
        assert!(["mqtt", "v1.chat", "a!#$%&'*+-.^_`|~Z9"].into_iter().all(is_subprotocol));
        assert!(!["", "a b", "a,b", "a\r\nb", "a/b", "\u{e9}"].into_iter().any(is_subprotocol));
    }
}
