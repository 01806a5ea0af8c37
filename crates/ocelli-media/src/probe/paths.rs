//! Where cameras keep their streams, for whoever knows a camera's address alone.

/// Paths of usual cameras, as their makers document them. Those that more cameras answer to come
/// first; smaller streams before larger ones, for they are what is to be analysed.
pub const PATHS: &[&str] = &[
    // Hikvision and what is sold under other names.
    "/Streaming/Channels/102",
    "/Streaming/Channels/101",
    // Dahua, Amcrest, Lorex.
    "/cam/realmonitor?channel=1&subtype=1",
    "/cam/realmonitor?channel=1&subtype=0",
    // Axis.
    "/axis-media/media.amp",
    // Reolink.
    "/h264Preview_01_sub",
    "/h264Preview_01_main",
    // TP-Link Tapo and VIGI.
    "/stream2",
    "/stream1",
    // Hanwha.
    "/profile2/media.smp",
    // Uniview.
    "/media/video2",
    "/media/video1",
    // Bosch.
    "/rtsp_tunnel",
    // Vivotek.
    "/live2.sdp",
    "/live.sdp",
    // Foscam.
    "/videoSub",
    "/videoMain",
    // Many others.
    "/live/ch00_1",
    "/live/ch00_0",
    "/11",
    "/h264",
    "/live",
    // Simulated cameras.
    "/cam/0",
    "/",
];
