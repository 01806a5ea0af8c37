//! Recordings for tests: those of the development data, and some that the ffmpeg program makes. The
//! ffprobe program is the oracle: it shares no code with the crate.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use futures_util::StreamExt as _;
use ocelli_core::{
    CodecParameters, StageError,
    seam::{SourceItem, SourcePacket, SourceStream},
};

/// A file of the development data; says which test goes without where it is absent.
pub(crate) fn data(test: &str, file: &str) -> Option<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let folder = std::env::var_os("OCELLI_TEST_DATA")
        .map_or_else(|| root.join("../shared/data"), PathBuf::from);
    found(folder.join(file), test)
}

/// A clip made of Debian's.
pub(crate) fn clip(test: &str, file: &str) -> Option<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let folder = std::env::var_os("OCELLI_TEST_CLIPS")
        .map_or_else(|| root.join(".deps/clips"), PathBuf::from);
    found(folder.join(file), test)
}

fn found(path: PathBuf, test: &str) -> Option<PathBuf> {
    if path.is_file() {
        return Some(path);
    }
    eprintln!("needs test data: {test}");
    None
}

/// What ffprobe says of a packet: decoding and showing time in microseconds, size in the file, key.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Probed {
    pub(crate) dts: Option<i64>,
    pub(crate) pts: Option<i64>,
    pub(crate) bytes: usize,
    pub(crate) key: bool,
}

pub(crate) fn probe(file: &Path) -> Vec<Probed> {
    let listed = run(Command::new("ffprobe")
        .args(["-v", "error", "-select_streams", "v:0", "-show_entries"])
        .args(["packet=pts_time,dts_time,size,flags", "-of", "compact=p=0"])
        .arg(file));
    String::from_utf8(listed)
        .unwrap()
        .lines()
        .map(|line| {
            let field = |name: &str| {
                line.split('|')
                    .find_map(|field| field.strip_prefix(name)?.strip_prefix('='))
                    .unwrap_or_else(|| panic!("no {name} in {line}"))
            };
            let micros = |name| {
                let secs: f64 = field(name).parse().ok()?;
                Some((secs * 1e6).round() as i64)
            };
            Probed {
                dts: micros("dts_time"),
                pts: micros("pts_time"),
                bytes: field("size").parse().unwrap(),
                key: field("flags").contains('K'),
            }
        })
        .collect()
}

/// Runs ffmpeg with `arguments` and the output file last.
pub(crate) fn ffmpeg(arguments: &[&str], output: &Path) {
    run(Command::new("ffmpeg")
        .args(["-v", "error", "-y"])
        .args(arguments)
        .arg(output));
}

/// Arguments that make a second of moving pictures.
pub(crate) fn pattern(size: &str, rate: u32, secs: f32) -> Vec<String> {
    let input = format!("testsrc2=size={size}:rate={rate}:duration={secs}");
    ["-f", "lavfi", "-i", &input, "-pix_fmt", "yuv420p"]
        .map(str::to_owned)
        .to_vec()
}

/// Makes a recording in `folder` out of a pattern.
pub(crate) fn make(folder: &Path, name: &str, coding: &[&str]) -> PathBuf {
    let file = folder.join(name);
    let pattern = pattern("160x96", 25, 2.0);
    let arguments: Vec<&str> = pattern
        .iter()
        .map(String::as_str)
        .chain(coding.iter().copied())
        .collect();
    ffmpeg(&arguments, &file);
    file
}

fn run(command: &mut Command) -> Vec<u8> {
    let output = command.output().expect("the ffmpeg programs are installed");
    assert!(
        output.status.success(),
        "{command:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    output.stdout
}

/// What a source gave up to its end, or up to an error.
#[derive(Default)]
pub(crate) struct Given {
    pub(crate) parameters: Vec<CodecParameters>,
    pub(crate) packets: Vec<SourcePacket>,
    pub(crate) corrupt: Vec<String>,
    pub(crate) error: Option<StageError>,
}

impl Given {
    pub(crate) fn of(items: impl IntoIterator<Item = Result<SourceItem, StageError>>) -> Self {
        let mut given = Self::default();
        for item in items {
            match item {
                Ok(SourceItem::Parameters(parameters)) => given.parameters.push(parameters),
                Ok(SourceItem::Packet(packet)) => {
                    assert!(!given.parameters.is_empty(), "parameters come first");
                    given.packets.push(packet);
                }
                Ok(SourceItem::Corrupt { reason }) => given.corrupt.push(reason),
                Ok(SourceItem::Lost { .. } | SourceItem::Rewound | SourceItem::Refreshes) => {}
                Err(error) => given.error = Some(error),
            }
        }
        given
    }

    pub(crate) async fn collect(stream: SourceStream) -> Self {
        Self::of(stream.collect::<Vec<_>>().await)
    }
}
