//! What a camera offers: the part of its session description (RFC 8866) that matters here. Lines
//! that cannot be read are passed over, for real cameras write many.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use bytes::Bytes;
use ocelli_core::{Codec, StageError};

/// The most media that a description is read of.
const MEDIA_MAX: usize = 32;

/// A description.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Description {
    /// Where the whole is controlled.
    pub(super) control: Option<String>,
    media: Vec<Media>,
}

#[derive(Debug, Default, PartialEq, Eq)]
struct Media {
    kind: String,
    formats: Vec<Format>,
    control: Option<String>,
}

#[derive(Debug, PartialEq, Eq)]
struct Format {
    payload_type: u8,
    encoding: String,
    clock_hz: u32,
    parameters: String,
}

/// One video track of a codec that ocelli decodes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Track {
    pub(super) codec: Codec,
    pub(super) payload_type: u8,
    /// RTP clock: ticks in a second, not 0.
    pub(super) clock_hz: u32,
    /// Parameter sets without start codes.
    pub(super) sets: Vec<Bytes>,
    /// Where the track is set up.
    pub(super) control: Option<String>,
}

impl Description {
    pub(super) fn parse(body: &[u8]) -> Self {
        let text = String::from_utf8_lossy(body);
        let mut description = Self::default();
        for line in text.lines() {
            match line.trim_end().split_once('=') {
                Some(("m", value)) if description.media.len() < MEDIA_MAX => {
                    description.media.push(Media::new(value));
                }
                Some(("a", value)) => {
                    let (name, value) = value.split_once(':').unwrap_or((value, ""));
                    match description.media.last_mut() {
                        Some(media) => media.attribute(name, value.trim()),
                        None if name == "control" => {
                            description.control = Some(value.trim().to_owned());
                        }
                        None => {}
                    }
                }
                _ => {}
            }
        }
        description
    }

    /// The first video track that can be decoded.
    ///
    /// # Errors
    /// [`StageError::Rejected`] where there is none, with what there is instead.
    pub(super) fn track(&self) -> Result<Track, StageError> {
        let video = || {
            self.media
                .iter()
                .filter(|media| matches!(media.kind.as_str(), "video" | "image"))
        };
        for media in video() {
            if let Some(track) = media.formats.iter().find_map(|format| format.track(media)) {
                return track;
            }
        }
        let offered = video().flat_map(|media| &media.formats).next();
        Err(StageError::Rejected(match offered {
            Some(format) => format!(
                "unsupported codec `{}`: H.264, H.265 and MJPEG are decoded",
                format.encoding.escape_debug()
            ),
            None => "the camera offers no video".to_owned(),
        }))
    }
}

impl Media {
    /// `m=video 0 RTP/AVP 96 97`
    fn new(value: &str) -> Self {
        let mut words = value.split_ascii_whitespace();
        let kind = words.next().unwrap_or_default().to_ascii_lowercase();
        let formats = words
            .skip(2)
            .filter_map(|word| word.parse().ok())
            .filter(|&payload_type| payload_type < 128)
            .map(|payload_type| Format {
                payload_type,
                // The one static type of video that is decoded (RFC 3551, table 5).
                encoding: if payload_type == 26 { "JPEG" } else { "" }.to_owned(),
                clock_hz: 90_000,
                parameters: String::new(),
            });
        Self {
            kind,
            formats: formats.take(MEDIA_MAX).collect(),
            control: None,
        }
    }

    fn attribute(&mut self, name: &str, value: &str) {
        match (name, value.split_once(' ')) {
            ("control", _) => self.control = Some(value.to_owned()),
            // `96 H264/90000`
            ("rtpmap", Some((number, mapped))) => {
                if let Some(format) = self.format(number) {
                    let mut parts = mapped.trim().split('/');
                    parts
                        .next()
                        .unwrap_or_default()
                        .clone_into(&mut format.encoding);
                    if let Some(clock_hz) = parts.next().and_then(|part| part.parse().ok()) {
                        format.clock_hz = clock_hz;
                    }
                }
            }
            // `96 packetization-mode=1; sprop-parameter-sets=..`
            ("fmtp", Some((number, parameters))) => {
                if let Some(format) = self.format(number) {
                    parameters.clone_into(&mut format.parameters);
                }
            }
            _ => {}
        }
    }

    fn format(&mut self, number: &str) -> Option<&mut Format> {
        let number: u8 = number.parse().ok()?;
        self.formats
            .iter_mut()
            .find(|format| format.payload_type == number)
    }
}

impl Format {
    /// `None` where the codec is another.
    fn track(&self, media: &Media) -> Option<Result<Track, StageError>> {
        let codec = match self.encoding.to_ascii_uppercase().as_str() {
            "H264" => Codec::H264,
            "H265" | "HEVC" => Codec::H265,
            "JPEG" => Codec::Mjpeg,
            _ => return None,
        };
        let interleaved = self
            .parameter("sprop-max-don-diff")
            .is_some_and(|value| value != "0")
            || self.parameter("packetization-mode") == Some("2");
        if self.clock_hz == 0 || interleaved {
            return Some(Err(StageError::Rejected(format!(
                "the camera sends {} in a way that is not read: {}",
                codec.as_str(),
                if interleaved {
                    "interleaved"
                } else {
                    "without a clock"
                }
            ))));
        }
        Some(Ok(Track {
            codec,
            payload_type: self.payload_type,
            clock_hz: self.clock_hz,
            sets: self.sets(codec),
            control: media.control.clone(),
        }))
    }

    fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters
            .split(';')
            .filter_map(|parameter| parameter.trim().split_once('='))
            .find(|(have, _)| have.trim().eq_ignore_ascii_case(name))
            .map(|(_, value)| value.trim())
    }

    /// RFC 6184, 8.1; RFC 7798, 7.1.
    fn sets(&self, codec: Codec) -> Vec<Bytes> {
        let names: &[&str] = match codec {
            Codec::H264 => &["sprop-parameter-sets"],
            Codec::H265 => &["sprop-vps", "sprop-sps", "sprop-pps"],
            Codec::Mjpeg => &[],
        };
        names
            .iter()
            .filter_map(|name| self.parameter(name))
            .flat_map(|sets| sets.split(','))
            .filter_map(|set| BASE64_STANDARD.decode(set.trim()).ok())
            // Some cameras write start codes, or zeros behind.
            .map(|set| {
                let start = match &set[..] {
                    [0, 0, 0, 1, ..] => 4,
                    [0, 0, 1, ..] => 3,
                    _ => 0,
                };
                let end = set
                    .iter()
                    .rposition(|&byte| byte != 0)
                    .map_or(0, |at| at + 1);
                Bytes::from(set).slice(start.min(end)..end)
            })
            .filter(|set| !set.is_empty())
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TWO_TRACKS: &str = "v=0\r\no=- 1 1 IN IP4 10.0.0.9\r\ns=x\r\nt=0 0\r\na=control:*\r\n\
        m=audio 0 RTP/AVP 8\r\na=rtpmap:8 PCMA/8000\r\na=control:track1\r\n\
        m=video 0 RTP/AVP 96\r\nb=AS:500\r\na=rtpmap:96 H264/90000 \r\n\
        a=fmtp:96 packetization-mode=1;profile-level-id=64001F; sprop-parameter-sets=Z2QAHw==,aO48gA==\r\n\
        a=control:track2\r\n";

    #[test]
    fn the_video_track_is_found() {
        let description = Description::parse(TWO_TRACKS.as_bytes());
        assert_eq!(description.control.as_deref(), Some("*"));
        let track = description.track().unwrap();
        assert_eq!(
            track,
            Track {
                codec: Codec::H264,
                payload_type: 96,
                clock_hz: 90_000,
                sets: vec![
                    Bytes::from_static(&[0x67, 0x64, 0, 0x1f]),
                    Bytes::from_static(&[0x68, 0xee, 0x3c, 0x80]),
                ],
                control: Some("track2".to_owned()),
            }
        );
    }

    #[test]
    fn oddities_are_borne() {
        let of = |media: &str| Description::parse(media.as_bytes()).track();
        let track = of("m=video 0 RTP/AVP 26\n").unwrap();
        assert_eq!((track.codec, track.payload_type), (Codec::Mjpeg, 26));
        let track = of("m=video 0 RTP/AVP 98\na=fmtp:98\na=rtpmap:98 h265/90000\n\
            a=fmtp:98 sprop-vps=!!;sprop-sps=AAAAAUIB\n")
        .unwrap();
        assert_eq!(track.codec, Codec::H265);
        assert_eq!(
            track.sets,
            [Bytes::from_static(&[0x42, 1])],
            "no start code, no nonsense"
        );
        let second = of(
            "m=video 0 RTP/AVP 96\na=rtpmap:96 VP8/90000\nm=video 0 RTP/AVP 97\na=rtpmap:97 H264/90000\n",
        );
        assert_eq!(second.unwrap().payload_type, 97);
    }

    #[test]
    fn what_cannot_be_decoded_is_named() {
        for (media, reason) in [
            (
                "m=video 0 RTP/AVP 96\na=rtpmap:96 VP8/90000\n",
                "unsupported codec `VP8`",
            ),
            ("m=audio 0 RTP/AVP 0\n", "no video"),
            ("", "no video"),
            ("\u{0}\u{1}=", "no video"),
            (
                "m=video 0 RTP/AVP 96\na=rtpmap:96 H264/0\n",
                "without a clock",
            ),
            (
                "m=video 0 RTP/AVP 96\na=rtpmap:96 H264/90000\na=fmtp:96 packetization-mode=2\n",
                "interleaved",
            ),
        ] {
            let error = Description::parse(media.as_bytes()).track().unwrap_err();
            assert!(
                matches!(&error, StageError::Rejected(text) if text.contains(reason)),
                "{error}"
            );
        }
    }

    proptest::proptest! {
        #[test]
        fn noise_never_panics(
            lines in proptest::collection::vec(
                proptest::sample::select(vec!["m=video 0 RTP/AVP 96 97", "m=", "a=rtpmap:96 H264/90000", "a=fmtp:96 sprop-parameter-sets=", "a=control", "a="]),
                0..20,
            ),
            noise in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..100),
        ) {
            let mut body = lines.join("\n").into_bytes();
            body.extend_from_slice(&noise);
            drop(Description::parse(&body).track());
        }
    }
}
