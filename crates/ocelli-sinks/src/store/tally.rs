//! How many events of which sort a stream had in each five minutes of an hour: what a query needs
//! to know where to look, what counts are made of, and what tells that a row is missing.

use super::{
    code::{self, Unknown},
    period::HOUR_MS,
    row::{Body, SUM_BYTES},
    varint::{Bytes, put},
};

/// Length of a slot in milliseconds.
pub(crate) const SLOT_MS: i64 = 300_000;

/// Slots in an hour.
pub(crate) const SLOTS: usize = (HOUR_MS / SLOT_MS) as usize;

/// One sort of events in one slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Sort {
    /// 0 to 11.
    pub(crate) slot: u8,
    /// See [`code`].
    pub(crate) kind: u8,
    pub(crate) label: u8,
    pub(crate) direction: u8,
    /// Number of the rule's name in the file's dictionary.
    pub(crate) rule: Option<u32>,
    pub(crate) place: Option<u32>,
}

impl Sort {
    /// The sort of a row at `at` milliseconds since its file began.
    pub(crate) fn of(body: &Body, at: u32) -> Self {
        Self {
            slot: slot_of(at),
            kind: code::of_kind(body.kind),
            label: code::of_label(body.label),
            direction: code::of_direction(body.direction),
            rule: body.rule,
            place: body.place,
        }
    }
}

/// Slot in its hour, for milliseconds since the file began.
pub(crate) fn slot_of(at: u32) -> u8 {
    (i64::from(at) % HOUR_MS / SLOT_MS) as u8
}

/// Number of each sort of events of one stream in one hour, in order of the sorts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Tally(Vec<(Sort, u32)>);

impl Tally {
    pub(crate) fn add(&mut self, sort: Sort) {
        // Nearly always the last ones grow.
        match self.0.binary_search_by_key(&sort, |(sort, _)| *sort) {
            Ok(at) => {
                if let Some((_, count)) = self.0.get_mut(at) {
                    *count += 1;
                }
            }
            Err(at) => self.0.insert(at, (sort, 1)),
        }
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&Sort, u32)> {
        self.0.iter().map(|(sort, count)| (sort, *count))
    }

    /// Events in each slot.
    pub(crate) fn in_slots(&self) -> [u32; SLOTS] {
        let mut totals = [0; SLOTS];
        for (sort, count) in self.iter() {
            if let Some(total) = totals.get_mut(usize::from(sort.slot)) {
                *total += count;
            }
        }
        totals
    }

    /// Bytes with a checksum over them and over the place where they stand.
    pub(crate) fn write(&self, hour: u32, stream: u32) -> (Vec<u8>, u32) {
        let mut out = Vec::with_capacity(self.0.len() * 6 + SUM_BYTES);
        for (sort, count) in self.iter() {
            out.push(sort.slot << 2 | sort.direction);
            put(&mut out, u64::from(sort.kind));
            out.push(sort.label);
            put(&mut out, sort.rule.map_or(0, |rule| u64::from(rule) + 1));
            put(&mut out, sort.place.map_or(0, |place| u64::from(place) + 1));
            put(&mut out, u64::from(count));
        }
        let sum = checksum(hour, stream, &out);
        out.extend_from_slice(&sum.to_le_bytes());
        (out, sum)
    }

    /// Reads what [`Self::write`] wrote, with its checksum. `None`: it was changed.
    pub(crate) fn read(hour: u32, stream: u32, bytes: &[u8]) -> Option<(Self, u32)> {
        let (body, sum) = bytes.split_at_checked(bytes.len().checked_sub(SUM_BYTES)?)?;
        let found = checksum(hour, stream, body);
        if found.to_le_bytes() != sum {
            return None;
        }
        let mut bytes = Bytes(body);
        let mut tally = Vec::with_capacity(body.len() / 6);
        while !bytes.0.is_empty() {
            let first = bytes.byte()?;
            let kind = u8::try_from(bytes.varint()?).ok()?;
            let label = bytes.byte()?;
            let (rule, place) = (read_name(&mut bytes).ok()?, read_name(&mut bytes).ok()?);
            let sort = Sort {
                slot: first >> 2,
                kind,
                label,
                direction: first & 3,
                rule,
                place,
            };
            tally.push((sort, bytes.varint_u32()?));
        }
        Some((Self(tally), found))
    }
}

fn read_name(bytes: &mut Bytes<'_>) -> Result<Option<u32>, Unknown> {
    match bytes.varint().ok_or(Unknown)? {
        0 => Ok(None),
        more => u32::try_from(more - 1).map(Some).map_err(|_wide| Unknown),
    }
}

fn checksum(hour: u32, stream: u32, body: &[u8]) -> u32 {
    let mut sum = crc32fast::Hasher::new();
    sum.update(&hour.to_le_bytes());
    sum.update(&stream.to_le_bytes());
    sum.update(body);
    sum.finalize()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sort(slot: u8, rule: Option<u32>) -> Sort {
        Sort {
            slot,
            kind: 8,
            label: 1,
            direction: 2,
            rule,
            place: Some(u32::MAX),
        }
    }

    #[test]
    fn a_tally_reads_what_it_wrote_and_sees_each_flipped_bit() {
        let mut tally = Tally::default();
        for _ in 0..300 {
            tally.add(sort(3, None));
        }
        tally.add(sort(11, Some(0)));
        let (bytes, _) = tally.write(7, 9);
        assert_eq!(
            Tally::read(7, 9, &bytes).map(|(read, _)| read),
            Some(tally.clone())
        );
        assert_eq!(tally.in_slots()[3], 300);
        assert_eq!(tally.in_slots()[11], 1);
        assert_eq!(Tally::read(8, 9, &bytes), None);
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(Tally::read(7, 9, &flipped), None);
        }
    }

    #[test]
    fn slots_are_five_minutes() {
        assert_eq!(slot_of(0), 0);
        assert_eq!(slot_of(299_999), 0);
        assert_eq!(slot_of(300_000), 1);
        assert_eq!(slot_of(86_399_999), 11);
    }
}
