//! Clips made by the ffmpeg program, and read back by the ffprobe program: an oracle that shares
//! no code with the crate.

use std::{fs, path::Path, process::Command};

use bytes::Bytes;
use ocelli_core::{Codec, CodecParameters, seam::SourcePacket};
use ocelli_media::simulate::Clip;

/// A clip as the source would give it.
pub(crate) struct Made {
    pub(crate) parameters: CodecParameters,
    pub(crate) packets: Vec<SourcePacket>,
}

/// What to make.
#[derive(Clone, Copy)]
pub(crate) struct Recipe {
    pub(crate) codec: Codec,
    pub(crate) size: (u32, u32),
    pub(crate) pictures: u32,
    /// Pictures from one key picture to the next.
    pub(crate) group: u32,
    pub(crate) b_pictures: bool,
    pub(crate) kbit_per_sec: u32,
}

/// Quickly made: four groups in 0.8 s.
pub(crate) const SMALL: Recipe = Recipe {
    codec: Codec::H264,
    size: (160, 96),
    pictures: 20,
    group: 5,
    b_pictures: false,
    kbit_per_sec: 400,
};

pub(crate) const PICTURES_PER_SEC: u32 = 25;

impl Recipe {
    /// Encodes the clip into `file`, in the format that its name says.
    pub(crate) fn write(self, file: &Path) {
        let (width, height) = self.size;
        let (encoder, private) = match self.codec {
            Codec::H264 => ("libx264", "-x264-params"),
            Codec::H265 => ("libx265", "-x265-params"),
            Codec::Mjpeg => panic!("made where it is used"),
        };
        let b_pictures = if self.b_pictures { 2 } else { 0 };
        let tuning = format!(
            "keyint={0}:min-keyint={0}:scenecut=0:bframes={b_pictures}:open-gop=0:log-level=none",
            self.group
        );
        let seconds = f64::from(self.pictures) / f64::from(PICTURES_PER_SEC);
        run(Command::new("ffmpeg")
            .args(["-v", "error", "-f", "lavfi", "-i"])
            .arg(format!(
                "testsrc2=size={width}x{height}:rate={PICTURES_PER_SEC}:duration={seconds}"
            ))
            .args([
                "-c:v", encoder, "-preset", "veryfast", "-pix_fmt", "yuv420p",
            ])
            .args(["-b:v", &format!("{}k", self.kbit_per_sec)])
            .args([private, &tuning])
            .arg(file));
    }

    pub(crate) fn make(self) -> Made {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("clip.mp4");
        self.write(&file);
        self.take(&file)
    }

    /// The clip as it stands in `file`, an MP4.
    pub(crate) fn take(self, file: &Path) -> Made {
        let (width, height) = self.size;
        let packets = packets(file);
        assert_eq!(packets.len(), self.pictures as usize);
        let parameters = CodecParameters {
            codec: self.codec,
            parameter_sets: parameter_sets(self.codec, file),
            width,
            height,
            reordered: self.b_pictures,
        };
        Made {
            parameters,
            packets,
        }
    }
}

impl Made {
    pub(crate) fn clip(&self) -> Clip {
        Clip::from_packets(&self.parameters, &self.packets).unwrap()
    }

    /// The NAL units of each picture, in decoding order.
    pub(crate) fn units(&self) -> Vec<Vec<Vec<u8>>> {
        self.packets
            .iter()
            .map(|packet| units(&packet.data))
            .collect()
    }
}

/// Cuts an Annex B stream at its start codes.
pub(crate) fn units(data: &[u8]) -> Vec<Vec<u8>> {
    let mut starts: Vec<usize> = (0..data.len().saturating_sub(2))
        .filter(|&at| data[at..at + 3] == [0, 0, 1])
        .collect();
    starts.push(data.len());
    starts
        .windows(2)
        .map(|pair| {
            let is_last = pair[1] == data.len();
            let mut unit = &data[pair[0] + 3..pair[1]];
            while !is_last && unit.last() == Some(&0) {
                unit = &unit[..unit.len() - 1];
            }
            unit.to_vec()
        })
        .collect()
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

/// Access units as ffprobe places them in the file, with start codes instead of lengths.
fn packets(file: &Path) -> Vec<SourcePacket> {
    let listed = run(Command::new("ffprobe")
        .args(["-v", "error", "-select_streams", "v:0", "-show_entries"])
        .args([
            "packet=pts_time,dts_time,size,pos,flags",
            "-of",
            "compact=p=0",
        ])
        .arg(file));
    let bytes = fs::read(file).unwrap();
    String::from_utf8(listed)
        .unwrap()
        .lines()
        .map(|line| {
            let field = |name: &str| {
                line.split('|')
                    .find_map(|field| field.strip_prefix(name)?.strip_prefix('='))
                    .unwrap_or_else(|| panic!("no {name} in {line}"))
            };
            let micros = |name| (field(name).parse::<f64>().unwrap() * 1e6).round() as i64;
            let start: usize = field("pos").parse().unwrap();
            let length: usize = field("size").parse().unwrap();
            SourcePacket {
                dts_micros: micros("dts_time"),
                pts_micros: micros("pts_time"),
                camera_wall: None,
                key: field("flags").contains('K'),
                data: annex_b(&bytes[start..start + length]),
            }
        })
        .collect()
}

fn annex_b(mut lengths: &[u8]) -> Bytes {
    let mut stream = Vec::new();
    while let Some((length, rest)) = lengths.split_first_chunk::<4>() {
        let (unit, rest) = rest.split_at(u32::from_be_bytes(*length) as usize);
        stream.extend([0, 0, 0, 1]);
        stream.extend(unit);
        lengths = rest;
    }
    stream.into()
}

fn parameter_sets(codec: Codec, file: &Path) -> Bytes {
    let (filter, form) = match codec {
        Codec::H265 => ("hevc_mp4toannexb", "hevc"),
        _ => ("h264_mp4toannexb", "h264"),
    };
    let stream = run(Command::new("ffmpeg")
        .args(["-v", "error", "-i"])
        .arg(file)
        .args([
            "-c",
            "copy",
            "-frames:v",
            "1",
            "-bsf:v",
            filter,
            "-f",
            form,
            "-",
        ]));
    let mut sets = Vec::new();
    for unit in units(&stream) {
        let is_set = match codec {
            Codec::H265 => (32..=34).contains(&((unit[0] >> 1) & 0x3f)),
            _ => (7..=8).contains(&(unit[0] & 0x1f)),
        };
        if is_set {
            sets.extend([0, 0, 0, 1]);
            sets.extend(unit);
        }
    }
    sets.into()
}
