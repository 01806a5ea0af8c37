//! Decoded video. It never leaves the process that made it.

use crate::{MediaTime, MonoTime, StreamId, WallSource, WallTime};

/// The pixels of one picture, wherever the decoder keeps them: three planes of 8-bit samples, luma
/// and two of colour difference (Cb, Cr).
pub trait PictureBuffer: Send {
    /// Rows of plane `index` (0 luma, 1 Cb, 2 Cr) one after another, and the distance of their
    /// starts in bytes. An empty slice means that the plane does not exist (grey pictures).
    fn plane(&self, index: usize) -> (&[u8], usize);
}

/// One decoded picture.
///
/// It implements no printing, no copying and no serialisation. What may be shown is made of it by
/// the redaction of the vision crate alone:
///
/// ```compile_fail
/// fn print(picture: ocelli_core::Picture) {
///     println!("{picture:?}");
/// }
/// ```
/// ```compile_fail
/// fn store(picture: &ocelli_core::Picture) -> String {
///     serde_json::to_string(picture).unwrap()
/// }
/// ```
/// ```compile_fail
/// fn send(picture: ocelli_core::Picture) -> ocelli_core::wire::FromEye {
///     ocelli_core::wire::FromEye::Picture(picture)
/// }
/// ```
pub struct Picture {
    /// The stream it came from.
    pub stream: StreamId,
    /// When it is to be shown.
    pub at: MediaTime,
    /// When its packet arrived.
    pub received: MonoTime,
    /// Wall time.
    pub wall: WallTime,
    /// Where `wall` came from.
    pub wall_source: WallSource,
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// Halvings of the width that give the width of the colour planes: 1 for 4:2:0 and 4:2:2.
    pub chroma_shift_x: u8,
    /// Halvings of the height that give the height of the colour planes: 1 for 4:2:0.
    pub chroma_shift_y: u8,
    /// Whether samples use all of 0..255; otherwise luma uses 16..235 and colour 16..240.
    pub full_range: bool,
    /// Whether it came from a key picture.
    pub key: bool,
    /// The pixels.
    pub buffer: Box<dyn PictureBuffer>,
}
