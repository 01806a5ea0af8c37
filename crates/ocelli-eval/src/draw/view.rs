//! One moment on the canvas.

use embedded_graphics::{
    pixelcolor::Rgb888,
    prelude::{Point as Pixel, RgbColor as _, Size},
    primitives::Rectangle,
};
use ocelli_core::{Label, Point};

use super::{CAPTION, Cell, DrawnPlace, Plate, Shown, canvas::Canvas};
use crate::Rect;

/// Of a person's box on each side, over a plate: 30 % of it in all.
const MARGIN: f64 = 0.15;

pub(super) const GROUND: [u8; 3] = [40, 42, 46];
const COVER: Rgb888 = Rgb888::new(0, 0, 0);
const TRUTH: Rgb888 = Rgb888::new(235, 235, 235);
const ZONE: Rgb888 = Rgb888::new(90, 160, 255);
pub(super) const LINE: Rgb888 = Rgb888::new(255, 205, 60);

const COLOURS: [Rgb888; 8] = [
    Rgb888::new(230, 80, 80),
    Rgb888::new(80, 200, 120),
    Rgb888::new(90, 140, 255),
    Rgb888::new(240, 170, 60),
    Rgb888::new(200, 100, 230),
    Rgb888::new(70, 210, 220),
    Rgb888::new(240, 120, 180),
    Rgb888::new(170, 200, 70),
];

/// One cell on the canvas.
pub(super) struct View<'a> {
    pub(super) area: Rectangle,
    pub(super) plate: Option<&'a Plate>,
}

impl View<'_> {
    pub(super) fn draw(&self, canvas: &mut Canvas, places: &[DrawnPlace], moment: &Cell) {
        self.ground(canvas);
        // People are covered before anything else is painted.
        let people = moment.shown.iter().filter(|s| s.label == Label::Person);
        for person in people {
            if self.plate.is_some() {
                canvas.fill(self.block(grown(person.rect)), COVER);
            }
        }
        for shown in moment.shown.iter().filter(|s| s.truth) {
            self.object(canvas, shown);
        }
        for shown in moment.shown.iter().filter(|s| !s.truth) {
            self.object(canvas, shown);
        }
        for place in places {
            self.place(canvas, place);
        }
        for shown in &moment.shown {
            self.name(canvas, shown);
        }
        self.caption(canvas, moment);
    }

    fn ground(&self, canvas: &mut Canvas) {
        let Size { width, height } = self.area.size;
        for y in 0..height {
            for x in 0..width {
                let share = |at: u32, side: u32| (f64::from(at) + 0.5) / f64::from(side);
                let colour = self
                    .plate
                    .map_or(GROUND, |plate| plate.at(share(x, width), share(y, height)));
                let place = self.area.top_left + Pixel::new(x as i32, y as i32);
                canvas.set(place.x, place.y, colour);
            }
        }
    }

    fn object(&self, canvas: &mut Canvas, shown: &Shown) {
        let block = self.block(shown.rect);
        let colour = colour(shown);
        let trail: Vec<Pixel> = shown.trail.iter().map(|p| self.pixel(*p)).collect();
        canvas.polyline(&trail, colour, 1);
        match (shown.label, shown.truth) {
            (Label::Person, true) => {
                canvas.fill(block, Rgb888::new(120, 120, 120));
                canvas.outline(block, TRUTH, 1);
            }
            (Label::Person, false) => canvas.fill(block, colour),
            (_, truth) => canvas.outline(block, colour, if truth { 1 } else { 2 }),
        }
        canvas.disc(self.pixel(shown.rect.bottom_centre()), 5, colour);
    }

    fn name(&self, canvas: &mut Canvas, shown: &Shown) {
        let Rectangle { top_left, size } = self.block(shown.rect);
        // True names stand below, found ones above.
        let down = if shown.truth { size.height as i32 } else { -10 };
        let text = match shown.label {
            Label::Person => shown.tag.clone(),
            label => format!("{label} {}", shown.tag),
        };
        canvas.text(
            &text,
            top_left + Pixel::new(0, down),
            colour(shown),
            self.area,
        );
    }

    fn place(&self, canvas: &mut Canvas, place: &DrawnPlace) {
        let mut points: Vec<Pixel> = place.points.iter().map(|p| self.pixel(*p)).collect();
        let colour = if place.closed { ZONE } else { LINE };
        if let (true, Some(&first)) = (place.closed, points.first()) {
            points.push(first);
        }
        canvas.polyline(&points, colour, 2);
        if let Some(&first) = points.first() {
            canvas.text(&place.name, first + Pixel::new(3, 3), colour, self.area);
        }
        // A line has a direction: its end is marked.
        if let (false, Some(&last)) = (place.closed, points.last()) {
            canvas.disc(last, 7, colour);
        }
    }

    fn caption(&self, canvas: &mut Canvas, moment: &Cell) {
        let Rectangle { top_left, size } = self.area;
        let below = Rectangle::new(
            top_left + Pixel::new(0, size.height as i32 + 1),
            Size::new(size.width, CAPTION),
        );
        let mut text = format!("{:.2} s", moment.at_secs);
        for note in &moment.notes {
            text = format!("{text}; {note}");
        }
        canvas.text(&text, below.top_left, Rgb888::WHITE, below);
    }

    fn pixel(&self, place: Point) -> Pixel {
        let Rectangle { top_left, size } = self.area;
        let along = |share: f32, side: u32| {
            (share.clamp(0.0, 1.0) * side.saturating_sub(1) as f32).round() as i32
        };
        top_left + Pixel::new(along(place.x, size.width), along(place.y, size.height))
    }

    /// The pixels of a box, cut to the cell.
    fn block(&self, rect: Rect) -> Rectangle {
        let corner = |x: f64, y: f64| {
            self.pixel(Point {
                x: x as f32,
                y: y as f32,
            })
        };
        Rectangle::with_corners(
            corner(rect.left, rect.top),
            corner(rect.right(), rect.bottom()),
        )
    }
}

fn grown(rect: Rect) -> Rect {
    let (x, y) = (MARGIN * rect.width, MARGIN * rect.height);
    Rect::new(
        rect.left - x,
        rect.top - y,
        rect.width + 2.0 * x,
        rect.height + 2.0 * y,
    )
}

/// A colour of its own for each name found, far from grey.
fn colour(shown: &Shown) -> Rgb888 {
    if shown.truth {
        return TRUTH;
    }
    // FNV-1a, to spread similar names.
    let hash = shown.tag.bytes().fold(0x811c_9dc5_u32, |hash, byte| {
        (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193)
    });
    // Short names differ in their last bits alone: spread those too.
    let spread = hash.wrapping_mul(0x9e37_79b1) >> 16;
    COLOURS[spread as usize % COLOURS.len()]
}
