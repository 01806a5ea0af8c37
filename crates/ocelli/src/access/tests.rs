use super::*;

const NOW: WallTime = WallTime {
    micros: 1_795_509_000_000_000,
};

fn later(secs: i64) -> WallTime {
    WallTime {
        micros: NOW.micros + secs * 1_000_000,
    }
}

fn open() -> (tempfile::TempDir, Access, FirstStart) {
    let dir = tempfile::tempdir().unwrap();
    let (access, first) = Access::open(dir.path(), NOW).unwrap();
    (dir, access, first.unwrap())
}

fn user(name: &str, role: Role, groups: Option<&[&str]>) -> NewUser {
    NewUser {
        name: name.to_owned(),
        role,
        groups: groups.map(|groups| groups.iter().map(ToString::to_string).collect()),
    }
}

fn token(scopes: &[Right]) -> NewToken {
    NewToken {
        name: "t".to_owned(),
        scopes: scopes.to_vec(),
        groups: None,
        expires: None,
    }
}

#[tokio::test]
async fn the_first_start_is_once_and_keeps_no_secret() {
    let (dir, access, first) = open();
    let owner = access.by_token(first.token.expose(), NOW).await.unwrap();
    let owner = owner.unwrap();
    assert_eq!(owner.rights.list(), Right::ALL);
    assert!(owner.reach.is_all());
    drop(access);
    let (access, again) = Access::open(dir.path(), NOW).unwrap();
    assert!(again.is_none());
    assert!(
        access
            .by_token(first.token.expose(), NOW)
            .await
            .unwrap()
            .is_some()
    );
    let mut stored = Vec::new();
    for entry in std::fs::read_dir(dir.path()).unwrap() {
        stored.extend(std::fs::read(entry.unwrap().path()).unwrap());
    }
    let holds = |text: &str| {
        stored
            .windows(text.len())
            .any(|have| have == text.as_bytes())
    };
    assert!(!holds(first.token.expose()));
    assert!(!holds(first.link.expose()));
    assert!(holds("first start"), "the twin: other text is found");
}

#[tokio::test]
async fn only_the_whole_token_is_one() {
    let (_dir, access, first) = open();
    let text = first.token.expose();
    let mut other = text.to_owned();
    let last = if other.pop() == Some('A') { 'E' } else { 'A' };
    other.push(last);
    assert!(access.by_token(&other, NOW).await.unwrap().is_none());
    assert!(access.by_token("", NOW).await.unwrap().is_none());
    assert!(
        access
            .by_token(first.link.expose(), NOW)
            .await
            .unwrap()
            .is_none()
    );
    assert!(access.by_token(text, NOW).await.unwrap().is_some());
}

#[tokio::test]
async fn a_link_works_once_and_for_a_day() {
    let (_dir, access, first) = open();
    let session = access.use_link(first.link.clone(), NOW).await.unwrap();
    let session = session.unwrap();
    assert!(access.use_link(first.link, NOW).await.unwrap().is_none());
    let who = access.by_session(session.expose(), NOW).await.unwrap();
    assert_eq!(who.unwrap().id, PrincipalId::User("owner".to_owned()));
    let late = access.new_link("owner".to_owned(), NOW).await.unwrap();
    assert!(
        access
            .use_link(late, later(86_400))
            .await
            .unwrap()
            .is_none()
    );
    let early = access.new_link("owner".to_owned(), NOW).await.unwrap();
    assert!(
        access
            .use_link(early, later(86_399))
            .await
            .unwrap()
            .is_some()
    );
    assert!(access.new_link("nobody".to_owned(), NOW).await.is_err());
}

#[tokio::test]
async fn sessions_end_when_idle_when_old_and_when_told() {
    let (_dir, access, _first) = open();
    let begin = || access.begin_session("owner".to_owned(), NOW);
    let runs = async |session: &Secret, at: WallTime| {
        access.remembered().clear();
        access
            .by_session(session.expose(), at)
            .await
            .unwrap()
            .is_some()
    };
    let idle = begin().await.unwrap();
    assert!(!runs(&idle, later(SESSION_IDLE_SECS)).await);
    let busy = begin().await.unwrap();
    let mut at = 0;
    while at + SESSION_IDLE_SECS / 2 < SESSION_LIFE_SECS {
        at += SESSION_IDLE_SECS / 2;
        if at < SESSION_LIFE_SECS {
            assert!(runs(&busy, later(at)).await, "{at}");
        }
    }
    assert!(!runs(&busy, later(SESSION_LIFE_SECS)).await);
    let told = begin().await.unwrap();
    assert!(runs(&told, NOW).await);
    access.end_session(told.clone()).await.unwrap();
    assert!(
        access
            .by_session(told.expose(), NOW)
            .await
            .unwrap()
            .is_none()
    );
}

#[tokio::test]
async fn a_new_password_needs_the_old_one_and_ends_other_sessions() {
    let (_dir, access, _first) = open();
    let owner = || "owner".to_owned();
    let here = access.begin_session(owner(), NOW).await.unwrap();
    let elsewhere = access.begin_session(owner(), NOW).await.unwrap();
    let one = Secret::new("first password");
    let two = Secret::new("second password");
    assert!(!access.check_password(owner(), one.clone()).await.unwrap());
    access
        .set_password(owner(), None, one.clone(), Some(here.clone()))
        .await
        .unwrap();
    assert!(access.check_password(owner(), one.clone()).await.unwrap());
    assert!(
        access
            .by_session(here.expose(), NOW)
            .await
            .unwrap()
            .is_some()
    );
    assert!(
        access
            .by_session(elsewhere.expose(), NOW)
            .await
            .unwrap()
            .is_none()
    );
    let wrong = access.set_password(owner(), Some(two.clone()), two.clone(), None);
    assert!(wrong.await.is_err());
    assert!(
        access
            .set_password(owner(), None, two.clone(), None)
            .await
            .is_err()
    );
    access
        .set_password(owner(), Some(one.clone()), two.clone(), None)
        .await
        .unwrap();
    assert!(!access.check_password(owner(), one).await.unwrap());
    assert!(access.check_password(owner(), two).await.unwrap());
    assert!(
        access
            .by_session(here.expose(), NOW)
            .await
            .unwrap()
            .is_none()
    );
}

#[tokio::test]
async fn a_token_has_never_more_than_its_user() {
    let (_dir, access, _first) = open();
    let group = GroupEntry {
        name: "north".to_owned(),
        streams: vec!["north-*".to_owned()],
    };
    access.put_group(group).await.unwrap();
    let anna = user("anna", Role::Operator, Some(&["north"]));
    access.add_user(anna, NOW).await.unwrap();
    let anna = || "anna".to_owned();
    let too_much = access.add_token(anna(), token(&[Right::Administer]), NOW);
    assert!(too_much.await.is_err());
    let (entry, text) = access
        .add_token(anna(), token(&[Right::View, Right::Operate]), NOW)
        .await
        .unwrap();
    let who = async || access.by_token(text.expose(), NOW).await.unwrap();
    let before = who().await.unwrap();
    assert!(access.still(&before, NOW).await.unwrap());
    assert!(before.may(Right::Operate) && !before.may(Right::Measure));
    assert!(before.sees("north-1") && !before.sees("south-1"));
    // The user loses a right, and so does its token.
    let change = UserChange {
        role: Role::Viewer,
        groups: Some(Vec::new()),
    };
    access.change_user(anna(), change).await.unwrap();
    let after = who().await.unwrap();
    assert!(after.may(Right::View) && !after.may(Right::Operate));
    assert!(!after.sees("north-1"));
    assert!(!access.still(&before, NOW).await.unwrap());
    let foreign = access.remove_token(entry.id.clone(), Some("owner".to_owned()));
    assert!(foreign.await.is_err());
    access.remove_token(entry.id, Some(anna())).await.unwrap();
    assert!(who().await.is_none());
}

#[tokio::test]
async fn tokens_end() {
    let (_dir, access, _first) = open();
    let mut ends = token(&[Right::View]);
    ends.expires = Some(later(60).to_rfc3339());
    let owner = "owner".to_owned();
    let (_entry, text) = access
        .add_token(owner.clone(), ends.clone(), NOW)
        .await
        .unwrap();
    assert!(
        access
            .by_token(text.expose(), later(59))
            .await
            .unwrap()
            .is_some()
    );
    access.remembered().clear();
    assert!(
        access
            .by_token(text.expose(), later(60))
            .await
            .unwrap()
            .is_none()
    );
    for bad in ["tomorrow", "2001-01-01T00:00:00Z"] {
        ends.expires = Some(bad.to_owned());
        assert!(
            access
                .add_token(owner.clone(), ends.clone(), NOW)
                .await
                .is_err()
        );
    }
}

#[tokio::test]
async fn the_last_owner_stays() {
    let (_dir, access, _first) = open();
    let owner = || "owner".to_owned();
    let viewer = UserChange {
        role: Role::Viewer,
        groups: None,
    };
    assert!(access.remove_user(owner()).await.is_err());
    assert!(access.change_user(owner(), viewer.clone()).await.is_err());
    access
        .add_user(user("second", Role::Owner, None), NOW)
        .await
        .unwrap();
    access.change_user(owner(), viewer).await.unwrap();
    access.remove_user(owner()).await.unwrap();
    let second = access.remove_user("second".to_owned()).await;
    assert!(matches!(second, Err(AccessError::Refused(_))));
}

#[tokio::test]
async fn names_are_checked_and_taken_once() {
    let (_dir, access, _first) = open();
    let add = |name: &str, groups| access.add_user(user(name, Role::Viewer, groups), NOW);
    for bad in ["", " anna", "a\nb", &"x".repeat(65)] {
        assert!(
            matches!(add(bad, None).await, Err(AccessError::Refused(_))),
            "{bad}"
        );
    }
    assert!(add("anna", Some(&["nowhere"])).await.is_err());
    add("anna", None).await.unwrap();
    assert!(matches!(
        add("anna", None).await,
        Err(AccessError::Taken { .. })
    ));
}

#[tokio::test]
async fn a_command_on_this_machine_may_look_for_an_hour() {
    let (dir, access, _first) = open();
    let token = Access::local_token(dir.path(), &[Right::View], NOW)
        .unwrap()
        .unwrap();
    let who = access.by_token(token.expose(), NOW).await.unwrap().unwrap();
    assert_eq!(who.rights.list(), [Right::View]);
    access.remembered().clear();
    assert!(
        access
            .by_token(token.expose(), later(3600))
            .await
            .unwrap()
            .is_none()
    );
    // Those that have ended do not pile up.
    for hour in 1..4 {
        Access::local_token(dir.path(), &[Right::View], later(3600 * hour))
            .unwrap()
            .unwrap();
        assert_eq!(access.tokens(None).await.unwrap().len(), 2);
    }
    let elsewhere = tempfile::tempdir().unwrap();
    assert!(
        Access::local_token(elsewhere.path(), &[Right::View], NOW)
            .unwrap()
            .is_none()
    );
    assert!(!elsewhere.path().join("access.sqlite").exists());
}
