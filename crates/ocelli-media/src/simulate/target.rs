//! What a request's URL names.

use std::rc::Rc;

use super::{camera::Camera, sdp};

/// A camera, with or without its one track.
pub(super) struct Target {
    pub(super) camera: Rc<Camera>,
    /// The URL up to, but without, the track.
    pub(super) base: String,
    pub(super) is_track: bool,
}

impl Target {
    /// Finds the camera of `rtsp://host/cam/N`, or of its track.
    pub(super) fn locate(uri: &str, cameras: &[Rc<Camera>]) -> Option<Self> {
        let (base, index, is_track) = parse(uri)?;
        Some(Self {
            camera: Rc::clone(cameras.get(index)?),
            base,
            is_track,
        })
    }
}

/// The base URL, the camera's index, and whether the track is meant.
fn parse(uri: &str) -> Option<(String, usize, bool)> {
    let (scheme, rest) = uri.split_once("://")?;
    let scheme = ["rtsp", "rtsps"]
        .into_iter()
        .find(|known| scheme.eq_ignore_ascii_case(known))?;
    let (authority, path) = rest.split_once('/')?;
    let host = authority.rsplit('@').next()?;
    let path = path.split('?').next()?;
    let mut elements = path.split('/').filter(|element| !element.is_empty());
    let (Some("cam"), Some(number)) = (elements.next(), elements.next()) else {
        return None;
    };
    let index: usize = number.parse().ok()?;
    let is_track = match elements.next() {
        None => false,
        Some(sdp::TRACK) => true,
        Some(_) => return None,
    };
    elements
        .next()
        .is_none()
        .then(|| (format!("{scheme}://{host}/cam/{index}/"), index, is_track))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls() {
        let base = |index| format!("rtsp://h:554/cam/{index}/");
        for (uri, expected) in [
            ("rtsp://h:554/cam/0", Some((base(0), 0, false))),
            ("RTSP://h:554/cam/7/", Some((base(7), 7, false))),
            ("rtsp://u:p@h:554/cam/7?x=/1", Some((base(7), 7, false))),
            ("rtsp://h:554//cam//7/trackID=0/", Some((base(7), 7, true))),
            ("rtsp://h:554/cam/7/trackID=1", None),
            ("rtsp://h:554/cam/7/trackID=0/more", None),
            ("rtsp://h:554/cam/-1", None),
            ("rtsp://h:554/cam", None),
            ("rtsp://h:554", None),
            ("http://h:554/cam/0", None),
            ("*", None),
        ] {
            assert_eq!(parse(uri), expected, "{uri}");
        }
    }
}
