//! Traffic out of a seed: walkers and cars that come, stop, hide and go, through a detector that
//! misses and invents boxes.

use ocelli_core::{BBox, Detection, Label};

/// Marsaglia's xorshift: enough chance for a test, the same on every machine.
#[derive(Debug, Clone)]
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    /// 0..1.
    pub(crate) fn share(&mut self) -> f32 {
        (self.next() >> 40) as f32 / (1_u64 << 24) as f32
    }

    pub(crate) fn one_in(&mut self, number: u64) -> bool {
        self.next().is_multiple_of(number)
    }

    pub(crate) fn between(&mut self, least: f32, most: f32) -> f32 {
        least + (most - least) * self.share()
    }
}

#[derive(Debug, Clone)]
struct Mover {
    label: Label,
    x: f32,
    y: f32,
    speed: f32,
    h: f32,
    stands_until: f64,
}

#[derive(Debug, Clone)]
pub(crate) struct Traffic {
    dice: Dice,
    movers: Vec<Mover>,
    now: f64,
    /// New ones a second.
    rate: f32,
}

impl Traffic {
    pub(crate) fn new(seed: u64, rate: f32) -> Self {
        Self {
            dice: Dice::new(seed),
            movers: Vec::new(),
            now: 0.0,
            rate,
        }
    }

    /// What a detector finds `dt` seconds later.
    pub(crate) fn step(&mut self, dt: f64) -> Vec<Detection> {
        self.now += dt;
        if self.dice.share() < self.rate * dt as f32 && self.movers.len() < 40 {
            self.come();
        }
        let mut found = Vec::new();
        for mover in &mut self.movers {
            if self.now >= mover.stands_until {
                mover.x += mover.speed * dt as f32;
                if self.dice.share() < 0.02 * dt as f32 {
                    mover.stands_until = self.now + f64::from(self.dice.between(5.0, 60.0));
                }
            }
            if self.dice.share() < 0.05 {
                continue;
            }
            let wide = if mover.label == Label::Person {
                0.25
            } else {
                1.2
            };
            let (w, h) = (mover.h * wide, mover.h);
            let (shake_x, shake_y) = (self.dice.share() - 0.5, self.dice.share() - 0.5);
            let bbox = BBox {
                x: mover.x - w / 2.0 + 0.03 * w * shake_x,
                y: mover.y - h + 0.03 * h * shake_y,
                w,
                h,
            };
            found.extend(bbox.clipped().map(|bbox| Detection {
                bbox,
                label: mover.label,
                score: 0.3 + 0.65 * self.dice.share().sqrt(),
            }));
        }
        if self.dice.share() < 0.02 {
            let (x, y) = (self.dice.share() * 0.9, self.dice.share() * 0.8);
            found.push(Detection {
                bbox: BBox {
                    x,
                    y,
                    w: 0.05,
                    h: 0.15,
                },
                label: Label::Person,
                score: self.dice.between(0.1, 0.6),
            });
        }
        self.movers.retain(|mover| (-0.3..1.3).contains(&mover.x));
        found
    }

    fn come(&mut self) {
        let person = self.dice.share() < 0.6;
        let right = self.dice.share() < 0.5;
        let speed = if person {
            self.dice.between(0.03, 0.1)
        } else {
            self.dice.between(0.1, 0.4)
        };
        self.movers.push(Mover {
            label: if person { Label::Person } else { Label::Car },
            x: if right { -0.1 } else { 1.1 },
            y: self.dice.between(0.3, 0.95),
            speed: if right { speed } else { -speed },
            h: self.dice.between(0.1, 0.3),
            stands_until: 0.0,
        });
    }
}
