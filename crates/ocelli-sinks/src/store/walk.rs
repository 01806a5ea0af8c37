//! Walks the hours of many files in order of time.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, atomic::Ordering::Relaxed},
};

use super::{
    StoreError,
    file::StoreFile,
    filter::{FileFilter, Filter},
    period::HOUR_MS,
    read::Row,
    shared::{Opened, Shared},
    tally::{SLOT_MS, SLOTS, Sort, Tally},
};

/// The files that have something to say about a range of time.
pub(crate) struct Plan {
    files: Vec<Arc<StoreFile>>,
    /// Hour since 1970 -> files that cover it.
    pub(crate) hours: BTreeMap<i64, Vec<usize>>,
    pub(crate) from_ms: i64,
    pub(crate) to_ms: i64,
}

impl Plan {
    /// For events filed from `from_ms` to before `to_ms`.
    pub(crate) fn new(shared: &Shared, from_ms: i64, to_ms: i64) -> Self {
        let files: Vec<Arc<StoreFile>> = shared
            .files()
            .into_values()
            .filter(|file| file.name.start_ms < to_ms && file.name.end_ms() > from_ms)
            .collect();
        let mut hours: BTreeMap<i64, Vec<usize>> = BTreeMap::new();
        for (at, file) in files.iter().enumerate() {
            let first = file.name.start_ms.max(from_ms).div_euclid(HOUR_MS);
            let last = (file.name.end_ms().min(to_ms) - 1).div_euclid(HOUR_MS);
            for hour in first..=last {
                hours.entry(hour).or_default().push(at);
            }
        }
        Self {
            files,
            hours,
            from_ms,
            to_ms,
        }
    }
}

/// A file in the walk.
struct View<'a> {
    opened: Opened<'a>,
    filter: FileFilter,
    /// Events from here on are shown, in milliseconds since 1970.
    from_ms: i64,
}

/// One stream in one hour of one file.
struct Cell {
    file: usize,
    stream: u32,
    /// Events that may be asked for, in each slot.
    wanted: [u32; SLOTS],
    /// `None`: it is damaged, so nobody knows.
    tally: Option<Tally>,
    /// All events in each slot.
    total: [u32; SLOTS],
}

/// A row that is asked for.
pub(crate) struct Found<'w> {
    pub(crate) at_ms: i64,
    pub(crate) row: Row,
    /// Which of the walk's files holds it: for [`Walk::text`] and its like.
    pub(crate) file: usize,
    pub(crate) stream: &'w Arc<str>,
    pub(crate) epoch: u64,
}

/// Why a walk did not come to its end.
pub(crate) enum Broken {
    /// A file was rewritten or removed meanwhile: begin anew.
    Anew,
    Failed(StoreError),
}

/// The files that are open at this hour.
pub(crate) struct Walk<'a> {
    shared: &'a Shared,
    plan: &'a Plan,
    filter: Filter<'a>,
    views: BTreeMap<usize, Option<View<'a>>>,
    /// Names of files that could not be read whole.
    damaged: BTreeSet<String>,
}

/// An hour of the walk.
pub(crate) struct HourCells {
    hour: i64,
    cells: Vec<Cell>,
}

impl HourCells {
    /// Whether a slot may hold something that is asked for.
    pub(crate) fn may_hold(&self, slot: usize) -> bool {
        self.cells
            .iter()
            .any(|cell| cell.wanted.get(slot).is_some_and(|&wanted| wanted > 0))
    }

    /// Begin of a slot in milliseconds since 1970.
    pub(crate) fn slot_start_ms(&self, slot: usize) -> i64 {
        self.hour * HOUR_MS + slot as i64 * SLOT_MS
    }
}

impl<'a> Walk<'a> {
    pub(crate) fn new(shared: &'a Shared, plan: &'a Plan, filter: Filter<'a>) -> Self {
        Self {
            shared,
            plan,
            filter,
            views: BTreeMap::new(),
            damaged: BTreeSet::new(),
        }
    }

    /// Names of the files that could not be read whole, in order.
    pub(crate) fn damaged(self) -> Vec<String> {
        self.damaged.into_iter().collect()
    }

    /// Goes to an hour: opens the files that cover it, closes those that do not.
    pub(crate) fn hour(&mut self, hour: i64) -> Result<HourCells, Broken> {
        let plan = self.plan;
        let files = plan.hours.get(&hour).map_or(&[][..], Vec::as_slice);
        self.views.retain(|at, _| files.contains(at));
        let mut cells = Vec::new();
        for &at in files {
            if !self.views.contains_key(&at) {
                let view = self.open(at)?;
                self.views.insert(at, view);
            }
            if let Some(Some(view)) = self.views.get(&at) {
                Self::cells_of(at, view, hour, &mut cells)?;
            }
            self.note_damage(at);
        }
        Ok(HourCells { hour, cells })
    }

    fn open(&mut self, at: usize) -> Result<Option<View<'a>>, Broken> {
        let Some(file) = self.plan.files.get(at) else {
            return Ok(None);
        };
        let opened = match self.shared.open(file) {
            Ok(Some(opened)) => opened,
            Ok(None) => return Err(Broken::Anew),
            Err(StoreError::Full(reason)) => return Err(Broken::Failed(StoreError::Full(reason))),
            Err(error) => {
                tracing::debug!(%error, "a store file is left out of an answer");
                self.damaged.insert(file.text.clone());
                return Ok(None);
            }
        };
        let elapsed = self.shared.elapsed.load(Relaxed);
        let from_ms = self
            .plan
            .from_ms
            .max(file.floor_ms(elapsed).saturating_add(1));
        let filter = opened
            .reader()
            .and_then(|reader| self.filter.in_file(reader));
        match filter {
            Ok(filter) => Ok(filter.map(|filter| View {
                opened,
                filter,
                from_ms,
            })),
            Err(error) => {
                opened.report(&error.to_string());
                Ok(None)
            }
        }
    }

    /// Adds the cells of a file in an hour.
    fn cells_of(
        at: usize,
        view: &View<'_>,
        hour: i64,
        cells: &mut Vec<Cell>,
    ) -> Result<(), Broken> {
        let reader = view.opened.reader().map_err(Broken::Failed)?;
        let file = &view.opened.file;
        let in_file = (hour - file.name.start_ms / HOUR_MS) as u32;
        let asked = view.filter.streams.as_deref();
        match reader.cells(in_file, asked) {
            Ok(found) => cells.extend(found.into_iter().filter_map(|(stream, tally)| {
                let mut wanted = [0; SLOTS];
                for (sort, count) in tally.iter() {
                    if view.filter.takes_sort(sort)
                        && let Some(wanted) = wanted.get_mut(usize::from(sort.slot))
                    {
                        *wanted += count;
                    }
                }
                let cell = Cell {
                    file: at,
                    stream,
                    wanted,
                    total: tally.in_slots(),
                    tally: Some(tally),
                };
                wanted.iter().any(|&wanted| wanted > 0).then_some(cell)
            })),
            Err(error) => {
                // Without tallies every row has to be looked at.
                view.opened.report(&error.to_string());
                let all: Vec<u32> = (1..=reader.dictionary.streams.count()).collect();
                cells.extend(asked.unwrap_or(&all).iter().map(|&stream| Cell {
                    file: at,
                    stream,
                    wanted: [u32::MAX; SLOTS],
                    total: [0; SLOTS],
                    tally: None,
                }));
            }
        }
        Ok(())
    }

    fn note_damage(&mut self, at: usize) {
        if let Some(file) = self.plan.files.get(at)
            && file.damage().is_some()
        {
            self.damaged.insert(file.text.clone());
        }
    }

    /// Visits what is asked for in one slot, stream by stream, each oldest first.
    pub(crate) fn slot(
        &mut self,
        hour: &HourCells,
        slot: usize,
        mut visit: impl FnMut(Found<'_>),
    ) -> Result<(), Broken> {
        for cell in &hour.cells {
            if cell.wanted.get(slot).is_some_and(|&wanted| wanted > 0) {
                self.scan(hour, slot, cell, &mut visit)?;
                self.note_damage(cell.file);
            }
        }
        Ok(())
    }

    fn scan(
        &self,
        hour: &HourCells,
        slot: usize,
        cell: &Cell,
        visit: &mut impl FnMut(Found<'_>),
    ) -> Result<(), Broken> {
        let Some(Some(view)) = self.views.get(&cell.file) else {
            return Ok(());
        };
        let reader = view.opened.reader().map_err(Broken::Failed)?;
        let start_ms = view.opened.file.name.start_ms;
        let from = hour.slot_start_ms(slot) - start_ms;
        let names = &reader.dictionary;
        let stream = names.streams.text(cell.stream);
        let known = |word: Option<u32>| word.is_none_or(|word| names.words.text(word).is_some());
        let mut unknown = 0;
        let read = reader.rows(cell.stream, (from, from + SLOT_MS), |row| {
            let at_ms = start_ms + i64::from(row.key.at);
            if at_ms < view.from_ms || at_ms >= self.plan.to_ms || !view.filter.takes(&row) {
                return;
            }
            match (stream, names.epoch(row.key.epoch)) {
                (Some(stream), Some(epoch)) if known(row.body.rule) && known(row.body.place) => {
                    visit(Found {
                        at_ms,
                        row,
                        file: cell.file,
                        stream,
                        epoch,
                    });
                }
                _ => unknown += 1,
            }
        });
        let expected = cell.total.get(slot).filter(|_| cell.tally.is_some());
        match read {
            Ok((_, 0)) if unknown > 0 => view.opened.report("names are missing"),
            Ok((whole, 0)) if expected.is_some_and(|&expected| expected != whole) => {
                view.opened.report("rows are missing");
            }
            Ok((_, 0)) => {}
            Ok((_, broken)) => view.opened.report(&format!("{broken} rows were changed")),
            Err(error) => view.opened.report(&error.to_string()),
        }
        Ok(())
    }

    /// The name of a rule or place in a file of the walk.
    pub(crate) fn word(&self, file: usize, number: Option<u32>) -> Option<String> {
        let view = self.views.get(&file)?.as_ref()?;
        let reader = view.opened.reader().ok()?;
        number
            .and_then(|number| reader.dictionary.words.text(number))
            .map(|text| text.as_ref().to_owned())
    }

    /// Whether the tallies alone tell what is asked for in one slot: it lies in the range as a
    /// whole, and they are whole.
    pub(crate) fn is_tallied(&self, hour: &HourCells, slot: usize) -> bool {
        let start_ms = hour.slot_start_ms(slot);
        start_ms >= self.plan.from_ms
            && start_ms + SLOT_MS <= self.plan.to_ms
            && hour.cells.iter().all(|cell| {
                let view = self.views.get(&cell.file).and_then(Option::as_ref);
                cell.tally.is_some()
                    && view.is_some_and(|view| view.from_ms <= start_ms && view.filter.is_by_sort())
            })
    }

    /// Visits the sorts that are asked for in one slot: file, stream, sort, number of events.
    pub(crate) fn sorts(
        &self,
        hour: &HourCells,
        slot: usize,
        mut visit: impl FnMut(usize, &Arc<str>, &Sort, u32),
    ) -> Result<(), Broken> {
        for cell in &hour.cells {
            let Some(Some(view)) = self.views.get(&cell.file) else {
                continue;
            };
            let reader = view.opened.reader().map_err(Broken::Failed)?;
            let Some(stream) = reader.dictionary.streams.text(cell.stream) else {
                view.opened.report("names are missing");
                continue;
            };
            for (sort, count) in cell.tally.iter().flat_map(Tally::iter) {
                if usize::from(sort.slot) == slot && view.filter.takes_sort(sort) {
                    visit(cell.file, stream, sort, count);
                }
            }
        }
        Ok(())
    }
}
