//! Pixels to paint on, and the few things that are painted.

use std::convert::Infallible;

use embedded_graphics::{
    Pixel,
    mono_font::{MonoTextStyle, ascii::FONT_6X10},
    pixelcolor::Rgb888,
    prelude::*,
    primitives::{Circle, Polyline, PrimitiveStyle, Rectangle},
    text::{Baseline, Text},
};

use super::DrawError;

/// Width and height of a character.
const LETTER: (i32, i32) = (6, 10);

/// Rows of red, green, blue.
pub(super) struct Canvas {
    width: u32,
    height: u32,
    rgb: Vec<u8>,
}

impl OriginDimensions for Canvas {
    fn size(&self) -> Size {
        Size::new(self.width, self.height)
    }
}

impl DrawTarget for Canvas {
    type Color = Rgb888;
    type Error = Infallible;

    fn draw_iter<I>(&mut self, pixels: I) -> Result<(), Infallible>
    where
        I: IntoIterator<Item = Pixel<Rgb888>>,
    {
        for Pixel(place, colour) in pixels {
            self.set(place.x, place.y, [colour.r(), colour.g(), colour.b()]);
        }
        Ok(())
    }
}

impl Canvas {
    pub(super) fn new(width: u32, height: u32, colour: [u8; 3]) -> Self {
        let pixels = width as usize * height as usize;
        Self {
            width,
            height,
            rgb: colour.repeat(pixels),
        }
    }

    pub(super) fn set(&mut self, x: i32, y: i32, colour: [u8; 3]) {
        let (Ok(x), Ok(y)) = (u32::try_from(x), u32::try_from(y)) else {
            return;
        };
        if x < self.width && y < self.height {
            let start = 3 * (y as usize * self.width as usize + x as usize);
            self.rgb[start..start + 3].copy_from_slice(&colour);
        }
    }

    /// Fills a box.
    pub(super) fn fill(&mut self, area: Rectangle, colour: Rgb888) {
        paint(
            area.into_styled(PrimitiveStyle::with_fill(colour))
                .draw(self),
        );
    }

    /// The edge of a box.
    pub(super) fn outline(&mut self, area: Rectangle, colour: Rgb888, width: u32) {
        let style = PrimitiveStyle::with_stroke(colour, width);
        paint(area.into_styled(style).draw(self));
    }

    /// A line through points.
    pub(super) fn polyline(&mut self, points: &[Point], colour: Rgb888, width: u32) {
        let style = PrimitiveStyle::with_stroke(colour, width);
        paint(Polyline::new(points).into_styled(style).draw(self));
    }

    /// A filled disc.
    pub(super) fn disc(&mut self, middle: Point, diameter: u32, colour: Rgb888) {
        let style = PrimitiveStyle::with_fill(colour);
        paint(
            Circle::with_center(middle, diameter)
                .into_styled(style)
                .draw(self),
        );
    }

    /// A line of text on a dark ground, moved so that it stays inside `within`.
    pub(super) fn text(&mut self, text: &str, at: Point, colour: Rgb888, within: Rectangle) {
        let fits = (within.size.width as i32 / LETTER.0).max(0) as usize;
        let text: String = text.chars().take(fits).collect();
        let width = text.chars().count() as i32 * LETTER.0;
        let most = within.top_left
            + Point::new(
                within.size.width as i32 - width,
                within.size.height as i32 - LETTER.1,
            );
        let at = Point::new(
            at.x.min(most.x).max(within.top_left.x),
            at.y.min(most.y).max(within.top_left.y),
        );
        self.fill(
            Rectangle::new(at, Size::new(width as u32, LETTER.1 as u32)),
            Rgb888::new(16, 16, 16),
        );
        let style = MonoTextStyle::new(&FONT_6X10, colour);
        paint(Text::with_baseline(&text, at, style, Baseline::Top).draw(self));
    }

    /// The pixels as a PNG file.
    pub(super) fn png(&self) -> Result<Vec<u8>, DrawError> {
        let failed = |error: png::EncodingError| DrawError(error.to_string());
        let mut bytes = Vec::new();
        let mut encoder = png::Encoder::new(&mut bytes, self.width, self.height);
        encoder.set_color(png::ColorType::Rgb);
        encoder.set_depth(png::BitDepth::Eight);
        let mut writer = encoder.write_header().map_err(failed)?;
        writer.write_image_data(&self.rgb).map_err(failed)?;
        writer.finish().map_err(failed)?;
        Ok(bytes)
    }
}

/// Painting on memory cannot fail; its result says so by its type.
fn paint<T>(result: Result<T, Infallible>) -> T {
    match result {
        Ok(value) => value,
    }
}
