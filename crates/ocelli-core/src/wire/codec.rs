//! Frames and their caps.

use bytes::{Buf as _, BufMut as _, Bytes, BytesMut};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::message::{FromEye, STILL_BYTES_MAX, ToEye};
use crate::{
    Codec, CodecParameters, MediaTime, MonoTime, Packet, SceneState, StreamId, TagKey, WallSource,
    WallTime,
    settings::{DetectorSettings, StreamSettings},
};

/// Bytes before a frame's body: kind and length.
const HEAD_BYTES: usize = 5;

/// What is wrong with a frame. The connection is of no use after it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WireError {
    /// No such kind in this direction.
    #[error("unknown kind of message {0}")]
    UnknownKind(u8),
    /// Longer than its kind allows.
    #[error("message of kind {kind} with {length} bytes, at most {cap} allowed")]
    TooLong {
        /// The kind.
        kind: u8,
        /// Its length.
        length: usize,
        /// The cap.
        cap: usize,
    },
    /// The body does not decode.
    #[error("message of kind {0} does not decode")]
    Malformed(u8),
}

/// The most room that is made for bytes that have not come.
const RESERVED_BYTES_MAX: usize = 1024 * 1024;

/// One frame: kind and body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    kind: u8,
    body: Bytes,
}

/// Cuts frames out of a stream of bytes.
#[derive(Debug)]
pub struct FrameReader {
    buffer: BytesMut,
    cap_of: fn(u8) -> Option<usize>,
}

impl FrameReader {
    /// Reads what a parent sends.
    pub fn to_eye() -> Self {
        Self {
            buffer: BytesMut::new(),
            cap_of: to_eye_cap,
        }
    }

    /// Reads what an eye sends.
    pub fn from_eye() -> Self {
        Self {
            buffer: BytesMut::new(),
            cap_of: from_eye_cap,
        }
    }

    /// Where bytes that arrive are to be appended.
    pub fn buffer(&mut self) -> &mut BytesMut {
        &mut self.buffer
    }

    /// The next whole frame, or `None` until more bytes arrive.
    pub fn next_frame(&mut self) -> Result<Option<Frame>, WireError> {
        if self.buffer.len() < HEAD_BYTES {
            return Ok(None);
        }
        let kind = self.buffer[0];
        let length = u32::from_le_bytes([
            self.buffer[1],
            self.buffer[2],
            self.buffer[3],
            self.buffer[4],
        ]) as usize;
        let cap = (self.cap_of)(kind).ok_or(WireError::UnknownKind(kind))?;
        if length > cap {
            return Err(WireError::TooLong { kind, length, cap });
        }
        if self.buffer.len() < HEAD_BYTES + length {
            // Only so much on the word of a length: what is longer makes room as it comes.
            let missing = HEAD_BYTES + length - self.buffer.len();
            self.buffer.reserve(missing.min(RESERVED_BYTES_MAX));
            return Ok(None);
        }
        self.buffer.advance(HEAD_BYTES);
        let body = self.buffer.split_to(length).freeze();
        Ok(Some(Frame { kind, body }))
    }
}

// Kinds towards an eye.
const HELLO: u8 = 1;
const MODEL: u8 = 2;
const ADOPT: u8 = 3;
const RECONFIGURE: u8 = 4;
const REKEY: u8 = 5;
const RELEASE: u8 = 6;
const PARAMETERS: u8 = 7;
const PACKET: u8 = 8;
const DISCONTINUITY: u8 = 9;
const END: u8 = 10;
const TICK: u8 = 11;
const SHOW: u8 = 12;
const STOP: u8 = 13;
const JUDGE: u8 = 14;

const KIB: usize = 1024;
const MIB: usize = 1024 * KIB;

fn to_eye_cap(kind: u8) -> Option<usize> {
    Some(match kind {
        HELLO | REKEY | RELEASE | DISCONTINUITY | JUDGE | END | TICK | SHOW | STOP => 256,
        MODEL => 512 * MIB,
        ADOPT => SceneState::BYTES_MAX + MIB,
        RECONFIGURE => MIB,
        PARAMETERS => 64 * KIB,
        PACKET => Packet::BYTES_MAX + 256,
        _ => return None,
    })
}

// Kinds from an eye. Each variant has a kind of its own so that each has a cap of its own.
const READY: u8 = 65;
const MODEL_LOADED: u8 = 66;
const WANT: u8 = 67;
const EVENTS: u8 = 68;
const BOXES: u8 = 69;
const STILL: u8 = 70;
const COUNTS: u8 = 71;
const SCENE_STATE: u8 = 72;
const RELEASED: u8 = 73;
const ENDED: u8 = 74;
const HEALTH: u8 = 75;
const UNFIT: u8 = 76;
const DETECTIONS: u8 = 77;
const ATTENTION: u8 = 78;

fn from_eye_cap(kind: u8) -> Option<usize> {
    Some(match kind {
        READY | MODEL_LOADED | BOXES | DETECTIONS => 64 * KIB,
        WANT | ATTENTION | ENDED => 256,
        HEALTH => 2 * KIB,
        COUNTS => MIB,
        EVENTS => SceneState::BYTES_MAX + MIB,
        STILL => STILL_BYTES_MAX + 256,
        SCENE_STATE | RELEASED => SceneState::BYTES_MAX + 64,
        UNFIT => 4 * KIB,
        _ => return None,
    })
}

fn from_eye_kind(message: &FromEye) -> u8 {
    match message {
        FromEye::Ready { .. } => READY,
        FromEye::ModelLoaded { .. } => MODEL_LOADED,
        FromEye::Want { .. } => WANT,
        FromEye::Attention { .. } => ATTENTION,
        FromEye::Events { .. } => EVENTS,
        FromEye::Boxes { .. } => BOXES,
        FromEye::Detections { .. } => DETECTIONS,
        FromEye::Still { .. } => STILL,
        FromEye::Counts { .. } => COUNTS,
        FromEye::SceneState { .. } => SCENE_STATE,
        FromEye::Released { .. } => RELEASED,
        FromEye::Ended { .. } => ENDED,
        FromEye::Health(_) => HEALTH,
        FromEye::Unfit { .. } => UNFIT,
    }
}

/// What stands before the bulk of a packet.
#[derive(Serialize, Deserialize)]
struct PacketHead {
    stream: StreamId,
    generation: u32,
    dts: MediaTime,
    pts: MediaTime,
    received: MonoTime,
    wall: WallTime,
    wall_source: WallSource,
    key: bool,
    repeated: bool,
}

#[derive(Serialize, Deserialize)]
struct ModelHead {
    id: String,
    settings: DetectorSettings,
}

#[derive(Serialize, Deserialize)]
struct ParametersHead {
    stream: StreamId,
    generation: u32,
    codec: Codec,
    width: u32,
    height: u32,
    reordered: bool,
}

/// A writer for postcard that appends to a buffer.
struct Appender<'a>(&'a mut BytesMut);

impl postcard::ser_flavors::Flavor for Appender<'_> {
    type Output = ();

    fn try_push(&mut self, data: u8) -> postcard::Result<()> {
        self.0.put_u8(data);
        Ok(())
    }

    fn try_extend(&mut self, data: &[u8]) -> postcard::Result<()> {
        self.0.extend_from_slice(data);
        Ok(())
    }

    fn finalize(self) -> postcard::Result<()> {
        Ok(())
    }
}

/// Appends one frame: `head` in postcard, then `bulk`.
fn put<H: Serialize>(
    out: &mut BytesMut,
    kind: u8,
    cap: Option<usize>,
    head: &H,
    bulk: &[u8],
) -> Result<(), WireError> {
    let start = out.len();
    out.put_u8(kind);
    out.put_u32_le(0);
    if postcard::serialize_with_flavor(head, Appender(out)).is_err() {
        out.truncate(start);
        return Err(WireError::Malformed(kind));
    }
    out.extend_from_slice(bulk);
    let length = out.len() - start - HEAD_BYTES;
    let cap = cap.unwrap_or(0);
    if length > cap {
        out.truncate(start);
        return Err(WireError::TooLong { kind, length, cap });
    }
    out[start + 1..start + HEAD_BYTES].copy_from_slice(&(length as u32).to_le_bytes());
    Ok(())
}

/// Appends `message` to `out`, or leaves `out` as it was if the message is over its cap.
pub fn encode_to_eye(message: &ToEye, out: &mut BytesMut) -> Result<(), WireError> {
    let mut plain = |kind: u8, head: &dyn ErasedHead| head.put(out, kind);
    match message {
        ToEye::Hello {
            version,
            best_effort_sandbox,
            memory_bytes_max,
        } => plain(HELLO, &(*version, *best_effort_sandbox, *memory_bytes_max)),
        ToEye::Model {
            id,
            settings,
            bytes,
        } => {
            let head = ModelHead {
                id: id.clone(),
                settings: settings.clone(),
            };
            put(out, MODEL, to_eye_cap(MODEL), &head, bytes)
        }
        ToEye::Adopt {
            stream,
            settings,
            key,
            epoch,
            state,
            expired,
        } => plain(ADOPT, &(stream, settings, key, *epoch, state, *expired)),
        ToEye::Reconfigure { stream, settings } => plain(RECONFIGURE, &(stream, settings)),
        ToEye::Rekey { stream, key } => plain(REKEY, &(stream, key)),
        ToEye::Release { stream, moving } => plain(RELEASE, &(stream, *moving)),
        ToEye::Parameters {
            stream,
            generation,
            parameters,
        } => {
            let head = ParametersHead {
                stream: *stream,
                generation: *generation,
                codec: parameters.codec,
                width: parameters.width,
                height: parameters.height,
                reordered: parameters.reordered,
            };
            let bulk = &parameters.parameter_sets;
            put(out, PARAMETERS, to_eye_cap(PARAMETERS), &head, bulk)
        }
        ToEye::Packet(packet) => {
            let head = PacketHead {
                stream: packet.stream,
                generation: packet.generation,
                dts: packet.dts,
                pts: packet.pts,
                received: packet.received,
                wall: packet.wall,
                wall_source: packet.wall_source,
                key: packet.key,
                repeated: packet.repeated,
            };
            put(out, PACKET, to_eye_cap(PACKET), &head, &packet.data)
        }
        ToEye::Discontinuity {
            stream,
            shed_micros,
        } => plain(DISCONTINUITY, &(stream, *shed_micros)),
        ToEye::Judge { stream } => plain(JUDGE, stream),
        ToEye::End { stream } => plain(END, stream),
        ToEye::Tick { now, wall } => plain(TICK, &(*now, *wall)),
        ToEye::Show { stream, rate } => plain(SHOW, &(stream, *rate)),
        ToEye::Stop => plain(STOP, &()),
    }
}

/// A head of any type, so that the plain messages share one line each.
trait ErasedHead {
    fn put(&self, out: &mut BytesMut, kind: u8) -> Result<(), WireError>;
}

impl<T: Serialize> ErasedHead for T {
    fn put(&self, out: &mut BytesMut, kind: u8) -> Result<(), WireError> {
        put(out, kind, to_eye_cap(kind), self, &[])
    }
}

/// Appends `message` to `out`, or leaves `out` as it was if the message is over its cap.
pub fn encode_from_eye(message: &FromEye, out: &mut BytesMut) -> Result<(), WireError> {
    let kind = from_eye_kind(message);
    put(out, kind, from_eye_cap(kind), message, &[])
}

impl Frame {
    /// The message, if the frame came from a parent.
    pub fn into_to_eye(self) -> Result<ToEye, WireError> {
        let kind = self.kind;
        Ok(match kind {
            HELLO => {
                let (version, best_effort_sandbox, memory_bytes_max) = self.plain()?;
                ToEye::Hello {
                    version,
                    best_effort_sandbox,
                    memory_bytes_max,
                }
            }
            MODEL => {
                let (head, bytes): (ModelHead, Bytes) = self.with_bulk()?;
                ToEye::Model {
                    id: head.id,
                    settings: head.settings,
                    bytes,
                }
            }
            ADOPT => self.adopt()?,
            RECONFIGURE => {
                let (stream, settings) = self.plain()?;
                ToEye::Reconfigure { stream, settings }
            }
            REKEY => {
                let (stream, key) = self.plain()?;
                ToEye::Rekey { stream, key }
            }
            RELEASE => {
                let (stream, moving) = self.plain()?;
                ToEye::Release { stream, moving }
            }
            PARAMETERS => {
                let (head, parameter_sets): (ParametersHead, Bytes) = self.with_bulk()?;
                ToEye::Parameters {
                    stream: head.stream,
                    generation: head.generation,
                    parameters: CodecParameters {
                        codec: head.codec,
                        parameter_sets,
                        width: head.width,
                        height: head.height,
                        reordered: head.reordered,
                    },
                }
            }
            PACKET => {
                let (head, data): (PacketHead, Bytes) = self.with_bulk()?;
                ToEye::Packet(Packet {
                    stream: head.stream,
                    generation: head.generation,
                    dts: head.dts,
                    pts: head.pts,
                    received: head.received,
                    wall: head.wall,
                    wall_source: head.wall_source,
                    key: head.key,
                    repeated: head.repeated,
                    data,
                })
            }
            DISCONTINUITY => {
                let (stream, shed_micros) = self.plain()?;
                ToEye::Discontinuity {
                    stream,
                    shed_micros,
                }
            }
            JUDGE => ToEye::Judge {
                stream: self.plain()?,
            },
            END => ToEye::End {
                stream: self.plain()?,
            },
            TICK => {
                let (now, wall) = self.plain()?;
                ToEye::Tick { now, wall }
            }
            SHOW => {
                let (stream, rate) = self.plain()?;
                ToEye::Show { stream, rate }
            }
            STOP => ToEye::Stop,
            _ => return Err(WireError::UnknownKind(kind)),
        })
    }

    fn adopt(self) -> Result<ToEye, WireError> {
        type Head = (
            StreamId,
            Box<StreamSettings>,
            TagKey,
            u64,
            Option<SceneState>,
            bool,
        );
        let (stream, settings, key, epoch, state, expired): Head = self.plain()?;
        Ok(ToEye::Adopt {
            stream,
            settings,
            key,
            epoch,
            state,
            expired,
        })
    }

    /// The message, if the frame came from an eye.
    pub fn into_from_eye(self) -> Result<FromEye, WireError> {
        let kind = self.kind;
        let message: FromEye = self.plain()?;
        if from_eye_kind(&message) == kind {
            Ok(message)
        } else {
            // A body of a kind with a larger cap under a head with a smaller one, or the reverse.
            Err(WireError::Malformed(kind))
        }
    }

    fn plain<T: DeserializeOwned>(self) -> Result<T, WireError> {
        let kind = self.kind;
        match postcard::take_from_bytes(&self.body) {
            Ok((value, [])) => Ok(value),
            _ => Err(WireError::Malformed(kind)),
        }
    }

    fn with_bulk<T: DeserializeOwned>(self) -> Result<(T, Bytes), WireError> {
        let kind = self.kind;
        let (head, rest) = postcard::take_from_bytes(&self.body)
            .map_err(|_unspecific| WireError::Malformed(kind))?;
        let bulk = self.body.slice(self.body.len() - rest.len()..);
        Ok((head, bulk))
    }
}
