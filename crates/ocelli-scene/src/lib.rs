//! One stream over time: tracker, tags, rules and the events they make. Pure: no I/O, no clock, no threads.
