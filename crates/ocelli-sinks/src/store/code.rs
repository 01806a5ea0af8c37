//! The numbers that stand for names in the store's files. They never change meaning: a new name
//! gets a new number.

use ocelli_core::{Direction, EventKind, GoneReason, Label};

/// A number that stands for nothing in this version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Unknown;

pub(crate) fn of_kind(kind: EventKind) -> u8 {
    match kind {
        EventKind::Appeared => 0,
        EventKind::Updated => 1,
        EventKind::Stopped => 2,
        EventKind::Moved => 3,
        EventKind::Gone => 4,
        EventKind::Entered => 5,
        EventKind::Left => 6,
        EventKind::Dwelt => 7,
        EventKind::Crossed => 8,
        EventKind::WrongWay => 9,
        EventKind::Speed => 10,
        EventKind::Occupancy => 11,
        EventKind::Counted => 12,
    }
}

pub(crate) fn kind(code: u8) -> Option<EventKind> {
    EventKind::ALL
        .into_iter()
        .find(|&kind| of_kind(kind) == code)
}

/// 0 stands for no label.
pub(crate) fn of_label(label: Option<Label>) -> u8 {
    match label {
        None => 0,
        Some(Label::Person) => 1,
        Some(Label::Bicycle) => 2,
        Some(Label::Car) => 3,
        Some(Label::Motorcycle) => 4,
        Some(Label::Bus) => 5,
        Some(Label::Train) => 6,
        Some(Label::Truck) => 7,
        Some(Label::Boat) => 8,
        Some(Label::Bird) => 9,
        Some(Label::Cat) => 10,
        Some(Label::Dog) => 11,
        Some(Label::Horse) => 12,
        Some(Label::Backpack) => 13,
        Some(Label::Handbag) => 14,
        Some(Label::Suitcase) => 15,
    }
}

pub(crate) fn label(code: u8) -> Result<Option<Label>, Unknown> {
    if code == 0 {
        return Ok(None);
    }
    Label::ALL
        .into_iter()
        .find(|&label| of_label(Some(label)) == code)
        .map(Some)
        .ok_or(Unknown)
}

/// 0 stands for no reason.
pub(crate) fn of_reason(reason: Option<GoneReason>) -> u8 {
    match reason {
        None => 0,
        Some(GoneReason::Left) => 1,
        Some(GoneReason::Expired) => 2,
        Some(GoneReason::StreamEnded) => 3,
        Some(GoneReason::Lost) => 4,
    }
}

pub(crate) fn reason(code: u8) -> Result<Option<GoneReason>, Unknown> {
    Ok(match code {
        0 => None,
        1 => Some(GoneReason::Left),
        2 => Some(GoneReason::Expired),
        3 => Some(GoneReason::StreamEnded),
        4 => Some(GoneReason::Lost),
        _ => return Err(Unknown),
    })
}

/// 0 stands for no direction.
pub(crate) fn of_direction(direction: Option<Direction>) -> u8 {
    match direction {
        None => 0,
        Some(Direction::Right) => 1,
        Some(Direction::Left) => 2,
    }
}

pub(crate) fn direction(code: u8) -> Result<Option<Direction>, Unknown> {
    Ok(match code {
        0 => None,
        1 => Some(Direction::Right),
        2 => Some(Direction::Left),
        _ => return Err(Unknown),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_has_its_own_number() {
        for name in EventKind::ALL {
            assert_eq!(kind(of_kind(name)), Some(name));
        }
        for name in Label::ALL.into_iter().map(Some).chain([None]) {
            assert_eq!(label(of_label(name)), Ok(name));
        }
        for code in 0..5 {
            assert_eq!(of_reason(reason(code).unwrap()), code);
        }
        for code in 0..3 {
            assert_eq!(of_direction(direction(code).unwrap()), code);
        }
        assert_eq!(kind(200), None);
        assert_eq!(label(200), Err(Unknown));
        assert_eq!(reason(5), Err(Unknown));
        assert_eq!(direction(3), Err(Unknown));
    }
}
