//! A recording as a stream of items. It is read in pieces on the runtime's threads for blocking
//! work, so that no thread belongs to a stream, and a piece is all that memory holds.

use std::collections::VecDeque;

use futures_util::stream;
use ocelli_core::{
    CodecParameters, StageError,
    seam::{SourceItem, SourceStream},
};

use super::{demux::Demuxer, pace::Schedule, place::Place};

/// A piece ends with the item that passes one of these.
const PIECE_BYTES: usize = 256 * 1024;
const PIECE_ITEMS: usize = 64;

/// How a recording is played.
#[derive(Debug, Clone)]
pub(super) struct Play {
    pub(super) place: Place,
    pub(super) rate: Option<f64>,
    pub(super) paced: bool,
    pub(super) looped: bool,
}

/// Opens the recording when the first item is asked for, and gives its items.
pub(super) fn stream(play: Play) -> SourceStream {
    let schedule = play.paced.then(Schedule::default);
    let state = (Some(Reader::new(play)), VecDeque::new(), schedule);
    Box::pin(stream::unfold(
        state,
        |(mut reader, mut items, mut schedule)| async {
            while items.is_empty() {
                (reader, items) = read_piece(reader?).await;
            }
            let item = items.pop_front()?;
            if let (Some(schedule), Ok(item)) = (&mut schedule, &item) {
                schedule.hold(item).await;
            }
            Some((item, (reader, items, schedule)))
        },
    ))
}

type Items = VecDeque<Result<SourceItem, StageError>>;

/// Reads the next piece. The reader comes back where there is more.
async fn read_piece(reader: Reader) -> (Option<Reader>, Items) {
    match tokio::task::spawn_blocking(move || reader.read()).await {
        Ok(piece) => piece,
        // A bug in a demuxer is one of this stream.
        Err(failed) => match failed.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            // The runtime is shutting down.
            Err(_cancelled) => (None, VecDeque::new()),
        },
    }
}

struct Reader {
    play: Play,
    demuxer: Option<Demuxer>,
    parameters: Option<CodecParameters>,
    /// Packets since the recording was opened.
    packets: u64,
}

impl Reader {
    fn new(play: Play) -> Self {
        Self {
            play,
            demuxer: None,
            parameters: None,
            packets: 0,
        }
    }

    fn read(mut self) -> (Option<Self>, Items) {
        let (mut items, mut bytes) = (VecDeque::new(), 0);
        while items.len() < PIECE_ITEMS && bytes < PIECE_BYTES {
            match self.next() {
                Some(Ok(item)) => {
                    if let SourceItem::Packet(packet) = &item {
                        bytes += packet.data.len();
                    }
                    items.push_back(Ok(item));
                }
                Some(Err(error)) => {
                    items.push_back(Err(error));
                    return (None, items);
                }
                None => return (None, items),
            }
        }
        (Some(self), items)
    }

    fn next(&mut self) -> Option<Result<SourceItem, StageError>> {
        loop {
            let demuxer = if let Some(demuxer) = &mut self.demuxer {
                demuxer
            } else {
                let opened = self
                    .play
                    .place
                    .open()
                    .and_then(|input| Demuxer::of_input(input, self.play.rate));
                match opened {
                    Ok(demuxer) => self.demuxer.insert(demuxer),
                    Err(error) => return Some(Err(error)),
                }
            };
            match demuxer.next() {
                Some(Ok(SourceItem::Parameters(parameters))) => {
                    // The same again when the recording starts anew.
                    if self.parameters.as_ref() != Some(&parameters) {
                        self.parameters = Some(parameters.clone());
                        return Some(Ok(SourceItem::Parameters(parameters)));
                    }
                }
                Some(Ok(SourceItem::Packet(packet))) => {
                    self.packets += 1;
                    return Some(Ok(SourceItem::Packet(packet)));
                }
                None if self.packets == 0 => {
                    return Some(Err(StageError::Rejected(
                        "the recording holds no picture".to_owned(),
                    )));
                }
                None if self.play.looped => {
                    self.demuxer = None;
                    self.packets = 0;
                    return Some(Ok(SourceItem::Rewound));
                }
                other => return other,
            }
        }
    }
}
