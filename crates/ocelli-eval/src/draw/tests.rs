use embedded_graphics::prelude::RgbColor as _;

use super::{
    view::{GROUND, LINE},
    *,
};

/// A plate on which every pixel is a colour that is painted nowhere.
const SKIN: [u8; 3] = [201, 143, 117];

fn person(tag: &str, rect: Rect, truth: bool) -> Shown {
    Shown {
        tag: tag.to_owned(),
        label: Label::Person,
        rect,
        truth,
        trail: Vec::new(),
    }
}

fn layout() -> Layout {
    Layout {
        cell_width: 160,
        aspect: 16.0 / 9.0,
        columns: 2,
    }
}

fn moment(shown: Vec<Shown>) -> Cell {
    Cell {
        at_secs: 1.0,
        shown,
        notes: Vec::new(),
    }
}

/// A grey scene in which somebody stands at `rect`.
fn plate_with(rect: Rect) -> Plate {
    let (width, height) = (320_u32, 180_u32);
    let mut rgb = vec![99; (width * height * 3) as usize];
    let inside = |from: f64, size: f64, side: u32| {
        let from = (from * f64::from(side)) as u32;
        from..(from + (size * f64::from(side)) as u32).min(side)
    };
    for y in inside(rect.top, rect.height, height) {
        for x in inside(rect.left, rect.width, width) {
            let start = 3 * (y * width + x) as usize;
            rgb[start..start + 3].copy_from_slice(&SKIN);
        }
    }
    Plate::new(width, height, rgb).expect("the plate has its size")
}

fn skin(png: &[u8]) -> usize {
    let plate = Plate::read_png(png).expect("the strip is a PNG picture");
    let (width, height) = plate.size();
    let mut count = 0;
    for y in 0..height {
        for x in 0..width {
            let share = |at: u32, side: u32| (f64::from(at) + 0.5) / f64::from(side);
            count += usize::from(plate.at(share(x, width), share(y, height)) == SKIN);
        }
    }
    count
}

#[test]
fn no_pixel_of_a_boxed_person_is_drawn() {
    let rect = Rect::new(0.4, 0.3, 0.1, 0.4);
    let plate = plate_with(rect);
    for truth in [true, false] {
        // A box that is a little off still covers them.
        let mut off = rect;
        off.left += 0.1 * rect.width;
        let cells = [moment(vec![person("a", off, truth)])];
        let png = strip(layout(), Some(&plate), &[], &cells).unwrap();
        assert_eq!(skin(&png), 0);
    }
    // The twin: without a box they would be seen, and the test would see them.
    let png = strip(layout(), Some(&plate), &[], &[moment(Vec::new())]).unwrap();
    assert!(skin(&png) > 500);
}

#[test]
fn a_strip_has_its_cells_names_and_places() {
    let places = [
        DrawnPlace {
            name: "door".to_owned(),
            points: vec![Point { x: 0.2, y: 0.1 }, Point { x: 0.2, y: 0.9 }],
            closed: false,
        },
        DrawnPlace {
            name: "desk".to_owned(),
            points: vec![
                Point { x: 0.5, y: 0.5 },
                Point { x: 0.9, y: 0.5 },
                Point { x: 0.9, y: 0.9 },
            ],
            closed: true,
        },
    ];
    let cells: Vec<Cell> = (0..3)
        .map(|_| moment(vec![person("abc", Rect::new(0.4, 0.3, 0.1, 0.4), false)]))
        .collect();
    let png = strip(layout(), None, &places, &cells).unwrap();
    let drawn = Plate::read_png(&png).unwrap();
    assert_eq!(drawn.size(), (2 * 164, 2 * (90 + 16)));
    let at = |x: f64, y: f64| drawn.at(x / 328.0, y / 212.0);
    let line = [LINE.r(), LINE.g(), LINE.b()];
    assert_eq!(at(32.0, 60.0), line);
    assert_eq!(at(164.0 + 32.0, 60.0), line, "in the second cell as well");
    let block = at(0.45 * 160.0, 0.5 * 90.0);
    assert!(block != GROUND && block != line, "{block:?}");
}

#[test]
fn moments_show_who_is_there_and_what_happened() {
    let rect = Rect::new(0.1, 0.1, 0.2, 0.2);
    let passage = Passage {
        tag: "0123456789".to_owned(),
        label: Label::Car,
        from_secs: 1.0,
        to_secs: 3.0,
        boxes: vec![(1.0, rect), (3.0, rect)],
    };
    let event = crate::PlaceEvent {
        tag: Some("0123456789".to_owned()),
        label: None,
        place: "door".to_owned(),
        deed: Deed::CrossedLeft,
        at_secs: 1.5,
    };
    let found = Account {
        passages: vec![passage],
        place_events: vec![event],
        places: None,
    };
    let cells = cells(&Account::default(), &found, &[0.5, 2.0, 4.0]);
    let there: Vec<usize> = cells.iter().map(|cell| cell.shown.len()).collect();
    assert_eq!(there, [0, 1, 0]);
    assert_eq!(cells[1].shown[0].trail.len(), 6);
    assert_eq!(cells[1].notes, ["012345 left over door"]);
    assert!(cells[2].notes.is_empty());
}

#[test]
fn what_cannot_be_drawn_is_refused() {
    let cells = [moment(Vec::new())];
    let refused = |layout: Layout, cells: &[Cell]| strip(layout, None, &[], cells).is_err();
    assert!(!refused(layout(), &cells));
    assert!(refused(layout(), &[]));
    let wide = Layout {
        cell_width: 4000,
        ..layout()
    };
    assert!(refused(wide, &cells));
    let flat = Layout {
        aspect: f64::NAN,
        ..layout()
    };
    assert!(refused(flat, &cells));
    // Boxes that are none do not hurt.
    let odd = Rect::new(f64::NAN, -1e300, 1e300, f64::INFINITY);
    assert!(!refused(layout(), &[moment(vec![person("a", odd, false)])]));
}

#[test]
fn names_that_differ_little_have_colours_of_their_own() {
    let drawn = |tag: u32| {
        let cells = [moment(vec![person(
            &tag.to_string(),
            Rect::new(0.4, 0.3, 0.1, 0.4),
            false,
        )])];
        let plate = Plate::read_png(&strip(layout(), None, &[], &cells).unwrap()).unwrap();
        plate.at(0.45 * 160.0 / 164.0, 0.5 * 90.0 / 106.0)
    };
    let colours: std::collections::BTreeSet<[u8; 3]> = (1..=16).map(drawn).collect();
    assert!(colours.len() >= 6, "{colours:?}");
}
