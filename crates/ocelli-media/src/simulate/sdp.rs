//! Session descriptions: RFC 4566 with the parameters of RFC 6184, RFC 7798 and RFC 3551.

use std::{fmt::Write as _, net::IpAddr};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use ocelli_core::Codec;

use super::{
    camera::Camera,
    huge, jpeg,
    nal::{self, UnitKind},
    payload::PAYLOAD_TYPE,
};

/// The last element of a stream's one track's URL.
pub(super) const TRACK: &str = "trackID=0";

/// Describes a camera's stream, with the faults that it commits.
pub(super) fn describe_camera(camera: &Camera, address: IpAddr) -> String {
    let clip = &camera.clip.0;
    let faults = camera.faults();
    let mut sets = clip.parameter_sets.clone();
    if faults.huge_picture {
        camera.counts.faults.add(1);
        for set in &mut sets {
            if nal::kind(clip.codec, set) == UnitKind::SequenceParameterSet {
                *set = huge::sequence_parameter_set(clip.codec, huge::SIDE, huge::SIDE).into();
            }
        }
    }
    let mut description = describe(clip.codec, &sets, address, camera.rtp_time(0));
    match &faults.control_url {
        None => _ = write!(description, "a=control:{TRACK}\r\n"),
        Some(url) => {
            camera.counts.faults.add(1);
            _ = write!(description, "a=control:{url}\r\n");
        }
    }
    if let Some(bytes) = faults.sdp_bytes {
        camera.counts.faults.add(1);
        inflate(&mut description, bytes);
    }
    description
}

/// Describes one stream of video, but for the URL of its track. `session` names it and is the same as long as it is the same.
fn describe(codec: Codec, parameter_sets: &[Bytes], address: IpAddr, session: u32) -> String {
    let (family, any) = match address {
        IpAddr::V4(_) => ("IP4", "0.0.0.0"),
        IpAddr::V6(_) => ("IP6", "::"),
    };
    let (payload_type, encoding, parameters) = match codec {
        Codec::H265 => (PAYLOAD_TYPE, "H265", h265_parameters(parameter_sets)),
        Codec::H264 => (PAYLOAD_TYPE, "H264", h264_parameters(parameter_sets)),
        Codec::Mjpeg => (jpeg::PAYLOAD_TYPE, "JPEG", String::new()),
    };
    let parameters = if parameters.is_empty() {
        parameters
    } else {
        format!("a=fmtp:{payload_type} {parameters}\r\n")
    };
    format!(
        "v=0\r\n\
         o=- {session} 1 IN {family} {address}\r\n\
         s=ocelli simulated camera\r\n\
         c=IN {family} {any}\r\n\
         t=0 0\r\n\
         a=control:*\r\n\
         a=range:npt=now-\r\n\
         m=video 0 RTP/AVP {payload_type}\r\n\
         a=rtpmap:{payload_type} {encoding}/90000\r\n\
         {parameters}"
    )
}

/// Lengthens a description with valid lines to at least `bytes`.
fn inflate(description: &mut String, bytes: usize) {
    const LINE: &str = "a=x-padding:################################################\r\n";
    let missing = bytes.saturating_sub(description.len());
    let lines = missing.div_ceil(LINE.len());
    description.reserve_exact(lines * LINE.len());
    for _ in 0..lines {
        description.push_str(LINE);
    }
}

fn h264_parameters(sets: &[Bytes]) -> String {
    let mut text = "packetization-mode=1".to_owned();
    let sequence = sets
        .iter()
        .find(|set| nal::kind(Codec::H264, set) == UnitKind::SequenceParameterSet);
    // profile_idc, the constraint flags and level_idc follow the unit's header.
    if let Some([profile, constraints, level]) = sequence.and_then(|set| set.get(1..4)) {
        _ = write!(
            text,
            ";profile-level-id={profile:02X}{constraints:02X}{level:02X}"
        );
    }
    let encoded: Vec<String> = sets.iter().map(|set| STANDARD.encode(set)).collect();
    _ = write!(text, ";sprop-parameter-sets={}", encoded.join(","));
    text
}

fn h265_parameters(sets: &[Bytes]) -> String {
    let of_kind = |kind| {
        let encoded: Vec<String> = sets
            .iter()
            .filter(|set| nal::kind(Codec::H265, set) == kind)
            .map(|set| STANDARD.encode(set))
            .collect();
        encoded.join(",")
    };
    format!(
        "sprop-vps={};sprop-sps={};sprop-pps={}",
        of_kind(UnitKind::VideoParameterSet),
        of_kind(UnitKind::SequenceParameterSet),
        of_kind(UnitKind::PictureParameterSet)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_of_both_codecs() {
        let sets = [
            Bytes::from_static(&[0x67, 0x42, 0xc0, 0x1e, 9]),
            Bytes::from_static(&[0x68, 1]),
        ];
        let text = describe(Codec::H264, &sets, [127, 0, 0, 1].into(), 5);
        assert!(text.contains("a=rtpmap:96 H264/90000\r\n"));
        assert!(text.contains(
            "a=fmtp:96 packetization-mode=1;profile-level-id=42C01E;\
             sprop-parameter-sets=Z0LAHgk=,aAE=\r\n"
        ));
        let sets = [
            Bytes::from_static(&[0x40, 1, 7]),
            Bytes::from_static(&[0x42, 1, 8]),
            Bytes::from_static(&[0x44, 1, 9]),
        ];
        let text = describe(Codec::H265, &sets, "::1".parse().unwrap(), 5);
        assert!(text.contains("o=- 5 1 IN IP6 ::1\r\n"));
        assert!(text.contains("a=rtpmap:96 H265/90000\r\n"));
        assert!(text.contains("sprop-vps=QAEH;sprop-sps=QgEI;sprop-pps=RAEJ\r\n"));
    }

    #[test]
    fn a_short_parameter_set_is_no_panic() {
        let sets = [Bytes::from_static(&[0x67])];
        assert!(!describe(Codec::H264, &sets, [127, 0, 0, 1].into(), 5).contains("profile-level"));
    }
}
