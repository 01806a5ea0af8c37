//! What an eye says on its standard error, on its way into the parent's log: bounded.

use std::time::Duration;

use tokio::{io::AsyncReadExt as _, process::ChildStderr, time::Instant};

/// The longest line, in bytes; what is longer is cut.
const LINE_BYTES_MAX: usize = 1024;
/// Lines in each [`WINDOW`]; more are counted and left out.
const LINES_MAX: u32 = 50;
const WINDOW: Duration = Duration::from_secs(1);

/// Forwards lines until the pipe is closed.
pub(super) async fn forward(mut pipe: ChildStderr, eye: usize) {
    let mut lines = Lines::default();
    let mut chunk = vec![0; 4096];
    let mut window = Instant::now();
    let mut said = 0;
    let mut left_out = 0_u64;
    loop {
        let length = match pipe.read(&mut chunk).await {
            Ok(0) | Err(_) => break,
            Ok(length) => length,
        };
        for line in lines.cut(&chunk[..length]) {
            if window.elapsed() >= WINDOW {
                if left_out > 0 {
                    tracing::warn!(eye, lines = left_out, "an eye said too much");
                }
                (window, said, left_out) = (Instant::now(), 0, 0);
            }
            if said < LINES_MAX {
                said += 1;
                tracing::info!(eye, "{line}");
            } else {
                left_out += 1;
            }
        }
    }
    if left_out > 0 {
        tracing::warn!(eye, lines = left_out, "an eye said too much");
    }
}

/// Cuts bytes into lines that a log can take.
#[derive(Default)]
struct Lines {
    pending: Vec<u8>,
}

impl Lines {
    fn cut(&mut self, bytes: &[u8]) -> Vec<String> {
        let mut lines = Vec::new();
        for &byte in bytes {
            if byte == b'\n' {
                let line = std::mem::take(&mut self.pending);
                if !line.is_empty() {
                    lines.push(printable(&line));
                }
            } else if self.pending.len() < LINE_BYTES_MAX {
                self.pending.push(byte);
            }
        }
        lines
    }
}

/// An eye that was taken over must not steer the terminal of whoever reads the log.
fn printable(line: &[u8]) -> String {
    String::from_utf8_lossy(line)
        .chars()
        .map(|c| if c.is_control() { '\u{fffd}' } else { c })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_cut_bounded_and_printable() {
        let mut lines = Lines::default();
        assert!(lines.cut(b"WARN half").is_empty());
        assert_eq!(
            lines.cut(b" a line\n\nnext\n"),
            ["WARN half a line", "next"]
        );
        assert_eq!(lines.cut(b"\x1b[2Jgone\n"), ["\u{fffd}[2Jgone"]);
        let long = vec![b'x'; 10 * LINE_BYTES_MAX];
        assert!(lines.cut(&long).is_empty());
        assert_eq!(lines.cut(b"\n")[0].len(), LINE_BYTES_MAX);
    }
}
