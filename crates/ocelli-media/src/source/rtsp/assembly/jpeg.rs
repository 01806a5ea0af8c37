//! JPEG payloads (RFC 2435): the header that they leave out is put back.

use super::jpeg_tables::{HUFFMAN, quantisers};

/// One JPEG file that is being put together.
#[derive(Default)]
pub(super) struct JpegAssembly {
    data: Vec<u8>,
    /// Where the coded picture begins in `data`.
    scan_start: usize,
    /// Quantisation tables that hold until they change, by quality (4.2).
    kept: Option<(u8, Tables)>,
}

#[derive(Clone)]
struct Tables {
    /// Bit `n` says that table `n` has numbers of two bytes.
    precision: u8,
    bytes: Vec<u8>,
}

/// The headers of a payload (3.1).
struct Header {
    offset: usize,
    kind: u8,
    quality: u8,
    width: u16,
    height: u16,
    restart_interval: u16,
}

/// Whether a payload begins a picture.
pub(super) fn begins(payload: &[u8]) -> bool {
    matches!(payload, [_, 0, 0, 0, ..])
}

impl JpegAssembly {
    pub(super) fn bytes(&self) -> usize {
        self.data.len()
    }

    pub(super) fn clear(&mut self) {
        self.data = Vec::new();
        self.scan_start = 0;
    }

    pub(super) fn push(&mut self, payload: &[u8]) -> Result<(), &'static str> {
        let (header, mut rest) = Header::parse(payload)?;
        if header.offset == 0 {
            if !self.data.is_empty() {
                return Err("a picture begins within another");
            }
            let tables;
            (tables, rest) = self.tables(header.quality, rest)?;
            write_head(&mut self.data, &header, &tables)?;
            self.scan_start = self.data.len();
        } else if self.data.len().checked_sub(self.scan_start) != Some(header.offset)
            || self.data.is_empty()
        {
            return Err("a part of a picture that does not follow the last one");
        }
        self.data.extend_from_slice(rest);
        Ok(())
    }

    pub(super) fn finish(&mut self) -> Option<Vec<u8>> {
        if self.data.len() <= self.scan_start {
            return None;
        }
        let mut data = std::mem::take(&mut self.data);
        self.scan_start = 0;
        if !data.ends_with(&[0xff, 0xd9]) {
            data.extend([0xff, 0xd9]);
        }
        data.shrink_to_fit();
        Some(data)
    }

    /// The tables of a picture, and what follows them in its first payload (3.1.8).
    fn tables<'a>(
        &mut self,
        quality: u8,
        rest: &'a [u8],
    ) -> Result<(Tables, &'a [u8]), &'static str> {
        match quality {
            0 | 100..=127 => return Err("a quality that is not defined"),
            1..=99 => {
                let tables = Tables {
                    precision: 0,
                    bytes: quantisers(quality),
                };
                return Ok((tables, rest));
            }
            _ => {}
        }
        let cut = "quantisation tables that are cut";
        let (head, rest) = rest.split_first_chunk::<4>().ok_or(cut)?;
        let length = usize::from(u16::from_be_bytes([head[2], head[3]]));
        let (bytes, rest) = rest.split_at_checked(length).ok_or(cut)?;
        let tables = if bytes.is_empty() {
            match &self.kept {
                Some((kept, tables)) if *kept == quality => tables.clone(),
                _ => return Err("no quantisation tables"),
            }
        } else {
            Tables {
                precision: head[1],
                bytes: bytes.to_vec(),
            }
        };
        if quality != 255 {
            self.kept = Some((quality, tables.clone()));
        }
        Ok((tables, rest))
    }
}

impl Header {
    fn parse(payload: &[u8]) -> Result<(Self, &[u8]), &'static str> {
        let cut = "a packet without its headers";
        let (head, mut rest) = payload.split_first_chunk::<8>().ok_or(cut)?;
        let [_, o1, o2, o3, kind, quality, width, height] = *head;
        if width == 0 || height == 0 {
            return Err("a JPEG picture of more than 2040 pixels, which RTP does not describe");
        }
        let mut restart_interval = 0;
        match kind {
            0 | 1 => {}
            64 | 65 => {
                let restart;
                (restart, rest) = rest.split_first_chunk::<4>().ok_or(cut)?;
                restart_interval = u16::from_be_bytes([restart[0], restart[1]]);
            }
            _ => return Err("a JPEG picture of a kind that is not described"),
        }
        let header = Self {
            offset: usize::from(o1) << 16 | usize::from(o2) << 8 | usize::from(o3),
            kind: kind & 1,
            quality,
            width: u16::from(width) * 8,
            height: u16::from(height) * 8,
            restart_interval,
        };
        Ok((header, rest))
    }
}

/// Writes the file up to the coded picture (T.81, annex B).
fn write_head(data: &mut Vec<u8>, header: &Header, tables: &Tables) -> Result<(), &'static str> {
    data.extend([0xff, 0xd8]);
    let mut rest = &tables.bytes[..];
    for number in 0..2_u8 {
        let precision = tables.precision >> number & 1;
        let length = if precision == 1 { 128 } else { 64 };
        // Some cameras send one table for both.
        let from = if number == 1 && rest.is_empty() {
            &tables.bytes
        } else {
            rest
        };
        let table;
        (table, rest) = from
            .split_at_checked(length)
            .ok_or("quantisation tables that are too short")?;
        segment(data, 0xdb, &[&[precision << 4 | number], table]);
    }
    if header.restart_interval > 0 {
        segment(data, 0xdd, &[&header.restart_interval.to_be_bytes()]);
    }
    // Luma at full size across, and at full or half down; chroma at half.
    let luma = if header.kind == 0 { 0x21 } else { 0x22 };
    segment(
        data,
        0xc0,
        &[
            &[8],
            &header.height.to_be_bytes(),
            &header.width.to_be_bytes(),
            &[3, 1, luma, 0, 2, 0x11, 1, 3, 0x11, 1],
        ],
    );
    for table in &HUFFMAN {
        segment(
            data,
            0xc4,
            &[&[table.class_and_number], &table.lengths, table.symbols],
        );
    }
    segment(data, 0xda, &[&[3, 1, 0x00, 2, 0x11, 3, 0x11, 0, 63, 0]]);
    Ok(())
}

fn segment(data: &mut Vec<u8>, marker: u8, parts: &[&[u8]]) {
    let length = 2 + parts.iter().map(|part| part.len()).sum::<usize>();
    data.extend([0xff, marker]);
    data.extend((length as u16).to_be_bytes());
    for part in parts {
        data.extend_from_slice(part);
    }
}
