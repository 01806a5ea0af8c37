//! From painted pictures to tensors.

use ocelli_core::settings::{ColourOrder, DetectorSettings, Resize};
use ocelli_vision::tensor::{Fit, TensorFiller};

use crate::painted::{self, BLUE, Format, GREEN, RED, WHITE, YUV_420};

/// Left half red, right half blue.
fn halves(x: u32, _y: u32) -> [u8; 3] {
    if x < 64 { RED } else { BLUE }
}

fn filled(settings: &DetectorSettings, picture: &ocelli_core::Picture) -> (Vec<f32>, Fit) {
    let mut filler = TensorFiller::new(settings);
    let mut tensor = vec![f32::NAN; filler.floats()];
    let fit = filler.fill(picture, &mut tensor);
    (tensor, fit)
}

/// The three planes' values at a place of a 64x64 tensor.
fn at(tensor: &[f32], x: usize, y: usize) -> [f32; 3] {
    [0, 1, 2].map(|plane| tensor[plane * 64 * 64 + y * 64 + x])
}

fn near(got: [f32; 3], expected: [u8; 3]) -> bool {
    got.into_iter()
        .zip(expected)
        .all(|(got, expected)| (got - f32::from(expected)).abs() < 3.0)
}

#[test]
fn colours_arrive_in_the_order_that_the_model_wants() {
    let picture = painted::picture((128, 64), YUV_420, halves);
    for (colour, left, right) in [
        (ColourOrder::Bgr, [0, 0, 255], [255, 0, 0]),
        (ColourOrder::Rgb, [255, 0, 0], [0, 0, 255]),
    ] {
        let settings = DetectorSettings {
            colour,
            ..painted::plain_settings("nanodet", (64, 64))
        };
        let (tensor, fit) = filled(&settings, &picture);
        assert_eq!((fit.width, fit.height), (64, 32));
        assert!(near(at(&tensor, 10, 10), left), "{:?}", at(&tensor, 10, 10));
        assert!(
            near(at(&tensor, 50, 31), right),
            "{:?}",
            at(&tensor, 50, 31)
        );
        // Padding, to the last value.
        assert!(near(at(&tensor, 10, 32), [114; 3]));
        assert!(near(at(&tensor, 63, 63), [114; 3]));
    }
}

#[test]
fn every_layout_of_samples_gives_the_same_colours() {
    let settings = painted::plain_settings("nanodet", (64, 64));
    for (chroma_shift_x, chroma_shift_y) in [(1, 1), (1, 0), (0, 1), (0, 0)] {
        for full_range in [false, true] {
            let format = Format {
                chroma_shift_x,
                chroma_shift_y,
                full_range,
                grey: false,
            };
            for colour in [RED, GREEN, BLUE, WHITE, [200, 100, 50]] {
                let (tensor, _) = filled(
                    &settings,
                    &painted::picture((96, 80), format, |_, _| colour),
                );
                let [red, green, blue] = colour;
                let got = at(&tensor, 20, 20);
                assert!(near(got, [blue, green, red]), "{colour:?}: {got:?}");
            }
        }
    }
    let grey = Format {
        grey: true,
        ..YUV_420
    };
    let (tensor, _) = filled(&settings, &painted::picture((96, 80), grey, |_, _| RED));
    let got = at(&tensor, 20, 20);
    assert!(near(got, [76; 3]), "{got:?}");
}

#[test]
fn odd_sizes_and_changing_sizes_fill_the_whole_tensor() {
    for resize in [Resize::Letterbox, Resize::Stretch] {
        let settings = DetectorSettings {
            resize,
            ..painted::plain_settings("nanodet", (64, 64))
        };
        let mut filler = TensorFiller::new(&settings);
        for size in [
            (17, 33),
            (353, 289),
            (16, 2000),
            (2000, 16),
            (64, 64),
            (17, 33),
        ] {
            let picture = painted::picture(size, YUV_420, |_, _| GREEN);
            let mut tensor = vec![f32::NAN; filler.floats()];
            let fit = filler.fill(&picture, &mut tensor);
            assert!(tensor.iter().all(|value| value.is_finite()), "{size:?}");
            if resize == Resize::Stretch {
                assert_eq!((fit.width, fit.height), (64, 64));
            }
            for (x, y) in [(0, 0), (fit.width - 1, fit.height - 1)] {
                assert!(
                    near(at(&tensor, x, y), GREEN),
                    "{size:?} {:?}",
                    at(&tensor, x, y)
                );
            }
        }
    }
}

#[test]
fn values_are_normalised_by_plane() {
    let settings = DetectorSettings {
        mean: [10.0, 20.0, 30.0],
        std: [2.0, 4.0, 8.0],
        pad: 10.0,
        ..painted::plain_settings("nanodet", (64, 64))
    };
    let (tensor, _) = filled(
        &settings,
        &painted::picture((128, 64), YUV_420, |_, _| WHITE),
    );
    let expected = [
        (255.0 - 10.0) / 2.0,
        (255.0 - 20.0) / 4.0,
        (255.0 - 30.0) / 8.0,
    ];
    for (got, expected) in at(&tensor, 5, 5).into_iter().zip(expected) {
        assert!((got - expected).abs() < 1.0, "{got} {expected}");
    }
    for (got, expected) in at(&tensor, 5, 60).into_iter().zip([0.0, -2.5, -2.5]) {
        assert!((got - expected).abs() < 1e-5, "{got} {expected}");
    }
}
