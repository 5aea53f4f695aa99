//! Sign-in at the demo of a bundled server: a name, and a token for it.
//!
//! The demo has limits of its own: the number of names, and of new names in a minute (`[demo]` in
//! the server's settings). The report notes refusals, and sessions share the users that were signed
//! in. Names are the same in every run, so that a later run finds them known.

use std::io;
use std::sync::Arc;

use serde::Deserialize;

use super::http::{Http, Unreachable};
use super::{Credential, Token};

/// Errors of the demo's sign-in.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DemoError {
    /// It is not written like the address of an HTTP port.
    #[error("{0:?} is no address such as http://127.0.0.1:8888")]
    Address(String),
    /// No answer from that address.
    #[error("no answer from {0}: {1}")]
    Silent(String, io::Error),
    /// There is no demo.
    #[error("{0} has no demo: status {1}")]
    NoDemo(String, u16),
    /// Its answer cannot be read.
    #[error("{0} answers with something else than a sign-in: {1:?}")]
    Strange(String, String),
    /// It refuses the very first name.
    #[error("{url} refuses the name {name:?}: {why}")]
    Refused {
        /// The address.
        url: String,
        /// The name.
        name: String,
        /// The server's words.
        why: String,
    },
}

/// Signs as many users in as there are sessions, or as the demo takes; the text says what was
/// refused.
pub(super) fn sign_in(
    url: &str,
    sessions: usize,
) -> Result<(Vec<Credential>, Option<String>), DemoError> {
    let mut demo = Demo::reach(url)?;
    let mut users = Vec::new();
    for number in 1..=sessions {
        let name = format!("load {number}");
        let why = match demo.sign_in(&name)? {
            Answer::SignedIn(credential) => {
                users.push(credential);
                continue;
            }
            Answer::Refused(why) => why,
        };
        if users.is_empty() {
            return Err(DemoError::Refused { url: url.to_owned(), name, why });
        }
        let have = users.len();
        let note = format!(
            "the demo signed in {have} of {sessions} names and refused {name:?}: {why}; these \
             users share the sessions, each on a device of its own"
        );
        return Ok((users, Some(note)));
    }
    Ok((users, None))
}

struct Demo {
    url: String,
    http: Http,
}

enum Answer {
    SignedIn(Credential),
    Refused(String),
}

/// The envelope of the HTTP API.
#[derive(Deserialize)]
struct Envelope {
    result: i64,
    #[serde(default)]
    message: String,
    #[serde(default)]
    data: Data,
}

#[derive(Default, Deserialize)]
struct Data {
    address: Option<String>,
    token: Option<String>,
}

impl Demo {
    fn reach(url: &str) -> Result<Self, DemoError> {
        let http = Http::reach(url).map_err(|why| match why {
            Unreachable::Address => DemoError::Address(url.to_owned()),
            Unreachable::Silent(why) => DemoError::Silent(url.to_owned(), why),
        })?;
        Ok(Self { url: url.to_owned(), http })
    }

    fn sign_in(&mut self, name: &str) -> Result<Answer, DemoError> {
        let asked = serde_json::json!({ "name": name }).to_string();
        let answered = self.http.post("/demo/login", &[], &asked);
        let (status, body) = answered.map_err(|why| DemoError::Silent(self.url.clone(), why))?;
        if status != 200 {
            return Err(DemoError::NoDemo(self.url.clone(), status));
        }
        let strange = || DemoError::Strange(self.url.clone(), body.chars().take(200).collect());
        match serde_json::from_str(&body).map_err(|_| strange())? {
            Envelope {
                result: 0, data: Data { address: Some(user), token: Some(token) }, ..
            } => {
                let token = Arc::new(Token::Given(token));
                Ok(Answer::SignedIn(Credential { user, app: None, device: None, token }))
            }
            Envelope { result: 0, .. } => Err(strange()),
            Envelope { result, message, .. } => Ok(Answer::Refused(match &*message {
                "" => format!("result {result}"),
                _ => message,
            })),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader, Read, Write};
    use std::net::TcpListener;

    use super::*;

    /// A demo that answers one connection's requests with these, in turn; returns its address.
    fn demo(answers: &'static [(u16, &'static str)]) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        std::thread::spawn(move || {
            let (stream, _) = listener.accept().unwrap();
            let mut stream = BufReader::new(stream);
            for (status, body) in answers {
                let mut lines = Vec::new();
                while lines.last().is_none_or(|line| line != "\r\n") {
                    let mut line = String::new();
                    stream.read_line(&mut line).unwrap();
                    lines.push(line);
                }
                assert_eq!(lines[0], "POST /demo/login HTTP/1.1\r\n");
                let len = lines.iter().find_map(|line| line.strip_prefix("Content-Length: "));
                let mut asked = vec![0; len.unwrap().trim().parse().unwrap()];
                stream.read_exact(&mut asked).unwrap();
                assert!(asked.starts_with(br#"{"name":"load "#));
                let len = body.len();
                let head = format!("HTTP/1.1 {status} X\r\ncontent-length: {len}\r\n\r\n");
                stream.get_mut().write_all(&[head.as_bytes(), body.as_bytes()].concat()).unwrap();
            }
        });
        address
    }

    const ANNA: &str = r#"{"result":0,"message":"","data":{"address":"anna","token":"t"}}"#;
    const FULL: &str = r#"{"result":-1000,"message":"there are too many names","data":{}}"#;

    #[test]
    fn a_demo_that_takes_no_more_names_is_told_of_and_the_users_share_the_sessions() {
        let (users, note) = sign_in(&demo(&[(200, ANNA), (200, FULL)]), 3).unwrap();
        assert_eq!((users.len(), &*users[0].user, users[0].token.text(0)), (1, "anna", "t".into()));
        let note = note.unwrap();
        assert!(note.contains("1 of 3 names and refused \"load 2\": there are too many"), "{note}");
        let (users, note) = sign_in(&demo(&[(200, ANNA), (200, ANNA)]), 2).unwrap();
        assert_eq!((users.len(), note), (2, None));
    }

    #[test]
    fn what_signs_nobody_in_says_why() {
        let why = |url: &str| sign_in(url, 1).map(drop).unwrap_err().to_string();
        assert!(why(&demo(&[(200, FULL)])).ends_with("\"load 1\": there are too many names"));
        assert!(why(&demo(&[(404, "")])).ends_with("has no demo: status 404"));
        assert!(why(&demo(&[(200, "{}")])).contains("something else than a sign-in: \"{}\""));
        for wrong in ["https://127.0.0.1:1", "127.0.0.1:1", "http://"] {
            assert!(why(wrong).contains("is no address such as"), "{wrong}");
        }
        let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        assert!(why(&format!("http://{nobody}")).contains("no answer from"));
    }
}
