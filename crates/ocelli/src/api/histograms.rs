//! What eyes measure of their work, as histograms for Prometheus.

use std::fmt;

use ocelli_core::histogram::{BUCKETS, EyeTimings, Histogram, LIMITS_MICROS, LIMITS_PICTURES};
use ocelli_engine::EyeStatus;
use prometheus_client::{
    encoding::{EncodeMetric, MetricEncoder, NoLabelSet},
    metrics::MetricType,
    registry::Registry,
};

/// Series of one metric that were counted elsewhere.
#[derive(Debug)]
struct Counted {
    limits: [u64; BUCKETS - 1],
    /// Of the counted unit in one of the metric's.
    per_unit: f64,
    /// By stage; the only one may be without.
    series: Vec<(Option<&'static str>, Histogram)>,
}

impl EncodeMetric for Counted {
    fn encode(&self, mut encoder: MetricEncoder<'_>) -> Result<(), fmt::Error> {
        for (stage, histogram) in &self.series {
            let limits = self
                .limits
                .iter()
                .map(|&limit| limit as f64 / self.per_unit);
            let buckets: Vec<(f64, u64)> = limits
                .chain([f64::INFINITY])
                .zip(histogram.counts)
                .collect();
            let (sum, count) = (histogram.sum as f64 / self.per_unit, histogram.count());
            match stage {
                Some(stage) => encoder
                    .encode_family(&[("stage", *stage)])?
                    .encode_histogram::<NoLabelSet>(sum, count, &buckets, None)?,
                None => encoder.encode_histogram::<NoLabelSet>(sum, count, &buckets, None)?,
            }
        }
        Ok(())
    }

    fn metric_type(&self) -> MetricType {
        MetricType::Histogram
    }
}

/// Registers what all eyes measured together.
pub(super) fn of_eyes(registry: &mut Registry, eyes: &[EyeStatus]) {
    let mut timings = EyeTimings::default();
    for eye in eyes {
        timings.add(&eye.timings);
    }
    let micros = |series| Counted {
        limits: LIMITS_MICROS,
        per_unit: 1e6,
        series,
    };
    registry.register(
        "stage_seconds",
        "CPU time of one packet's decoding and of one picture's look.",
        micros(vec![
            (Some("decode"), timings.decode),
            (Some("look"), timings.look),
        ]),
    );
    registry.register(
        "picture_to_event_seconds",
        "From the arrival of a packet to an event of its picture.",
        micros(vec![(None, timings.picture_to_event)]),
    );
    registry.register(
        "detector_batch_size",
        "Pictures that a detector was given at once.",
        Counted {
            limits: LIMITS_PICTURES,
            per_unit: 1.0,
            series: vec![(None, timings.batch)],
        },
    );
}
