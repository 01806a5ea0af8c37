//! The eye, started by `ocelli`.

fn main() {}
