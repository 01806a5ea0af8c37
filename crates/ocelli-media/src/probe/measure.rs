//! What a stream turns out to be, seen for a while.

use ocelli_core::{Codec, CodecParameters, seam::SourcePacket};

/// What was seen of one stream. Times are media time, as the camera says it.
#[derive(Debug, Clone, PartialEq)]
pub struct Seen {
    /// The compression.
    pub codec: Codec,
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// Pictures a second; `None` from fewer than two pictures.
    pub rate: Option<f64>,
    /// Seconds from one key picture to the next, the longest that was seen; `None` where no second
    /// one came.
    pub gop_secs: Option<f64>,
    /// Kilobits a second; `None` from fewer than two pictures.
    pub kbit_per_sec: Option<f64>,
    /// Whether pictures are shown in another order than they are decoded.
    pub b_pictures: bool,
    /// How much the size of the second-by-second traffic varies: standard deviation over mean;
    /// `None` from fewer than four seconds.
    pub variation: Option<f64>,
    /// Seconds of media that were seen.
    pub secs: f64,
    /// Packets of the network that were lost meanwhile.
    pub lost: u64,
}

/// Gathers what is needed for [`Seen`].
pub(super) struct Measurement {
    parameters: CodecParameters,
    first_micros: Option<i64>,
    last_micros: i64,
    last_bytes: u64,
    pictures: u64,
    bytes: u64,
    last_key_micros: Option<i64>,
    gop_micros: Option<i64>,
    last_shown_micros: Option<i64>,
    b_pictures: bool,
    /// Bytes of each second.
    seconds: Vec<u64>,
    pub(super) lost: u64,
}

/// The most seconds that are told apart.
const SECONDS_MAX: usize = 120;

impl Measurement {
    pub(super) fn new(parameters: CodecParameters) -> Self {
        Self {
            parameters,
            first_micros: None,
            last_micros: 0,
            last_bytes: 0,
            pictures: 0,
            bytes: 0,
            last_key_micros: None,
            gop_micros: None,
            last_shown_micros: None,
            b_pictures: false,
            seconds: Vec::new(),
            lost: 0,
        }
    }

    pub(super) fn take(&mut self, packet: &SourcePacket) {
        let first = *self.first_micros.get_or_insert(packet.dts_micros);
        let bytes = packet.data.len() as u64;
        if packet.key
            && let Some(last) = self.last_key_micros.replace(packet.dts_micros)
        {
            let micros = packet.dts_micros.saturating_sub(last);
            self.gop_micros = self.gop_micros.max(Some(micros));
        }
        self.b_pictures |= self
            .last_shown_micros
            .is_some_and(|last| packet.pts_micros < last);
        self.last_shown_micros = Some(packet.pts_micros);
        let since = packet.dts_micros.saturating_sub(first).max(0);
        let second = (since / 1_000_000) as usize;
        if second < SECONDS_MAX {
            if self.seconds.len() <= second {
                self.seconds.resize(second + 1, 0);
            }
            self.seconds[second] += bytes;
        }
        self.pictures += 1;
        self.bytes += bytes;
        self.last_micros = packet.dts_micros;
        self.last_bytes = bytes;
    }

    /// Whether enough has come: two groups, and a few seconds.
    pub(super) fn is_enough(&self, secs: f64) -> bool {
        self.gop_micros.is_some() && self.secs() >= secs
    }

    fn secs(&self) -> f64 {
        let first = self.first_micros.unwrap_or(self.last_micros);
        self.last_micros.saturating_sub(first).max(0) as f64 / 1e6
    }

    pub(super) fn seen(&self) -> Seen {
        let secs = self.secs();
        let per_sec = |amount: f64| (secs > 0.0).then(|| amount / secs);
        Seen {
            codec: self.parameters.codec,
            width: self.parameters.width,
            height: self.parameters.height,
            // From the first picture to the last: the last one's time is not over yet.
            rate: per_sec(self.pictures.saturating_sub(1) as f64),
            gop_secs: self.gop_micros.map(|micros| micros as f64 / 1e6),
            kbit_per_sec: per_sec((self.bytes - self.last_bytes) as f64 * 8.0 / 1000.0),
            b_pictures: self.b_pictures,
            variation: self.variation(),
            secs,
            lost: self.lost,
        }
    }

    /// Over whole seconds; the last one is not over.
    fn variation(&self) -> Option<f64> {
        let whole = &self.seconds[..self.seconds.len().saturating_sub(1)];
        if whole.len() < 4 {
            return None;
        }
        let count = whole.len() as f64;
        let mean = whole.iter().sum::<u64>() as f64 / count;
        let squares: f64 = whole
            .iter()
            .map(|&bytes| (bytes as f64 - mean).powi(2))
            .sum();
        (mean > 0.0).then(|| (squares / count).sqrt() / mean)
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    #[test]
    fn a_stream_is_measured() {
        let mut measurement = Measurement::new(CodecParameters {
            codec: Codec::H264,
            parameter_sets: Bytes::new(),
            width: 640,
            height: 360,
            reordered: false,
        });
        for at in 0..101_i64 {
            measurement.take(&SourcePacket {
                dts_micros: at * 100_000,
                pts_micros: at * 100_000,
                camera_wall: None,
                key: at % 20 == 0,
                data: Bytes::from(vec![0; 1250]),
            });
        }
        let seen = measurement.seen();
        assert_eq!(
            (seen.rate, seen.gop_secs, seen.kbit_per_sec),
            (Some(10.0), Some(2.0), Some(100.0))
        );
        assert_eq!(
            (seen.variation, seen.secs, seen.b_pictures),
            (Some(0.0), 10.0, false)
        );
        assert!(measurement.is_enough(10.0) && !measurement.is_enough(11.0));
    }
}
