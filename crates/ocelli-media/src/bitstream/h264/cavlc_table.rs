//! Numbers of the variable-length codes (ITU-T H.264 9.1.2 and 9.2): facts of the standard, as
//! lengths and values of codes, and the tables that are looked up, which are made of them when the
//! program is compiled.

/// Lengths of `coeff_token` (table 9-5) for nC 0 and 1, at 4 x coefficients + trailing ones.
#[rustfmt::skip]
const TOKEN_0_LENGTHS: [u8; 68] = [
    1, 0, 0, 0, 6, 2, 0, 0, 8, 6, 3, 0, 9, 8, 7, 5,
    10, 9, 8, 6, 11, 10, 9, 7, 13, 11, 10, 8, 13, 13, 11, 9,
    13, 13, 13, 10, 14, 14, 13, 11, 14, 14, 14, 13, 15, 15, 14, 14,
    15, 15, 15, 14, 16, 15, 15, 15, 16, 16, 16, 15, 16, 16, 16, 16,
    16, 16, 16, 16,
];

/// Codes of those lengths.
#[rustfmt::skip]
const TOKEN_0_CODES: [u8; 68] = [
    1, 0, 0, 0, 5, 1, 0, 0, 7, 4, 1, 0, 7, 6, 5, 3,
    7, 6, 5, 3, 7, 6, 5, 4, 15, 6, 5, 4, 11, 14, 5, 4,
    8, 10, 13, 4, 15, 14, 9, 4, 11, 10, 13, 12, 15, 14, 9, 12,
    11, 10, 13, 8, 15, 1, 9, 12, 11, 14, 13, 8, 7, 10, 9, 12,
    4, 6, 5, 8,
];

/// Lengths of `coeff_token` (table 9-5) for nC 2 and 3, at 4 x coefficients + trailing ones.
#[rustfmt::skip]
const TOKEN_1_LENGTHS: [u8; 68] = [
    2, 0, 0, 0, 6, 2, 0, 0, 6, 5, 3, 0, 7, 6, 6, 4,
    8, 6, 6, 4, 8, 7, 7, 5, 9, 8, 8, 6, 11, 9, 9, 6,
    11, 11, 11, 7, 12, 11, 11, 9, 12, 12, 12, 11, 12, 12, 12, 11,
    13, 13, 13, 12, 13, 13, 13, 13, 13, 14, 13, 13, 14, 14, 14, 13,
    14, 14, 14, 14,
];

/// Codes of those lengths.
#[rustfmt::skip]
const TOKEN_1_CODES: [u8; 68] = [
    3, 0, 0, 0, 11, 2, 0, 0, 7, 7, 3, 0, 7, 10, 9, 5,
    7, 6, 5, 4, 4, 6, 5, 6, 7, 6, 5, 8, 15, 6, 5, 4,
    11, 14, 13, 4, 15, 10, 9, 4, 11, 14, 13, 12, 8, 10, 9, 8,
    15, 14, 13, 12, 11, 10, 9, 12, 7, 11, 6, 8, 9, 8, 10, 1,
    7, 6, 5, 4,
];

/// Lengths of `coeff_token` (table 9-5) for nC 4 to 7, at 4 x coefficients + trailing ones.
#[rustfmt::skip]
const TOKEN_2_LENGTHS: [u8; 68] = [
    4, 0, 0, 0, 6, 4, 0, 0, 6, 5, 4, 0, 6, 5, 5, 4,
    7, 5, 5, 4, 7, 5, 5, 4, 7, 6, 6, 4, 7, 6, 6, 4,
    8, 7, 7, 5, 8, 8, 7, 6, 9, 8, 8, 7, 9, 9, 8, 8,
    9, 9, 9, 8, 10, 9, 9, 9, 10, 10, 10, 10, 10, 10, 10, 10,
    10, 10, 10, 10,
];

/// Codes of those lengths.
#[rustfmt::skip]
const TOKEN_2_CODES: [u8; 68] = [
    15, 0, 0, 0, 15, 14, 0, 0, 11, 15, 13, 0, 8, 12, 14, 12,
    15, 10, 11, 11, 11, 8, 9, 10, 9, 14, 13, 9, 8, 10, 9, 8,
    15, 14, 13, 13, 11, 14, 10, 12, 15, 10, 13, 12, 11, 14, 9, 12,
    8, 10, 13, 8, 13, 7, 9, 12, 9, 12, 11, 10, 5, 8, 7, 6,
    1, 4, 3, 2,
];

/// The same of the direct current of chroma.
#[rustfmt::skip]
const TOKEN_DC_LENGTHS: [u8; 20] = [
    2, 0, 0, 0, 6, 1, 0, 0, 6, 6, 3, 0, 6, 7, 7, 6, 6, 8, 8, 7,
];

/// Codes of those lengths.
#[rustfmt::skip]
const TOKEN_DC_CODES: [u8; 20] = [
    1, 0, 0, 0, 7, 1, 0, 0, 4, 6, 1, 0, 3, 3, 2, 5, 2, 3, 2, 0,
];

/// Lengths of `total_zeros` (tables 9-7 and 9-8), by coefficients - 1.
#[rustfmt::skip]
const ZEROS_LENGTHS: [[u8; 16]; 15] = [
    [1, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 8, 9, 9, 9],
    [3, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 6, 6, 6, 6, 0],
    [4, 3, 3, 3, 4, 4, 3, 3, 4, 5, 5, 6, 5, 6, 0, 0],
    [5, 3, 4, 4, 3, 3, 3, 4, 3, 4, 5, 5, 5, 0, 0, 0],
    [4, 4, 4, 3, 3, 3, 3, 3, 4, 5, 4, 5, 0, 0, 0, 0],
    [6, 5, 3, 3, 3, 3, 3, 3, 4, 3, 6, 0, 0, 0, 0, 0],
    [6, 5, 3, 3, 3, 2, 3, 4, 3, 6, 0, 0, 0, 0, 0, 0],
    [6, 4, 5, 3, 2, 2, 3, 3, 6, 0, 0, 0, 0, 0, 0, 0],
    [6, 6, 4, 2, 2, 3, 2, 5, 0, 0, 0, 0, 0, 0, 0, 0],
    [5, 5, 3, 2, 2, 2, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0],
    [4, 4, 3, 3, 1, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
    [4, 4, 2, 1, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
    [3, 3, 1, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
    [2, 2, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
    [1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
];

/// Codes of those lengths.
#[rustfmt::skip]
const ZEROS_CODES: [[u8; 16]; 15] = [
    [1, 3, 2, 3, 2, 3, 2, 3, 2, 3, 2, 3, 2, 3, 2, 1],
    [7, 6, 5, 4, 3, 5, 4, 3, 2, 3, 2, 3, 2, 1, 0, 0],
    [5, 7, 6, 5, 4, 3, 4, 3, 2, 3, 2, 1, 1, 0, 0, 0],
    [3, 7, 5, 4, 6, 5, 4, 3, 3, 2, 2, 1, 0, 0, 0, 0],
    [5, 4, 3, 7, 6, 5, 4, 3, 2, 1, 1, 0, 0, 0, 0, 0],
    [1, 1, 7, 6, 5, 4, 3, 2, 1, 1, 0, 0, 0, 0, 0, 0],
    [1, 1, 5, 4, 3, 3, 2, 1, 1, 0, 0, 0, 0, 0, 0, 0],
    [1, 1, 1, 3, 3, 2, 2, 1, 0, 0, 0, 0, 0, 0, 0, 0],
    [1, 0, 1, 3, 2, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0],
    [1, 0, 1, 3, 2, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0],
    [0, 1, 1, 2, 1, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
    [0, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
    [0, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
    [0, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
    [0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
];

/// The same of the direct current of chroma (table 9-9).
#[rustfmt::skip]
const ZEROS_DC_LENGTHS: [[u8; 4]; 3] = [
    [1, 2, 3, 3],
    [1, 2, 2, 0],
    [1, 1, 0, 0],
];

/// Codes of those lengths.
#[rustfmt::skip]
const ZEROS_DC_CODES: [[u8; 4]; 3] = [
    [1, 1, 1, 0],
    [1, 1, 0, 0],
    [1, 0, 0, 0],
];

/// Lengths of `run_before` (table 9-10), by zeros left - 1, at most 6.
#[rustfmt::skip]
const RUN_LENGTHS: [[u8; 15]; 7] = [
    [1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
    [1, 2, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
    [2, 2, 2, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
    [2, 2, 2, 3, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
    [2, 2, 3, 3, 3, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0],
    [2, 3, 3, 3, 3, 3, 3, 0, 0, 0, 0, 0, 0, 0, 0],
    [3, 3, 3, 3, 3, 3, 3, 4, 5, 6, 7, 8, 9, 10, 11],
];

/// Codes of those lengths.
#[rustfmt::skip]
const RUN_CODES: [[u8; 15]; 7] = [
    [1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
    [1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
    [3, 2, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
    [3, 2, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
    [3, 2, 3, 2, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
    [3, 0, 1, 3, 2, 5, 4, 0, 0, 0, 0, 0, 0, 0, 0],
    [7, 6, 5, 4, 3, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1],
];

/// `coded_block_pattern` of intra macroblocks by code number (table 9-4).
#[rustfmt::skip]
pub(super) const PATTERN_INTRA: [u8; 48] = [
    47, 31, 15, 0, 23, 27, 29, 30, 7, 11, 13, 14, 39, 43, 45, 46,
    16, 3, 5, 10, 12, 19, 21, 26, 28, 35, 37, 42, 44, 1, 2, 4,
    8, 17, 18, 20, 24, 6, 9, 22, 25, 32, 33, 34, 36, 40, 38, 41,
];

/// `coded_block_pattern` of inter macroblocks by code number (table 9-4).
#[rustfmt::skip]
pub(super) const PATTERN_INTER: [u8; 48] = [
    0, 16, 1, 2, 4, 8, 32, 3, 5, 10, 12, 15, 47, 7, 11, 13,
    14, 6, 9, 31, 35, 37, 42, 44, 33, 34, 36, 40, 39, 43, 45, 46,
    17, 18, 20, 24, 19, 21, 26, 28, 23, 27, 29, 30, 22, 25, 38, 41,
];

/// The same where there is no chroma.
#[rustfmt::skip]
pub(super) const PATTERN_INTRA_GREY: [u8; 16] = [
    15, 0, 7, 11, 13, 14, 3, 5, 10, 12, 1, 2, 4, 8, 6, 9,
];

/// The same where there is no chroma.
#[rustfmt::skip]
pub(super) const PATTERN_INTER_GREY: [u8; 16] = [
    0, 1, 2, 4, 8, 3, 5, 10, 12, 15, 7, 11, 13, 14, 6, 9,
];

/// Looks up `coeff_token`: at 8 x leading zeros + the three bits after the first one. Holds
/// 256 x length + 4 x coefficients + trailing ones; 0 where there is no such code.
const fn token(lengths: &[u8], codes: &[u8]) -> [u16; 128] {
    let mut table = [0; 128];
    let mut at = 0;
    while at < lengths.len() {
        let (length, code) = (lengths[at] as u32, codes[at] as u32);
        if length > 0 && code == 0 {
            // Nothing but zeros, however many.
            let mut entry = length << 3;
            while entry < 128 {
                table[entry as usize] = ((length << 8) as u16) | at as u16;
                entry += 1;
            }
        } else if length > 0 {
            let behind = code.ilog2();
            let first = ((length - 1 - behind) << 3) + ((code - (1 << behind)) << (3 - behind));
            let mut entry = 0;
            while entry < 1 << (3 - behind) {
                table[(first + entry) as usize] = ((length << 8) as u16) | at as u16;
                entry += 1;
            }
        }
        at += 1;
    }
    table
}

/// [`token`] for nC 0 and 1, 2 and 3, 4 to 7.
pub(super) static TOKENS: [[u16; 128]; 3] = [
    token(&TOKEN_0_LENGTHS, &TOKEN_0_CODES),
    token(&TOKEN_1_LENGTHS, &TOKEN_1_CODES),
    token(&TOKEN_2_LENGTHS, &TOKEN_2_CODES),
];

/// [`token`] for the direct current of chroma.
pub(super) static TOKEN_DC: [u16; 128] = token(&TOKEN_DC_LENGTHS, &TOKEN_DC_CODES);

/// Looks up a code of at most `BITS` bits at those bits: 16 x length + value, 0 where there is no
/// such code.
const fn direct<const SIZE: usize, const BITS: u32>(lengths: &[u8], codes: &[u8]) -> [u8; SIZE] {
    let mut table = [0; SIZE];
    let mut at = 0;
    while at < lengths.len() {
        let length = lengths[at] as u32;
        if length > 0 {
            let first = (codes[at] as usize) << (BITS - length);
            let mut entry = 0;
            while entry < 1 << (BITS - length) {
                table[first + entry] = ((length << 4) as u8) | at as u8;
                entry += 1;
            }
        }
        at += 1;
    }
    table
}

/// Bits that look up [`ZEROS`].
pub(super) const ZEROS_BITS: u32 = 9;

/// `total_zeros` by coefficients - 1.
pub(super) static ZEROS: [[u8; 512]; 15] = {
    let mut tables = [[0; 512]; 15];
    let mut at = 0;
    while at < 15 {
        tables[at] = direct::<512, ZEROS_BITS>(&ZEROS_LENGTHS[at], &ZEROS_CODES[at]);
        at += 1;
    }
    tables
};

/// `total_zeros` of the direct current of chroma, by 3 bits.
pub(super) static ZEROS_DC: [[u8; 8]; 3] = {
    let mut tables = [[0; 8]; 3];
    let mut at = 0;
    while at < 3 {
        tables[at] = direct::<8, 3>(&ZEROS_DC_LENGTHS[at], &ZEROS_DC_CODES[at]);
        at += 1;
    }
    tables
};

/// Bits that look up [`RUNS`].
pub(super) const RUNS_BITS: u32 = 11;

/// `run_before` by zeros left - 1, at most 6.
pub(super) static RUNS: [[u8; 2048]; 7] = {
    let mut tables = [[0; 2048]; 7];
    let mut at = 0;
    while at < 7 {
        tables[at] = direct::<2048, RUNS_BITS>(&RUN_LENGTHS[at], &RUN_CODES[at]);
        at += 1;
    }
    tables
};
