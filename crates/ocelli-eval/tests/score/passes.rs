//! Passages labelled by time alone.

use ocelli_eval::{
    Account,
    score::{self, Basis},
    truth::Passes,
};

use crate::test_data;

#[test]
fn cars_labelled_by_eye_are_a_truth() {
    let test = "cars_labelled_by_eye_are_a_truth";
    let Some(text) = test_data::text(test, "truth/car-detection.events.json") else {
        return;
    };
    let passes = Passes::read(&text).unwrap();
    assert_eq!(
        passes.by_direction().into_iter().collect::<Vec<_>>(),
        [("down", 2), ("up", 2)]
    );
    let truth = passes.account();
    let mut found = Account {
        passages: truth.passages.clone(),
        ..Account::default()
    };
    // One is found half a second late, one not at all, and one is no car.
    found.passages[0].from_secs += 0.5;
    found.passages.pop();
    let mut dog = found.passages[0].clone();
    dog.label = ocelli_core::Label::Dog;
    found.passages.push(dog);
    let scores = score::events(&truth, &found, Basis::Absolute).all;
    assert_eq!((scores.recall.hits, scores.recall.of), (3, 4));
    assert_eq!((scores.precision.hits, scores.precision.of), (3, 4));
}

#[test]
fn passes_that_cannot_be_are_refused() {
    let error = |text: &str| Passes::read(text).unwrap_err().to_string();
    let text = r#"{"fps":12.5,"class":"car","passes":[{"id":"a","dir":"up","frames":[9,2]}]}"#;
    assert_eq!(error(text), "pass `a` goes from picture 9 to 2");
    assert_eq!(error(&text.replace("12.5", "0")), "0 pictures a second");
    assert!(error(&text.replace("car", "face")).contains("face"));
}
