//! JPEG pictures as RTP packets (RFC 2435). The receiver puts the header back that they leave out, so
//! that only pictures can be sent whose header says what the receiver will write.

use super::payload::{self, PAYLOAD_BYTES_MAX};
use crate::{bitstream::jpeg::segments, source::rtsp::HUFFMAN};

/// The static payload type of JPEG (RFC 3551, table 5).
pub(super) const PAYLOAD_TYPE: u8 = 26;
/// The type of pictures whose chroma is halved both ways (RFC 2435, 4.1). Such are sent.
const HALVED: u8 = 1;
/// The quantisation tables come with each picture (RFC 2435, 4.2).
const TABLES_FOLLOW: u8 = 255;
/// A picture's packets are put together before any is decoded (RFC 2435, 3.1.7).
const WHOLE: [u8; 2] = [0xff, 0xff];

/// What the packets of a picture tell of its header.
struct Header<'a> {
    /// In blocks of eight pixels.
    width: u8,
    height: u8,
    /// 0 without restart markers.
    restart_interval: u16,
    /// Of luma and of chroma.
    quantisers: [&'a [u8]; 2],
}

/// Appends a picture. Returns the number of packets.
///
/// # Errors
/// Says why the picture cannot be sent.
pub(super) fn append(picture: &[u8], wire: &mut Vec<u8>) -> Result<usize, &'static str> {
    let (header, scan) = parse(picture)?;
    let mut rest = scan;
    let mut packets = 0;
    while packets == 0 || !rest.is_empty() {
        let offset = (scan.len() - rest.len()) as u32;
        if offset > 0x00ff_ffff {
            return Err("a JPEG picture of more than 16 MB");
        }
        let mut head = offset.to_be_bytes().to_vec();
        let kind = HALVED + if header.restart_interval > 0 { 64 } else { 0 };
        head.extend([kind, TABLES_FOLLOW, header.width, header.height]);
        if header.restart_interval > 0 {
            head.extend(header.restart_interval.to_be_bytes());
            head.extend(WHOLE);
        }
        if offset == 0 {
            // Numbers of one byte, and how many bytes there are.
            head.extend([0, 0, 0, 128]);
            head.extend(header.quantisers.concat());
        }
        let body;
        (body, rest) = rest.split_at(rest.len().min(PAYLOAD_BYTES_MAX - head.len()));
        payload::append_packet(PAYLOAD_TYPE, &head, body, rest.is_empty(), wire);
        packets += 1;
    }
    Ok(packets)
}

/// The header, and the coded picture without its end.
fn parse(picture: &[u8]) -> Result<(Header<'_>, &[u8]), &'static str> {
    let cut = "not a whole JPEG picture";
    let mut tables: [Option<&[u8]>; 4] = [None; 4];
    let mut restart_interval = 0;
    let mut frame = None;
    for segment in segments(picture) {
        let (marker, body, rest) = segment.ok_or(cut)?;
        match marker {
            0xdb => take_quantisers(body, &mut tables)?,
            0xc4 => check_huffman(body)?,
            0xdd => restart_interval = number(body, 0).ok_or(cut)?,
            0xc0 => {
                frame = Some(Frame::parse(body).ok_or(
                    "a JPEG picture of a kind that RTP does not describe: three colours, chroma \
                     halved both ways, 8 bits",
                )?);
            }
            0xc1..=0xcf => return Err("a JPEG picture that is not baseline"),
            0xda => {
                let Frame {
                    width,
                    height,
                    quantisers,
                } = frame.ok_or(cut)?;
                if body.len() != 10 || [body[2], body[4], body[6]] != [0x00, 0x11, 0x11] {
                    return Err("a JPEG picture of several scans, or with tables in another order");
                }
                let table = |number: u8| {
                    tables
                        .get(usize::from(number))
                        .copied()
                        .flatten()
                        .ok_or("a JPEG picture without its quantisation tables")
                };
                let header = Header {
                    width: blocks(width)?,
                    height: blocks(height)?,
                    restart_interval,
                    quantisers: [table(quantisers[0])?, table(quantisers[1])?],
                };
                let end = rest
                    .windows(2)
                    .rposition(|pair| pair == [0xff, 0xd9])
                    .ok_or(cut)?;
                return Ok((header, &rest[..end]));
            }
            _ => {}
        }
    }
    Err(cut)
}

/// A frame header.
#[derive(Clone, Copy)]
struct Frame {
    width: u16,
    height: u16,
    /// Which quantisation tables luma and chroma take.
    quantisers: [u8; 2],
}

impl Frame {
    fn parse(body: &[u8]) -> Option<Self> {
        let [
            8,
            _,
            _,
            _,
            _,
            3,
            _,
            0x22,
            first,
            _,
            0x11,
            second,
            _,
            0x11,
            third,
        ] = body
        else {
            return None;
        };
        (second == third).then_some(())?;
        Some(Self {
            height: number(body, 1)?,
            width: number(body, 3)?,
            quantisers: [*first, *second],
        })
    }
}

fn number(bytes: &[u8], at: usize) -> Option<u16> {
    let pair = bytes.get(at..at + 2)?;
    Some(u16::from_be_bytes([pair[0], pair[1]]))
}

fn blocks(pixels: u16) -> Result<u8, &'static str> {
    u8::try_from(pixels.div_ceil(8))
        .ok()
        .filter(|&blocks| blocks > 0)
        .ok_or("a JPEG picture of more than 2040 pixels, which RTP does not describe")
}

fn take_quantisers<'a>(
    mut body: &'a [u8],
    tables: &mut [Option<&'a [u8]>; 4],
) -> Result<(), &'static str> {
    while let Some((&number, rest)) = body.split_first() {
        let slot = tables
            .get_mut(usize::from(number))
            .ok_or("a JPEG picture with quantisers of two bytes")?;
        let (table, rest) = rest
            .split_at_checked(64)
            .ok_or("a JPEG picture with a cut quantisation table")?;
        *slot = Some(table);
        body = rest;
    }
    Ok(())
}

/// RTP carries no Huffman tables: all pictures have those of the standard.
fn check_huffman(mut body: &[u8]) -> Result<(), &'static str> {
    while !body.is_empty() {
        let known = HUFFMAN.iter().find_map(|table| {
            body.strip_prefix(&[table.class_and_number])?
                .strip_prefix(&table.lengths)?
                .strip_prefix(table.symbols)
        });
        body = known.ok_or(
            "a JPEG picture with Huffman tables of its own, which RTP does not carry: encode it \
             with `-huffman default`",
        )?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    proptest::proptest! {
        #[test]
        fn noise_is_no_panic(bytes in proptest::collection::vec(
            proptest::prop_oneof![
                proptest::prelude::Just(0xff_u8),
                proptest::sample::select(vec![0xc0_u8, 0xc4, 0xda, 0xdb, 0xdd, 0, 8, 67]),
                proptest::prelude::any::<u8>(),
            ],
            0..300,
        )) {
            let picture = [&[0xff, 0xd8], &bytes[..]].concat();
            let mut wire = Vec::new();
            let sent = append(&picture, &mut wire);
            proptest::prop_assert_eq!(sent.is_ok(), !wire.is_empty());
        }
    }
}
