//! What commands print.

use std::{
    fmt::Display,
    io::{self, Write as _},
};

/// Writes one line to stdout.
pub(super) fn say(line: impl Display) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    writeln!(stdout, "{line}")?;
    stdout.flush()
}

/// Writes one line to stderr.
pub(super) fn complain(line: &impl Display) {
    // Nobody is left to tell.
    drop(writeln!(io::stderr(), "{line}"));
}

/// A table of text with columns as wide as they need to be.
pub(super) struct Table {
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table with these headings.
    pub(super) fn new<const N: usize>(headings: [&str; N]) -> Self {
        Self {
            rows: vec![headings.map(str::to_owned).to_vec()],
        }
    }

    /// Adds a row. What could steer a terminal is taken out: a cell may come from a camera.
    pub(super) fn row<const N: usize>(&mut self, cells: [String; N]) {
        let shown = |cell: String| cell.replace(char::is_control, "?");
        self.rows.push(cells.map(shown).into());
    }

    /// The lines.
    pub(super) fn lines(&self) -> impl Iterator<Item = String> {
        let columns = self.rows[0].len();
        let widths: Vec<usize> = (0..columns)
            .map(|column| {
                let widths = self.rows.iter().map(|row| row[column].chars().count());
                widths.max().unwrap_or(0)
            })
            .collect();
        self.rows.iter().map(move |row| {
            let mut line = String::new();
            for (cell, width) in row.iter().zip(&widths) {
                line.push_str(cell);
                let gap = width.saturating_sub(cell.chars().count()) + 2;
                line.extend(std::iter::repeat_n(' ', gap));
            }
            line.trim_end().to_owned()
        })
    }

    /// Writes it to stdout.
    pub(super) fn print(&self) -> io::Result<()> {
        self.lines().try_for_each(say)
    }
}
