//! Sends a request over HTTP, without following a redirect, within limits.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::{Request, Uri, header};
use hyper_util::rt::TokioIo;
use ocelli_core::StageError;
use url::Url;

use crate::{
    outgoing::{Duplex, Endpoint, Scheme, parse},
    sink::Reach,
};

const SCHEMES: &[Scheme] = &[("http", 80, false), ("https", 443, true)];
const ANSWER_MAX: Duration = Duration::from_secs(30);
const ANSWER_BYTES_MAX: usize = 64 << 10;

/// Where requests go.
pub(crate) struct Target {
    url: Url,
    endpoint: Endpoint,
}

impl Target {
    pub(crate) fn parse(text: &str, reach: Reach) -> Result<Self, StageError> {
        let (url, endpoint) = parse(text, SCHEMES, reach)?;
        Ok(Self { url, endpoint })
    }

    /// Posts a body. Ok: it was taken.
    ///
    /// Err: [`StageError::Unavailable`] where it may work later, [`StageError::Rejected`] where a
    /// person has to change something.
    pub(crate) async fn post(
        &self,
        headers: &[(&str, String)],
        body: Bytes,
    ) -> Result<(), StageError> {
        let request = self.request(headers, body)?;
        let exchange = async { answer(self.endpoint.connect().await?, request).await };
        let Ok(status) = tokio::time::timeout(ANSWER_MAX, exchange).await else {
            return Err(StageError::Unavailable(format!(
                "no answer in {} s",
                ANSWER_MAX.as_secs()
            )));
        };
        match status? {
            200..300 => Ok(()),
            300..400 => Err(StageError::Rejected(
                "the answer is a redirect, which is not followed".to_owned(),
            )),
            status @ (408 | 425 | 429 | 500..) => Err(StageError::Unavailable(format!(
                "the answer has status {status}"
            ))),
            status => Err(StageError::Rejected(format!(
                "the answer has status {status}"
            ))),
        }
    }

    fn request(
        &self,
        headers: &[(&str, String)],
        body: Bytes,
    ) -> Result<Request<Full<Bytes>>, StageError> {
        let path = &self.url[url::Position::BeforePath..url::Position::AfterQuery];
        let path: Uri = path.parse().map_err(|_odd| {
            StageError::Rejected("`url` has a path that HTTP does not take".to_owned())
        })?;
        let host = &self.url[url::Position::BeforeHost..url::Position::AfterPort];
        let agent = concat!("ocelli/", env!("CARGO_PKG_VERSION"));
        let mut request = Request::post(path)
            .header(header::HOST, host)
            .header(header::USER_AGENT, agent);
        for (name, value) in headers {
            request = request.header(*name, value);
        }
        request
            .body(Full::new(body))
            .map_err(|error| StageError::Rejected(format!("a header is odd: {error}")))
    }
}

/// Sends a request over a connection, and reads the answer to its end. Ok: its status.
async fn answer(stream: Box<dyn Duplex>, request: Request<Full<Bytes>>) -> Result<u16, StageError> {
    let failed = |error: hyper::Error| StageError::Unavailable(error.to_string());
    let (mut sender, connection) = hyper::client::conn::http1::Builder::new()
        .max_headers(64)
        .max_buf_size(ANSWER_BYTES_MAX)
        .handshake(TokioIo::new(stream))
        .await
        .map_err(failed)?;
    // Both at once, on this task: when it is dropped, so is the connection.
    let exchange = async {
        let answer = sender.send_request(request).await.map_err(failed)?;
        let status = answer.status().as_u16();
        // What it says beyond its status is nobody's concern.
        Limited::new(answer.into_body(), ANSWER_BYTES_MAX)
            .collect()
            .await
            .ok();
        Ok(status)
    };
    tokio::pin!(connection);
    tokio::pin!(exchange);
    tokio::select! {
        status = &mut exchange => status,
        ended = &mut connection => match ended {
            Ok(()) => exchange.await,
            Err(error) => Err(failed(error)),
        },
    }
}
