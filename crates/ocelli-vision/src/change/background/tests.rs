//! What opens the change gate, and what must not: each with its opposite.

use super::*;

/// A scene with edges, and noise that is the same in every run.
struct Scene {
    random: u64,
    noise: f32,
    gain: f32,
    offset: f32,
}

impl Scene {
    fn new(noise: f32) -> Self {
        Self {
            random: 9,
            noise,
            gain: 1.0,
            offset: 0.0,
        }
    }

    /// About normal, of deviation 1.
    fn chance(&mut self) -> f32 {
        (0..4)
            .map(|_| {
                self.random ^= self.random << 13;
                self.random ^= self.random >> 7;
                self.random ^= self.random << 17;
                (self.random >> 40) as f32 / (1 << 24) as f32 - 0.5
            })
            .sum::<f32>()
            * 1.73
    }

    /// The scene, with things of `width` x `height` and a luma in it.
    fn picture(&mut self, things: &[(usize, usize, usize, usize, f32)]) -> Luma {
        let mut samples = Vec::with_capacity(WIDTH * HEIGHT);
        for at in 0..WIDTH * HEIGHT {
            let (x, y) = (at % WIDTH, at / WIDTH);
            let mut light = 60.0 + 90.0 * (((x / 20 + y / 15) % 2) as f32) + y as f32 / 3.0;
            for &(left, top, width, height, luma) in things {
                if (left..left + width).contains(&x) && (top..top + height).contains(&y) {
                    light = luma;
                }
            }
            let noise = self.noise * self.chance();
            let seen = self.gain * light + self.offset + noise;
            samples.push(seen.round().clamp(0.0, 255.0) as u8);
        }
        Luma::from_samples(samples)
    }
}

/// A gate that knows the scene.
fn settled(scene: &mut Scene, pictures: usize) -> ChangeGate {
    let mut gate = ChangeGate::default();
    assert!(
        gate.judge_and_learn(&scene.picture(&[]), &[]).whole,
        "the first picture opens"
    );
    for _ in 0..pictures {
        gate.judge_and_learn(&scene.picture(&[]), &[]);
    }
    gate
}

#[test]
fn noise_does_not_open_and_a_person_does() {
    for noise in [0.5, 1.5, 3.5] {
        let mut scene = Scene::new(noise);
        let mut gate = settled(&mut scene, 40);
        for _ in 0..200 {
            let change = gate.judge_and_learn(&scene.picture(&[]), &[]);
            assert!(!change.opened, "noise {noise}: {change:?}");
        }
        // 4 x 9 pixels of 160 x 90: 16 x 36 of 640 x 360.
        let change = gate.judge(&scene.picture(&[(30, 40, 4, 9, 20.0)]), &[]);
        assert!(change.opened, "noise {noise}: {change:?}");
        let patch = change.patch.unwrap();
        assert!(
            (28..=31).contains(&patch.left) && (38..=41).contains(&patch.top),
            "{patch:?}"
        );
    }
}

#[test]
fn slow_light_does_not_open_and_what_comes_in_it_does() {
    let mut scene = Scene::new(1.0);
    let mut gate = settled(&mut scene, 20);
    for step in 0..150 {
        scene.gain = 1.0 - 0.4 * step as f32 / 150.0;
        scene.offset = 6.0 * step as f32 / 150.0;
        let change = gate.judge_and_learn(&scene.picture(&[]), &[]);
        assert!(!change.opened, "step {step}: {change:?}");
    }
    assert!(
        gate.judge(&scene.picture(&[(100, 20, 5, 10, 230.0)]), &[])
            .opened
    );
}

#[test]
fn another_picture_opens_once() {
    let mut scene = Scene::new(1.0);
    let mut gate = settled(&mut scene, 20);
    // Infrared: everything is drawn anew, with more noise.
    let mut night = Scene::new(3.0);
    let invert = |night: &mut Scene| {
        let picture = night.picture(&[]);
        let samples = picture.samples().iter();
        Luma::from_samples(
            samples
                .enumerate()
                .map(|(at, &s)| if at / WIDTH % 24 < 12 { 255 - s } else { s })
                .collect(),
        )
    };
    let first = gate.judge_and_learn(&invert(&mut night), &[]);
    assert!(first.opened && first.whole, "{first:?}");
    let mut opens = 0;
    for _ in 0..60 {
        opens += usize::from(gate.judge_and_learn(&invert(&mut night), &[]).opened);
    }
    assert_eq!(
        opens, 0,
        "a change of the whole picture holds the gate open"
    );
}

#[test]
fn what_stays_is_taken_into_the_background_and_its_leaving_opens() {
    let car = [(60, 50, 20, 10, 200.0)];
    let mut scene = Scene::new(1.0);
    let mut gate = settled(&mut scene, 20);
    assert!(gate.judge_and_learn(&scene.picture(&car), &[]).opened);
    assert!(
        gate.judge_and_learn(&scene.picture(&car), &[]).opened,
        "not yet"
    );
    gate.settle(&scene.picture(&car));
    for _ in 0..20 {
        assert!(!gate.judge_and_learn(&scene.picture(&car), &[]).opened);
    }
    assert!(gate.judge(&scene.picture(&[]), &[]).opened, "it left");
}

#[test]
fn blind_places_do_not_open_and_others_do() {
    let mut scene = Scene::new(1.0);
    let mut gate = settled(&mut scene, 20);
    let tree = (10, 10, 8, 8, 250.0);
    let opened = gate.judge(&scene.picture(&[tree]), &[]);
    let blind = [opened.patch.unwrap()];
    assert!(opened.opened);
    assert!(!gate.judge(&scene.picture(&[tree]), &blind).opened);
    let person = (90, 40, 4, 9, 20.0);
    let change = gate.judge(&scene.picture(&[tree, person]), &blind);
    assert!(
        change.opened && change.patch.unwrap().left >= 88,
        "{change:?}"
    );
}

#[test]
fn a_clock_that_ticks_all_the_time_stops_opening() {
    let mut scene = Scene::new(0.5);
    let mut gate = settled(&mut scene, 20);
    let mut tick = |gate: &mut ChangeGate, second: usize| {
        let luma = if second.is_multiple_of(2) {
            235.0
        } else {
            120.0
        };
        gate.judge_and_learn(&scene.picture(&[(140, 2, 6, 4, luma)]), &[])
            .opened
    };
    assert!(tick(&mut gate, 0));
    let opens = (1..400).filter(|&second| tick(&mut gate, second)).count();
    assert!(opens < 60, "{opens} of 400");
    assert!(
        (400..440).all(|second| !tick(&mut gate, second)),
        "it is not learnt"
    );
    assert!(
        gate.judge(&scene.picture(&[(30, 40, 4, 9, 20.0)]), &[])
            .opened
    );
}
