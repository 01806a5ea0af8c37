//! Limits of the system that many streams meet.

use std::fs;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::Configuration;

/// Descriptors that a stream may need: a connection, or four sockets with UDP.
const DESCRIPTORS_EACH: u64 = 5;
/// Descriptors of everything else.
const DESCRIPTORS_BESIDE: u64 = 256;
/// Less than this loses packets of a camera's key pictures, in bytes.
const RECEIVE_BUFFER_BYTES: u64 = 1 << 20;

/// Raises the limit of open files as far as it may be; returns what it is then.
pub fn raise_open_files() -> u64 {
    let limit = getrlimit(Resource::Nofile);
    let wanted = Rlimit {
        current: limit.maximum,
        maximum: limit.maximum,
    };
    let raised = setrlimit(Resource::Nofile, wanted);
    let now = if raised.is_ok() { wanted } else { limit };
    now.current.unwrap_or(u64::MAX)
}

/// What of the system is too small for these streams, and how to change it.
pub fn complaints(configuration: &Configuration, open_files: u64) -> Vec<String> {
    let mut complaints = Vec::new();
    let streams = configuration.streams.len() as u64;
    let wanted = streams * DESCRIPTORS_EACH + DESCRIPTORS_BESIDE;
    if open_files < wanted {
        complaints.push(format!(
            "only {open_files} files may be open, and {streams} streams may need {wanted}: raise \
             `ulimit -n` or systemd's `LimitNOFILE`"
        ));
    }
    let uses_udp = configuration.streams.values().any(|stream| {
        stream
            .source
            .get("transport")
            .and_then(|value| value.as_str())
            == Some("udp")
    });
    if uses_udp
        && let Some(bytes) = receive_buffer_bytes_max()
        && bytes < RECEIVE_BUFFER_BYTES
    {
        complaints.push(format!(
            "receive buffers have at most {bytes} bytes, so UDP loses packets of large pictures: \
             `sysctl -w net.core.rmem_max={}`",
            4 * RECEIVE_BUFFER_BYTES
        ));
    }
    complaints
}

/// The largest receive buffer that a socket may ask for.
fn receive_buffer_bytes_max() -> Option<u64> {
    let text = fs::read_to_string("/proc/sys/net/core/rmem_max").ok()?;
    text.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    #[test]
    fn too_few_open_files_are_named() {
        let addresses = [
            "rtsp://127.0.0.1/1".to_owned(),
            "rtsp://127.0.0.1/2".to_owned(),
        ];
        let configuration = crate::config::trial(&addresses, None, PathBuf::new()).unwrap();
        assert_eq!(complaints(&configuration, 100).len(), 1);
        assert!(complaints(&configuration, 1024).is_empty());
        assert!(raise_open_files() > 0);
    }
}
