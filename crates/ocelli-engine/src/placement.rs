//! Which eye gets which stream. Pure.

use ocelli_core::StreamId;

/// What an eye has to carry.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Load {
    /// Its index.
    pub(crate) eye: usize,
    /// CPU seconds a second, measured.
    pub(crate) cpu: f32,
    /// Streams that it has.
    pub(crate) streams: usize,
}

/// Imbalance of CPU load from which streams are moved, as a share of one core.
const IMBALANCE: f32 = 0.2;

/// The eye for a new stream, which counts there from now on: the least CPU, streams counting a
/// little so that many that come at once spread before anything is measured.
pub(crate) fn place_one(loads: &mut [Load]) -> Option<usize> {
    const CPU_PER_STREAM: f32 = 0.02;
    let weight = |load: &Load| load.cpu + load.streams as f32 * CPU_PER_STREAM;
    let least = loads
        .iter_mut()
        .min_by(|a, b| weight(a).total_cmp(&weight(b)))?;
    least.streams += 1;
    Some(least.eye)
}

/// From and to which eye a stream should move, if the loads are out of balance, and how much CPU
/// the move should carry at most.
pub(crate) fn unbalanced(loads: &[Load]) -> Option<(usize, usize, f32)> {
    let most = loads.iter().max_by(|a, b| a.cpu.total_cmp(&b.cpu))?;
    let least = loads.iter().min_by(|a, b| a.cpu.total_cmp(&b.cpu))?;
    let gap = most.cpu - least.cpu;
    (gap > IMBALANCE && most.streams > 1).then_some((most.eye, least.eye, gap / 2.0))
}

/// Which of an eye's streams move, given what each costs, so that they carry at most `cpu`. The
/// dearest that fits goes first: few moves are better than many.
pub(crate) fn share_out(mut streams: Vec<(StreamId, f32)>, mut cpu: f32) -> Vec<StreamId> {
    const CPU_MIN: f32 = 0.001;
    streams.sort_by(|a, b| b.1.total_cmp(&a.1));
    let mut chosen = Vec::new();
    for (stream, costs) in streams {
        if costs >= CPU_MIN && costs <= cpu {
            cpu -= costs;
            chosen.push(stream);
        }
    }
    chosen
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(eye: usize, cpu: f32, streams: usize) -> Load {
        Load { eye, cpu, streams }
    }

    #[test]
    fn new_streams_go_to_the_least_loaded_eye() {
        assert_eq!(place_one(&mut []), None);
        assert_eq!(place_one(&mut [load(0, 0.5, 5), load(1, 0.2, 5)]), Some(1));
        let mut loads = [load(0, 0.0, 5), load(1, 0.0, 4)];
        let placed: Vec<_> = (0..4).map(|_| place_one(&mut loads).unwrap()).collect();
        assert_eq!(placed, [1, 0, 1, 0]);
    }

    #[test]
    fn the_dearest_that_fit_are_moved() {
        let streams = [0.5, 0.1, 0.3, 0.0, 0.15].map(|cpu| cpu as f32);
        let streams = (0..).map(StreamId).zip(streams).collect();
        let moved = share_out(streams, 0.46);
        assert_eq!(moved, [StreamId(2), StreamId(4)]);
    }

    #[test]
    fn streams_move_only_on_a_real_imbalance() {
        assert_eq!(unbalanced(&[load(0, 0.5, 5), load(1, 0.4, 5)]), None);
        assert_eq!(unbalanced(&[load(0, 0.9, 1), load(1, 0.1, 0)]), None);
        let (from, to, cpu) = unbalanced(&[load(0, 0.9, 9), load(1, 0.1, 2)]).unwrap();
        assert_eq!((from, to), (0, 1));
        assert!((cpu - 0.4).abs() < 1e-6);
    }
}
