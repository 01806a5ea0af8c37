//! Streams from a CSV file: comma-separated, quoted as RFC 4180 has it, named columns.

use super::{
    Fault,
    de::suggestion,
    tree::{BYTES_MAX, Key, Node, Place, Value},
};

/// One cell and where it stands.
struct Cell {
    place: Place,
    text: String,
}

/// Reads a table into one map for each row, with its name. `columns` are the keys that a row may
/// have besides `name`. Empty cells say nothing.
pub(super) fn read(text: &str, columns: &[&str], faults: &mut Vec<Fault>) -> Vec<(Key, Node)> {
    if text.len() > BYTES_MAX {
        let message = format!(
            "the file has {} bytes, {BYTES_MAX} are the most",
            text.len()
        );
        faults.push(Fault::new(Place { line: 1, column: 1 }, message));
        return Vec::new();
    }
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut rows = match rows(text) {
        Ok(rows) => rows.into_iter(),
        Err(fault) => {
            faults.push(fault);
            return Vec::new();
        }
    };
    let Some(header) = rows.next() else {
        let message = "the file is empty: its first row names the columns";
        faults.push(Fault::new(Place { line: 1, column: 1 }, message));
        return Vec::new();
    };
    if !check_header(&header, columns, faults) {
        return Vec::new();
    }
    rows.filter_map(|row| stream(&header, row, faults))
        .collect()
}

fn check_header(header: &[Cell], columns: &[&str], faults: &mut Vec<Fault>) -> bool {
    let before = faults.len();
    let mut known = vec!["name"];
    known.extend(columns);
    for (index, cell) in header.iter().enumerate() {
        if !known.contains(&cell.text.as_str()) {
            let message = format!("unknown column `{}`", cell.text);
            faults.push(Fault::new(cell.place, message).hint(suggestion(&cell.text, &known)));
        } else if header[..index].iter().any(|other| other.text == cell.text) {
            let message = format!("the column `{}` stands here twice", cell.text);
            faults.push(Fault::new(cell.place, message));
        }
    }
    if !header.iter().any(|cell| cell.text == "name") {
        let message = "no column `name`";
        faults.push(Fault::new(Place { line: 1, column: 1 }, message));
    }
    faults.len() == before
}

fn stream(header: &[Cell], row: Vec<Cell>, faults: &mut Vec<Fault>) -> Option<(Key, Node)> {
    let place = row.first().map_or_else(Place::default, |cell| cell.place);
    if row.len() != header.len() {
        let message = format!(
            "the row has {} cells, the first row {}",
            row.len(),
            header.len()
        );
        faults.push(Fault::new(place, message));
        return None;
    }
    let mut name = None;
    let mut entries = Vec::new();
    for (column, cell) in header.iter().zip(row) {
        if column.text == "name" {
            name = Some(Key {
                place: cell.place,
                text: cell.text,
            });
        } else if !cell.text.is_empty() {
            let key = Key {
                place: cell.place,
                text: column.text.clone(),
            };
            let value = Value::Scalar {
                text: cell.text,
                plain: true,
            };
            let place = cell.place;
            entries.push((key, Node { place, value }));
        }
    }
    let value = Value::Map(entries);
    Some((name?, Node { place, value }))
}

/// Cuts the text into rows of cells; empty rows and rows that begin with `#` are left out.
fn rows(text: &str) -> Result<Vec<Vec<Cell>>, Fault> {
    let mut scanner = Scanner {
        chars: text.chars().peekable(),
        here: Place { line: 1, column: 1 },
    };
    let mut rows = Vec::new();
    while scanner.chars.peek().is_some() {
        if scanner.chars.peek() == Some(&'#') {
            while scanner.next().is_some_and(|c| c != '\n') {}
            continue;
        }
        let row = scanner.row()?;
        if row.len() > 1 || row.iter().any(|cell| !cell.text.is_empty()) {
            rows.push(row);
        }
    }
    Ok(rows)
}

struct Scanner<'a> {
    chars: std::iter::Peekable<std::str::Chars<'a>>,
    here: Place,
}

impl Scanner<'_> {
    fn next(&mut self) -> Option<char> {
        let next = self.chars.next();
        if next == Some('\n') {
            self.here.line += 1;
            self.here.column = 1;
        } else {
            self.here.column += 1;
        }
        next
    }

    fn take(&mut self, wanted: char) -> bool {
        let there = self.chars.peek() == Some(&wanted);
        if there {
            self.next();
        }
        there
    }

    fn row(&mut self) -> Result<Vec<Cell>, Fault> {
        let mut row = Vec::new();
        loop {
            let place = self.here;
            let (text, comma) = if self.take('"') {
                (self.quoted(place)?, self.after_quoted()?)
            } else {
                self.unquoted()
            };
            row.push(Cell { place, text });
            if !comma {
                return Ok(row);
            }
        }
    }

    /// What stands up to the closing mark.
    fn quoted(&mut self, begin: Place) -> Result<String, Fault> {
        let mut text = String::new();
        loop {
            match self.next() {
                None => return Err(Fault::new(begin, "the quotation mark is never closed")),
                Some('"') if !self.take('"') => return Ok(text),
                Some(c) => text.push(c),
            }
        }
    }

    /// Whether a comma follows.
    fn after_quoted(&mut self) -> Result<bool, Fault> {
        loop {
            let place = self.here;
            match self.next() {
                Some(',') => return Ok(true),
                None | Some('\n') => return Ok(false),
                Some(c) if c.is_whitespace() => {}
                Some(_) => {
                    let message = "a comma is expected after the quotation mark";
                    return Err(Fault::new(place, message));
                }
            }
        }
    }

    /// The text, and whether a comma follows.
    fn unquoted(&mut self) -> (String, bool) {
        let mut text = String::new();
        loop {
            match self.next() {
                Some(',') => return (text.trim().to_owned(), true),
                None | Some('\n') => return (text.trim().to_owned(), false),
                Some(c) => text.push(c),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn show(text: &str) -> (Vec<String>, Vec<String>) {
        let mut faults = Vec::new();
        let rows = read(text, &["url", "profile"], &mut faults)
            .into_iter()
            .map(|(key, node)| {
                let Value::Map(entries) = node.value else {
                    unreachable!()
                };
                let cells: Vec<String> = entries
                    .iter()
                    .map(|(key, node)| {
                        let Value::Scalar { text, .. } = &node.value else {
                            unreachable!()
                        };
                        let Place { line, column } = node.place;
                        format!("{}={text}@{line}:{column}", key.text)
                    })
                    .collect();
                format!("{}@{}: {}", key.text, key.place.line, cells.join(" "))
            })
            .collect();
        let faults = faults
            .into_iter()
            .map(|fault| {
                format!(
                    "{}:{} {}",
                    fault.place.line, fault.place.column, fault.message
                )
            })
            .collect();
        (rows, faults)
    }

    #[test]
    fn rows_know_where_they_stand() {
        let text = "name, url,profile\r\na,rtsp://x/1,p\r\n\r\n# c,d,e\n\"b \"\"q\"\"\",\"rtsp://x/2,3\",\nc,,p\n";
        let (rows, faults) = show(text);
        assert_eq!(
            rows,
            [
                "a@2: url=rtsp://x/1@2:3 profile=p@2:14",
                "b \"q\"@5: url=rtsp://x/2,3@5:11",
                "c@6: profile=p@6:4"
            ]
        );
        assert!(faults.is_empty(), "{faults:?}");
    }

    #[test]
    fn what_does_not_fit_is_named() {
        for (text, fault) in [
            ("", "1:1 the file is empty: its first row names the columns"),
            ("name,uri\n", "1:6 unknown column `uri`"),
            ("name,url,url\n", "1:10 the column `url` stands here twice"),
            ("url\nrtsp://x\n", "1:1 no column `name`"),
            ("name,url\na\n", "2:1 the row has 1 cells, the first row 2"),
            (
                "name,url\na,\"b\n",
                "2:3 the quotation mark is never closed",
            ),
            (
                "name,url\n\"a\"b,c\n",
                "2:4 a comma is expected after the quotation mark",
            ),
        ] {
            let (_, faults) = show(text);
            assert_eq!(faults, [fault], "{text:?}");
        }
    }
}
