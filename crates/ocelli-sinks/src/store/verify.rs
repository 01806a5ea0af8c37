//! Whether a file is as it was written: once in the life of a process, before it is first read.

use std::collections::BTreeSet;

use super::{
    StoreError,
    file::StoreFile,
    period::HOUR_MS,
    read::Reader,
    tally::{Sort, Tally},
};

/// Looks at a file that this process did not make, the first time that it is read. What is found
/// is remembered in the file.
pub(crate) fn once(file: &StoreFile) -> Result<(), StoreError> {
    let mut checked = file.checked();
    if *checked {
        return Ok(());
    }
    let found = whole(file);
    // A disk that fails now may work later; damage stays.
    *checked = matches!(found, Ok(()) | Err(StoreError::Damaged { .. }));
    found
}

fn whole(file: &StoreFile) -> Result<(), StoreError> {
    if let Some(seal) = file.seal() {
        if file.measure()? == seal {
            return Ok(());
        }
        // A late event may have opened it meanwhile.
        if file.seal().is_some() {
            return Err(StoreError::damaged(
                &file.text,
                "its bytes do not add up to what they did when it was closed",
            ));
        }
    }
    let mut reader = Reader::open(file)?;
    reader.begin()?;
    rows(&reader, file)
}

/// Reads every row, and compares what it finds with what the tallies say.
fn rows(reader: &Reader, file: &StoreFile) -> Result<(), StoreError> {
    reader.quick_check()?;
    let streams = reader.dictionary.streams.count();
    let hours = (file.name.end_ms() - file.name.start_ms) / HOUR_MS;
    let mut tags = BTreeSet::new();
    for hour in 0..hours {
        let mut cells = reader.cells(hour as u32, None)?;
        for stream in 1..=streams {
            let mut tally = Tally::default();
            let range = (hour * HOUR_MS, (hour + 1) * HOUR_MS);
            let (_, broken) = reader.rows(stream, range, |row| {
                tally.add(Sort::of(&row.body, row.key.at));
                tags.extend(row.tag.map(|tag| (tag, stream)));
            })?;
            if broken > 0 {
                return Err(StoreError::damaged(
                    &file.text,
                    format!("{broken} rows of hour {hour} were changed"),
                ));
            }
            if tally != cells.remove(&stream).unwrap_or_default() {
                return Err(StoreError::damaged(
                    &file.text,
                    format!("rows of hour {hour} are missing"),
                ));
            }
        }
        if !cells.is_empty() {
            return Err(StoreError::damaged(
                &file.text,
                format!("the streams of hour {hour} are missing"),
            ));
        }
    }
    if reader.tags()?.into_iter().collect::<BTreeSet<_>>() != tags {
        return Err(StoreError::damaged(&file.text, "tags are missing"));
    }
    Ok(())
}
