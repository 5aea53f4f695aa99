//! Contents that the server cannot read, in the form in which the clients seal them (4).
//!
//! The lengths and places of vectors, tags and padding are those of the clients. The cipher is not:
//! it is a stream made of SHA-256, so that a test needs no more than a hash. For a server both are
//! bytes that must not change.

use sha2::{Digest, Sha256};

/// Bytes of an authentication tag, of a block, and of a group's vector.
const BLOCK: usize = 16;
/// Bytes of a nonce.
const NONCE: usize = 12;

/// Key of two users, which is the same for both.
pub fn key_of(one: &str, other: &str) -> Vec<u8> {
    let (low, high) = if one < other { (one, other) } else { (other, one) };
    Sha256::digest(format!("{low} and {high}")).to_vec()
}

/// Seals a content between users: ciphertext, tag, nonce.
pub fn between_users(key: &[u8], plain: &[u8]) -> Vec<u8> {
    let nonce: [u8; NONCE] = rand::random();
    let tag = tag(key, &nonce, plain);
    [masked(key, &nonce, plain), tag, nonce.to_vec()].concat()
}

/// Opens a content between users; `None` if it is not what was sealed.
pub fn open_between_users(key: &[u8], sealed: &[u8]) -> Option<Vec<u8>> {
    let (rest, nonce) = sealed.split_at_checked(sealed.len().checked_sub(NONCE)?)?;
    let (body, found) = rest.split_at_checked(rest.len().checked_sub(BLOCK)?)?;
    let plain = masked(key, nonce, body);
    (tag(key, nonce, &plain) == found).then_some(plain)
}

/// Seals a content for a group: vector, padded ciphertext.
pub fn for_group(key: &[u8], plain: &[u8]) -> Vec<u8> {
    let vector: [u8; BLOCK] = rand::random();
    let padding = BLOCK - plain.len() % BLOCK;
    let padded = [plain, &vec![padding as u8; padding]].concat();
    [vector.to_vec(), masked(key, &vector, &padded)].concat()
}

/// Opens a content for a group; `None` if its padding is wrong.
pub fn open_for_group(key: &[u8], sealed: &[u8]) -> Option<Vec<u8>> {
    let (vector, body) = sealed.split_at_checked(BLOCK)?;
    let mut plain = masked(key, vector, body);
    let padding = usize::from(*plain.last()?);
    let rest = plain.len().checked_sub(padding)?;
    let is_padded = (1..=BLOCK).contains(&padding)
        && plain[rest..].iter().all(|byte| usize::from(*byte) == padding);
    plain.truncate(rest);
    is_padded.then_some(plain)
}

fn masked(key: &[u8], vector: &[u8], bytes: &[u8]) -> Vec<u8> {
    let blocks = (0_u64..).flat_map(|number| {
        let hash = Sha256::new().chain_update(key).chain_update(vector);
        hash.chain_update(number.to_be_bytes()).finalize()
    });
    bytes.iter().zip(blocks).map(|(byte, mask)| byte ^ mask).collect()
}

fn tag(key: &[u8], nonce: &[u8], plain: &[u8]) -> Vec<u8> {
    let whole = Sha256::new().chain_update(key).chain_update(nonce).chain_update(plain).finalize();
    whole[..BLOCK].to_vec()
}
