//! Targets for the first bytes of a connection.

use crate::proxy::{MAX_V1, MAX_V2, Parse, parse};
use crate::sniff::sniff;

/// A PROXY header reads the same at once and byte by byte, and is decided within its bound; so is
/// the protocol of a connection.
///
/// # Panics
///
/// If the parser or the detection is wrong.
pub fn proxy(data: &[u8]) {
    let at_once = parse(data);
    let bytewise =
        (0..=data.len()).map(|end| parse(&data[..end])).find(|it| *it != Ok(Parse::Partial));
    assert_eq!(at_once, bytewise.unwrap_or(Ok(Parse::Partial)));
    let bound = if data.first() == Some(&b'P') { MAX_V1 } else { MAX_V2 };
    match at_once {
        Ok(Parse::Complete { consumed, .. }) => assert!(consumed <= data.len().min(bound)),
        Ok(Parse::Partial) => assert!(data.len() < bound),
        Err(_) => {}
    }
    let sniffed = sniff(data);
    let bytewise = (0..=data.len()).map(|end| sniff(&data[..end])).find(|it| *it != Ok(None));
    assert_eq!(sniffed, bytewise.unwrap_or(Ok(None)));
    assert!(sniffed != Ok(None) || data.len() < 18);
}
