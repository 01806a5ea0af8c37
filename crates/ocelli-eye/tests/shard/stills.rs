//! Stills and plates as they leave a shard. People are bright, the scene is dark: a bright pixel in
//! what comes out is a leak.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::{
    collections::BTreeMap,
    rc::Rc,
    sync::{Arc, Mutex},
};

use bytes::Bytes;
use ocelli_core::{
    BBox, Codec, CodecParameters, Detection, Detections, Label, MediaTime, MonoTime, Packet,
    Picture, PictureBuffer, Point, StageError, StreamId, TagKey, WallSource, WallTime,
    seam::{Decoder, Detector},
    settings::{DecoderKind, DetectorSettings, StillLevel, StreamSettings},
    wire::{FromEye, LoadedModel, StillPurpose, ToEye},
};
use ocelli_eye::{Kit, Shard, blackbox::BlackBox};

use crate::scripted::{model_settings, parameters};

const STREAM: StreamId = StreamId(3);
const SIZE: (usize, usize) = (160, 96);
const SECOND: i64 = 1_000_000;
/// Luma that the empty scene stays below and people stay above.
const BRIGHT: u8 = 150;

/// Who stands where, and whether the detector sees it, by time.
type Script = Arc<Mutex<BTreeMap<i64, (Vec<BBox>, Found)>>>;

#[derive(Clone, Copy, PartialEq)]
enum Found {
    All,
    None,
    Failure,
}

struct PaintedKit(Script);

struct Painter(Script);

struct Planes([Vec<u8>; 3]);

impl PictureBuffer for Planes {
    fn plane(&self, index: usize) -> (&[u8], usize) {
        (&self.0[index], SIZE.0 >> usize::from(index > 0))
    }
}

impl Kit for PaintedKit {
    fn decoder(
        &mut self,
        _kind: DecoderKind,
        _parameters: &CodecParameters,
    ) -> Result<Box<dyn Decoder>, StageError> {
        Ok(Box::new(Painter(Arc::clone(&self.0))))
    }

    fn detector(
        &mut self,
        _settings: &DetectorSettings,
        _bytes: &[u8],
    ) -> Result<(Box<dyn Detector>, LoadedModel), StageError> {
        let loaded = LoadedModel {
            labels: vec![Label::Person],
            dropped_classes: Vec::new(),
            provider: "scripted".to_owned(),
        };
        Ok((Box::new(Painter(Arc::clone(&self.0))), loaded))
    }
}

impl Decoder for Painter {
    fn decode(&mut self, packet: &Packet, pictures: &mut Vec<Picture>) -> Result<(), StageError> {
        let script = self.0.lock().unwrap();
        let people = &script[&packet.pts.micros].0;
        let luma = (0..SIZE.1).flat_map(|y| (0..SIZE.0).map(move |x| (x, y)));
        let luma = luma.map(|(x, y)| {
            let place = (x as f32 / SIZE.0 as f32, y as f32 / SIZE.1 as f32);
            let inside = people.iter().any(|person| {
                (person.x..person.right()).contains(&place.0)
                    && (person.y..person.bottom()).contains(&place.1)
            });
            if inside {
                200 + (x * 7 + y * 3) as u8 % 40
            } else {
                40 + (x * 5 + y * 11) as u8 % 30
            }
        });
        let colour = vec![128; SIZE.0 * SIZE.1 / 4];
        pictures.push(Picture {
            stream: packet.stream,
            at: packet.pts,
            received: packet.received,
            wall: packet.wall,
            wall_source: packet.wall_source,
            width: SIZE.0 as u32,
            height: SIZE.1 as u32,
            chroma_shift_x: 1,
            chroma_shift_y: 1,
            full_range: true,
            key: packet.key,
            buffer: Box::new(Planes([luma.collect(), colour.clone(), colour])),
        });
        Ok(())
    }

    fn flush(&mut self, _pictures: &mut Vec<Picture>) -> Result<(), StageError> {
        Ok(())
    }
}

impl Detector for Painter {
    fn batch_max(&self) -> usize {
        1
    }

    fn detect(&mut self, pictures: &[Picture]) -> Result<Vec<Detections>, StageError> {
        let script = self.0.lock().unwrap();
        let picture = &pictures[0];
        let (people, found) = &script[&picture.at.micros];
        let items = people.iter().map(|&bbox| Detection {
            bbox,
            label: Label::Person,
            score: 0.9,
        });
        let items = match found {
            Found::All => items.collect(),
            Found::None => Vec::new(),
            Found::Failure => return Err(StageError::Exhausted("no time".to_owned())),
        };
        Ok(vec![Detections {
            stream: picture.stream,
            at: picture.at,
            wall: picture.wall,
            wall_source: picture.wall_source,
            aspect: 160.0 / 96.0,
            items,
        }])
    }
}

struct Rig {
    script: Script,
    shard: Shard<PaintedKit>,
    said: Vec<FromEye>,
    at: i64,
}

impl Rig {
    fn new(settings: StreamSettings) -> Self {
        let script = Script::default();
        let clock = Rc::new(|| MonoTime { micros: 1 });
        let kit = PaintedKit(Arc::clone(&script));
        let mut rig = Self {
            script,
            shard: Shard::new(kit, BlackBox::new(None), clock),
            said: Vec::new(),
            at: 0,
        };
        rig.tell(ToEye::Model {
            id: "nano".to_owned(),
            settings: model_settings(),
            bytes: Bytes::new(),
        });
        rig.tell(ToEye::Adopt {
            stream: STREAM,
            settings: Box::new(StreamSettings {
                detector: "nano".to_owned(),
                ..settings
            }),
            key: TagKey::from_seed(7, STREAM, 0),
            epoch: 11,
            state: None,
            expired: false,
        });
        rig.tell(ToEye::Parameters {
            stream: STREAM,
            generation: 1,
            parameters: parameters(),
        });
        rig
    }

    fn tell(&mut self, message: ToEye) {
        self.shard.turn(message, &mut self.said);
    }

    /// One picture, so long after the last one.
    fn look(&mut self, after: i64, people: &[BBox], found: Found) {
        self.at += after;
        let at = MediaTime { micros: self.at };
        let script = (people.to_vec(), found);
        self.script.lock().unwrap().insert(self.at, script);
        self.tell(ToEye::Packet(Packet {
            stream: STREAM,
            generation: 1,
            dts: at,
            pts: at,
            received: MonoTime { micros: 1 },
            wall: WallTime { micros: self.at },
            wall_source: WallSource::Receive,
            key: true,
            repeated: false,
            data: Bytes::from_static(b"x"),
        }));
    }

    /// Half an hour of the empty scene.
    fn learn(&mut self) {
        for _ in 0..186 {
            self.look(10 * SECOND, &[], Found::All);
        }
    }

    /// What left the shard since the last time, with the brightest luma of each.
    fn stills(&mut self) -> Vec<(StillPurpose, u8)> {
        let said = std::mem::take(&mut self.said);
        said.into_iter()
            .filter_map(|message| match message {
                FromEye::Still { purpose, jpeg, .. } => Some((purpose, brightest(jpeg))),
                _ => None,
            })
            .collect()
    }

    fn tags(&mut self) -> usize {
        let stills = self.stills();
        let of_tags = stills.iter().filter(|(purpose, brightest)| {
            assert!(*brightest < BRIGHT, "{purpose:?}: {brightest}");
            matches!(purpose, StillPurpose::Tag(_))
        });
        of_tags.count()
    }
}

fn brightest(jpeg: Vec<u8>) -> u8 {
    let parameters = CodecParameters {
        codec: Codec::Mjpeg,
        parameter_sets: Bytes::new(),
        width: 0,
        height: 0,
        reordered: false,
    };
    let mut decoder = ocelli_vision::decoder::open(DecoderKind::Libavcodec, &parameters).unwrap();
    let packet = Packet {
        stream: STREAM,
        generation: 1,
        dts: MediaTime::default(),
        pts: MediaTime::default(),
        received: MonoTime::default(),
        wall: WallTime::default(),
        wall_source: WallSource::Receive,
        key: true,
        repeated: false,
        data: jpeg.into(),
    };
    let mut pictures = Vec::new();
    decoder.decode(&packet, &mut pictures).unwrap();
    decoder.flush(&mut pictures).unwrap();
    let picture = &pictures[0];
    let (luma, stride) = picture.buffer.plane(0);
    let rows = (0..picture.height as usize).map(|y| &luma[y * stride..][..picture.width as usize]);
    rows.flatten().copied().max().unwrap()
}

const PERSON: BBox = BBox {
    x: 0.4,
    y: 0.3,
    w: 0.08,
    h: 0.4,
};

#[test]
fn each_tag_leaves_one_still_and_nobody_is_in_it() {
    let mut rig = Rig::new(StreamSettings::default());
    rig.look(SECOND, &[], Found::All);
    let first = rig.stills();
    assert_eq!(first.len(), 1, "a grid of colours stands for the plate");
    assert_eq!(first[0].0, StillPurpose::Plate);
    rig.learn();
    let plates = rig.stills();
    assert!(!plates.is_empty() && plates.iter().all(|still| still.0 == StillPurpose::Plate));
    // Somebody who is seen for five seconds, and somebody else whom the detector never sees.
    let other = BBox { x: 0.75, ..PERSON };
    for step in 0..25 {
        let person = BBox {
            x: 0.3 + step as f32 * 0.005,
            ..PERSON
        };
        rig.script.lock().unwrap().clear();
        rig.look(SECOND / 5, &[person], Found::All);
    }
    assert_eq!(rig.tags(), 1);
    for _ in 0..25 {
        rig.look(SECOND / 5, &[other], Found::None);
    }
    assert_eq!(rig.tags(), 0);
    // The twin: what stands there for as long as a plate takes can be seen in it.
    for _ in 0..260 {
        rig.look(10 * SECOND, &[other], Found::None);
    }
    let plates = rig.stills();
    assert!(plates.iter().any(|(_, brightest)| *brightest > BRIGHT));
}

#[test]
fn an_open_tag_leaves_its_still_when_the_stream_ends() {
    let mut rig = Rig::new(StreamSettings::default());
    rig.learn();
    for _ in 0..8 {
        rig.look(SECOND / 5, &[PERSON], Found::All);
    }
    assert_eq!(rig.tags(), 0, "a better one may come");
    rig.tell(ToEye::Release {
        stream: STREAM,
        moving: false,
    });
    assert_eq!(rig.tags(), 1);
}

#[test]
fn no_stills_without_a_plate_without_looks_or_where_none_are_wanted() {
    let none = StreamSettings {
        stills: StillLevel::None,
        ..StreamSettings::default()
    };
    for (settings, learns, found) in [
        (StreamSettings::default(), false, Found::All),
        (StreamSettings::default(), true, Found::Failure),
        (none, true, Found::All),
    ] {
        let mut rig = Rig::new(settings);
        if learns {
            rig.learn();
        }
        for step in 0..25 {
            // The tag is there; then every look fails that could make a still.
            let found = if step < 2 { Found::All } else { found };
            rig.look(SECOND / 5, &[PERSON], found);
        }
        assert_eq!(rig.tags(), 0);
    }
}

#[test]
fn privacy_masks_hide_from_the_plate_too() {
    let corner = |x, y| Point { x, y };
    let mask = vec![
        corner(0.35, 0.25),
        corner(0.55, 0.25),
        corner(0.55, 0.75),
        corner(0.35, 0.75),
    ];
    for masked in [true, false] {
        let mut rig = Rig::new(StreamSettings {
            privacy_masks: if masked {
                vec![mask.clone()]
            } else {
                Vec::new()
            },
            ..StreamSettings::default()
        });
        for _ in 0..200 {
            rig.look(10 * SECOND, &[PERSON], Found::None);
        }
        let bright = rig
            .stills()
            .iter()
            .any(|(_, brightest)| *brightest > BRIGHT);
        assert_eq!(bright, !masked);
    }
}
