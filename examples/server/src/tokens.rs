//! The tokens that are accepted, with the keys of their files.

use std::io;
use std::path::PathBuf;

use comet_identity::{Jwt, JwtKeyError, Tokens};

use crate::config::JwtTokens;

/// Reason for not using the key of `[jwt]`.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TokensError {
    #[error("cannot read jwt.key_file, {}: {source}", file.display())]
    File { file: PathBuf, source: io::Error },
    #[error("cannot use jwt.key_file, {}: {source}", file.display())]
    Key { file: PathBuf, source: JwtKeyError },
}

/// The tokens of these settings.
pub(crate) fn tokens(settings: &JwtTokens) -> Result<Tokens, TokensError> {
    let Some(algorithm) = settings.algorithm else { return Ok(Tokens::default()) };
    let file = || settings.key_file.clone();
    let key = std::fs::read(&settings.key_file)
        .map_err(|source| TokensError::File { file: file(), source })?;
    // The line end of a file is no part of a secret.
    let jwt = Jwt::new(algorithm, key.trim_ascii_end());
    let mut jwt = jwt.map_err(|source| TokensError::Key { file: file(), source })?;
    jwt = jwt.claim(&settings.user);
    if !settings.issuer.is_empty() {
        jwt = jwt.issuer(&settings.issuer);
    }
    if !settings.audience.is_empty() {
        jwt = jwt.audience(&settings.audience);
    }
    Ok(Tokens::with_jwt(jwt))
}

#[cfg(test)]
mod tests {
    use comet_identity::JwtAlgorithm;

    use super::*;

    #[test]
    fn the_key_is_read_from_its_file_and_faults_name_it() {
        let dir = tempfile::tempdir().unwrap();
        let key_file = dir.path().join("key");
        let settings = JwtTokens {
            algorithm: Some(JwtAlgorithm::Hs256),
            key_file: key_file.clone(),
            user: "sub".into(),
            issuer: String::new(),
            audience: String::new(),
        };
        let said = tokens(&settings).unwrap_err().to_string();
        assert!(said.starts_with("cannot read jwt.key_file, ") && said.contains("No such file"));
        std::fs::write(&key_file, "a secret of no length at all..\n").unwrap();
        let said = tokens(&settings).unwrap_err().to_string();
        assert!(said.ends_with("a secret of 30 bytes is too short: it must have 32 at least"));
        std::fs::write(&key_file, "a secret of exactly that length.\n").unwrap();
        assert!(tokens(&settings).is_ok());
    }
}
