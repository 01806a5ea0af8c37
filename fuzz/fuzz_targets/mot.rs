//! Any text as MOT text.

#![no_main]

use libfuzzer_sys::fuzz_target;
use ocelli_core::Label;
use ocelli_eval::mot::{self, Columns, Role};

fuzz_target!(|text: &str| {
    // A picture number is an index: a text of a few bytes may ask for millions of empty pictures.
    if text.split([',', '\n']).any(|field| field.trim().len() > 5) {
        return;
    }
    let Ok(read) = mot::read(text, Role::Found, Label::Person) else {
        return;
    };
    let written = mot::write(&read.sequence, Columns::Class);
    if let Ok(again) = mot::read(&written, Role::Found, Label::Person) {
        assert_eq!(again.sequence.boxes(), read.sequence.boxes());
    }
});
