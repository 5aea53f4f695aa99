//! Connection to one of the databases, and its use by the statements of this crate.
//!
//! The only place, with `location`, in which the three drivers meet.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use sqlx::mysql::{MySqlArguments, MySqlConnection};
use sqlx::postgres::{PgArguments, PgConnection};
use sqlx::sqlite::{SqliteArguments, SqliteConnection};
use sqlx::{Arguments as _, AssertSqlSafe, Connection as _};

use crate::dialect::Dialect;
use crate::error::Error;
use crate::row::{self, FromRow, Row};
use crate::value::Value;

/// Open connection.
///
/// One on which a statement failed, or was abandoned, is not used again: that is the business of
/// [`Loan`](crate::Loan).
pub struct Connection {
    driver: Driver,
    /// For one statement; none on SQLite, where the disk decides.
    patience: Option<Duration>,
    fate: Fate,
}

/// What statements found so far.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Fate {
    Alive,
    /// The server is gone.
    Lost,
    /// The server did not answer in time.
    Silent,
}

pub(crate) enum Driver {
    Sqlite(SqliteConnection),
    MySql(MySqlConnection),
    Postgres(PgConnection),
}

/// Statement with its values.
pub(crate) struct Call<'a> {
    pub(crate) text: Cow<'static, str>,
    pub(crate) values: Vec<Value<'a>>,
    /// Whether the same text comes again, so that it is worth keeping prepared.
    pub(crate) kept: bool,
}

impl Connection {
    pub(crate) fn new(driver: Driver, patience: Option<Duration>) -> Self {
        Self { driver, patience, fate: Fate::Alive }
    }

    /// Kind of its database.
    #[must_use]
    pub const fn dialect(&self) -> Dialect {
        match self.driver {
            Driver::Sqlite(_) => Dialect::Sqlite,
            Driver::MySql(_) => Dialect::MySql,
            Driver::Postgres(_) => Dialect::Postgres,
        }
    }

    /// Executes fixed statements without placeholders, separated by semicolons.
    ///
    /// # Errors
    ///
    /// [`Error`]
    pub async fn run(&mut self, text: &'static str) -> Result<(), Error> {
        self.run_owned(text.to_owned()).await
    }

    /// Like [`Connection::run`], for a text that was put together, of trusted parts.
    ///
    /// # Errors
    ///
    /// [`Error`]
    pub async fn run_owned(&mut self, text: String) -> Result<(), Error> {
        let text = sqlx::raw_sql(AssertSqlSafe(text));
        let driver = &mut self.driver;
        let work = async {
            match driver {
                Driver::Sqlite(db) => text.execute(db).await.map(|_| ()),
                Driver::MySql(db) => text.execute(db).await.map(|_| ()),
                Driver::Postgres(db) => text.execute(db).await.map(|_| ()),
            }
        };
        in_time(self.patience, &mut self.fate, work).await
    }

    /// Begins, or ends, a transaction. On SQLite the statement is kept prepared: it precedes and
    /// follows each batch.
    pub(crate) async fn bracket(&mut self, text: &'static str) -> Result<(), Error> {
        if self.dialect().is_server() {
            return self.run(text).await;
        }
        let call = Call { text: Cow::Borrowed(text), values: Vec::new(), kept: true };
        self.execute(call).await.map(|_| ())
    }

    /// Number of rows that the statement inserted, matched or deleted.
    pub(crate) async fn execute(&mut self, call: Call<'_>) -> Result<u64, Error> {
        let Call { text, values, kept } = call;
        let text = self.dialect().sql(text);
        let driver = &mut self.driver;
        let work = async {
            match driver {
                Driver::Sqlite(db) => {
                    let query = sqlx::query_with(text, sqlite_arguments(values)?);
                    query.persistent(kept).execute(db).await.map(|done| done.rows_affected())
                }
                Driver::MySql(db) => {
                    let query = sqlx::query_with(text, mysql_arguments(values)?);
                    query.persistent(kept).execute(db).await.map(|done| done.rows_affected())
                }
                Driver::Postgres(db) => {
                    let query = sqlx::query_with(text, postgres_arguments(values)?);
                    query.persistent(kept).execute(db).await.map(|done| done.rows_affected())
                }
            }
        };
        in_time(self.patience, &mut self.fate, work).await
    }

    pub(crate) async fn fetch<T: FromRow>(&mut self, call: Call<'_>) -> Result<Vec<T>, Error> {
        let Call { text, values, kept } = call;
        let text = self.dialect().sql(text);
        let (patience, fate) = (self.patience, &mut self.fate);
        match &mut self.driver {
            Driver::Sqlite(db) => {
                let query = sqlx::query_with(text, sqlite_arguments(values)?).persistent(kept);
                let rows = in_time(patience, fate, query.fetch_all(db)).await?;
                rows.into_iter().map(|row| T::from_row(&Row(row::Inner::Sqlite(row)))).collect()
            }
            Driver::MySql(db) => {
                let query = sqlx::query_with(text, mysql_arguments(values)?).persistent(kept);
                let rows = in_time(patience, fate, query.fetch_all(db)).await?;
                rows.into_iter().map(|row| T::from_row(&Row(row::Inner::MySql(row)))).collect()
            }
            Driver::Postgres(db) => {
                let query = sqlx::query_with(text, postgres_arguments(values)?).persistent(kept);
                let rows = in_time(patience, fate, query.fetch_all(db)).await?;
                rows.into_iter().map(|row| T::from_row(&Row(row::Inner::Postgres(row)))).collect()
            }
        }
    }

    /// Whether the server was found gone or silent.
    pub(crate) const fn is_lost(&self) -> bool {
        matches!(self.fate, Fate::Lost | Fate::Silent)
    }

    /// Whether it did not answer in time.
    pub(crate) const fn was_silent(&self) -> bool {
        matches!(self.fate, Fate::Silent)
    }

    /// For statements that may take long: migrations.
    pub(crate) fn wait_without_limit(&mut self) {
        self.patience = None;
    }

    /// Closes it in an orderly way; on SQLite the last one puts the log into the database.
    pub(crate) async fn close(self) -> Result<(), Error> {
        let Self { driver, patience, mut fate } = self;
        let work = async {
            match driver {
                Driver::Sqlite(db) => db.close().await,
                Driver::MySql(db) => db.close().await,
                Driver::Postgres(db) => db.close().await,
            }
        };
        in_time(patience, &mut fate, work).await
    }
}

/// Waits for the answer of a server, but not for ever.
async fn in_time<T>(
    patience: Option<Duration>,
    fate: &mut Fate,
    work: impl Future<Output = sqlx::Result<T>>,
) -> Result<T, Error> {
    let answer = match patience {
        None => work.await,
        Some(patience) => match tokio::time::timeout(patience, work).await {
            Ok(answer) => answer,
            Err(_) => {
                *fate = Fate::Silent;
                return Err(Error::lost("no answer in time"));
            }
        },
    };
    answer.map_err(|error| {
        let error = Error::from(error);
        if matches!(error, Error::Lost(_)) {
            *fate = Fate::Lost;
        }
        error
    })
}

impl Dialect {
    fn sql(self, text: Cow<'static, str>) -> sqlx::SqlStr {
        use sqlx::SqlSafeStr as _;
        match text {
            Cow::Borrowed(text) => match self.render(text) {
                Cow::Borrowed(text) => text.into_sql_str(),
                Cow::Owned(text) => AssertSqlSafe(text).into_sql_str(),
            },
            Cow::Owned(text) => match self.render(&text) {
                Cow::Borrowed(_) => AssertSqlSafe(text).into_sql_str(),
                Cow::Owned(text) => AssertSqlSafe(text).into_sql_str(),
            },
        }
    }
}

fn sqlite_arguments(values: Vec<Value<'_>>) -> sqlx::Result<SqliteArguments> {
    let mut arguments = SqliteArguments::default();
    arguments.reserve(values.len(), 0);
    for value in values {
        match value {
            Value::Int(number) => arguments.add(number),
            // In one allocation.
            Value::Text(text) => arguments.add(Arc::<str>::from(&*text)),
            Value::Bytes(bytes) => arguments.add(bytes.into_owned()),
            Value::NoInt => arguments.add(None::<i64>),
            Value::NoText => arguments.add(None::<&str>),
            Value::NoBytes => arguments.add(None::<&[u8]>),
        }
        .map_err(sqlx::Error::Encode)?;
    }
    Ok(arguments)
}

fn mysql_arguments(values: Vec<Value<'_>>) -> sqlx::Result<MySqlArguments> {
    let mut arguments = MySqlArguments::default();
    arguments.reserve(values.len(), values.iter().map(Value::size).sum());
    for value in values {
        match value {
            Value::Int(number) => arguments.add(number),
            Value::Text(text) => arguments.add(&*text),
            Value::Bytes(bytes) => arguments.add(&*bytes),
            Value::NoInt => arguments.add(None::<i64>),
            Value::NoText => arguments.add(None::<&str>),
            Value::NoBytes => arguments.add(None::<&[u8]>),
        }
        .map_err(sqlx::Error::Encode)?;
    }
    Ok(arguments)
}

fn postgres_arguments(values: Vec<Value<'_>>) -> sqlx::Result<PgArguments> {
    let mut arguments = PgArguments::default();
    arguments.reserve(values.len(), values.iter().map(Value::size).sum());
    for value in values {
        match value {
            Value::Int(number) => arguments.add(number),
            Value::Text(text) => arguments.add(&*text),
            Value::Bytes(bytes) => arguments.add(&*bytes),
            Value::NoInt => arguments.add(None::<i64>),
            Value::NoText => arguments.add(None::<&str>),
            Value::NoBytes => arguments.add(None::<&[u8]>),
        }
        .map_err(sqlx::Error::Encode)?;
    }
    Ok(arguments)
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection").field("dialect", &self.dialect()).finish_non_exhaustive()
    }
}
