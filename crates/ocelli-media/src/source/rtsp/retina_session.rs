//! A session by way of the crate `retina`.

use std::{collections::VecDeque, net::SocketAddr, sync::Arc, time::Duration};

use bytes::Bytes;
use futures_util::StreamExt as _;
use ocelli_core::{
    Codec, CodecParameters, Packet, StageError, WallTime,
    seam::{SourceItem, SourcePacket},
};
use retina::{
    client::{
        Demuxed, PlayOptions, Session, SessionOptions, SetupOptions, TcpTransportOptions,
        TeardownPolicy, UdpTransportOptions,
    },
    codec::{
        CodecItem, FrameFormat, ParameterSetInsertion, ParametersRef, VideoFrame,
        VideoParametersCodec, h26x::Framing,
    },
    rtcp::ReceivedCompoundPacket,
};

use super::{Target, Transport};
use crate::{
    address,
    bitstream::{
        access_unit, decode_times::DecodeTimes, jpeg, parameter_sets::ParameterSets, sequence,
    },
};

const CONNECT_MAX: Duration = Duration::from_secs(10);
const SILENCE_MAX: Duration = Duration::from_secs(10);
/// A camera whose time jumps further than this has set its clock.
const JUMP_MICROS: i64 = 2_000_000;

pub(super) async fn connect(target: Arc<Target>) -> Result<Box<Playing>, StageError> {
    let addresses = address::resolve(&target.url, 554, &target.reach).await?;
    let mut last = None;
    for at in addresses {
        match tokio::time::timeout(CONNECT_MAX, play(&target, at)).await {
            Ok(Ok(playing)) => return Ok(Box::new(playing)),
            Ok(Err(error @ StageError::Rejected(_))) => return Err(error),
            Ok(Err(error)) => last = Some(error),
            Err(_elapsed) => {
                last = Some(StageError::Unavailable(format!(
                    "no answer within {} s",
                    CONNECT_MAX.as_secs()
                )));
            }
        }
    }
    Err(last.unwrap_or_else(|| StageError::Unavailable("no address".to_owned())))
}

async fn play(target: &Target, at: SocketAddr) -> Result<Playing, StageError> {
    let mut url = target.url.clone();
    // The address that was judged is the one that is connected to.
    url.set_ip_host(at.ip())
        .or_else(|()| url.set_host(Some(&host_text(at))))
        .map_err(|error| StageError::Rejected(format!("the address takes no host: {error}")))?;
    let credentials = target
        .credentials
        .as_ref()
        .map(|credentials| retina::client::Credentials {
            username: credentials.user.clone(),
            password: credentials.password.expose().to_owned(),
        });
    let options = SessionOptions::default()
        .creds(credentials)
        .user_agent(concat!("ocelli/", env!("CARGO_PKG_VERSION")).to_owned())
        // A tear-down by this crate would connect to whatever address the camera has named.
        .teardown(TeardownPolicy::Never);
    let mut session = Session::describe(url, options)
        .await
        .map_err(|error| failed(&error))?;
    let index = session
        .streams()
        .iter()
        .position(|stream| {
            matches!(stream.media(), "video" | "image")
                && matches!(stream.encoding_name(), "h264" | "h265" | "jpeg")
        })
        .ok_or_else(|| {
            let video = session
                .streams()
                .iter()
                .find(|stream| stream.media() == "video");
            StageError::Rejected(match video {
                Some(stream) => format!(
                    "unsupported codec `{}`: H.264, H.265 and MJPEG are decoded",
                    stream.encoding_name()
                ),
                None => "the camera offers no video".to_owned(),
            })
        })?;
    let transport = match target.options.transport {
        Transport::Tcp => retina::client::Transport::Tcp(TcpTransportOptions::default()),
        Transport::Udp => retina::client::Transport::Udp(UdpTransportOptions::default()),
    };
    let setup = SetupOptions::default()
        .transport(transport)
        .frame_format(FrameFormat {
            h26x_framing: Framing::AnnexB,
            parameter_set_insertion: ParameterSetInsertion::Never,
            ..FrameFormat::MP4
        });
    session
        .setup(index, setup)
        .await
        .map_err(|error| failed(&error))?;
    let session = session
        .play(PlayOptions::default())
        .await
        .map_err(|error| failed(&error))?;
    let demuxed = session.demuxed().map_err(|error| failed(&error))?;
    Ok(Playing {
        demuxed,
        index,
        trust_camera_clock: target.options.trust_camera_clock,
        announced: None,
        sequence: None,
        times: DecodeTimes::new(None),
        last_micros: None,
        report: None,
        waiting: VecDeque::new(),
    })
}

fn host_text(at: SocketAddr) -> String {
    match at {
        SocketAddr::V4(at) => at.ip().to_string(),
        SocketAddr::V6(at) => format!("[{}]", at.ip()),
    }
}

pub(super) struct Playing {
    demuxed: Demuxed,
    index: usize,
    trust_camera_clock: bool,
    announced: Option<CodecParameters>,
    sequence: Option<sequence::Sequence>,
    times: DecodeTimes,
    last_micros: Option<i64>,
    /// RTP time and wall time of the last sender report, in microseconds.
    report: Option<(i64, i64)>,
    waiting: VecDeque<SourceItem>,
}

impl Playing {
    pub(super) async fn next(&mut self) -> Result<SourceItem, StageError> {
        loop {
            if let Some(item) = self.waiting.pop_front() {
                return Ok(item);
            }
            match tokio::time::timeout(SILENCE_MAX, self.demuxed.next()).await {
                Err(_elapsed) => {
                    return Err(StageError::Unavailable(format!(
                        "no picture for {} s",
                        SILENCE_MAX.as_secs()
                    )));
                }
                Ok(None) => {
                    return Err(StageError::Unavailable(
                        "the camera closed the connection".to_owned(),
                    ));
                }
                Ok(Some(Err(error))) => return Err(failed(&error)),
                Ok(Some(Ok(CodecItem::VideoFrame(frame)))) => self.take(frame)?,
                Ok(Some(Ok(CodecItem::Rtcp(report)))) => self.take_report(&report),
                Ok(Some(Ok(_))) => {}
            }
        }
    }

    fn take_report(&mut self, report: &ReceivedCompoundPacket) {
        let Some(at) = report.rtp_timestamp() else {
            return;
        };
        let sender = report
            .pkts()
            .find_map(|packet| packet.as_sender_report().ok().flatten());
        if let Some(sender) = sender {
            let since_1970 = sender.ntp_timestamp().0.wrapping_sub(retina::UNIX_EPOCH.0);
            let wall = (u128::from(since_1970) * 1_000_000) >> 32;
            self.report = Some((micros(&at), wall as i64));
        }
    }

    fn take(&mut self, frame: VideoFrame) -> Result<(), StageError> {
        if frame.loss() > 0 {
            self.waiting.push_back(SourceItem::Lost {
                packets: u64::from(frame.loss()),
            });
        }
        let pts_micros = micros(&frame.timestamp());
        if frame.data().len() > Packet::BYTES_MAX {
            self.waiting.push_back(SourceItem::Corrupt {
                reason: format!("a picture of {} bytes", frame.data().len()),
            });
            return Ok(());
        }
        if frame.has_new_parameters() || self.announced.is_none() {
            self.announce(&frame)?;
        }
        let Some(parameters) = &self.announced else {
            return Ok(());
        };
        let data = Bytes::from(frame.into_data());
        let key = parameters.codec == Codec::Mjpeg || access_unit::is_key(parameters.codec, &data);
        let reorder = self.sequence.and_then(|sequence| sequence.reorder);
        if self
            .last_micros
            .is_some_and(|last| pts_micros.abs_diff(last) > JUMP_MICROS as u64)
        {
            self.times = DecodeTimes::new(reorder);
        }
        self.last_micros = Some(pts_micros);
        let camera_wall = self
            .report
            .filter(|_| self.trust_camera_clock)
            .map(|(at, wall)| WallTime {
                micros: wall.saturating_add(pts_micros.saturating_sub(at)),
            });
        self.waiting.push_back(SourceItem::Packet(SourcePacket {
            dts_micros: self.times.next(pts_micros, 40_000),
            pts_micros,
            camera_wall,
            key,
            data,
        }));
        Ok(())
    }

    fn announce(&mut self, frame: &VideoFrame) -> Result<(), StageError> {
        let Some(ParametersRef::Video(video)) = self.demuxed.streams()[self.index].parameters()
        else {
            return Ok(());
        };
        let parameters = match video.codec_params() {
            VideoParametersCodec::H264 { sps, pps } => {
                sets(&mut self.sequence, Codec::H264, &[sps, pps])?
            }
            VideoParametersCodec::H265 { vps, sps, pps } => {
                sets(&mut self.sequence, Codec::H265, &[vps, sps, pps])?
            }
            _ => {
                let (width, height) = jpeg::size(frame.data())
                    .ok_or_else(|| StageError::Corrupt("not a JPEG picture".to_owned()))?;
                sequence::check_size(width, height)?;
                Some(CodecParameters {
                    codec: Codec::Mjpeg,
                    parameter_sets: Bytes::new(),
                    width,
                    height,
                    reordered: false,
                })
            }
        };
        if let Some(parameters) = parameters
            && self.announced.as_ref() != Some(&parameters)
        {
            self.announced = Some(parameters.clone());
            self.times = DecodeTimes::new(self.sequence.and_then(|sequence| sequence.reorder));
            self.waiting.push_back(SourceItem::Parameters(parameters));
        }
        Ok(())
    }
}

fn sets(
    sequence: &mut Option<sequence::Sequence>,
    codec: Codec,
    units: &[&Bytes],
) -> Result<Option<CodecParameters>, StageError> {
    let mut sets = ParameterSets::with(codec, units.iter().map(|unit| &unit[..]))?;
    *sequence = sets.sequence().copied();
    Ok(sets.announce())
}

fn micros(at: &retina::Timestamp) -> i64 {
    let micros = i128::from(at.timestamp()) * 1_000_000 / i128::from(at.clock_rate().get());
    micros as i64
}

fn failed(error: &retina::Error) -> StageError {
    // The first line says what happened; the rest are addresses and dumps.
    let text = error.to_string();
    let text = text.lines().next().unwrap_or_default().to_owned();
    match error.status_code() {
        Some(401 | 403) => StageError::Rejected("wrong user or password".to_owned()),
        Some(404) => StageError::Rejected("no stream of this name (404)".to_owned()),
        Some(400..=499) => StageError::Rejected(text),
        _ => StageError::Unavailable(text),
    }
}
