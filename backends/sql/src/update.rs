//! Updating rows that are given by a list of keys, and telling which were changed.

use crate::connection::Connection;
use crate::dialect::Dialect;
use crate::error::Error;
use crate::row::FromRow;
use crate::statement::Statement;
use crate::value::Value;

/// Keys of one statement: half of the variables that SQLite takes, and what the optimizers of
/// servers still take for ranges of an index.
const MAX_KEYS: [usize; 2] = [15_000, 256];

/// Update of rows whose keys, of two columns, are in a list.
#[derive(Clone, Copy, Debug)]
pub struct ListedUpdate {
    /// Table.
    pub table: &'static str,
    /// Columns of the key.
    pub key: [&'static str; 2],
    /// Assignments.
    pub set: &'static str,
    /// Condition on the row before; the assignments must make it false.
    pub only: &'static str,
}

impl ListedUpdate {
    /// Updates the rows. `values` are those of the placeholders in the assignments.
    ///
    /// # Errors
    ///
    /// [`Error`]
    pub async fn execute<'a>(
        &self,
        db: &mut Connection,
        keys: &[[Value<'a>; 2]],
        values: &[Value<'a>],
    ) -> Result<(), Error> {
        for keys in self.chunks(db.dialect(), keys) {
            self.update(db.dialect(), keys, values).execute(db).await?;
        }
        Ok(())
    }

    /// Updates the rows, and returns these columns of those that were updated. The assignments have
    /// no placeholders.
    ///
    /// # Errors
    ///
    /// [`Error`]
    pub async fn returning<'a, T: FromRow>(
        &self,
        db: &mut Connection,
        keys: &[[Value<'a>; 2]],
        columns: &'static str,
    ) -> Result<Vec<T>, Error> {
        let mut rows = Vec::new();
        for keys in self.chunks(db.dialect(), keys) {
            if db.dialect() == Dialect::MySql {
                let Self { table, only, .. } = self;
                let (text, values) = self.conditions(keys);
                let text = format!("SELECT {columns} FROM {table} WHERE {only} AND {text}{{lock}}");
                rows.extend(Statement::assembled(text, values, true).all(db).await?);
                self.update(db.dialect(), keys, &[]).execute(db).await?;
            } else {
                let statement = self.update(db.dialect(), keys, &[]).then(" RETURNING ");
                rows.extend(statement.then(columns).all(db).await?);
            }
        }
        Ok(rows)
    }

    fn chunks<'k, 'a>(
        &self,
        dialect: Dialect,
        keys: &'k [[Value<'a>; 2]],
    ) -> impl Iterator<Item = &'k [[Value<'a>; 2]]> + use<'k, 'a> {
        let [local, server] = MAX_KEYS;
        keys.chunks(if dialect.is_server() { server } else { local })
    }

    fn update<'a>(
        &self,
        dialect: Dialect,
        keys: &[[Value<'a>; 2]],
        values: &[Value<'a>],
    ) -> Statement<'a> {
        let Self { table, key: [first, second], set, only } = self;
        if dialect == Dialect::MySql {
            let (text, keys) = self.conditions(keys);
            let text = format!("UPDATE {table} SET {set} WHERE {only} AND {text}");
            return Statement::assembled(text, [values, &*keys].concat(), true);
        }
        let keys = filled_up(keys, dialect.is_server());
        let mut text = String::from("WITH listed (listed_1, listed_2) AS (VALUES ");
        for n in 0..keys.len() {
            text.push_str(if n == 0 { "(?, ?)" } else { ", (?, ?)" });
        }
        text.push_str(&format!(
            ") UPDATE {table} SET {set} FROM listed WHERE {first} = listed_1 AND \
             {second} = listed_2 AND {only}"
        ));
        Statement::assembled(text, [keys.as_flattened(), values].concat(), dialect.is_server())
    }

    fn conditions<'a>(&self, keys: &[[Value<'a>; 2]]) -> (String, Vec<Value<'a>>) {
        let [first, second] = self.key;
        let keys = filled_up(keys, true);
        let alternatives = keys.iter().map(|_| format!("({first} = ? AND {second} = ?)"));
        let text = alternatives.collect::<Vec<_>>().join(" OR ");
        (format!("({text})"), keys.iter().flatten().cloned().collect())
    }
}

/// For a server, with the last one again up to a power of two: few texts are prepared.
fn filled_up<'a>(keys: &[[Value<'a>; 2]], for_server: bool) -> Vec<[Value<'a>; 2]> {
    let mut keys = keys.to_vec();
    if for_server && let Some(last) = keys.last().cloned() {
        keys.resize(keys.len().next_power_of_two(), last);
    }
    keys
}
