//! Labels that may be one object, and how such objects move.

use ocelli_core::Label;
use serde::{Deserialize, Serialize};

/// Labels that a detector mixes up with each other and with nothing else. An object keeps its
/// group for life: a rider stays a person and the bicycle a bicycle, each with a tag of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) enum Group {
    Person,
    TwoWheeler,
    Vehicle,
    Boat,
    Animal,
    Bag,
}

impl Group {
    /// How many there are.
    pub(crate) const COUNT: usize = 6;

    pub(crate) fn of(label: Label) -> Self {
        match label {
            Label::Person => Self::Person,
            Label::Bicycle | Label::Motorcycle => Self::TwoWheeler,
            Label::Car | Label::Bus | Label::Train | Label::Truck => Self::Vehicle,
            Label::Boat => Self::Boat,
            Label::Bird | Label::Cat | Label::Dog | Label::Horse => Self::Animal,
            Label::Backpack | Label::Handbag | Label::Suitcase => Self::Bag,
        }
    }

    /// Standard deviation of an unknown object's speed, in its own sizes (the root of its area) a
    /// second. A walker of 1.7 m by 0.6 m has a size of 1 m and makes 1.4 of them.
    pub(crate) fn speed_sd(self) -> f32 {
        match self {
            Self::Person => 1.0,
            Self::TwoWheeler | Self::Vehicle => 3.5,
            Self::Animal => 1.5,
            Self::Boat | Self::Bag => 0.7,
        }
    }

    /// How much the speed changes within a second, in sizes a second.
    pub(crate) fn speed_change(self) -> f32 {
        match self {
            Self::Person => 0.5,
            Self::TwoWheeler | Self::Vehicle | Self::Animal => 1.0,
            Self::Boat | Self::Bag => 0.3,
        }
    }
}

/// Which label an object has: the one with the most weight so far. The weight of old looks fades,
/// so a truck that was taken for a car while it was far away becomes a truck.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(crate) struct Vote {
    label: Label,
    weight: f32,
    rival: Option<(Label, f32)>,
}

impl Vote {
    const KEPT: f32 = 0.97;

    pub(crate) fn new(label: Label, score: f32) -> Self {
        Self {
            label,
            weight: score,
            rival: None,
        }
    }

    pub(crate) fn label(&self) -> Label {
        self.label
    }

    /// Majority vote of Boyer and Moore with one rival, by weight.
    pub(crate) fn add(&mut self, label: Label, score: f32) {
        self.weight *= Self::KEPT;
        if let Some((_, weight)) = &mut self.rival {
            *weight *= Self::KEPT;
        }
        if label == self.label {
            self.weight += score;
            return;
        }
        match &mut self.rival {
            Some((rival, weight)) if *rival == label => *weight += score,
            Some((_, weight)) if *weight > score => *weight -= score,
            _ => self.rival = Some((label, score)),
        }
        if let Some((rival, weight)) = self.rival
            && weight > 1.2 * self.weight
        {
            self.rival = Some((self.label, self.weight));
            (self.label, self.weight) = (rival, weight);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_vote_follows_the_weight() {
        let mut vote = Vote::new(Label::Car, 0.5);
        vote.add(Label::Truck, 0.4);
        assert_eq!(vote.label(), Label::Car);
        for _ in 0..3 {
            vote.add(Label::Truck, 0.8);
        }
        assert_eq!(vote.label(), Label::Truck);
        vote.add(Label::Car, 0.9);
        assert_eq!(vote.label(), Label::Truck, "one look does not turn it back");
    }
}
