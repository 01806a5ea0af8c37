//! Types and quantisers of macroblocks as the `ffmpeg` program prints them.

use std::{
    io::Write as _,
    process::{Command, Stdio},
};

use ocelli_media::bitstream::h264::Class;

#[derive(Debug, Clone, Copy)]
pub(crate) struct Printed {
    pub(crate) class: Class,
    pub(crate) qp: u8,
}

/// All pictures of a stream, macroblock by macroblock.
pub(crate) fn pictures(stream: &[u8]) -> Vec<Vec<Printed>> {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(stream).unwrap();
    let output = Command::new("ffmpeg")
        .args([
            "-nostdin",
            "-v",
            "debug",
            "-threads",
            "1",
            "-debug",
            "mb_type+qp",
        ])
        .args(["-f", "h264", "-i"])
        .arg(file.path())
        .args(["-f", "null", "-"])
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert!(output.status.success());
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    read(&text)
}

/// Two decoders print: one looks at the beginning, the other decodes all.
fn read(text: &str) -> Vec<Vec<Printed>> {
    let begin = "New frame, type: ";
    let decoder = |line: &str| line.split("] ").next().unwrap_or("").to_owned();
    let Some(last) = text.lines().rfind(|line| line.contains(begin)) else {
        return Vec::new();
    };
    let prefix = format!("{}] ", decoder(last));
    let mut pictures: Vec<Vec<Printed>> = Vec::new();
    for line in text.lines() {
        let Some(rest) = line.strip_prefix(&prefix) else {
            continue;
        };
        if rest.starts_with(begin) {
            pictures.push(Vec::new());
        } else if let (Some(row), Some(picture)) = (row(rest), pictures.last_mut()) {
            picture.extend(row);
        }
    }
    pictures
}

/// Places that a macroblock takes: two for its quantiser, and one each for its type, its partitions
/// and its lines.
const PLACES: usize = 5;

fn row(line: &str) -> Option<Vec<Printed>> {
    if line.is_empty() || !line.len().is_multiple_of(PLACES) {
        return None;
    }
    line.as_bytes().chunks(PLACES).map(printed).collect()
}

fn printed(cell: &[u8]) -> Option<Printed> {
    let qp = std::str::from_utf8(cell.get(..2)?)
        .ok()?
        .trim()
        .parse()
        .ok()?;
    let class = match cell.get(2)? {
        b'P' => Class::Pcm,
        b'i' | b'I' => Class::Intra,
        b'S' => Class::Skip,
        b'>' => Class::Inter,
        _ => return None,
    };
    Some(Printed { class, qp })
}
