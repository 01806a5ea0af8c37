//! What the crate says, against what is known to be right.

mod packages;
mod passes;
mod test_data;
