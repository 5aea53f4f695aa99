//! HTTP from the client's side: one request per connection, and its response.

use std::net::SocketAddr;

use comet_testkit::clock;
use comet_testkit::socket::{Arrived, Socket};
use serde_json::Value;

use crate::person::Person;

const BOUNDARY: &str = "----7f3a1c";

/// A response.
#[derive(Clone, Debug)]
pub struct Answer {
    /// As in its first line.
    pub status: u16,
    /// Names in lower case.
    headers: Vec<(String, String)>,
    /// What follows the headers.
    pub body: Vec<u8>,
}

impl Answer {
    /// The header of this name, given in lower case; `None` if there is none.
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut values = self.headers.iter().filter(|(known, _)| known == name);
        let value = values.next().map(|(_, value)| value.as_str());
        assert!(values.next().is_none(), "{name} comes twice");
        value
    }

    /// The body, which is text.
    pub fn text(&self) -> &str {
        str::from_utf8(&self.body).expect("text")
    }

    /// The envelope's result and data. Every response of the API has status 200 and this shape.
    pub fn envelope(&self) -> (i64, Value) {
        assert_eq!(self.status, 200, "{}", self.text());
        assert_eq!(self.header("content-type"), Some("application/json"));
        let mut envelope: Value = serde_json::from_slice(&self.body).expect("JSON");
        let fields: Vec<_> = envelope.as_object().expect("an object").keys().collect();
        assert_eq!(fields, ["data", "message", "result"]);
        let result = envelope["result"].as_i64().expect("a number");
        let message = envelope["message"].as_str().expect("a text");
        assert_eq!(message.is_empty(), result == 0, "{message:?} with {result}");
        (result, envelope["data"].take())
    }

    /// The data of a success.
    pub fn data(&self) -> Value {
        let (result, data) = self.envelope();
        assert_eq!(result, 0, "{}", self.text());
        data
    }

    /// The code of a failure without data.
    pub fn code(&self) -> i64 {
        let (result, data) = self.envelope();
        assert_ne!(result, 0, "{}", self.text());
        assert_eq!(data, serde_json::json!({}));
        result
    }
}

/// GET without further headers.
pub fn get(address: SocketAddr, path: &str) -> Answer {
    request(address, "GET", path, &[], b"")
}

/// POST of JSON.
pub fn post(address: SocketAddr, path: &str, person: Option<&Person>, json: &str) -> Answer {
    let token = person.map(Person::token);
    let mut headers = vec![("Content-Type", "application/json")];
    headers.extend(token.as_deref().map(|token| ("FZM-SIGNATURE", token)));
    request(address, "POST", path, &headers, json.as_bytes())
}

/// POST of a form with one part.
pub fn post_form(
    address: SocketAddr,
    path: &str,
    headers: &[(&str, &str)],
    part: (&str, &[u8]),
) -> Answer {
    let (kind, body) = form(part.0, "x", part.1);
    let headers = [&[("Content-Type", kind.as_str())], headers].concat();
    request(address, "POST", path, &headers, &body)
}

/// Any request.
pub fn request(
    address: SocketAddr,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> Answer {
    request_to(address, &address.to_string(), method, path, headers, body)
}

/// Any request, addressed to this host.
pub fn request_to(
    address: SocketAddr,
    host: &str,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> Answer {
    let mut socket = Socket::connect(address);
    socket.write(written(host, method, path, headers, body));
    answer(&mut socket)
}

/// Any request, where the server may be down, or go before it has answered.
pub fn try_request(
    address: SocketAddr,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> Option<Answer> {
    let mut socket = Socket::try_connect(address)?;
    socket.try_write(written(&address.to_string(), method, path, headers, body)).ok()?;
    let deadline = clock::deadline();
    loop {
        let arrived = socket.read_until(deadline);
        if let Some(answer) = take(&mut socket) {
            return Some(answer);
        }
        (arrived == Arrived::Bytes).then_some(())?;
    }
}

/// A form with one part, and its type.
pub fn form(name: &str, filename: &str, content: &[u8]) -> (String, Vec<u8>) {
    let names = format!("name=\"{name}\"; filename=\"{filename}\"");
    let disposition = format!("Content-Disposition: form-data; {names}");
    let body = [
        format!("--{BOUNDARY}\r\n{disposition}\r\n\r\n").as_bytes(),
        content,
        format!("\r\n--{BOUNDARY}--\r\n").as_bytes(),
    ]
    .concat();
    (format!("multipart/form-data; boundary={BOUNDARY}"), body)
}

fn written(host: &str, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Vec<u8> {
    let mut head = format!("{method} {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n");
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    if method == "POST" {
        head.push_str(&format!("Content-Length: {}\r\n", body.len()));
    }
    head.push_str("\r\n");
    [head.as_bytes(), body].concat()
}

/// The next response on a connection.
pub fn answer(socket: &mut Socket) -> Answer {
    let deadline = clock::deadline();
    loop {
        let arrived = socket.read_until(deadline);
        assert!(matches!(arrived, Arrived::Bytes | Arrived::End), "{arrived:?}");
        if let Some(answer) = take(socket) {
            return answer;
        }
        assert_eq!(arrived, Arrived::Bytes, "a whole response");
    }
}

/// Takes a response, if it is complete.
fn take(socket: &mut Socket) -> Option<Answer> {
    let split = socket.unread.windows(4).position(|four| four == b"\r\n\r\n")?;
    let head = str::from_utf8(&socket.unread[..split]).expect("a head in UTF-8");
    let mut lines = head.split("\r\n");
    let status = lines.next().and_then(|line| line.strip_prefix("HTTP/1.")?.get(2..5));
    let status = status.and_then(|status| status.parse().ok()).expect("a status");
    let headers = lines.map(|line| {
        let (name, value) = line.split_once(": ").expect("a header");
        (name.to_ascii_lowercase(), value.to_owned())
    });
    let mut answer = Answer { status, headers: headers.collect(), body: Vec::new() };
    let len = answer.header("content-length").map_or(0, |len| len.parse().expect("a length"));
    if socket.unread.len() < split + 4 + len {
        return None;
    }
    answer.body = socket.unread.drain(..split + 4 + len).skip(split + 4).collect();
    Some(answer)
}
