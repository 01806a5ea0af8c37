//! Which events a client got lately, so that it gets none twice.

use std::{
    collections::{HashSet, VecDeque},
    hash::{BuildHasher as _, RandomState},
};

/// Events that are remembered.
const REMEMBERED_MAX: usize = 16_384;

/// The last events that were sent, by a hash of their names.
#[derive(Default)]
pub(crate) struct Sent {
    hasher: RandomState,
    order: VecDeque<u64>,
    known: HashSet<u64>,
}

impl Sent {
    /// Whether the event was not sent lately; from now on it was.
    pub(crate) fn is_new(&mut self, id: &str) -> bool {
        let hash = self.hasher.hash_one(id);
        let new = self.known.insert(hash);
        if new {
            self.order.push_back(hash);
            if self.order.len() > REMEMBERED_MAX
                && let Some(oldest) = self.order.pop_front()
            {
                self.known.remove(&oldest);
            }
        }
        new
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_sent_lately_is_not_new() {
        let mut sent = Sent::default();
        for number in 0..3 * REMEMBERED_MAX {
            assert!(sent.is_new(&format!("0-{number:x}")));
        }
        assert!(!sent.is_new(&format!("0-{:x}", 3 * REMEMBERED_MAX - 1)));
        assert!(sent.is_new("0-0"), "what was sent long ago is forgotten");
        assert!(sent.known.len() <= REMEMBERED_MAX);
    }
}
