//! What a running program shows of itself: its processes, its metrics.

use std::{
    fs,
    io::{Read as _, Write as _},
    net::TcpStream,
};

use crate::live::wait_until;

/// The page's address and the owner's token, as the log of a first start tells them.
pub(crate) struct Access {
    address: String,
    token: String,
}

impl Access {
    /// Waits until `log` says it.
    pub(crate) fn of(log: impl Fn() -> String) -> Self {
        let between = |text: &str, before: &str, after: &[char]| {
            let rest = &text[text.find(before)? + before.len()..];
            Some(rest[..rest.find(after)?].to_owned())
        };
        let mut found = None;
        wait_until("the API is there", || {
            let text = log();
            let address = between(&text, "page and API at http://", &['\n', ' ', '\u{1b}']);
            let token = between(&text, "the owner's token is ", &[',']);
            found = address.zip(token);
            found.is_some()
        });
        let (address, token) = found.unwrap();
        Self { address, token }
    }

    /// The metrics as text; empty where there is no answer.
    pub(crate) fn metrics(&self) -> String {
        let mut text = String::new();
        let asked = TcpStream::connect(&self.address).and_then(|mut stream| {
            write!(
                stream,
                "GET /metrics HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {}\r\nConnection: close\r\n\r\n",
                self.address, self.token
            )?;
            stream.read_to_string(&mut text)
        });
        if asked.is_err() {
            text.clear();
        }
        text
    }

    /// One sample, 0 where it is not there.
    pub(crate) fn metric(&self, name: &str) -> u64 {
        let text = self.metrics();
        let line = text.lines().find(|line| {
            let rest = line.strip_prefix(name);
            rest.is_some_and(|rest| rest.starts_with(' '))
        });
        line.and_then(|line| line.rsplit(' ').next()?.parse().ok())
            .unwrap_or(0)
    }
}

/// The processes that a process started.
pub(crate) fn children(pid: u32) -> Vec<u32> {
    let Ok(tasks) = fs::read_dir(format!("/proc/{pid}/task")) else {
        return Vec::new();
    };
    tasks
        .filter_map(|task| fs::read_to_string(task.ok()?.path().join("children")).ok())
        .flat_map(|text| {
            text.split_whitespace()
                .map(|pid| pid.parse().unwrap())
                .collect::<Vec<u32>>()
        })
        .collect()
}

/// A file of a process below `/proc`; `None` where it may not be read or is gone.
pub(crate) fn of_process(pid: u32, name: &str) -> Option<Vec<u8>> {
    fs::read(format!("/proc/{pid}/{name}")).ok()
}
