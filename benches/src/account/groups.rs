//! Groups of a run, created through the HTTP API of a bundled server: the rooms of users.

use std::collections::HashMap;
use std::io;

use serde::Deserialize;
use serde_json::json;

use super::Roster;
use super::http::{Http, Unreachable};

/// Errors of creating groups.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GroupError {
    /// It is not written like the address of an HTTP port.
    #[error("{0:?} is no address such as http://127.0.0.1:8888")]
    Address(String),
    /// No answer from that address.
    #[error("no answer from {0}: {1}")]
    Silent(String, io::Error),
    /// The server refuses, or answers with something else.
    #[error("a group of {members} members was not created: {answer:?}")]
    Refused {
        /// The number of members.
        members: usize,
        /// The beginning of the answer.
        answer: String,
    },
}

#[derive(Deserialize)]
struct Created {
    data: Group,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Group {
    id_str: String,
}

/// Creates groups, each of the users of these sessions, owned by the first. Returns their ids by
/// name.
pub(super) fn create(
    url: &str,
    roster: &Roster,
    groups: &HashMap<String, Vec<usize>>,
) -> Result<HashMap<String, String>, GroupError> {
    let mut http = Http::reach(url).map_err(|why| match why {
        Unreachable::Address => GroupError::Address(url.to_owned()),
        Unreachable::Silent(why) => GroupError::Silent(url.to_owned(), why),
    })?;
    let mut ids = HashMap::with_capacity(groups.len());
    for (name, sessions) in groups {
        let mut members = sessions.iter().filter_map(|&session| roster.of(session));
        let Some(owner) = members.next() else { continue };
        let others: Vec<String> = members.map(|member| member.user.clone()).collect();
        let asked = json!({ "name": name, "memberIds": others }).to_string();
        let headers = [("FZM-SIGNATURE", &*owner.token())];
        let answer = http.post("/group/app/create-group", &headers, &asked);
        let (_, answer) = answer.map_err(|why| GroupError::Silent(url.to_owned(), why))?;
        let created = serde_json::from_str(&answer).map_err(|_| GroupError::Refused {
            members: sessions.len(),
            answer: answer.chars().take(200).collect(),
        });
        let Created { data: Group { id_str } } = created?;
        ids.insert(name.clone(), id_str);
    }
    Ok(ids)
}
