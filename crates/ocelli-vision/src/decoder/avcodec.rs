//! libavcodec behind a safe face: the one module that calls C.
//!
//! A [`Context`] takes coded bytes with a number and gives [`Frame`]s that carry the number of the
//! bytes they came from. Frames are counted references to libavcodec's own buffers; nothing is
//! copied.
#![expect(
    unsafe_code,
    reason = "the one module that talks to FFmpeg's C interface"
)]

use std::{ffi::c_int, ptr, ptr::NonNull, slice, sync::Once};

use ffmpeg_sys_next as ff;
use ocelli_core::{Codec, CodecParameters};

/// What libavcodec answered, as far as it matters here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum AvError {
    /// The bytes are damaged, or of a kind that the decoder does not know.
    Invalid,
    /// No memory.
    NoMemory,
    /// This build of FFmpeg has no such decoder.
    NoDecoder,
}

/// How the samples of a frame are laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Layout {
    /// Halvings of the width in the colour planes.
    pub(super) chroma_shift_x: u8,
    /// Halvings of the height in the colour planes.
    pub(super) chroma_shift_y: u8,
    /// Whether there are colour planes.
    pub(super) colour: bool,
    /// Whether the format itself means full range.
    pub(super) full_range: bool,
}

const fn planar(chroma_shift_x: u8, chroma_shift_y: u8, full_range: bool) -> Layout {
    Layout {
        chroma_shift_x,
        chroma_shift_y,
        colour: true,
        full_range,
    }
}

/// The layouts that are looked at: 8 bits in planes. Decoders in software give no other for
/// H.264, H.265 and MJPEG of 8 bits, but for RGB.
const LAYOUTS: [(ff::AVPixelFormat, Layout); 11] = [
    (ff::AVPixelFormat::AV_PIX_FMT_YUV420P, planar(1, 1, false)),
    (ff::AVPixelFormat::AV_PIX_FMT_YUVJ420P, planar(1, 1, true)),
    (ff::AVPixelFormat::AV_PIX_FMT_YUV422P, planar(1, 0, false)),
    (ff::AVPixelFormat::AV_PIX_FMT_YUVJ422P, planar(1, 0, true)),
    (ff::AVPixelFormat::AV_PIX_FMT_YUV440P, planar(0, 1, false)),
    (ff::AVPixelFormat::AV_PIX_FMT_YUVJ440P, planar(0, 1, true)),
    (ff::AVPixelFormat::AV_PIX_FMT_YUV411P, planar(2, 0, false)),
    (ff::AVPixelFormat::AV_PIX_FMT_YUVJ411P, planar(2, 0, true)),
    (ff::AVPixelFormat::AV_PIX_FMT_YUV444P, planar(0, 0, false)),
    (ff::AVPixelFormat::AV_PIX_FMT_YUVJ444P, planar(0, 0, true)),
    (
        ff::AVPixelFormat::AV_PIX_FMT_GRAY8,
        Layout {
            chroma_shift_x: 0,
            chroma_shift_y: 0,
            colour: false,
            full_range: false,
        },
    ),
];

/// One decoder.
pub(super) struct Context {
    context: NonNull<ff::AVCodecContext>,
    packet: NonNull<ff::AVPacket>,
}

// SAFETY: a context has no thread affinity; it is owned and used by one thread at a time.
unsafe impl Send for Context {}

impl Context {
    /// Opens a decoder that uses one thread. With `low_delay` it gives every picture at once,
    /// which is right where pictures are not reordered.
    pub(super) fn open(
        codec: Codec,
        parameter_sets: &[u8],
        low_delay: bool,
    ) -> Result<Self, AvError> {
        static QUIET: Once = Once::new();
        // SAFETY: sets a global number; libavcodec would print damage to standard error otherwise.
        QUIET.call_once(|| unsafe { ff::av_log_set_level(ff::AV_LOG_QUIET) });
        let id = match codec {
            Codec::H264 => ff::AVCodecID::AV_CODEC_ID_H264,
            Codec::H265 => ff::AVCodecID::AV_CODEC_ID_HEVC,
            Codec::Mjpeg => ff::AVCodecID::AV_CODEC_ID_MJPEG,
        };
        // SAFETY: finds a static description, or null.
        let description = unsafe { ff::avcodec_find_decoder(id) };
        if description.is_null() {
            return Err(AvError::NoDecoder);
        }
        // SAFETY: `description` is a decoder; a null answer is handled.
        let context = NonNull::new(unsafe { ff::avcodec_alloc_context3(description) });
        // SAFETY: allocates; a null answer is handled.
        let packet = NonNull::new(unsafe { ff::av_packet_alloc() });
        let (context, packet) = match (context, packet) {
            (Some(context), Some(packet)) => (context, packet),
            (context, packet) => {
                let mut context = context.map_or(ptr::null_mut(), NonNull::as_ptr);
                let mut packet = packet.map_or(ptr::null_mut(), NonNull::as_ptr);
                // SAFETY: both take null or what was allocated above.
                unsafe {
                    ff::avcodec_free_context(&raw mut context);
                    ff::av_packet_free(&raw mut packet);
                }
                return Err(AvError::NoMemory);
            }
        };
        let this = Self { context, packet };
        this.set_up(parameter_sets, low_delay)?;
        // SAFETY: the context is set up and not opened yet; `description` is what it was made for.
        let opened = unsafe { ff::avcodec_open2(context.as_ptr(), description, ptr::null_mut()) };
        check(opened)?;
        Ok(this)
    }

    fn set_up(&self, parameter_sets: &[u8], low_delay: bool) -> Result<(), AvError> {
        // SAFETY: this value owns the context, and nothing else points to it.
        let context = unsafe { &mut *self.context.as_ptr() };
        context.thread_count = 1;
        context.max_pixels = CodecParameters::PIXELS_MAX as i64;
        context.get_format = Some(choose_format);
        // Damaged pictures are left out and counted. Concealing is what keeps the book of missing
        // macroblocks that `Frame::is_damaged` needs: the cheapest way of it is asked for.
        context.error_concealment = ff::FF_EC_FAVOR_INTER as c_int;
        // H.264 marks damaged frames; the others give them out unmarked unless told to stop.
        if context.codec_id != ff::AVCodecID::AV_CODEC_ID_H264 {
            context.err_recognition = ff::AV_EF_EXPLODE as c_int;
        }
        if low_delay {
            context.flags |= ff::AV_CODEC_FLAG_LOW_DELAY as c_int;
        }
        if parameter_sets.is_empty() {
            return Ok(());
        }
        let padded = parameter_sets.len() + ff::AV_INPUT_BUFFER_PADDING_SIZE as usize;
        // SAFETY: allocates `padded` zeroed bytes, or null.
        let copy = unsafe { ff::av_mallocz(padded) }.cast::<u8>();
        if copy.is_null() {
            return Err(AvError::NoMemory);
        }
        // SAFETY: `copy` has room for all of `parameter_sets` and its padding. The context frees it.
        unsafe { ptr::copy_nonoverlapping(parameter_sets.as_ptr(), copy, parameter_sets.len()) };
        context.extradata = copy;
        context.extradata_size = parameter_sets.len() as c_int;
        Ok(())
    }

    /// Takes one access unit; frames that come out of it carry `number`.
    pub(super) fn send(&mut self, data: &[u8], number: i64) -> Result<(), AvError> {
        let length = c_int::try_from(data.len()).map_err(|_long| AvError::Invalid)?;
        let packet = self.packet.as_ptr();
        // SAFETY: the packet is empty (unreferenced below); allocates `length` bytes and padding.
        check(unsafe { ff::av_new_packet(packet, length) })?;
        // SAFETY: the packet has just been given `length` bytes. The decoder takes a reference of
        // its own, so the packet is emptied again in any case.
        let sent = unsafe {
            ptr::copy_nonoverlapping(data.as_ptr(), (*packet).data, data.len());
            (*packet).pts = number;
            (*packet).dts = number;
            let sent = ff::avcodec_send_packet(self.context.as_ptr(), packet);
            ff::av_packet_unref(packet);
            sent
        };
        check(sent)
    }

    /// No more access units come: frames that were held back for their order come out now.
    pub(super) fn send_end(&mut self) -> Result<(), AvError> {
        // SAFETY: a null packet asks for the end.
        check(unsafe { ff::avcodec_send_packet(self.context.as_ptr(), ptr::null()) })
    }

    /// The next frame, or `None` until more is sent.
    pub(super) fn receive(&mut self) -> Result<Option<Frame>, AvError> {
        // SAFETY: allocates; a null answer is handled.
        let Some(frame) = NonNull::new(unsafe { ff::av_frame_alloc() }) else {
            return Err(AvError::NoMemory);
        };
        let frame = Frame(frame);
        // SAFETY: the context is open and the frame is empty.
        let received =
            unsafe { ff::avcodec_receive_frame(self.context.as_ptr(), frame.0.as_ptr()) };
        if received == ff::AVERROR(ff::EAGAIN) || received == ff::AVERROR_EOF {
            return Ok(None);
        }
        check(received)?;
        Ok(Some(frame))
    }

    /// Forgets everything that was sent; decoding starts anew at a key picture.
    pub(super) fn flush(&mut self) {
        // SAFETY: the context is open.
        unsafe { ff::avcodec_flush_buffers(self.context.as_ptr()) };
    }
}

impl Drop for Context {
    fn drop(&mut self) {
        let mut context = self.context.as_ptr();
        let mut packet = self.packet.as_ptr();
        // SAFETY: both were allocated by libavcodec and are freed once.
        unsafe {
            ff::avcodec_free_context(&raw mut context);
            ff::av_packet_free(&raw mut packet);
        }
    }
}

/// libavcodec asks for the format of samples when it has read a size and before it allocates for
/// it: sizes out of bounds get none, which ends the picture with an error.
///
/// # Safety
/// To be called by libavcodec alone: with its own context and a list that ends with
/// `AV_PIX_FMT_NONE`.
unsafe extern "C" fn choose_format(
    context: *mut ff::AVCodecContext,
    formats: *const ff::AVPixelFormat,
) -> ff::AVPixelFormat {
    // SAFETY: the context is libavcodec's own and alive during the call; two numbers are read.
    let (width, height) = unsafe { ((*context).coded_width, (*context).coded_height) };
    let sane = match (u32::try_from(width), u32::try_from(height)) {
        (Ok(width), Ok(height)) => CodecParameters::size_is_sane(width, height),
        _ => false,
    };
    if !sane {
        return ff::AVPixelFormat::AV_PIX_FMT_NONE;
    }
    // SAFETY: both arguments are passed on as they came.
    unsafe { ff::avcodec_default_get_format(context, formats) }
}

fn check(code: c_int) -> Result<(), AvError> {
    if code >= 0 {
        Ok(())
    } else if code == ff::AVERROR(ff::ENOMEM) {
        Err(AvError::NoMemory)
    } else {
        Err(AvError::Invalid)
    }
}

/// One decoded frame: a counted reference to libavcodec's buffers.
pub(super) struct Frame(NonNull<ff::AVFrame>);

// SAFETY: the reference counts are atomic and the samples are not written any more once received.
unsafe impl Send for Frame {}

impl Frame {
    fn raw(&self) -> &ff::AVFrame {
        // SAFETY: the frame is owned by this value.
        unsafe { self.0.as_ref() }
    }

    /// The number that was sent with its bytes.
    pub(super) fn number(&self) -> i64 {
        self.raw().pts
    }

    /// Width and height in pixels.
    pub(super) fn size(&self) -> (u32, u32) {
        let frame = self.raw();
        (
            u32::try_from(frame.width).unwrap_or(0),
            u32::try_from(frame.height).unwrap_or(0),
        )
    }

    /// Whether decoding can start at it.
    pub(super) fn is_key(&self) -> bool {
        self.raw().key_frame != 0
    }

    /// Whether something in it is missing or damaged.
    pub(super) fn is_damaged(&self) -> bool {
        let frame = self.raw();
        frame.decode_error_flags != 0 || frame.flags & ff::AV_FRAME_FLAG_CORRUPT as c_int != 0
    }

    /// Whether samples use all of 0..255.
    pub(super) fn is_full_range(&self) -> bool {
        matches!(self.raw().color_range, ff::AVColorRange::AVCOL_RANGE_JPEG)
    }

    /// How its samples are laid out, or the number of a format that is not looked at.
    pub(super) fn layout(&self) -> Result<Layout, i32> {
        let format = self.raw().format;
        LAYOUTS
            .iter()
            .find(|(known, _)| format == *known as i32)
            .map(|&(_, layout)| layout)
            .ok_or(format)
    }

    /// Rows of a plane one after another, and the distance of their starts in bytes; `rows` of
    /// `row_bytes` each are readable. Empty where the frame has no such plane.
    pub(super) fn plane(&self, index: usize, row_bytes: usize, rows: usize) -> (&[u8], usize) {
        let frame = self.raw();
        let start = frame.data[index];
        let Ok(stride) = usize::try_from(frame.linesize[index]) else {
            // Upside-down frames do not come out of these decoders.
            return (&[], 0);
        };
        if start.is_null() || rows == 0 || stride < row_bytes {
            return (&[], 0);
        }
        let length = stride * (rows - 1) + row_bytes;
        // SAFETY: libavcodec allocated `rows` rows of `stride` bytes at `start`, of which the last
        // is read up to its visible width only; they live as long as this frame.
        (unsafe { slice::from_raw_parts(start, length) }, stride)
    }
}

impl Drop for Frame {
    fn drop(&mut self) {
        let mut frame = self.0.as_ptr();
        // SAFETY: allocated by libavutil, freed once.
        unsafe { ff::av_frame_free(&raw mut frame) };
    }
}
