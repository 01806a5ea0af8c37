//! Counts that leave for others, guarded so that they show nobody.
//!
//! What is published is one fixed release: for every hour, stream, label and place the number of
//! different tags, guarded once. Everything longer is a sum of that, so no question tells more than
//! the release does. Only hours that are over are in it.
//!
//! * [`Guard::Least`]: counts of fewer tags are left out.
//! * [`Guard::Noise`]: two-sided geometric noise (Ghosh, Roughgarden & Sundararajan 2009), drawn
//!   exactly (Canonne, Kamath & Steinke 2020, algorithms 1 and 2) from a keyed function of the cell:
//!   asking again gives the same noise, so the budget is spent once. It may make a count negative.

use std::{
    fs,
    io::{self, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::Path,
};

use sha2::{Digest as _, Sha256};

use crate::config::Guard;

/// Name of the file of the key, in the data directory.
const KEY_FILE: &str = "export.key";
/// Draws noise: whoever holds it can take the noise away.
pub type ExportKey = [u8; 32];

/// What is counted in one cell of the release.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cell<'a> {
    /// Name of the stream.
    pub stream: &'a str,
    /// Kind of event.
    pub kind: &'a str,
    /// Label.
    pub label: &'a str,
    /// Zone or line; empty: none.
    pub place: &'a str,
    /// Hours since 1970.
    pub hour: i64,
}

/// The key in a data directory; it is drawn where there is none.
pub fn key(data_dir: &Path) -> io::Result<ExportKey> {
    let path = data_dir.join(KEY_FILE);
    if let Ok(bytes) = fs::read(&path)
        && let Ok(key) = ExportKey::try_from(bytes)
    {
        return Ok(key);
    }
    let mut key = ExportKey::default();
    getrandom::fill(&mut key).map_err(io::Error::other)?;
    let mut file = fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&path)?;
    file.write_all(&key)?;
    file.sync_all()?;
    Ok(key)
}

/// What is published of a cell that holds `tags`; `None`: nothing.
pub fn guarded(guard: Guard, key: &ExportKey, cell: &Cell<'_>, tags: u64) -> Option<i64> {
    let tags = i64::try_from(tags).unwrap_or(i64::MAX);
    match guard {
        Guard::Least(least) => (tags as u64 >= least).then_some(tags),
        Guard::Noise { epsilon_milli } => {
            let noise = geometric(&mut Bits::of(key, epsilon_milli, cell), epsilon_milli);
            Some(tags.saturating_add(noise))
        }
    }
}

/// Bits that only the key tells: SHA-256 of the key, the cell and a counter.
struct Bits {
    seed: Sha256,
    counter: u64,
}

impl Bits {
    fn of(key: &ExportKey, epsilon_milli: u32, cell: &Cell<'_>) -> Self {
        let mut seed = Sha256::new();
        seed.update(b"ocelli export 1\n");
        seed.update(key);
        seed.update(epsilon_milli.to_le_bytes());
        seed.update(cell.hour.to_le_bytes());
        for text in [cell.stream, cell.kind, cell.label, cell.place] {
            seed.update((text.len() as u64).to_le_bytes());
            seed.update(text.as_bytes());
        }
        Self { seed, counter: 0 }
    }

    /// Uniform in 0..`below`, without bias.
    fn below(&mut self, below: u64) -> u64 {
        let fair = u64::MAX - u64::MAX % below;
        loop {
            let digest = self
                .seed
                .clone()
                .chain_update(self.counter.to_le_bytes())
                .finalize();
            self.counter += 1;
            let drawn = digest
                .iter()
                .take(8)
                .fold(0, |sum, byte| sum << 8 | u64::from(*byte));
            if drawn < fair {
                return drawn % below;
            }
        }
    }

    /// True with the probability exp(-`over` / `under`), for 0 <= `over` <= `under`.
    fn decays(&mut self, over: u64, under: u64) -> bool {
        let mut k = 1;
        while self.below(under * k) < over {
            k += 1;
        }
        k % 2 == 1
    }
}

/// Two-sided geometric: y has a probability that falls with exp(-|y| epsilon).
fn geometric(bits: &mut Bits, epsilon_milli: u32) -> i64 {
    const UNDER: u64 = 1000;
    let over = u64::from(epsilon_milli.max(1));
    loop {
        let rest = bits.below(UNDER);
        if !bits.decays(rest, UNDER) {
            continue;
        }
        let mut whole = 0;
        while bits.decays(1, 1) {
            whole += 1;
        }
        let size = (rest + UNDER * whole) / over;
        let negative = bits.below(2) == 1;
        if negative && size == 0 {
            continue;
        }
        let size = i64::try_from(size).unwrap_or(i64::MAX);
        return if negative { -size } else { size };
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn cell(hour: i64) -> Cell<'static> {
        Cell {
            stream: "lobby",
            kind: "crossed",
            label: "person",
            place: "door",
            hour,
        }
    }

    /// How often each count is published of cells that hold `tags`.
    fn published(guard: Guard, tags: u64, draws: i64) -> BTreeMap<Option<i64>, f64> {
        let mut seen = BTreeMap::new();
        for hour in 0..draws {
            *seen
                .entry(guarded(guard, &[7; 32], &cell(hour), tags))
                .or_default() += 1.0;
        }
        seen
    }

    /// The largest ratio between how likely a result is with and without one tag, over results that
    /// were seen often enough to tell.
    fn distinguishability(guard: Guard, draws: i64) -> f64 {
        let (with, without) = (published(guard, 21, draws), published(guard, 20, draws));
        let mut worst: f64 = 1.0;
        for (result, often) in with.iter().filter(|(_result, often)| **often > 400.0) {
            let other = without.get(result).copied().unwrap_or(0.0);
            worst = worst.max(often / other).max(other / often);
        }
        worst
    }

    #[test]
    fn one_tag_changes_what_is_published_by_less_than_the_budget() {
        let draws = if std::env::var_os("OCELLI_TEST_LONG").is_some() {
            400_000
        } else {
            20_000
        };
        for epsilon_milli in [500, 1000] {
            let worst = distinguishability(Guard::Noise { epsilon_milli }, draws);
            let budget = (f64::from(epsilon_milli) / 1000.0).exp();
            // Counts of 400 and more draws vary by some 5 %: three times that, of a ratio of two.
            assert!(worst < budget * 1.25, "{epsilon_milli}: {worst} {budget}");
            assert!(
                worst > budget * 0.85,
                "it is no more noise than was asked for: {worst}"
            );
        }
        let bare = distinguishability(Guard::Least(10), 1000);
        assert!(bare.is_infinite(), "the twin: without noise one tag shows");
    }

    #[test]
    fn noise_is_centred_and_as_wide_as_it_should_be() {
        let seen = published(
            Guard::Noise {
                epsilon_milli: 1000,
            },
            0,
            20_000,
        );
        let value = |result: &Option<i64>| result.unwrap() as f64;
        let mean: f64 = seen
            .iter()
            .map(|(result, often)| value(result) * often)
            .sum::<f64>()
            / 2e4;
        let square = |result| value(result) * value(result);
        let variance: f64 = seen
            .iter()
            .map(|(result, often)| square(result) * often)
            .sum::<f64>()
            / 2e4;
        assert!(mean.abs() < 0.06, "{mean}");
        // 2 a / (1 - a)^2 with a = exp(-1).
        assert!((variance - 1.841).abs() < 0.2, "{variance}");
    }

    #[test]
    fn asking_again_gives_the_same_and_another_cell_another() {
        let guard = Guard::Noise { epsilon_milli: 100 };
        let ask = |cell: &Cell<'_>| guarded(guard, &[7; 32], cell, 50);
        assert_eq!(ask(&cell(3)), ask(&cell(3)));
        let different = (0..50).map(|hour| ask(&cell(hour)));
        assert!(different.collect::<std::collections::BTreeSet<_>>().len() > 10);
        let other = Cell {
            place: "gate",
            ..cell(3)
        };
        let differs =
            (0..20).any(|hour| ask(&Cell { hour, ..cell(3) }) != ask(&Cell { hour, ..other }));
        assert!(differs);
    }

    #[test]
    fn small_counts_are_left_out() {
        let ask = |tags| guarded(Guard::Least(10), &[7; 32], &cell(1), tags);
        assert_eq!(
            (ask(0), ask(9), ask(10), ask(11)),
            (None, None, Some(10), Some(11))
        );
    }

    #[test]
    fn the_key_stays_and_is_its_owners_alone() {
        use std::os::unix::fs::PermissionsExt as _;
        let dir = tempfile::tempdir().unwrap();
        let first = key(dir.path()).unwrap();
        assert_eq!(key(dir.path()).unwrap(), first);
        assert_ne!(first, ExportKey::default());
        let mode = fs::metadata(dir.path().join(KEY_FILE))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}
