//! A client of plain sockets, which sees what a library would not show.

use std::{collections::VecDeque, io, net::SocketAddr};

use bytes::{Buf as _, Bytes, BytesMut};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use crate::client::within;

/// An RTSP connection that takes packets in itself.
pub(crate) struct Raw {
    pub(crate) stream: TcpStream,
    input: BytesMut,
    frames: VecDeque<Frame>,
    cseq: u32,
    session: Option<String>,
}

/// The answer to a request.
pub(crate) struct Answer {
    pub(crate) status: u16,
    head: String,
    pub(crate) body: Bytes,
}

/// A packet on an interleaved channel.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Frame {
    pub(crate) channel: u8,
    pub(crate) bytes: Bytes,
}

enum Message {
    Answer(Answer),
    Frame(Frame),
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (have, value) = line.split_once(':')?;
            have.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }
}

impl Frame {
    fn u32_at(&self, at: usize) -> u32 {
        u32::from_be_bytes(self.bytes[at..at + 4].try_into().unwrap())
    }

    /// Whether it is RTP, not RTCP.
    pub(crate) fn is_rtp(&self) -> bool {
        self.channel == 0
    }

    pub(crate) fn seq(&self) -> u16 {
        u16::from_be_bytes(self.bytes[2..4].try_into().unwrap())
    }

    pub(crate) fn timestamp(&self) -> u32 {
        self.u32_at(4)
    }

    pub(crate) fn ssrc(&self) -> u32 {
        self.u32_at(8)
    }

    pub(crate) fn payload(&self) -> &[u8] {
        &self.bytes[12..]
    }

    /// NTP seconds and RTP time of a sender report.
    pub(crate) fn report(&self) -> (u32, u32) {
        assert_eq!((self.channel, self.bytes[1]), (1, 200));
        (self.u32_at(8), self.u32_at(16))
    }
}

impl Raw {
    pub(crate) async fn connect(address: SocketAddr) -> Self {
        Self {
            stream: TcpStream::connect(address).await.unwrap(),
            input: BytesMut::new(),
            frames: VecDeque::new(),
            cseq: 0,
            session: None,
        }
    }

    /// Connects, sets up and plays `/cam/{index}`.
    pub(crate) async fn play(address: SocketAddr, index: usize) -> Self {
        let mut raw = Self::connect(address).await;
        let url = format!("rtsp://{address}/cam/{index}");
        let track = format!("{url}/trackID=0");
        let transport = ("Transport", "RTP/AVP/TCP;unicast;interleaved=0-1");
        assert_eq!(
            raw.ask("SETUP", &track, &[transport]).await.unwrap().status,
            200
        );
        assert_eq!(raw.ask("PLAY", &url, &[]).await.unwrap().status, 200);
        raw
    }

    pub(crate) async fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes).await
    }

    /// The text of the next request.
    pub(crate) fn request(&mut self, method: &str, url: &str, headers: &[(&str, &str)]) -> String {
        self.cseq += 1;
        let mut text = format!("{method} {url} RTSP/1.0\r\nCSeq: {}\r\n", self.cseq);
        let session = self.session.as_deref().map(|id| ("Session", id));
        for (name, value) in headers.iter().copied().chain(session) {
            text.extend([name, ": ", value, "\r\n"]);
        }
        text + "\r\n"
    }

    /// Asks, and waits for the answer. Packets on the way are kept.
    pub(crate) async fn ask(
        &mut self,
        method: &str,
        url: &str,
        headers: &[(&str, &str)],
    ) -> io::Result<Answer> {
        let request = self.request(method, url, headers);
        self.send(request.as_bytes()).await?;
        self.answer().await
    }

    /// The next answer.
    pub(crate) async fn answer(&mut self) -> io::Result<Answer> {
        loop {
            match within("an answer", self.message()).await? {
                Message::Frame(frame) => self.frames.push_back(frame),
                Message::Answer(answer) => {
                    if let Some(session) = answer.header("Session") {
                        self.session = session.split(';').next().map(str::to_owned);
                    }
                    return Ok(answer);
                }
            }
        }
    }

    /// The next packet of any channel.
    pub(crate) async fn frame(&mut self) -> io::Result<Frame> {
        if let Some(frame) = self.frames.pop_front() {
            return Ok(frame);
        }
        match within("a packet", self.message()).await? {
            Message::Frame(frame) => Ok(frame),
            Message::Answer(answer) => panic!("an answer nobody asked for: {}", answer.head),
        }
    }

    /// The next RTP packet.
    pub(crate) async fn rtp(&mut self) -> Frame {
        loop {
            let frame = self.frame().await.unwrap();
            if frame.is_rtp() {
                return frame;
            }
        }
    }

    /// The next report.
    pub(crate) async fn report(&mut self) -> (u32, u32) {
        loop {
            let frame = self.frame().await.unwrap();
            if !frame.is_rtp() {
                return frame.report();
            }
        }
    }

    /// Reads until the server closes, and says how: `Ok` if it was in order.
    pub(crate) async fn read_to_end(&mut self) -> io::Result<()> {
        within("the end of the connection", async {
            let mut scratch = vec![0; 4096];
            while self.stream.read(&mut scratch).await? > 0 {}
            Ok(())
        })
        .await
    }

    async fn message(&mut self) -> io::Result<Message> {
        loop {
            if let Some(message) = self.take() {
                return Ok(message);
            }
            if self.stream.read_buf(&mut self.input).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
    }

    fn take(&mut self) -> Option<Message> {
        let input = &mut self.input;
        if *input.first()? == b'$' {
            let length = usize::from(u16::from_be_bytes(input.get(2..4)?.try_into().unwrap()));
            if input.len() < 4 + length {
                return None;
            }
            let channel = input[1];
            input.advance(4);
            let bytes = input.split_to(length).freeze();
            return Some(Message::Frame(Frame { channel, bytes }));
        }
        let end = input.windows(4).position(|four| four == b"\r\n\r\n")? + 4;
        let head = String::from_utf8(input[..end].to_vec()).unwrap();
        let mut answer = Answer {
            status: head.split(' ').nth(1)?.parse().unwrap(),
            head,
            body: Bytes::new(),
        };
        let length = match answer.header("Content-Length") {
            Some(length) => length.parse().unwrap(),
            None => 0,
        };
        if input.len() < end + length {
            return None;
        }
        input.advance(end);
        answer.body = input.split_to(length).freeze();
        Some(Message::Answer(answer))
    }
}
