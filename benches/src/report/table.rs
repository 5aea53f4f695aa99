//! Rows and columns as text: aligned for a terminal, or as Markdown.

use std::fmt;

/// Alignment of a column.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Align {
    /// Names.
    Left,
    /// Numbers.
    Right,
}

/// The head of a column.
#[derive(Clone, Debug)]
pub struct Column {
    /// The head.
    pub head: String,
    /// The alignment.
    pub align: Align,
}

/// A table; every row has a cell for each column.
#[derive(Clone, Debug, Default)]
pub struct Table {
    columns: Vec<Column>,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table whose first column holds names, and the others numbers.
    #[must_use]
    pub fn new<T: Into<String>>(heads: impl IntoIterator<Item = T>) -> Self {
        let heads = heads.into_iter().enumerate();
        let columns = heads.map(|(at, head)| Column {
            head: head.into(),
            align: if at == 0 { Align::Left } else { Align::Right },
        });
        Self { columns: columns.collect(), rows: Vec::new() }
    }

    /// Lets the text of a column stand on the left.
    #[must_use]
    pub fn left(mut self, column: usize) -> Self {
        if let Some(column) = self.columns.get_mut(column) {
            column.align = Align::Left;
        }
        self
    }

    /// Adds a row; cells that are missing are empty, those too many are dropped.
    pub fn row<T: Into<String>>(&mut self, cells: impl IntoIterator<Item = T>) {
        let mut cells: Vec<String> = cells.into_iter().map(Into::into).collect();
        cells.resize(self.columns.len(), String::new());
        self.rows.push(cells);
    }

    /// Whether there is nothing to see.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The heads.
    #[must_use]
    pub fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// The cells, row by row.
    #[must_use]
    pub fn rows(&self) -> &[Vec<String>] {
        &self.rows
    }

    /// The same without the columns that are empty all the way down.
    #[must_use]
    pub fn compact(self) -> Self {
        let used: Vec<bool> = (0..self.columns.len())
            .map(|at| at == 0 || self.rows.iter().any(|row| !row[at].is_empty()))
            .collect();
        fn keep<T>(cells: Vec<T>, used: &[bool]) -> Vec<T> {
            let kept = cells.into_iter().zip(used).filter(|(_, used)| **used);
            kept.map(|(cell, _)| cell).collect()
        }
        Self {
            columns: keep(self.columns, &used),
            rows: self.rows.into_iter().map(|row| keep(row, &used)).collect(),
        }
    }

    /// The table as Markdown.
    #[must_use]
    pub fn markdown(&self) -> String {
        let line = |cells: Vec<&str>| format!("| {} |\n", cells.join(" | "));
        let mut text = line(self.columns.iter().map(|column| column.head.as_str()).collect());
        let rule = self.columns.iter().map(|column| match column.align {
            Align::Left => "---",
            Align::Right => "---:",
        });
        text.push_str(&line(rule.collect()));
        for row in &self.rows {
            let cells: Vec<String> = row.iter().map(|cell| cell.replace('|', "\\|")).collect();
            text.push_str(&line(cells.iter().map(String::as_str).collect()));
        }
        text
    }

    fn widths(&self) -> Vec<usize> {
        let of = |at: usize| self.rows.iter().map(move |row| row[at].chars().count());
        let columns = self.columns.iter().enumerate();
        columns.map(|(at, column)| of(at).fold(column.head.chars().count(), usize::max)).collect()
    }
}

impl fmt::Display for Table {
    /// Two spaces before each column, a rule below the heads.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let widths = self.widths();
        let line = |cells: &[&str]| {
            let cells = cells.iter().zip(&self.columns).zip(&widths);
            let text: String = cells
                .map(|((cell, column), width)| match column.align {
                    Align::Left => format!("  {cell:<width$}"),
                    Align::Right => format!("  {cell:>width$}"),
                })
                .collect();
            text.trim_end().to_owned()
        };
        let heads: Vec<&str> = self.columns.iter().map(|column| column.head.as_str()).collect();
        let rule: Vec<String> = widths.iter().map(|width| "-".repeat(*width)).collect();
        writeln!(f, "{}", line(&heads))?;
        write!(f, "{}", line(&rule.iter().map(String::as_str).collect::<Vec<_>>()))?;
        for row in &self.rows {
            write!(f, "\n{}", line(&row.iter().map(String::as_str).collect::<Vec<_>>()))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Table {
        let mut table = Table::new(["server", "cost", "note"]).left(2);
        table.row(["floor", "0.69 us", "a|b"]);
        table.row(["relay, raw", "0.7 us"]);
        table
    }

    #[test]
    fn columns_stand_below_their_heads() {
        let expected = "  server         cost  note\
                      \n  ----------  -------  ----\
                      \n  floor       0.69 us  a|b\
                      \n  relay, raw   0.7 us";
        assert_eq!(sample().to_string(), expected);
    }

    #[test]
    fn markdown_keeps_bars_in_their_cell() {
        let expected = "| server | cost | note |\n| --- | ---: | --- |\n\
                        | floor | 0.69 us | a\\|b |\n| relay, raw | 0.7 us |  |\n";
        assert_eq!(sample().markdown(), expected);
    }

    #[test]
    fn a_column_with_nothing_in_it_goes() {
        let mut table = Table::new(["name", "spread", "value"]);
        table.row(["x", "", "1"]);
        assert_eq!(table.compact().to_string(), "  name  value\n  ----  -----\n  x         1");
    }
}
