//! Tickets: what a browser shows instead of a token where it cannot send a header, which is when
//! it opens a WebSocket. Good once, and for half a minute.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use axum::{Json, extract::State, http::StatusCode};
use ocelli_core::{Secret, WallTime};
use serde::Serialize;
use tokio::time::Instant;
use utoipa::ToSchema;

use super::{Api, identity::Asker, problem::Problem};
use crate::access::{Principal, random_secret};

/// How long a ticket is good.
pub(crate) const TICKET_LIFE: Duration = Duration::from_secs(30);
/// Tickets that are open at a time.
const TICKETS_MAX: usize = 10_000;

/// The tickets that nobody has used yet.
#[derive(Default)]
pub(crate) struct Tickets {
    open: Mutex<HashMap<String, (Arc<Principal>, Instant)>>,
}

impl Tickets {
    /// Makes a ticket for `principal`. `None`: too many are open.
    pub(crate) fn issue(&self, secret: &Secret, principal: &Arc<Principal>) -> Option<()> {
        let now = Instant::now();
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if open.len() >= TICKETS_MAX {
            open.retain(|_ticket, (_principal, until)| now < *until);
        }
        if open.len() >= TICKETS_MAX {
            return None;
        }
        let ticket = (Arc::clone(principal), now + TICKET_LIFE);
        open.insert(secret.expose().to_owned(), ticket);
        Some(())
    }

    /// Who the ticket was made for. It is used up.
    pub(crate) fn redeem(&self, text: &str) -> Option<Arc<Principal>> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let (principal, until) = open.remove(text)?;
        (Instant::now() < until).then_some(principal)
    }
}

/// A ticket as its owner gets it.
#[derive(Serialize, ToSchema)]
pub(crate) struct Ticket {
    /// What to open a WebSocket with: `?ticket=`.
    ticket: String,
    /// Until when.
    #[schema(format = DateTime)]
    expires: String,
}

/// Makes a ticket, good for opening one WebSocket within 30 seconds.
#[utoipa::path(
    post,
    path = "/api/v1/tickets",
    tag = "access",
    responses((status = 201, description = "The ticket.", body = Ticket))
)]
pub(crate) async fn issue(
    State(api): State<Arc<Api>>,
    Asker(principal): Asker,
) -> Result<(StatusCode, Json<Ticket>), Problem> {
    let secret = random_secret()?;
    api.tickets
        .issue(&secret, &principal)
        .ok_or_else(|| Problem::too_many(TICKET_LIFE.as_secs(), "too many open tickets"))?;
    let until = WallTime {
        micros: (api.now)().micros + TICKET_LIFE.as_micros() as i64,
    };
    let ticket = Ticket {
        ticket: secret.expose().to_owned(),
        expires: until.to_rfc3339(),
    };
    Ok((StatusCode::CREATED, Json(ticket)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::{Evidence, PrincipalId, Reach, Role};

    fn principal() -> Arc<Principal> {
        Arc::new(Principal {
            id: PrincipalId::User("anna".to_owned()),
            user: "anna".to_owned(),
            role: Role::Viewer,
            rights: Role::Viewer.rights(),
            reach: Reach::All,
            ambient: true,
            evidence: Evidence::Configuration,
        })
    }

    #[tokio::test(start_paused = true)]
    async fn a_ticket_is_good_once_and_not_for_long() {
        let tickets = Tickets::default();
        let (one, two) = (Secret::new("one"), Secret::new("two"));
        tickets.issue(&one, &principal()).unwrap();
        tickets.issue(&two, &principal()).unwrap();
        assert_eq!(tickets.redeem("one").unwrap().user, "anna");
        assert!(tickets.redeem("one").is_none());
        assert!(tickets.redeem("three").is_none());
        tokio::time::advance(TICKET_LIFE).await;
        assert!(tickets.redeem("two").is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn open_tickets_are_bounded_and_old_ones_make_room() {
        let tickets = Tickets::default();
        let who = principal();
        for number in 0..TICKETS_MAX {
            tickets
                .issue(&Secret::new(number.to_string()), &who)
                .unwrap();
        }
        assert!(tickets.issue(&Secret::new("more"), &who).is_none());
        tokio::time::advance(TICKET_LIFE).await;
        tickets.issue(&Secret::new("more"), &who).unwrap();
    }
}
