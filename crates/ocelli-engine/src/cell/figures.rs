//! What is counted of a stream, and how it stands.

use std::sync::Arc;

use ocelli_core::{seam::Pace, wire::StreamCounts};

use super::{Cell, Inner};
use crate::{rates::Rate, status::StreamStatus};

/// Counters without a part in the account.
#[derive(Debug, Clone, Default)]
pub(crate) struct Figures {
    pub(crate) bytes: u64,
    pub(crate) lost: u64,
    pub(crate) source_corrupt: u64,
    pub(crate) reconnects: [u64; 3],
    pub(crate) pictures: u64,
    pub(crate) looks_taken: u64,
    pub(crate) looks_wanted: u64,
    pub(crate) redactions: u64,
    pub(crate) redactions_refused: u64,
    pub(crate) stills_refused: u64,
    pub(crate) lag_micros: u64,
    pub(crate) eye_cpu_micros: u64,
    pub(crate) tags: usize,
    pub(crate) events: u64,
    /// Groups that the packet gate had decoded.
    pub(crate) opened: u64,
    pub(crate) long_gop: bool,
    /// The connection has no key pictures: all of it is decoded, whatever the gate.
    pub(crate) no_keys: bool,
    looks_rate: Rate,
    wanted_rate: Rate,
    lag_rate: Rate,
    cpu_rate: Rate,
}

impl Cell {
    /// How it is now.
    pub(crate) fn status(&self) -> StreamStatus {
        let inner = self.lock();
        let figures = &inner.figures;
        let looks = figures.looks_rate.per_sec();
        let wanted = figures.wanted_rate.per_sec();
        StreamStatus {
            name: Arc::clone(&self.name),
            address: inner.plan.source.address(),
            recording: self.pace == Pace::Recording,
            state: inner.state,
            reason: inner.reason.clone(),
            eye: inner.eye(),
            codec: inner
                .parameters
                .as_ref()
                .map(|found| (found.codec, found.width, found.height)),
            ledger: inner.ledger,
            held: inner.held(),
            bytes: figures.bytes,
            lost: figures.lost,
            source_corrupt: figures.source_corrupt,
            time_jumps: inner.timeline.jumps(),
            reconnects: figures.reconnects,
            pictures: figures.pictures,
            looks_taken: figures.looks_taken,
            looks_wanted: figures.looks_wanted,
            redactions: figures.redactions,
            redactions_refused: figures.redactions_refused,
            stills_refused: figures.stills_refused,
            coverage: if wanted > 0.0 {
                (looks / wanted).clamp(0.0, 1.0) as f32
            } else {
                1.0
            },
            looks_per_sec: looks as f32,
            lag_millis: if looks > 0.0 {
                (figures.lag_rate.per_sec() / looks / 1e3) as f32
            } else {
                0.0
            },
            eye_cpu_micros: figures.eye_cpu_micros,
            eye_cpu_millis_per_sec: (figures.cpu_rate.per_sec() / 1e3) as f32,
            attention: inner.attention,
            sight: inner.sight,
            opened: figures.opened,
            refuted: inner.refuted,
            long_gop: figures.long_gop,
            tags: figures.tags,
            events: figures.events,
        }
    }
}

impl Inner {
    /// Brings the rates up to now.
    pub(crate) fn beat(&mut self, secs: f64) {
        let figures = &mut self.figures;
        figures.looks_rate.take(figures.looks_taken, secs);
        figures.wanted_rate.take(figures.looks_wanted, secs);
        figures.lag_rate.take(figures.lag_micros, secs);
        figures.cpu_rate.take(figures.eye_cpu_micros, secs);
    }

    /// CPU seconds a second in its eye.
    pub(crate) fn eye_cpu_load(&self) -> f32 {
        (self.figures.cpu_rate.per_sec() / 1e6) as f32
    }
}

impl Figures {
    /// What an eye reports.
    pub(super) fn add(&mut self, counts: &StreamCounts) {
        for (sum, more) in [
            (&mut self.pictures, counts.pictures),
            (&mut self.looks_taken, counts.looks_taken),
            (&mut self.looks_wanted, counts.looks_wanted),
            (&mut self.redactions, counts.redactions),
            (&mut self.redactions_refused, counts.redactions_refused),
            (&mut self.lag_micros, counts.lag_micros),
            (&mut self.eye_cpu_micros, counts.cpu_micros),
        ] {
            *sum = sum.saturating_add(more);
        }
    }
}
