//! One connection to a broker, kept up for ever. A batch is delivered when the broker has
//! acknowledged all of it (quality of service 1).

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use bytes::{Bytes, BytesMut};
use ocelli_core::StageError;
use rumqttc::mqttbytes::{
    Error, QoS,
    v4::{Connect, ConnectReturnCode, Packet, Publish, Subscribe},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    sync::{mpsc, oneshot},
    time::{Instant, Interval, MissedTickBehavior, interval, sleep, sleep_until, timeout},
};

use super::Message;
use crate::outgoing::{Duplex, Endpoint};

/// Largest packet either way, in bytes.
const PACKET_BYTES_MAX: usize = 1 << 20;
const CONNACK_MAX: Duration = Duration::from_secs(10);
const PING_EVERY: Duration = Duration::from_secs(20);
pub(crate) const KEEP_ALIVE_SECS: u16 = 60;
const PAUSE_MIN: Duration = Duration::from_secs(1);
const PAUSE_MAX: Duration = Duration::from_mins(1);
/// What is kept is published again within this time after it was asked for.
const JITTER_MAX: Duration = Duration::from_secs(5);
const READ_BYTES: usize = 16 << 10;

/// Messages, and who waits for them.
pub(crate) struct Batch {
    pub(crate) messages: Vec<Message>,
    pub(crate) done: oneshot::Sender<Result<(), StageError>>,
}

/// How to speak to a broker.
pub(crate) struct Broker {
    pub(crate) endpoint: Endpoint,
    pub(crate) connect: Connect,
    /// Published when a connection stands.
    pub(crate) greeting: Message,
    /// Published by others when they want what is kept again: the topic and the payload.
    pub(crate) again: Option<(String, &'static [u8])>,
    /// What is kept: topic -> message.
    pub(crate) kept: BTreeMap<String, Message>,
}

impl Broker {
    /// Keeps the connection up, and publishes what comes, until nobody can ask for more.
    pub(crate) async fn run(mut self, mut batches: mpsc::Receiver<Batch>) {
        let mut failures = 0;
        loop {
            let connected = timeout(CONNACK_MAX * 3, self.connect()).await;
            let error = match connected {
                Err(_elapsed) => StageError::Unavailable("no connection in time".to_owned()),
                Ok(Err(error)) => error,
                Ok(Ok(stream)) => {
                    failures = 0;
                    let session = Session::new(stream);
                    match session.run(&mut self, &mut batches).await {
                        Ok(()) => return,
                        Err(error) => error,
                    }
                }
            };
            tracing::warn!(%error, "no connection to the broker");
            let until = Instant::now() + pause(failures, rand::random());
            failures += 1;
            // Nobody waits for a connection that may never come: whoever asks is told.
            loop {
                tokio::select! {
                    () = sleep_until(until) => break,
                    batch = batches.recv() => match batch {
                        None => return,
                        Some(batch) => drop(batch.done.send(Err(error.clone()))),
                    },
                }
            }
        }
    }

    /// Connects and is let in.
    async fn connect(&self) -> Result<Box<dyn Duplex>, StageError> {
        let mut stream = self.endpoint.connect().await?;
        let mut out = BytesMut::new();
        Packet::Connect(self.connect.clone())
            .write(&mut out, PACKET_BYTES_MAX)
            .map_err(|error| malformed(&error))?;
        stream.write_all(&out).await.map_err(|error| lost(&error))?;
        let mut bytes = BytesMut::new();
        let packet = loop {
            match Packet::read(&mut bytes, PACKET_BYTES_MAX) {
                Err(Error::InsufficientBytes(_)) => {
                    // One byte at a time: what follows is not ours to read yet.
                    let byte = stream.read_u8().await.map_err(|error| lost(&error))?;
                    bytes.extend_from_slice(&[byte]);
                }
                packet => break packet.map_err(|error| malformed(&error))?,
            }
        };
        let Packet::ConnAck(answer) = packet else {
            return Err(StageError::Unavailable(
                "what answers is no MQTT broker".to_owned(),
            ));
        };
        match answer.code {
            ConnectReturnCode::Success => Ok(stream),
            ConnectReturnCode::ServiceUnavailable => Err(StageError::Unavailable(
                "the broker is not available".to_owned(),
            )),
            ConnectReturnCode::BadUserNamePassword | ConnectReturnCode::NotAuthorized => Err(
                StageError::Rejected("the broker refuses the user name or the password".to_owned()),
            ),
            _ => Err(StageError::Rejected(
                "the broker refuses the connection".to_owned(),
            )),
        }
    }
}

fn lost(error: &std::io::Error) -> StageError {
    StageError::Unavailable(error.to_string())
}

fn malformed(error: &Error) -> StageError {
    StageError::Unavailable(format!("a packet is malformed: {error}"))
}

/// The pause after some failures in a row: doubled each time, between half and all of it by
/// chance.
fn pause(failures: u32, chance: f64) -> Duration {
    let whole = PAUSE_MIN.saturating_mul(1 << failures.min(16));
    whole.min(PAUSE_MAX).mul_f64(0.5 + chance / 2.0)
}

/// A connection that stands.
struct Session {
    stream: Box<dyn Duplex>,
    received: BytesMut,
    to_send: BytesMut,
    next_id: u16,
    /// Packets of the batch that the broker has not acknowledged.
    open: BTreeSet<u16>,
    done: Option<oneshot::Sender<Result<(), StageError>>>,
    is_pinged: bool,
}

impl Session {
    fn new(stream: Box<dyn Duplex>) -> Self {
        Self {
            stream,
            received: BytesMut::new(),
            to_send: BytesMut::new(),
            next_id: 1,
            open: BTreeSet::new(),
            done: None,
            is_pinged: false,
        }
    }

    /// Ok: nobody can ask for more.
    async fn run(
        mut self,
        broker: &mut Broker,
        batches: &mut mpsc::Receiver<Batch>,
    ) -> Result<(), StageError> {
        let ended = self.work(broker, batches).await;
        if let (Err(error), Some(done)) = (&ended, self.done.take()) {
            done.send(Err(error.clone())).ok();
        }
        ended
    }

    async fn work(
        &mut self,
        broker: &mut Broker,
        batches: &mut mpsc::Receiver<Batch>,
    ) -> Result<(), StageError> {
        self.publish(&broker.greeting)?;
        if let Some((topic, _)) = &broker.again {
            let id = self.id();
            let mut subscribe = Subscribe::new(topic, QoS::AtMostOnce);
            subscribe.pkid = id;
            self.put(&Packet::Subscribe(subscribe))?;
        }
        for message in broker.kept.values() {
            self.publish(message)?;
        }
        let mut ticks = every(PING_EVERY);
        let mut again: Option<Instant> = None;
        loop {
            let is_free = self.open.is_empty();
            let at = again.unwrap_or_else(Instant::now);
            tokio::select! {
                event = turn(&mut self.stream, &mut self.received, &mut self.to_send) => {
                    event?;
                    while let Some(packet) = self.packet()? {
                        if self.take(packet, broker) {
                            again = Some(Instant::now() + JITTER_MAX.mul_f64(rand::random()));
                        }
                    }
                }
                batch = batches.recv(), if is_free => match batch {
                    None => return self.leave().await,
                    Some(batch) => self.begin(batch, broker)?,
                },
                () = sleep_until(at), if again.is_some() && is_free => {
                    again = None;
                    for message in broker.kept.values() {
                        self.publish(message)?;
                    }
                }
                _ = ticks.tick() => self.ping()?,
            }
        }
    }

    fn begin(&mut self, batch: Batch, broker: &mut Broker) -> Result<(), StageError> {
        self.done = Some(batch.done);
        for message in batch.messages {
            self.publish(&message)?;
            if message.keep {
                broker.kept.insert(message.topic.clone(), message);
            }
        }
        self.settle();
        Ok(())
    }

    /// Tells whoever waits, if nothing is open any more.
    fn settle(&mut self) {
        if self.open.is_empty()
            && let Some(done) = self.done.take()
        {
            done.send(Ok(())).ok();
        }
    }

    /// Whether what is kept was asked for.
    fn take(&mut self, packet: Packet, broker: &Broker) -> bool {
        match packet {
            Packet::PubAck(ack) => {
                self.open.remove(&ack.pkid);
                self.settle();
            }
            Packet::PingResp => self.is_pinged = false,
            Packet::Publish(publish) => {
                return broker.again.as_ref().is_some_and(|(topic, payload)| {
                    publish.topic == *topic && publish.payload == *payload
                });
            }
            _ => {}
        }
        false
    }

    fn packet(&mut self) -> Result<Option<Packet>, StageError> {
        match Packet::read(&mut self.received, PACKET_BYTES_MAX) {
            Ok(packet) => Ok(Some(packet)),
            Err(Error::InsufficientBytes(_)) => Ok(None),
            Err(error) => Err(malformed(&error)),
        }
    }

    fn id(&mut self) -> u16 {
        // There are never as many open as there are numbers: a batch is bounded.
        while self.open.contains(&self.next_id) {
            self.next_id = self.next_id.checked_add(1).unwrap_or(1);
        }
        let id = self.next_id;
        self.next_id = self.next_id.checked_add(1).unwrap_or(1);
        id
    }

    fn publish(&mut self, message: &Message) -> Result<(), StageError> {
        let payload = Bytes::from(message.payload.clone());
        let mut publish = Publish::from_bytes(&message.topic, QoS::AtLeastOnce, payload);
        publish.retain = message.retain;
        publish.pkid = self.id();
        self.open.insert(publish.pkid);
        self.put(&Packet::Publish(publish))
    }

    fn put(&mut self, packet: &Packet) -> Result<(), StageError> {
        packet
            .write(&mut self.to_send, PACKET_BYTES_MAX)
            .map(drop)
            .map_err(|error| malformed(&error))
    }

    fn ping(&mut self) -> Result<(), StageError> {
        if self.is_pinged {
            return Err(StageError::Unavailable("the broker is silent".to_owned()));
        }
        self.is_pinged = true;
        self.put(&Packet::PingReq)
    }

    /// Ends without a goodbye, so that the broker publishes the last will.
    async fn leave(&mut self) -> Result<(), StageError> {
        timeout(PAUSE_MIN, self.stream.shutdown()).await.ok();
        Ok(())
    }
}

/// Reads or writes, whichever is possible first.
async fn turn(
    stream: &mut Box<dyn Duplex>,
    received: &mut BytesMut,
    to_send: &mut BytesMut,
) -> Result<(), StageError> {
    received.reserve(READ_BYTES);
    let (mut reading, mut writing) = tokio::io::split(stream);
    let has_more = !to_send.is_empty();
    tokio::select! {
        read = reading.read_buf(received) => match read {
            Ok(0) => Err(StageError::Unavailable("the broker closed the connection".to_owned())),
            Ok(_) => Ok(()),
            Err(error) => Err(lost(&error)),
        },
        written = writing.write_buf(to_send), if has_more => match written {
            Ok(0) => Err(StageError::Unavailable("the broker takes no more".to_owned())),
            Ok(_) => writing.flush().await.map_err(|error| lost(&error)),
            Err(error) => Err(lost(&error)),
        },
    }
}

fn every(period: Duration) -> Interval {
    let mut ticks = interval(period);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks.reset();
    ticks
}

/// Waits for the answer to a batch.
pub(crate) async fn answer(
    answer: oneshot::Receiver<Result<(), StageError>>,
    limit: Duration,
) -> Result<(), StageError> {
    tokio::select! {
        answer = answer => answer.map_err(|_gone| {
            StageError::Unavailable("nothing speaks to the broker any more".to_owned())
        })?,
        () = sleep(limit) => Err(StageError::Unavailable(
            "the broker does not acknowledge".to_owned(),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn pauses_double_up_to_a_minute() {
        assert_eq!(pause(0, 1.0), PAUSE_MIN);
        assert_eq!(pause(3, 0.0), PAUSE_MIN * 4);
        assert_eq!(pause(u32::MAX, 1.0), PAUSE_MAX);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]

        #[test]
        fn any_packet_is_read_without_harm(first: u8, body in proptest::collection::vec(any::<u8>(), 0..100)) {
            let mut bytes = BytesMut::from(&[first, body.len() as u8][..]);
            bytes.extend_from_slice(&body);
            if let Ok(packet) = Packet::read(&mut bytes, PACKET_BYTES_MAX) {
                prop_assert!(packet.size() > 0);
            }
        }
    }
}
