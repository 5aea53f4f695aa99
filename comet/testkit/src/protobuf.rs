//! Protobuf fields by hand, and bytes in hexadecimal.

/// A varint: seven bits per byte, least significant first.
pub fn varint(mut number: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    while number >= 0x80 {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
    bytes
}

/// A field with bytes, a text or a message.
pub fn field(tag: u64, value: &[u8]) -> Vec<u8> {
    [&varint(tag << 3 | 2), &varint(value.len() as u64), value].concat()
}

/// A field with a number.
pub fn number_field(tag: u64, value: u64) -> Vec<u8> {
    [varint(tag << 3), varint(value)].concat()
}

/// The number in a field; 0 if it is absent.
pub fn number(body: &[u8], tag: u64) -> u64 {
    find(body, tag).map_or(0, |(value, _)| value)
}

/// The bytes in a field; none if it is absent.
pub fn bytes(body: &[u8], tag: u64) -> Vec<u8> {
    find(body, tag).map_or_else(Vec::new, |(_, bytes)| bytes)
}

/// The text in a field; empty if it is absent.
pub fn text(body: &[u8], tag: u64) -> String {
    String::from_utf8(bytes(body, tag)).expect("a text in UTF-8")
}

/// The bytes of each occurrence of a field, in order.
pub fn repeated(body: &[u8], tag: u64) -> Vec<Vec<u8>> {
    all(body, tag).map(|(_, bytes)| bytes).collect()
}

/// All numbers of a repeated field, packed or not.
pub fn numbers(body: &[u8], tag: u64) -> Vec<u64> {
    let mut numbers = Vec::new();
    for (value, bytes) in all(body, tag) {
        // A packed field is not empty.
        if bytes.is_empty() {
            numbers.push(value);
        }
        let mut packed = &bytes[..];
        while !packed.is_empty() {
            numbers.push(take_varint(&mut packed));
        }
    }
    numbers
}

/// The value of a field, and its bytes if the value is their length.
fn find(body: &[u8], wanted: u64) -> Option<(u64, Vec<u8>)> {
    all(body, wanted).next()
}

/// The same for each occurrence of a field.
fn all(mut rest: &[u8], wanted: u64) -> impl Iterator<Item = (u64, Vec<u8>)> {
    std::iter::from_fn(move || {
        while !rest.is_empty() {
            let key = take_varint(&mut rest);
            let value = take_varint(&mut rest);
            let mut bytes = &[][..];
            if key & 7 == 2 {
                (bytes, rest) = rest.split_at(value as usize);
            }
            if key >> 3 == wanted {
                return Some((value, bytes.to_vec()));
            }
        }
        None
    })
}

fn take_varint(rest: &mut &[u8]) -> u64 {
    let mut value = 0;
    for shift in (0..70).step_by(7) {
        let (byte, after) = rest.split_first().expect("a varint");
        *rest = after;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return value;
        }
    }
    panic!("an endless varint");
}

/// Bytes from pairs of hexadecimal digits, with blanks between them or without.
pub fn hex(digits: &str) -> Vec<u8> {
    let digits: String = digits.split_whitespace().collect();
    assert!(digits.len().is_multiple_of(2), "pairs of digits");
    let pair = |at| u8::from_str_radix(&digits[at..at + 2], 16).expect("hexadecimal digits");
    (0..digits.len()).step_by(2).map(pair).collect()
}
