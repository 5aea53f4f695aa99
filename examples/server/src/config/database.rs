//! The setting `database`: where the data are, if not in files.

use comet_sql::{Dialect, Location};
use serde::de::Error;
use serde::{Deserialize, Deserializer};

/// Location of a database on a server; none for SQLite in the data directory.
#[derive(Clone, Debug)]
pub(crate) struct Database(pub(crate) Option<Location>);

impl<'de> Deserialize<'de> for Database {
    /// From a URL, or nothing. Faults do not repeat the URL, which may have a password.
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let url = String::deserialize(from)?;
        if url.is_empty() {
            return Ok(Self(None));
        }
        let location: Location = url.parse().map_err(D::Error::custom)?;
        if location.dialect() == Dialect::Sqlite {
            return Err(D::Error::custom("SQLite has its files in `data_dir`: leave this empty"));
        }
        Ok(Self(Some(location)))
    }
}
