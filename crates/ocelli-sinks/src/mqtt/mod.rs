//! MQTT 3.1.1: a connection to a broker, and the dialects that are spoken over it.

pub(crate) mod broker;
pub(crate) mod frigate;
pub(crate) mod home_assistant;

/// What is published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Message {
    pub(crate) topic: String,
    pub(crate) payload: Vec<u8>,
    /// Whether the broker gives it to whoever comes later.
    pub(crate) retain: bool,
    /// Whether it is published again with each new connection, and when it is asked for.
    pub(crate) keep: bool,
}

impl Message {
    pub(crate) fn new(topic: String, payload: impl Into<Vec<u8>>) -> Self {
        Self {
            topic,
            payload: payload.into(),
            retain: false,
            keep: false,
        }
    }

    pub(crate) fn retained(topic: String, payload: impl Into<Vec<u8>>) -> Self {
        Self {
            retain: true,
            ..Self::new(topic, payload)
        }
    }
}

/// A name as one level of a topic: what means something to a broker becomes `_`.
pub(crate) fn level(name: &str) -> String {
    let odd = |c: char| matches!(c, '/' | '+' | '#') || c.is_control();
    let level: String = name.chars().map(|c| if odd(c) { '_' } else { c }).collect();
    // A first `$` hides a topic from those who ask for all.
    match level.strip_prefix('$') {
        Some(rest) => format!("_{rest}"),
        None => level,
    }
}
