//! A control connection: requests sent, answers awaited.

use std::{
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use ocelli_core::StageError;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use super::{
    Target,
    auth::Auth,
    message::{self, Message, Response},
    pipe::Pipe,
    tls,
};

/// Bytes that are read at a time while answers are awaited.
const READ_BYTES: usize = 4096;
/// How long a tear-down may take.
const TEAR_DOWN_MAX: Duration = Duration::from_secs(2);

/// Takes a packet and its channel.
pub(super) type OnFrame<'a> = dyn FnMut(u8, &[u8]) -> Result<(), StageError> + Send + 'a;

/// See the module.
pub(super) struct Connection {
    pub(super) stream: Pipe,
    pub(super) auth: Auth,
    /// Bytes that came and are not read yet: never more than a message.
    pub(super) unread: Vec<u8>,
    cseq: u32,
}

impl Connection {
    /// Connects to the target at one of its addresses.
    pub(super) async fn connect(target: &Target, at: SocketAddr) -> Result<Self, StageError> {
        let stream = TcpStream::connect(at)
            .await
            .map_err(|error| StageError::Unavailable(format!("cannot connect to {at}: {error}")))?;
        // Requests are small and answers are waited for.
        stream.set_nodelay(true).map_err(broken)?;
        let stream = if target.is_tls() {
            let pin = target.options.tls_fingerprint;
            Pipe::Tls(Box::new(tls::connect(stream, &target.url, pin).await?))
        } else {
            Pipe::Bare(stream)
        };
        Ok(Self {
            stream,
            auth: Auth::new(target.credentials.clone()),
            unread: Vec::new(),
            cseq: 0,
        })
    }

    /// The address that the camera sees.
    pub(super) fn local_ip(&self) -> Result<IpAddr, StageError> {
        Ok(self.stream.local_addr().map_err(broken)?.ip())
    }

    /// The bytes of the next request.
    pub(super) fn next_request(
        &mut self,
        method: &str,
        uri: &str,
        headers: &[(&str, &str)],
    ) -> Vec<u8> {
        self.cseq = self.cseq.wrapping_add(1);
        let authorization = self.auth.header(method, uri);
        let mut all = headers.to_vec();
        if let Some(authorization) = &authorization {
            all.push(("Authorization", authorization));
        }
        message::request(method, uri, self.cseq, &all)
    }

    /// Sends a request and awaits its answer; packets that come before it go to `frame`. Who is
    /// asked for user and password tries once.
    ///
    /// # Errors
    /// [`StageError::Rejected`] where the camera refuses or is none, [`StageError::Unavailable`]
    /// where the connection fails.
    pub(super) async fn request(
        &mut self,
        method: &str,
        uri: &str,
        headers: &[(&str, &str)],
        frame: &mut OnFrame<'_>,
    ) -> Result<Response, StageError> {
        let mut has_tried = false;
        loop {
            let request = self.next_request(method, uri, headers);
            self.send(&request).await?;
            let response = self.response(frame).await?;
            if response.status != 401 {
                return check(response);
            }
            if has_tried {
                return Err(StageError::Rejected("wrong user or password".to_owned()));
            }
            has_tried = true;
            self.auth.challenge(&response)?;
        }
    }

    async fn send(&mut self, bytes: &[u8]) -> Result<(), StageError> {
        self.stream.write_all(bytes).await.map_err(broken)?;
        self.stream.flush().await.map_err(broken)
    }

    /// Awaits the answer to the last request.
    async fn response(&mut self, frame: &mut OnFrame<'_>) -> Result<Response, StageError> {
        loop {
            while let Some((message, taken)) = message::first(&self.unread)? {
                let mut answer = None;
                let mut refusal = None;
                match message {
                    Message::Frame { channel, packet } => frame(channel, packet)?,
                    Message::Request { cseq } => refusal = Some(message::refusal(cseq)),
                    // Cameras are known that answer without the number, or late to something else.
                    Message::Response(response)
                        if response.cseq().is_none_or(|cseq| cseq == self.cseq) =>
                    {
                        answer = Some(response);
                    }
                    Message::Response(_) => {}
                }
                self.unread.drain(..taken);
                if let Some(refusal) = refusal {
                    self.send(&refusal).await?;
                }
                if let Some(answer) = answer {
                    return Ok(answer);
                }
            }
            let start = self.unread.len();
            self.unread.resize(start + READ_BYTES, 0);
            let read = self.stream.read(&mut self.unread[start..]).await;
            self.unread.truncate(start + *read.as_ref().unwrap_or(&0));
            if read.map_err(broken)? == 0 {
                return Err(StageError::Unavailable(
                    "the camera closed the connection".to_owned(),
                ));
            }
        }
    }

    /// Ends a session politely, on this connection and in the background: nobody waits for it.
    pub(super) fn tear_down(mut self, uri: String, session: String) {
        let Ok(runtime) = tokio::runtime::Handle::try_current() else {
            return;
        };
        drop(runtime.spawn(async move {
            let farewell = async {
                let headers = [("Session", session.as_str())];
                let request = self.next_request("TEARDOWN", &uri, &headers);
                self.stream.write_all(&request).await?;
                self.stream.shutdown().await?;
                // Cameras that get a reset instead of an end may keep the session.
                let mut rest = [0; READ_BYTES];
                while self.stream.read(&mut rest).await? > 0 {}
                Ok::<(), std::io::Error>(())
            };
            if let Ok(Err(error)) = tokio::time::timeout(TEAR_DOWN_MAX, farewell).await {
                tracing::debug!(%error, "a camera was left without a farewell");
            }
        }));
    }
}

const NO_SUCH_STREAM: &str = "the camera has no stream of this name";
const REFUSES: &str = "the camera refuses";

/// Whether another path of the same camera may do better.
pub(super) fn is_of_path(error: &StageError) -> bool {
    matches!(error, StageError::Rejected(text)
        if [NO_SUCH_STREAM, REFUSES].iter().any(|start| text.starts_with(start)))
}

/// Sorts answers by what to do about them.
fn check(response: Response) -> Result<Response, StageError> {
    let status = response.status;
    match status {
        200..=299 => Ok(response),
        300..=399 => {
            let to = response
                .header("Location")
                .and_then(|location| location.parse::<url::Url>().ok())
                .and_then(|url| url.host_str().map(str::to_owned))
                .unwrap_or_else(|| "another address".to_owned());
            Err(StageError::Rejected(format!(
                "the camera redirects to {to} ({status}): redirects are not followed, give that \
                 address instead"
            )))
        }
        403 => Err(StageError::Rejected(
            "the camera forbids it (403)".to_owned(),
        )),
        404 => Err(StageError::Rejected(format!("{NO_SUCH_STREAM} (404)"))),
        454 => Err(StageError::Unavailable(
            "the camera ended the session (454)".to_owned(),
        )),
        461 => Err(StageError::Rejected(
            "the camera does not send packets that way (461): try the other `transport`".to_owned(),
        )),
        453 | 500.. => Err(StageError::Unavailable(format!(
            "the camera cannot do it now ({status})"
        ))),
        _ => Err(StageError::Rejected(format!("{REFUSES} ({status})"))),
    }
}

#[expect(clippy::needless_pass_by_value, reason = "as `map_err` gives it")]
fn broken(error: std::io::Error) -> StageError {
    StageError::Unavailable(format!("the connection to the camera failed: {error}"))
}
