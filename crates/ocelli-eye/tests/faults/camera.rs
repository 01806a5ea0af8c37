//! Cameras whose pictures are scripts.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use futures_util::{StreamExt as _, stream};
use ocelli_core::{
    StageError,
    seam::{Pace, Source, SourceItem, SourcePacket, SourceStream},
};
use tokio::time::{Instant, sleep_until};

use crate::scripted::{Script, parameters};

/// What a camera sees at a number of seconds since it was made.
pub(crate) type View = Arc<dyn Fn(f64) -> Script + Send + Sync>;

/// Ten pictures a second, a key picture each second.
pub(crate) const RATE: u64 = 10;

/// A live camera, or a recording.
pub(crate) struct Camera {
    view: View,
    begin: Instant,
    /// Pictures of a recording.
    pictures: Option<u64>,
    pace: Pace,
    /// What comes behind them.
    end: fn() -> Option<StageError>,
    pub(crate) opened: AtomicU64,
}

impl Camera {
    pub(crate) fn live(view: impl Fn(f64) -> Script + Send + Sync + 'static) -> Arc<Self> {
        Arc::new(Self {
            view: Arc::new(view),
            begin: Instant::now(),
            pictures: None,
            pace: Pace::Live,
            end: || None,
            opened: AtomicU64::new(0),
        })
    }

    pub(crate) fn recording(
        secs: f64,
        view: impl Fn(f64) -> Script + Send + Sync + 'static,
    ) -> Arc<Self> {
        Self::ending(secs, view, Pace::Recording, || None)
    }

    /// A recording with this pace and this end; without pictures, the end is all.
    pub(crate) fn ending(
        secs: f64,
        view: impl Fn(f64) -> Script + Send + Sync + 'static,
        pace: Pace,
        end: fn() -> Option<StageError>,
    ) -> Arc<Self> {
        Arc::new(Self {
            view: Arc::new(view),
            begin: Instant::now(),
            pictures: Some((secs * RATE as f64) as u64),
            pace,
            end,
            opened: AtomicU64::new(0),
        })
    }
}

impl Source for Camera {
    fn pace(&self) -> Pace {
        self.pace
    }

    fn open(&self) -> SourceStream {
        self.opened.fetch_add(1, Ordering::Relaxed);
        let view = Arc::clone(&self.view);
        let packet = move |picture: u64| {
            let secs = picture as f64 / RATE as f64;
            SourceItem::Packet(SourcePacket {
                dts_micros: (secs * 1e6) as i64,
                pts_micros: (secs * 1e6) as i64,
                camera_wall: None,
                key: picture.is_multiple_of(RATE),
                data: view(secs).bytes(),
            })
        };
        let first = stream::once(async { Ok(SourceItem::Parameters(parameters())) });
        if let Some(pictures) = self.pictures {
            let all = stream::iter((0..pictures).map(move |picture| Ok(packet(picture))));
            let end = stream::iter((self.end)().map(Err));
            if pictures == 0 {
                return Box::pin(end);
            }
            return Box::pin(first.chain(all).chain(end));
        }
        let begin = self.begin;
        let next = (begin.elapsed().as_secs_f64() * RATE as f64) as u64 + 1;
        let rest = stream::unfold(next, move |picture| {
            let item = packet(picture);
            async move {
                sleep_until(begin + Duration::from_millis(picture * 1000 / RATE)).await;
                Some((Ok(item), picture + 1))
            }
        });
        Box::pin(first.chain(rest))
    }

    fn address(&self) -> String {
        "script:".to_owned()
    }
}
