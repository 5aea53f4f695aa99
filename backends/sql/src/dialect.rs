//! Differences between the databases in the text of statements. All others are in `connection`
//! (sessions, transactions), `error` (codes) and `insert` and `update` (what MySQL cannot say).
//!
//! | token | meaning |
//! |---|---|
//! | `?` | placeholder; there is no `?` in our literals |
//! | `{lock}` | locks the selected rows until the end of the transaction |
//! | `{index:NAME}` | after a table: reads by this index; NAME exists on SQLite and MySQL |
//! | `{key:N}` | type: text of at most N bytes, compared byte by byte, also by trailing blanks |
//! | `{text}`, `{blob}`, `{int}` | types: any text; bytes; 64-bit integer |
//! | `{table}` | options at the end of `CREATE TABLE`: strict, sorted by the primary key |
//! | `{table:rows}` | likewise, of a table whose primary key is one integer |
//! | `{where:CONDITION}` | condition of a partial index, where the database has any |
//! | `{not:DIALECT}` | at the beginning: the statement is left out on this one |

use std::borrow::Cow;
use std::fmt::Write;

/// Kind of database.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum Dialect {
    /// SQLite, in this process.
    Sqlite,
    /// A MySQL or MariaDB server.
    MySql,
    /// A PostgreSQL server.
    Postgres,
}

impl Dialect {
    /// Whether it is a server: it can be down, and connections can be lost.
    #[must_use]
    pub const fn is_server(self) -> bool {
        !matches!(self, Self::Sqlite)
    }

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Sqlite => "sqlite",
            Self::MySql => "mysql",
            Self::Postgres => "postgres",
        }
    }

    /// First statement of a writing transaction. On SQLite with the write lock: a transaction that
    /// reads first and requests the lock later fails if another has written in between.
    pub(crate) const fn begin(self) -> &'static str {
        match self {
            Self::Sqlite => "BEGIN IMMEDIATE",
            Self::MySql => "START TRANSACTION",
            Self::Postgres => "BEGIN",
        }
    }

    /// Lock that others may share, until the end of the transaction.
    pub(crate) const fn shared_lock(self) -> &'static str {
        match self {
            Self::Sqlite => "",
            Self::MySql => " LOCK IN SHARE MODE",
            Self::Postgres => " FOR SHARE",
        }
    }

    /// Replaces the tokens in a statement.
    pub(crate) fn render<'a>(self, text: &'a str) -> Cow<'a, str> {
        let numbered = self == Self::Postgres;
        let has_tokens = text.contains('{') || (numbered && text.contains('?'));
        if !has_tokens {
            return Cow::Borrowed(text);
        }
        let mut rendered = String::with_capacity(text.len() + 64);
        let (mut rest, mut number) = (text, 0);
        while let Some(at) = rest.find(['{', '?']) {
            rendered.push_str(&rest[..at]);
            rest = &rest[at..];
            if let Some(after) = rest.strip_prefix('?') {
                rest = after;
                number += 1;
                // Writing to a string cannot fail.
                let _ =
                    if numbered { write!(rendered, "${number}") } else { rendered.write_char('?') };
            } else {
                let end = rest.find('}').expect("a token has an end");
                self.token(&rest[1..end], &mut rendered);
                rest = &rest[end + 1..];
            }
        }
        rendered.push_str(rest);
        Cow::Owned(rendered)
    }

    /// Statements of a migration step, rendered: they are separated by a semicolon at the end of a
    /// line, and comments go from `--` to the end of a line.
    pub(crate) fn statements(self, step: &str) -> Vec<String> {
        let uncommented =
            |line: &str| line.split("--").next().unwrap_or_default().trim_end().to_owned();
        let text = step.lines().map(uncommented).collect::<Vec<_>>().join("\n");
        let without = format!("{{not:{}}}", self.name());
        let statements = text.split(";\n").map(|text| text.trim().trim_end_matches(';'));
        let statements = statements.filter(|text| !text.is_empty() && !text.contains(&without));
        statements.map(|text| self.render(text).into_owned()).collect()
    }

    fn token(self, token: &str, rendered: &mut String) {
        let (name, argument) = token.split_once(':').unwrap_or((token, ""));
        let text = match (name, self) {
            ("lock", Self::Sqlite) | ("index", Self::Postgres) | ("not", _) => "",
            ("lock", _) => " FOR UPDATE",
            ("index", Self::Sqlite) => return Self::push(rendered, [" INDEXED BY ", argument, ""]),
            ("index", Self::MySql) => {
                return Self::push(rendered, [" FORCE INDEX (", argument, ")"]);
            }
            ("key", Self::Sqlite) | ("text", Self::Sqlite | Self::Postgres) => "TEXT",
            // Those of PostgreSQL are compared by the locale of the database otherwise, and no
            // collation of MySQL 5.7 tells trailing blanks apart.
            ("key", Self::Postgres) => "TEXT COLLATE \"C\"",
            ("key", Self::MySql) => return Self::push(rendered, ["VARBINARY(", argument, ")"]),
            ("text", Self::MySql) => "MEDIUMTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin",
            ("blob", Self::Sqlite) => "BLOB",
            ("blob", Self::MySql) => "MEDIUMBLOB",
            ("blob", Self::Postgres) => "BYTEA",
            ("int", Self::Sqlite) => "INTEGER",
            ("int", _) => "BIGINT",
            ("table", Self::Sqlite) if argument == "rows" => "STRICT",
            ("table", Self::Sqlite) => "STRICT, WITHOUT ROWID",
            ("table", Self::MySql) => {
                "ENGINE=InnoDB ROW_FORMAT=DYNAMIC CHARACTER SET utf8mb4 COLLATE utf8mb4_bin"
            }
            ("table", Self::Postgres) => "",
            ("where", Self::MySql) => "",
            ("where", _) => return Self::push(rendered, [" WHERE ", argument, ""]),
            (name, _) => unreachable!("no token {name}"),
        };
        rendered.push_str(text);
    }

    fn push(rendered: &mut String, parts: [&str; 3]) {
        rendered.extend(parts);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_are_numbered_for_postgres_alone() {
        let text = "SELECT a FROM t{index:i} WHERE a = ? AND b < ?{lock}";
        let rendered = |dialect: Dialect| dialect.render(text).into_owned();
        assert_eq!(
            rendered(Dialect::Postgres),
            "SELECT a FROM t WHERE a = $1 AND b < $2 FOR UPDATE"
        );
        assert_eq!(
            rendered(Dialect::MySql),
            "SELECT a FROM t FORCE INDEX (i) WHERE a = ? AND b < ? FOR UPDATE"
        );
        assert_eq!(rendered(Dialect::Sqlite), "SELECT a FROM t INDEXED BY i WHERE a = ? AND b < ?");
    }

    #[test]
    fn text_without_tokens_is_not_copied() {
        assert!(matches!(Dialect::Sqlite.render("a = ?"), Cow::Borrowed("a = ?")));
        assert!(matches!(Dialect::MySql.render("a = ?"), Cow::Borrowed("a = ?")));
        assert!(matches!(Dialect::Postgres.render("a = 1"), Cow::Borrowed("a = 1")));
    }

    #[test]
    fn a_step_is_split_into_statements_without_comments() {
        let step = "-- Names; and such.\nCREATE TABLE t (\n  a {key:40} NOT NULL -- a;\n) \
                    {table};\n\n{not:mysql}CREATE INDEX i ON t (a){where:a > ''};\n";
        assert_eq!(
            Dialect::MySql.statements(step),
            ["CREATE TABLE t (\n  a VARBINARY(40) NOT NULL\n) ENGINE=InnoDB ROW_FORMAT=DYNAMIC \
              CHARACTER SET utf8mb4 COLLATE utf8mb4_bin"]
        );
        assert_eq!(
            Dialect::Sqlite.statements(step),
            [
                "CREATE TABLE t (\n  a TEXT NOT NULL\n) STRICT, WITHOUT ROWID",
                "CREATE INDEX i ON t (a) WHERE a > ''"
            ]
        );
    }
}
