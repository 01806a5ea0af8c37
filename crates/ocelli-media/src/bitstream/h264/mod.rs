//! The macroblock map of an H.264 picture: what the encoder decided for each macroblock, read
//! from its slices without reconstructing a picture and without any other picture (ITU-T H.264
//! 7.3.4, 7.3.5, 8.4.1, 9.2, 9.3).
//!
//! Progressive pictures of I and P slices in 4:2:0 or grey, 8 bits, with either entropy coding.
//! Everything else is refused by name, see [`Unsupported`].

mod arithmetic;
mod cabac;
mod cabac_table;
mod cavlc;
mod cavlc_table;
mod column;
#[cfg(test)]
mod damage;
mod entropy;
mod error;
mod inter;
mod macroblock;
mod map;
mod motion;
mod parameters;
mod parser;
mod rbsp;
mod reader;
mod residual;
mod slice;
mod slice_header;

pub use error::{Damage, ParseError, Unsupported};
pub use map::{Class, Macroblock, MacroblockMap};
pub use parser::Parser;
