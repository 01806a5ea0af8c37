//! The ocelli program.

fn main() {}
