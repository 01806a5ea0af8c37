//! Motion vectors as libavcodec exports them.
#![expect(
    unsafe_code,
    reason = "a test that asks FFmpeg's C interface for what the decoder here has no use for"
)]

use std::{collections::BTreeMap, ffi::c_int, ptr, slice};

use ffmpeg_sys_next as ff;

use super::access_units;

/// By macroblock, the motion of its first partition in quarter samples.
pub(crate) type Vectors = BTreeMap<usize, [i16; 2]>;

/// All pictures of a stream, in the order of showing.
pub(crate) fn pictures(stream: &[u8]) -> Vec<Vectors> {
    let mut pictures = Vec::new();
    // SAFETY: pointers come from the functions that make them, are checked, used by this thread
    // alone and freed at the end; packets are filled with as many bytes as they were made for.
    unsafe {
        ff::av_log_set_level(ff::AV_LOG_QUIET);
        let codec = ff::avcodec_find_decoder(ff::AVCodecID::AV_CODEC_ID_H264);
        let mut context = ff::avcodec_alloc_context3(codec);
        let mut packet = ff::av_packet_alloc();
        let mut frame = ff::av_frame_alloc();
        assert!(!context.is_null() && !packet.is_null() && !frame.is_null());
        (*context).thread_count = 1;
        (*context).flags |= ff::AV_CODEC_FLAG_LOW_DELAY as c_int;
        (*context).flags2 |= ff::AV_CODEC_FLAG2_EXPORT_MVS as c_int;
        assert_eq!(ff::avcodec_open2(context, codec, ptr::null_mut()), 0);
        for unit in access_units(stream) {
            assert_eq!(ff::av_new_packet(packet, unit.len() as c_int), 0);
            ptr::copy_nonoverlapping(unit.as_ptr(), (*packet).data, unit.len());
            assert_eq!(ff::avcodec_send_packet(context, packet), 0);
            ff::av_packet_unref(packet);
            while ff::avcodec_receive_frame(context, frame) == 0 {
                pictures.push(vectors(frame));
            }
        }
        ff::avcodec_send_packet(context, ptr::null());
        while ff::avcodec_receive_frame(context, frame) == 0 {
            pictures.push(vectors(frame));
        }
        ff::av_frame_free(&raw mut frame);
        ff::av_packet_free(&raw mut packet);
        ff::avcodec_free_context(&raw mut context);
    }
    pictures
}

/// The vectors of a frame.
///
/// # Safety
/// `frame` is a frame that was received.
#[expect(
    clippy::cast_ptr_alignment,
    reason = "libavutil aligns what it allocates for any type"
)]
unsafe fn vectors(frame: *const ff::AVFrame) -> Vectors {
    let mut vectors: BTreeMap<usize, ((i16, i16), [i16; 2])> = BTreeMap::new();
    // SAFETY: the side data, if any, is an array of vectors of `size` bytes in all.
    let (all, columns) = unsafe {
        let columns = ((*frame).width as usize).div_ceil(16);
        let side = ff::av_frame_get_side_data(
            frame,
            ff::AVFrameSideDataType::AV_FRAME_DATA_MOTION_VECTORS,
        );
        if side.is_null() {
            return Vectors::new();
        }
        let count = (*side).size / size_of::<ff::AVMotionVector>();
        let first = (*side).data.cast::<ff::AVMotionVector>();
        (slice::from_raw_parts(first, count), columns)
    };
    for vector in all {
        // They stand at the middle of their partition.
        let at = (vector.dst_y as usize / 16) * columns + vector.dst_x as usize / 16;
        let place = (vector.dst_y, vector.dst_x);
        assert_eq!(vector.motion_scale, 4);
        let motion = [vector.motion_x as i16, vector.motion_y as i16];
        let entry = vectors.entry(at).or_insert((place, motion));
        if place < entry.0 {
            *entry = (place, motion);
        }
    }
    vectors
        .into_iter()
        .map(|(at, (_, motion))| (at, motion))
        .collect()
}
