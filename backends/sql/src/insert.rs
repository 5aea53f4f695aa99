//! Inserting many rows with few statements, and what the databases say differently about rows that
//! are there already: `ON CONFLICT` and `RETURNING`, of which MySQL has neither.

use std::collections::HashSet;
use std::mem;

use crate::connection::Connection;
use crate::dialect::Dialect;
use crate::error::Error;
use crate::row::{FromRow, Row};
use crate::statement::{Statement, placeholders};
use crate::value::Value;

/// Variables of one statement; the limits are 32,766 (SQLite) and 65,535.
const MAX_VARIABLES: usize = 30_000;
/// Bytes of one statement to a server; MySQL 5.7 takes 4 MiB by default.
const MAX_BYTES: usize = 1 << 20;
/// Keys of one look-up: what an optimizer still takes for ranges of an index.
const MAX_KEYS: usize = 256;
/// Rows of one statement to a server. Statements there have 1, 2, 4, ... rows, so that few texts
/// are prepared, and those are kept: to prepare one for each use takes two more trips, and on MySQL
/// its closing, which has no answer, would delay what follows until the server acknowledges its
/// packet.
const MAX_ROWS: usize = 256;

/// Rows to be inserted into a table.
#[derive(Clone, Debug)]
pub struct Insert<'a> {
    table: &'static str,
    columns: &'static [&'static str],
    values: Vec<Value<'a>>,
}

/// Rows for these columns of a table.
#[must_use]
pub const fn insert<'a>(table: &'static str, columns: &'static [&'static str]) -> Insert<'a> {
    Insert { table, columns, values: Vec::new() }
}

impl<'a> Insert<'a> {
    /// Adds a row: a value for each column.
    #[must_use]
    pub fn row<const N: usize>(mut self, values: [Value<'a>; N]) -> Self {
        self.push(values);
        self
    }

    /// Adds rows.
    #[must_use]
    pub fn rows<const N: usize>(mut self, rows: impl IntoIterator<Item = [Value<'a>; N]>) -> Self {
        let rows = rows.into_iter();
        self.values.reserve(rows.size_hint().0 * N);
        rows.for_each(|row| self.push(row));
        self
    }

    fn push<const N: usize>(&mut self, values: [Value<'a>; N]) {
        assert_eq!(N, self.columns.len(), "a value for each column of {}", self.table);
        self.values.extend(values);
    }

    /// Inserts the rows. One with the key of another is an error.
    ///
    /// # Errors
    ///
    /// [`Error`]; [`Error::Constraint`] if a key is taken.
    pub async fn execute(self, db: &mut Connection) -> Result<(), Error> {
        for statement in self.statements(db.dialect(), "") {
            statement.execute(db).await?;
        }
        Ok(())
    }

    /// Inserts the rows, each in the place of the one with the same key. `key` are its columns.
    ///
    /// # Errors
    ///
    /// [`Error`]
    pub async fn replace(self, db: &mut Connection, key: &[&'static str]) -> Result<(), Error> {
        let dialect = db.dialect();
        let others = self.columns.iter().filter(|column| !key.contains(column));
        let sets = others.map(|column| match dialect {
            Dialect::MySql => format!("{column} = VALUES({column})"),
            Dialect::Sqlite | Dialect::Postgres => format!("{column} = excluded.{column}"),
        });
        let sets = sets.collect::<Vec<_>>().join(", ");
        let end = match dialect {
            Dialect::MySql => format!(" ON DUPLICATE KEY UPDATE {sets}"),
            Dialect::Sqlite | Dialect::Postgres => {
                format!(" ON CONFLICT ({}) DO UPDATE SET {sets}", key.join(", "))
            }
        };
        for statement in self.statements(dialect, &end) {
            statement.execute(db).await?;
        }
        Ok(())
    }

    /// Inserts the rows whose key is not taken; the others are left out. The key are the first
    /// `key` columns; no two of the rows may have the same. Returns the values of an integer column
    /// in the rows that were inserted.
    ///
    /// # Errors
    ///
    /// [`Error`]; [`Error::Conflict`] if another transaction inserted one of the keys just now.
    ///
    /// # Panics
    ///
    /// The column is none of the row's.
    pub async fn if_new(
        mut self,
        db: &mut Connection,
        key: usize,
        column: &'static str,
    ) -> Result<Vec<i64>, Error> {
        let dialect = db.dialect();
        let mut inserted = Vec::with_capacity(self.len());
        if dialect == Dialect::MySql {
            let at = self.columns.iter().position(|name| *name == column).expect("a column");
            self.leave_out_taken(db, key).await?;
            let rows = self.values.chunks(self.columns.len());
            inserted.extend(rows.filter_map(|row| match row[at] {
                Value::Int(number) => Some(number),
                _ => None,
            }));
            self.execute(db).await.map_err(|error| match error {
                Error::Constraint(cause) => Error::Conflict(cause),
                error => error,
            })?;
        } else {
            let end = format!(" ON CONFLICT DO NOTHING RETURNING {column}");
            for statement in self.statements(dialect, &end) {
                inserted.extend(statement.all::<i64>(db).await?);
            }
        }
        Ok(inserted)
    }

    /// Adds numbers to those of a table whose columns are a key, a text, and a number; a key that
    /// is not in it has 0. No two of the rows may have the same key. Returns keys and new numbers.
    ///
    /// # Errors
    ///
    /// [`Error`]
    ///
    /// # Panics
    ///
    /// The columns are not two.
    pub async fn add(self, db: &mut Connection) -> Result<Vec<(String, i64)>, Error> {
        let [key, number] = *self.columns else { panic!("{} has a key and a number", self.table) };
        let (dialect, table) = (db.dialect(), self.table);
        let mut sums = Vec::with_capacity(self.len());
        if dialect == Dialect::MySql {
            let keys: Vec<Value<'a>> = self.values.iter().step_by(2).cloned().collect();
            let end = format!(" ON DUPLICATE KEY UPDATE {number} = {number} + VALUES({number})");
            for statement in self.statements(dialect, &end) {
                statement.execute(db).await?;
            }
            for keys in keys.chunks(MAX_KEYS) {
                let text = format!("SELECT {key}, {number} FROM {table} WHERE {key} IN ");
                let statement = Statement::assembled(text, Vec::new(), true);
                let statement = statement.list(keys.iter().cloned());
                sums.extend(statement.all::<(String, i64)>(db).await?);
            }
        } else {
            let end = format!(
                " ON CONFLICT ({key}) DO UPDATE SET {number} = {table}.{number} + \
                 excluded.{number} RETURNING {key}, {number}"
            );
            for statement in self.statements(dialect, &end) {
                sums.extend(statement.all::<(String, i64)>(db).await?);
            }
        }
        Ok(sums)
    }

    fn len(&self) -> usize {
        self.values.len() / self.columns.len()
    }

    /// Removes the rows whose keys are in the table, and locks those of the table.
    async fn leave_out_taken(&mut self, db: &mut Connection, key: usize) -> Result<(), Error> {
        let names = &self.columns[..key];
        let mut taken = HashSet::new();
        let rows: Vec<&[Value<'a>]> = self.values.chunks(self.columns.len()).collect();
        for rows in rows.chunks(MAX_KEYS) {
            let mut text = format!("SELECT {} FROM {} WHERE ", names.join(", "), self.table);
            let mut values = Vec::with_capacity(rows.len() * key);
            // Filled up with the last one.
            let last = rows.last().into_iter().cycle();
            let rows = rows.iter().chain(last).take(rows.len().next_power_of_two());
            for (n, row) in rows.enumerate() {
                text.push_str(if n == 0 { "(" } else { " OR (" });
                for (n, name) in names.iter().enumerate() {
                    text.push_str(if n == 0 { "" } else { " AND " });
                    text.push_str(name);
                    text.push_str(" = ?");
                }
                text.push(')');
                values.extend_from_slice(&row[..key]);
            }
            text.push_str("{lock}");
            let found: Vec<Key> = Statement::assembled(text, values, true).all(db).await?;
            taken.extend(found);
        }
        if taken.is_empty() {
            return Ok(());
        }
        let columns = self.columns.len();
        let mut values = mem::take(&mut self.values).into_iter();
        while let Some(first) = values.next() {
            let row: Vec<_> =
                [first].into_iter().chain(values.by_ref().take(columns - 1)).collect();
            if !taken.contains(&Key::of(&row[..key])) {
                self.values.extend(row);
            }
        }
        Ok(())
    }

    /// As many statements as it takes, all with the same end.
    fn statements(self, dialect: Dialect, end: &str) -> Vec<Statement<'a>> {
        let begin = format!("INSERT INTO {} ({}) VALUES ", self.table, self.columns.join(", "));
        let mut row = String::new();
        placeholders(&mut row, self.columns.len());
        let text = |rows: usize| {
            let mut text = String::with_capacity(begin.len() + rows * (row.len() + 2) + end.len());
            text.push_str(&begin);
            for n in 0..rows {
                text.push_str(if n == 0 { "" } else { ", " });
                text.push_str(&row);
            }
            text.push_str(end);
            text
        };
        let (columns, kept) = (self.columns.len(), dialect.is_server());
        let mut rest = self.values;
        let mut statements = Vec::new();
        while !rest.is_empty() {
            let rows = if kept { rows_for_server(&rest, columns) } else { MAX_VARIABLES / columns };
            let after = rest.split_off((rows * columns).min(rest.len()));
            statements.push(Statement::assembled(text(rest.len() / columns), rest, kept));
            rest = after;
        }
        statements
    }
}

/// A power of two of rows, as many as there are, and as fit a packet.
fn rows_for_server(values: &[Value<'_>], columns: usize) -> usize {
    let mut bytes = 0;
    let fit = values.chunks(columns).take(MAX_ROWS).take_while(|row| {
        bytes += row.iter().map(Value::size).sum::<usize>();
        bytes <= MAX_BYTES
    });
    let fit = fit.count().max(1);
    1 << fit.ilog2()
}

/// Key of a row, as bytes.
#[derive(Eq, Hash, PartialEq)]
struct Key(Vec<Vec<u8>>);

impl Key {
    fn of(values: &[Value<'_>]) -> Self {
        let bytes = |value: &Value<'_>| match value {
            Value::Int(number) => number.to_string().into_bytes(),
            Value::Text(text) => text.as_bytes().to_vec(),
            Value::Bytes(bytes) => bytes.to_vec(),
            Value::NoInt | Value::NoText | Value::NoBytes => Vec::new(),
        };
        Self(values.iter().map(bytes).collect())
    }
}

impl FromRow for Key {
    fn from_row(row: &Row) -> Result<Self, Error> {
        let columns = (0..row.len()).map(|index| row.raw(index));
        columns.collect::<Result<_, _>>().map(Self)
    }
}
