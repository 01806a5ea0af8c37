//! The shift that most objects share, taken for the camera's own. There are no pixels here, so it
//! is estimated from the boxes: a wind-shaken pole or a knocked camera moves them all at once.

use super::object::Object;
use crate::{clean::Seen, plane::Vec2};

/// Objects that have to agree.
const AGREE_MIN: usize = 3;
/// The most objects and boxes that are asked, and the most objects whose shifts are tried.
const KNOWN_MAX: usize = 24;
const BOXES_MAX: usize = 100;
const TRIED_MAX: usize = 8;

/// The middle of the surprises of well-known objects, each with the object's size, if they agree:
/// the median, where most lie much nearer to it than it is long.
pub(crate) fn common_surprise(known: &[(Vec2, f32)]) -> Option<Vec2> {
    if known.len() <= AGREE_MIN {
        return None;
    }
    let middle = Vec2 {
        x: median(known.iter().map(|(surprise, _)| surprise.x)),
        y: median(known.iter().map(|(surprise, _)| surprise.y)),
    };
    let spread = median(known.iter().map(|(one, _)| one.minus(middle).length()));
    let size = median(known.iter().map(|(_, size)| *size));
    (spread < 0.7 * middle.length() && middle.length() > 0.02 * size).then_some(middle)
}

fn median(values: impl Iterator<Item = f32>) -> f32 {
    let mut values: Vec<f32> = values.collect();
    let half = values.len() / 2;
    *values.select_nth_unstable_by(half, f32::total_cmp).1
}

/// The one shift that puts most of these objects onto boxes. Every shift that puts one of a few of
/// them onto a box is tried on all.
pub(crate) fn common_shift(known: &[&Object], seen: &[Seen]) -> Option<Vec2> {
    let known = &known[..known.len().min(KNOWN_MAX)];
    let seen = &seen[..seen.len().min(BOXES_MAX)];
    if known.len() < AGREE_MIN {
        return None;
    }
    let mut best: Option<(usize, f32, Vec2)> = None;
    for object in known.iter().take(TRIED_MAX) {
        for one in seen {
            let Some(shift) = fitting(object, one, Vec2::default(), 2.0) else {
                continue;
            };
            let (agree, mean) = support(known, seen, shift);
            let length = mean.length();
            let better = best.is_none_or(|(most, shortest, _)| {
                agree > most || (agree == most && length < shortest)
            });
            if agree >= AGREE_MIN && agree * 3 >= known.len() * 2 && better {
                best = Some((agree, length, mean));
            }
        }
    }
    best.map(|(_, _, shift)| shift)
}

/// How many objects a shift puts onto boxes, and their mean shift.
fn support(known: &[&Object], seen: &[Seen], shift: Vec2) -> (usize, Vec2) {
    let (mut agree, mut total) = (0, Vec2::default());
    for object in known {
        let nearest = seen
            .iter()
            .filter_map(|one| fitting(object, one, shift, 0.25))
            .min_by(|a, b| {
                let (a, b) = (a.minus(shift).length(), b.minus(shift).length());
                a.total_cmp(&b)
            });
        if let Some(own) = nearest {
            agree += 1;
            total = total.plus(own);
        }
    }
    (agree, total.times(1.0 / agree.max(1) as f32))
}

/// The shift from the object to the box, if they are alike and it differs from `shift` by less
/// than `reach` sizes of the object.
fn fitting(object: &Object, seen: &Seen, shift: Vec2, reach: f32) -> Option<Vec2> {
    let expected = object.motion.square();
    let own = seen.square.centre.minus(expected.centre);
    let off = own.minus(shift);
    let alike = |a: f32, b: f32| (a / b).ln().abs() < 0.3;
    (super::kind::Group::of(seen.label) == object.group
        && off.length() < reach * expected.size()
        && alike(seen.square.w, expected.w)
        && alike(seen.square.h, expected.h))
    .then_some(own)
}
