//! Statements, written once for all databases; `dialect` has the tokens that may stand in them.

use std::borrow::Cow;

use crate::connection::{Call, Connection};
use crate::error::Error;
use crate::row::FromRow;
use crate::value::Value;

/// Statement with the values of its placeholders.
#[derive(Clone, Debug)]
pub struct Statement<'a> {
    text: Cow<'static, str>,
    values: Vec<Value<'a>>,
    /// Whether the same text comes again, so that it is worth keeping prepared.
    kept: bool,
}

/// A statement. What comes from outside is bound, never a part of the text.
#[must_use]
pub const fn sql<'a>(text: &'static str) -> Statement<'a> {
    Statement { text: Cow::Borrowed(text), values: Vec::new(), kept: true }
}

impl<'a> Statement<'a> {
    pub(crate) fn assembled(text: String, values: Vec<Value<'a>>, kept: bool) -> Self {
        Self { text: Cow::Owned(text), values, kept }
    }

    /// Value of the next placeholder.
    #[must_use]
    pub fn bind(mut self, value: impl Into<Value<'a>>) -> Self {
        self.values.push(value.into());
        self
    }

    /// Appends text.
    #[must_use]
    pub fn then(mut self, text: &'static str) -> Self {
        self.text.to_mut().push_str(text);
        self
    }

    /// Appends a list of values in parentheses, after `IN`. It must have one at least, and at most
    /// some thousands. It is filled up with the last one to a power of two, so that few texts are
    /// prepared.
    #[must_use]
    pub fn list<V: Into<Value<'a>>>(mut self, values: impl IntoIterator<Item = V>) -> Self {
        let before = self.values.len();
        self.values.extend(values.into_iter().map(Into::into));
        debug_assert!(self.values.len() > before, "a list has a value at least");
        let count = (self.values.len() - before).next_power_of_two();
        if let Some(last) = self.values.last().cloned() {
            self.values.resize(before + count, last);
        }
        placeholders(self.text.to_mut(), count);
        self
    }

    /// Executes it. Returns the number of rows inserted, deleted, or matched by an update.
    ///
    /// # Errors
    ///
    /// [`Error`]
    pub async fn execute(self, db: &mut Connection) -> Result<u64, Error> {
        db.execute(self.call()).await
    }

    /// All rows of its answer.
    ///
    /// # Errors
    ///
    /// [`Error`]
    pub async fn all<T: FromRow>(self, db: &mut Connection) -> Result<Vec<T>, Error> {
        db.fetch(self.call()).await
    }

    /// The first row of its answer. The statement should have one at most: all are read.
    ///
    /// # Errors
    ///
    /// [`Error`]
    pub async fn optional<T: FromRow>(self, db: &mut Connection) -> Result<Option<T>, Error> {
        Ok(db.fetch(self.call()).await?.into_iter().next())
    }

    /// The row of its answer.
    ///
    /// # Errors
    ///
    /// [`Error`]; [`Error::Row`] if there is none.
    pub async fn one<T: FromRow>(self, db: &mut Connection) -> Result<T, Error> {
        self.optional(db).await?.ok_or_else(|| Error::row("a row is missing"))
    }

    fn call(self) -> Call<'a> {
        Call { text: self.text, values: self.values, kept: self.kept }
    }
}

/// Appends `(?, ?, ?)`.
pub(crate) fn placeholders(text: &mut String, count: usize) {
    text.push('(');
    for n in 0..count {
        text.push_str(if n == 0 { "?" } else { ", ?" });
    }
    text.push(')');
}
