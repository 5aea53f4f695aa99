//! The identity and rooms of a peer, from its dialect's connection request.

use comet::{Connect, Dialect};

/// Prefix of the part of `ext` that names the device instead of a room.
const DEVICE: &str = "device=";

/// The identity and rooms that a peer presents.
#[derive(Debug, Default, Eq, PartialEq)]
pub(crate) struct Introduction {
    /// The user, if the dialect has one.
    pub(crate) user: Option<String>,
    /// The user's device, if the peer names it.
    pub(crate) device: String,
    /// Names of its rooms.
    pub(crate) rooms: Vec<String>,
    /// Ops of pushes that it accepts, for a goim client.
    pub(crate) accepts: Vec<i32>,
}

/// The introduction in a request; `None` to refuse the peer.
pub(crate) fn of(request: &Connect) -> Option<Introduction> {
    match request.dialect {
        Dialect::Raw => of_path(request.upgrade.as_ref()?.path()),
        Dialect::Goim => of_json(&request.ext),
        _ => of_token(&request.token, &request.ext),
    }
}

/// `lobby,news,device=phone-1`
fn of_token(token: &str, ext: &[u8]) -> Option<Introduction> {
    if token.is_empty() {
        return None;
    }
    let mut introduction = Introduction { user: Some(token.to_owned()), ..Introduction::default() };
    for part in std::str::from_utf8(ext).ok()?.split(',').filter(|part| !part.is_empty()) {
        match part.strip_prefix(DEVICE) {
            Some(device) => device.clone_into(&mut introduction.device),
            None => introduction.rooms.push(part.to_owned()),
        }
    }
    Some(introduction)
}

fn of_path(path: &str) -> Option<Introduction> {
    if path == "/echo" {
        return Some(Introduction::default());
    }
    let room = path.strip_prefix("/room/").filter(|name| !name.is_empty())?;
    Some(Introduction { rooms: vec![room.to_owned()], ..Introduction::default() })
}

/// `{"mid":123,"room_id":"live://1000",...}`
fn of_json(body: &[u8]) -> Option<Introduction> {
    let auth: serde_json::Value = serde_json::from_slice(body).ok()?;
    let user = auth.get("mid")?.as_i64()?.to_string();
    let room = auth.get("room_id").and_then(serde_json::Value::as_str).unwrap_or("");
    let rooms = if room.is_empty() { Vec::new() } else { vec![room.to_owned()] };
    let accepts = auth.get("accepts").and_then(serde_json::Value::as_array);
    let op = |op: &serde_json::Value| i32::try_from(op.as_i64()?).ok();
    let accepts = accepts.into_iter().flatten().filter_map(op).collect();
    Some(Introduction { user: Some(user), rooms, accepts, ..Introduction::default() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn introduction(user: Option<&str>, device: &str, rooms: &[&str]) -> Option<Introduction> {
        Some(Introduction {
            user: user.map(str::to_owned),
            device: device.to_owned(),
            rooms: rooms.iter().map(|&room| room.to_owned()).collect(),
            accepts: Vec::new(),
        })
    }

    #[test]
    fn a_token_names_the_user_and_ext_rooms_and_a_device() {
        let expected = introduction(Some("al"), "phone-1", &["red", "blue"]);
        assert_eq!(of_token("al", b",red,device=phone-1,blue,"), expected);
        assert_eq!(of_token("al", b""), introduction(Some("al"), "", &[]));
        assert_eq!(of_token("", b"red"), None);
        assert_eq!(of_token("al", b"\xff"), None);
    }

    #[test]
    fn a_path_names_one_room_or_none() {
        assert_eq!(of_path("/room/lobby"), introduction(None, "", &["lobby"]));
        assert_eq!(of_path("/echo"), introduction(None, "", &[]));
        assert_eq!(of_path("/room/"), None);
        assert_eq!(of_path("/"), None);
    }

    #[test]
    fn a_goim_auth_names_user_and_room() {
        let body = br#"{"mid":123,"key":"","room_id":"live://1000","accepts":[1000]}"#;
        let mut expected = introduction(Some("123"), "", &["live://1000"]);
        expected.as_mut().unwrap().accepts = vec![1_000];
        assert_eq!(of_json(body), expected);
        assert_eq!(of_json(b"{"), None);
    }
}
