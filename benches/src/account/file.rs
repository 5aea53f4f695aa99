//! Credentials in a file: one on each line, `TOKEN [USER [APP [DEVICE]]]`.
//!
//! Words are separated by blanks, `-` stands for a missing word, and lines that begin with `#` are
//! remarks. A dtalk token names its user itself, as long as it has not expired.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{Credential, Token};
use crate::clock;

/// Errors of a file of credentials.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TokenFileError {
    /// It cannot be read.
    #[error("cannot read {}: {why}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The system's error.
        why: io::Error,
    },
    /// It has none.
    #[error("{} has no credentials", .0.display())]
    Empty(PathBuf),
    /// A line is none.
    #[error("{}:{line}: {fault}", path.display())]
    Line {
        /// The file.
        path: PathBuf,
        /// The line's number, from 1 on.
        line: usize,
        /// The error in the line.
        fault: LineFault,
    },
}

/// Errors in a line.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum LineFault {
    /// It has a word too many.
    #[error("{0} words, where there are four at most: token, user, app, device")]
    Words(usize),
    /// The token is left out.
    #[error("no token")]
    NoToken,
    /// Messages have to be addressed, and there is no address.
    #[error("no user, and the token does not say whose it is")]
    NoUser,
}

/// Reads a file; with `needs_users` it must be known whose each token is.
pub(super) fn read(path: &Path, needs_users: bool) -> Result<Vec<Credential>, TokenFileError> {
    let text = std::fs::read_to_string(path)
        .map_err(|why| TokenFileError::Unreadable { path: path.to_owned(), why })?;
    let mut credentials = Vec::new();
    for (at, line) in text.lines().enumerate() {
        let words: Vec<&str> = line.split_whitespace().collect();
        if words.first().is_none_or(|word| word.starts_with('#')) {
            continue;
        }
        let known = credential(&words, needs_users).map_err(|fault| TokenFileError::Line {
            path: path.to_owned(),
            line: at + 1,
            fault,
        });
        credentials.push(known?);
    }
    if credentials.is_empty() {
        return Err(TokenFileError::Empty(path.to_owned()));
    }
    Ok(credentials)
}

fn credential(words: &[&str], needs_users: bool) -> Result<Credential, LineFault> {
    if words.len() > 4 {
        return Err(LineFault::Words(words.len()));
    }
    let word = |at: usize| words.get(at).filter(|word| **word != "-").map(|&it| it.to_owned());
    let token = word(0).ok_or(LineFault::NoToken)?;
    let signed = || comet_identity::verify(&token, clock::unix_ms()).ok().map(String::from);
    let user = match word(1).or_else(signed) {
        Some(user) => user,
        None if needs_users => return Err(LineFault::NoUser),
        None => String::new(),
    };
    let token = Arc::new(Token::Given(token));
    Ok(Credential { user, app: word(2), device: word(3), token })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_text(text: &str, needs_users: bool) -> Result<Vec<Credential>, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tokens");
        std::fs::write(&path, text).unwrap();
        let place = format!("{}/", folder.path().display());
        read(&path, needs_users).map_err(|error| error.to_string().replace(&place, ""))
    }

    #[test]
    fn a_line_is_a_token_and_what_is_known_of_its_user() {
        let text = "# remark\n\nt1\n  t2 anna\nt3 ben chat\nt4 - - phone-1\n";
        let read: Vec<_> = read_text(text, false).unwrap();
        let read: Vec<_> = read
            .iter()
            .map(|it| (it.token.text(0), &*it.user, it.app.as_deref(), it.device.as_deref()))
            .collect();
        let expected = [
            ("t1".to_owned(), "", None, None),
            ("t2".to_owned(), "anna", None, None),
            ("t3".to_owned(), "ben", Some("chat"), None),
            ("t4".to_owned(), "", None, Some("phone-1")),
        ];
        assert_eq!(read, expected);
    }

    #[test]
    fn a_dtalk_token_says_whose_it_is() {
        let key = comet_identity::Key::from_bytes(&[1; 32]).unwrap();
        let token = key.token(clock::unix_ms().cast_signed(), "dtalk");
        let [one] = &read_text(&token, true).unwrap()[..] else { panic!("one") };
        assert_eq!(one.user, key.address().to_string());
    }

    #[test]
    fn what_is_wrong_is_told_with_file_and_line() {
        let wrong = |text: &str| read_text(text, true).unwrap_err();
        assert_eq!(
            wrong("t anna\n\nt a b c d\n"),
            "tokens:3: 5 words, where there are four at most: token, user, app, device"
        );
        assert_eq!(wrong("t anna\n- ben\n"), "tokens:2: no token");
        assert_eq!(wrong("t\n"), "tokens:1: no user, and the token does not say whose it is");
        assert_eq!(wrong("# nothing\n"), "tokens has no credentials");
        let missing = read(Path::new("/nowhere/tokens"), false).unwrap_err().to_string();
        assert!(missing.starts_with("cannot read /nowhere/tokens: "), "{missing}");
    }
}
