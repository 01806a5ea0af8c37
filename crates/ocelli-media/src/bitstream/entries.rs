//! Where decoding can begin in a stream, also in one that has no key pictures.
//!
//! Instead of key pictures an encoder can refresh its pictures bit by bit (intra refresh): a column of
//! intra macroblocks wanders through P pictures, and a recovery point (SEI, H.264 D.2.8) says where
//! such a refresh begins. A decoder that begins there has whole pictures once it is through. Some
//! encoders do not even say that.

/// A stream without key pictures and without recovery points is entered anywhere after this long.
const FIRST_MICROS: i64 = 10_000_000;
/// From then on it can be entered again so often.
const EVERY_MICROS: i64 = 2_000_000;

/// What [`super::access_unit::Head`] says of a picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Start {
    /// Decoding can begin here, with a whole picture.
    Key,
    /// A refresh begins here.
    Refresh,
    /// Neither.
    No,
}

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Entries {
    refreshes: bool,
    /// A refresh began since the last key picture.
    since_key: bool,
    had_key: bool,
    /// Time of the last entry, or of the first picture before there is one.
    last_micros: Option<i64>,
}

impl Entries {
    /// Takes the next picture, and says whether decoding can begin there.
    pub(crate) fn take(&mut self, start: Start, at_micros: i64) -> bool {
        let waited = at_micros.saturating_sub(*self.last_micros.get_or_insert(at_micros));
        let is_entry = match start {
            Start::Key => {
                self.had_key = true;
                self.since_key = false;
                true
            }
            Start::Refresh => {
                // With key pictures between them, refreshes are something that the stream has as
                // well.
                self.refreshes |= self.since_key || !self.had_key;
                self.since_key = true;
                self.refreshes
            }
            Start::No if self.had_key => false,
            // A clock that was set says nothing.
            Start::No if self.refreshes => !(0..EVERY_MICROS).contains(&waited) && !self.since_key,
            Start::No => {
                self.refreshes = !(0..FIRST_MICROS).contains(&waited);
                self.refreshes
            }
        };
        if is_entry {
            self.last_micros = Some(at_micros);
        }
        is_entry
    }

    /// Whether the stream turned out to have no key pictures.
    pub(crate) fn refreshes(&self) -> bool {
        self.refreshes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Which of the pictures, 25 a second, are entries; and when the stream was found out.
    fn entries(pictures: impl IntoIterator<Item = Start>) -> (Vec<usize>, Option<usize>) {
        let mut entries = Entries::default();
        let (mut found, mut since) = (Vec::new(), None);
        for (at, start) in pictures.into_iter().enumerate() {
            if entries.take(start, at as i64 * 40_000) {
                found.push(at);
            }
            if entries.refreshes() {
                since = since.or(Some(at));
            }
        }
        (found, since)
    }

    fn every(starts: &[Start], pictures: usize) -> impl Iterator<Item = Start> {
        (0..pictures).map(move |at| match starts.get(at / 10) {
            Some(&start) if at % 10 == 0 => start,
            _ => Start::No,
        })
    }

    #[test]
    fn key_pictures_are_entries_and_nothing_else_is() {
        use Start::{Key, No, Refresh};
        assert_eq!(entries(every(&[Key, Key], 400)), (vec![0, 10], None));
        let both = [Key, Refresh, Key, Refresh, Key, No, Key];
        assert_eq!(entries(every(&both, 70)), (vec![0, 20, 40, 60], None));
    }

    #[test]
    fn refreshes_are_entries_where_there_are_no_key_pictures() {
        use Start::{Key, No, Refresh};
        let joined = [No, Refresh, Refresh];
        assert_eq!(entries(every(&joined, 300)), (vec![10, 20], Some(10)));
        // Encoders begin with a key picture, and send no other.
        let whole = [Key, Refresh, Refresh, Refresh];
        assert_eq!(entries(every(&whole, 300)), (vec![0, 20, 30], Some(20)));
    }

    #[test]
    fn what_says_nothing_is_entered_anywhere() {
        let (found, since) = entries(every(&[], 400));
        assert_eq!((found, since), (vec![250, 300, 350], Some(250)));
        // A jump of the camera's clock.
        let mut jumped = Entries::default();
        assert!(!jumped.take(Start::No, 0));
        assert!(jumped.take(Start::No, -5));
    }
}
