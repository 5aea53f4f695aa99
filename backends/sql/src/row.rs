//! Rows of an answer, and their conversion.

use sqlx::mysql::MySqlRow;
use sqlx::postgres::PgRow;
use sqlx::sqlite::SqliteRow;
use sqlx::{Column as _, Row as _, TypeInfo as _};

use crate::error::Error;

/// Row of an answer. Columns are read by their position, from 0.
pub struct Row(pub(crate) Inner);

pub(crate) enum Inner {
    Sqlite(SqliteRow),
    MySql(MySqlRow),
    Postgres(PgRow),
}

/// Type of a column.
pub trait Column<'r>: Sized {
    /// The value of a column, `None` for NULL.
    ///
    /// # Errors
    ///
    /// [`Error::Row`] if there is no such column, or it has another type.
    fn read(row: &'r Row, index: usize) -> Result<Option<Self>, Error>;
}

/// Type of a row.
pub trait FromRow: Sized {
    /// Converts a row.
    ///
    /// # Errors
    ///
    /// [`Error::Row`] if it does not have the expected columns.
    fn from_row(row: &Row) -> Result<Self, Error>;
}

impl Row {
    /// The value of a column.
    ///
    /// # Errors
    ///
    /// [`Error::Row`] if there is no such column, it has another type, or is NULL.
    pub fn get<'r, T: Column<'r>>(&'r self, index: usize) -> Result<T, Error> {
        T::read(self, index)?.ok_or_else(|| Error::row("a column is NULL"))
    }

    /// The value of a column, `None` for NULL.
    ///
    /// # Errors
    ///
    /// [`Error::Row`] if there is no such column, or it has another type.
    pub fn optional<'r, T: Column<'r>>(&'r self, index: usize) -> Result<Option<T>, Error> {
        T::read(self, index)
    }

    /// Number of columns.
    pub(crate) fn len(&self) -> usize {
        match &self.0 {
            Inner::Sqlite(row) => row.len(),
            Inner::MySql(row) => row.len(),
            Inner::Postgres(row) => row.len(),
        }
    }

    /// A column of any type: the bytes of a text, an integer in decimal.
    pub(crate) fn raw(&self, index: usize) -> Result<Vec<u8>, Error> {
        let kind = match &self.0 {
            Inner::Sqlite(row) => row.try_column(index)?.type_info().name().to_owned(),
            Inner::MySql(row) => row.try_column(index)?.type_info().name().to_owned(),
            Inner::Postgres(row) => row.try_column(index)?.type_info().name().to_owned(),
        };
        if kind.starts_with("INT") || kind == "BIGINT" {
            return Ok(self.get::<i64>(index)?.to_string().into_bytes());
        }
        Ok(self.get::<&[u8]>(index)?.to_vec())
    }
}

impl Column<'_> for i64 {
    fn read(row: &Row, index: usize) -> Result<Option<Self>, Error> {
        Ok(match &row.0 {
            Inner::Sqlite(row) => row.try_get_unchecked(index)?,
            Inner::MySql(row) => row.try_get_unchecked(index)?,
            Inner::Postgres(row) => match row.try_column(index)?.type_info().name() {
                "INT8" => row.try_get_unchecked(index)?,
                "INT4" => row.try_get_unchecked::<Option<i32>, _>(index)?.map(Self::from),
                "BOOL" => row.try_get_unchecked::<Option<bool>, _>(index)?.map(Self::from),
                name => return Err(Error::row(format!("a column has type {name}"))),
            },
        })
    }
}

impl Column<'_> for i32 {
    fn read(row: &Row, index: usize) -> Result<Option<Self>, Error> {
        let wide = i64::read(row, index)?;
        wide.map(|wide| Self::try_from(wide).map_err(Error::row)).transpose()
    }
}

impl Column<'_> for bool {
    fn read(row: &Row, index: usize) -> Result<Option<Self>, Error> {
        Ok(i64::read(row, index)?.map(|number| number != 0))
    }
}

impl<'r> Column<'r> for &'r [u8] {
    fn read(row: &'r Row, index: usize) -> Result<Option<Self>, Error> {
        Ok(match &row.0 {
            Inner::Sqlite(row) => row.try_get_unchecked(index)?,
            Inner::MySql(row) => row.try_get_unchecked(index)?,
            Inner::Postgres(row) => row.try_get_unchecked(index)?,
        })
    }
}

impl<'r> Column<'r> for &'r str {
    fn read(row: &'r Row, index: usize) -> Result<Option<Self>, Error> {
        Ok(match &row.0 {
            Inner::Sqlite(row) => row.try_get_unchecked(index)?,
            // Keys are binary there, and say so.
            Inner::MySql(row) => {
                let bytes = row.try_get_unchecked::<Option<&[u8]>, _>(index)?;
                bytes.map(|bytes| str::from_utf8(bytes).map_err(Error::row)).transpose()?
            }
            Inner::Postgres(row) => row.try_get_unchecked(index)?,
        })
    }
}

impl Column<'_> for String {
    fn read(row: &Row, index: usize) -> Result<Option<Self>, Error> {
        Ok(<&str>::read(row, index)?.map(Self::from))
    }
}

impl Column<'_> for Box<str> {
    fn read(row: &Row, index: usize) -> Result<Option<Self>, Error> {
        Ok(<&str>::read(row, index)?.map(Self::from))
    }
}

impl Column<'_> for Vec<u8> {
    fn read(row: &Row, index: usize) -> Result<Option<Self>, Error> {
        Ok(<&[u8]>::read(row, index)?.map(Self::from))
    }
}

impl FromRow for i64 {
    fn from_row(row: &Row) -> Result<Self, Error> {
        row.get(0)
    }
}

impl FromRow for i32 {
    fn from_row(row: &Row) -> Result<Self, Error> {
        row.get(0)
    }
}

impl FromRow for String {
    fn from_row(row: &Row) -> Result<Self, Error> {
        row.get(0)
    }
}

macro_rules! tuple {
    ($($column:ident $index:tt),+) => {
        impl<$($column: for<'r> Column<'r>),+> FromRow for ($($column,)+) {
            fn from_row(row: &Row) -> Result<Self, Error> {
                Ok(($(row.get($index)?,)+))
            }
        }
    };
}

tuple!(A 0);
tuple!(A 0, B 1);
tuple!(A 0, B 1, C 2);
tuple!(A 0, B 1, C 2, D 3);
tuple!(A 0, B 1, C 2, D 3, E 4);

impl std::fmt::Debug for Row {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Row").finish_non_exhaustive()
    }
}
