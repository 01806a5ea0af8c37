//! What somebody may do: rights, and the roles that bundle them.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// One thing that a person or a token may do. Also the name of a token's scope.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Right {
    /// See streams, events, counts, boxes and health.
    View,
    /// Add, change and remove streams, zones, lines and rules.
    Operate,
    /// Read the metrics.
    Measure,
    /// Read the record, erase events, publish notices.
    Protect,
    /// Manage users, tokens and groups.
    Administer,
}

impl Right {
    /// Every right.
    pub const ALL: [Self; 5] = [
        Self::View,
        Self::Operate,
        Self::Measure,
        Self::Protect,
        Self::Administer,
    ];

    /// The name in the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::View => "view",
            Self::Operate => "operate",
            Self::Measure => "measure",
            Self::Protect => "protect",
            Self::Administer => "administer",
        }
    }
}

/// A set of rights.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Rights(u8);

impl Rights {
    /// No right.
    pub const NONE: Self = Self(0);

    /// The set of `rights`.
    pub fn of(rights: &[Right]) -> Self {
        Self(
            rights
                .iter()
                .fold(0, |bits, right| bits | 1 << (*right as u8)),
        )
    }

    /// Whether `right` is in the set.
    pub fn has(self, right: Right) -> bool {
        self.0 & (1 << (right as u8)) != 0
    }

    /// What is in both sets.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// Whether everything in `self` is in `other`.
    pub fn within(self, other: Self) -> bool {
        self.0 & !other.0 == 0
    }

    /// The rights in the set, in the order of [`Right::ALL`].
    pub fn list(self) -> Vec<Right> {
        Right::ALL
            .into_iter()
            .filter(|right| self.has(*right))
            .collect()
    }
}

/// A bundle of rights that a user has.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Looks.
    Viewer,
    /// Looks and sets up streams.
    Operator,
    /// Looks, reads the record and erases.
    PrivacyOfficer,
    /// Everything.
    Owner,
}

impl Role {
    /// Every role.
    pub const ALL: [Self; 4] = [
        Self::Viewer,
        Self::Operator,
        Self::PrivacyOfficer,
        Self::Owner,
    ];

    /// The name in the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Operator => "operator",
            Self::PrivacyOfficer => "privacy_officer",
            Self::Owner => "owner",
        }
    }

    /// Reads what [`Self::as_str`] gives.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.as_str() == name)
    }

    /// What it may do.
    pub fn rights(self) -> Rights {
        match self {
            Self::Viewer => Rights::of(&[Right::View]),
            Self::Operator => Rights::of(&[Right::View, Right::Operate, Right::Measure]),
            Self::PrivacyOfficer => Rights::of(&[Right::View, Right::Protect]),
            Self::Owner => Rights::of(&Right::ALL),
        }
    }

    /// Streams whose boxes it may follow at a time: following people across many cameras is made
    /// hard, and a wall of 64 tiles is for those who run the site.
    pub fn box_streams_max(self) -> usize {
        match self {
            Self::Viewer | Self::PrivacyOfficer => 16,
            Self::Operator | Self::Owner => 64,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_are_what_they_say() {
        assert!(!Role::Viewer.rights().has(Right::Operate));
        assert!(Role::Operator.rights().has(Right::Operate));
        assert!(!Role::Operator.rights().has(Right::Protect));
        assert!(!Role::PrivacyOfficer.rights().has(Right::Administer));
        assert_eq!(Role::Owner.rights().list(), Right::ALL);
        for role in Role::ALL {
            assert!(role.rights().has(Right::View));
            assert!(role.rights().within(Role::Owner.rights()));
            assert_eq!(Role::from_name(role.as_str()), Some(role));
        }
        assert!(!Role::Owner.rights().within(Role::Operator.rights()));
        let json = serde_json::to_value(Right::ALL).unwrap();
        assert_eq!(
            json,
            serde_json::json!(Right::ALL.map(Right::as_str).to_vec())
        );
    }
}
