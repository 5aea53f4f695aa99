//! Who a peer is and which rooms it is in, from what its dialect says when it connects.

use comet::{Connect, Dialect};

/// Names of rooms.
pub(crate) type Rooms = Vec<String>;

/// The user, if the dialect has one, and the rooms; `None` refuses the peer.
pub(crate) fn of(request: &Connect) -> Option<(Option<String>, Rooms)> {
    match request.dialect {
        Dialect::Raw => of_path(request.upgrade.as_ref()?.path()).map(|rooms| (None, rooms)),
        Dialect::Goim => of_json(&request.ext),
        _ if request.token.is_empty() => None,
        _ => {
            let names = std::str::from_utf8(&request.ext).ok()?;
            let rooms = names.split(',').filter(|name| !name.is_empty()).map(str::to_owned);
            Some((Some(request.token.clone()), rooms.collect()))
        }
    }
}

fn of_path(path: &str) -> Option<Rooms> {
    if path == "/echo" {
        return Some(Vec::new());
    }
    path.strip_prefix("/room/").filter(|name| !name.is_empty()).map(|name| vec![name.to_owned()])
}

/// `{"mid":123,"room_id":"live://1000",...}`
fn of_json(body: &[u8]) -> Option<(Option<String>, Rooms)> {
    let auth: serde_json::Value = serde_json::from_slice(body).ok()?;
    let user = auth.get("mid")?.as_i64()?.to_string();
    let room = auth.get("room_id").and_then(serde_json::Value::as_str).unwrap_or("");
    let rooms = if room.is_empty() { Vec::new() } else { vec![room.to_owned()] };
    Some((Some(user), rooms))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_names_one_room_or_none() {
        assert_eq!(of_path("/room/lobby"), Some(vec!["lobby".to_owned()]));
        assert_eq!(of_path("/echo"), Some(vec![]));
        assert_eq!(of_path("/room/"), None);
        assert_eq!(of_path("/"), None);
    }

    #[test]
    fn a_goim_auth_names_user_and_room() {
        let body = br#"{"mid":123,"key":"","room_id":"live://1000","accepts":[1000]}"#;
        let expected = (Some("123".to_owned()), vec!["live://1000".to_owned()]);
        assert_eq!(of_json(body), Some(expected));
        assert_eq!(of_json(b"{"), None);
    }
}
