//! What the crate says, against what is known to be right.

mod packages;
mod test_data;
