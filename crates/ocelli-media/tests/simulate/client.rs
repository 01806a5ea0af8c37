//! Clients: retina, and plain sockets.

use std::time::Duration;

use futures_util::StreamExt as _;
use retina::{
    client::{
        Credentials, Demuxed, PlayOptions, Session, SessionOptions, SetupOptions,
        TcpTransportOptions, Transport, UdpTransportOptions,
    },
    codec::{CodecItem, FrameFormat, ParameterSetInsertion, VideoFrame, h26x::Framing},
    rtcp::ReceivedCompoundPacket,
};

/// Nothing that a test waits for takes a tenth of this.
pub(crate) const LIMIT: Duration = Duration::from_mins(1);

/// Waits, but not for ever.
pub(crate) async fn within<T>(what: &str, future: impl Future<Output = T>) -> T {
    let Ok(value) = tokio::time::timeout(LIMIT, future).await else {
        panic!("waited too long for {what}");
    };
    value
}

pub(crate) fn tcp() -> Transport {
    Transport::Tcp(TcpTransportOptions::default())
}

pub(crate) fn udp() -> Transport {
    Transport::Udp(UdpTransportOptions::default())
}

/// Plays `url` with retina.
pub(crate) async fn play(
    url: &str,
    transport: Transport,
    credentials: Option<(&str, &str)>,
) -> Result<Demuxed, retina::Error> {
    let credentials = credentials.map(|(user, password)| Credentials {
        username: user.to_owned(),
        password: password.to_owned(),
    });
    let options = SessionOptions::default().creds(credentials);
    let mut session = Session::describe(url.parse().unwrap(), options).await?;
    assert_eq!(session.streams().len(), 1);
    let format = FrameFormat {
        h26x_framing: Framing::AnnexB,
        parameter_set_insertion: ParameterSetInsertion::Never,
        ..FrameFormat::MP4
    };
    let setup = SetupOptions::default()
        .transport(transport)
        .frame_format(format);
    session.setup(0, setup).await?;
    session.play(PlayOptions::default()).await?.demuxed()
}

/// Plays without credentials.
pub(crate) async fn watch(url: &str, transport: Transport) -> Demuxed {
    within("PLAY", play(url, transport, None)).await.unwrap()
}

/// The next picture. Reports on the way go to `reports`.
pub(crate) async fn next(
    playing: &mut Demuxed,
    reports: &mut Vec<ReceivedCompoundPacket>,
) -> Result<VideoFrame, retina::Error> {
    within("a picture", async {
        loop {
            match playing.next().await {
                Some(Ok(CodecItem::VideoFrame(frame))) => return Ok(frame),
                Some(Ok(CodecItem::Rtcp(report))) => reports.push(report),
                Some(Ok(_)) => {}
                Some(Err(error)) => return Err(error),
                None => panic!("the stream ended without an error"),
            }
        }
    })
    .await
}

/// The next picture, without the reports.
pub(crate) async fn frame(playing: &mut Demuxed) -> VideoFrame {
    next(playing, &mut Vec::new()).await.unwrap()
}
