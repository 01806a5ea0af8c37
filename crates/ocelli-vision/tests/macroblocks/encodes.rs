//! Streams that the `ffmpeg` program makes.

use std::{path::PathBuf, process::Command};

use ocelli_media::bitstream::h264::Unsupported;

/// How a stream is made.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Encode<'a> {
    pub(crate) name: &'static str,
    /// A file, or a source of FFmpeg's filters.
    pub(crate) source: Source<'a>,
    pub(crate) preset: &'static str,
    /// Rate control and the like.
    pub(crate) options: &'a [&'static str],
    pub(crate) x264: &'static str,
}

#[derive(Debug, Clone, Copy)]
pub(crate) enum Source<'a> {
    Drawn(&'static str),
    File(&'a str),
}

impl Encode<'_> {
    pub(crate) fn stream(&self) -> Vec<u8> {
        let mut command = Command::new("ffmpeg");
        command.args(["-v", "error", "-nostdin"]);
        match self.source {
            Source::Drawn(graph) => command.args(["-f", "lavfi", "-i", graph]),
            Source::File(path) => command.args(["-t", "6", "-i", path, "-an"]),
        };
        if !self.options.contains(&"-pix_fmt") {
            command.args(["-pix_fmt", "yuv420p"]);
        }
        command.args(["-threads", "1", "-c:v", "libx264", "-preset", self.preset]);
        command.args(self.options);
        command.args(["-x264-params", self.x264, "-f", "h264", "-"]);
        let output = command.output().unwrap();
        assert!(
            output.status.success() && !output.stdout.is_empty(),
            "{}: {}",
            self.name,
            String::from_utf8_lossy(&output.stderr)
        );
        output.stdout
    }
}

const fn drawn(
    name: &'static str,
    graph: &'static str,
    preset: &'static str,
    options: &'static [&'static str],
    x264: &'static str,
) -> Encode<'static> {
    Encode {
        name,
        source: Source::Drawn(graph),
        preset,
        options,
        x264,
    }
}

const TESTSRC: &str = "testsrc2=s=320x240:r=25:d=2";
const SMALL: &str = "testsrc=s=16x16:r=25:d=1,noise=alls=30:allf=t";
const ODD: &str = "testsrc2=s=86x50:r=25:d=2";
const MANDELBROT: &str = "mandelbrot=s=320x180:r=25,trim=duration=2";
const NOISE: &str = "testsrc2=s=176x144:r=25:d=1,noise=alls=60:allf=t";
const QUIET: &str = "testsrc=s=320x240:r=25:d=2,noise=alls=3:allf=t";
const SPIN: &str = "testsrc2=s=256x256:r=25:d=1,rotate=a=t*2";
const HALF_RANDOM: &str =
    "nullsrc=s=176x144:r=25:d=1,geq=if(lt(X\\,88)\\,random(1)*255\\,X+Y+N):128:128";
const RANDOM: &str = "nullsrc=s=176x144:r=25:d=1,geq=random(1)*255:random(2)*255:128";

pub(crate) const ARITHMETIC: &[Encode<'static>] = &[
    drawn("plain", TESTSRC, "medium", &["-crf", "23"], "bframes=0"),
    drawn(
        "no 8x8",
        TESTSRC,
        "medium",
        &["-crf", "23"],
        "bframes=0:8x8dct=0",
    ),
    drawn(
        "many references",
        TESTSRC,
        "slower",
        &["-crf", "20"],
        "bframes=0:ref=8:keyint=25",
    ),
    drawn(
        "slices",
        TESTSRC,
        "slower",
        &["-crf", "24"],
        "bframes=0:slices=5:ref=3",
    ),
    drawn(
        "short slices",
        TESTSRC,
        "medium",
        &["-crf", "24"],
        "bframes=0:slice-max-mbs=7",
    ),
    drawn(
        "smallest partitions",
        SPIN,
        "placebo",
        &["-crf", "18"],
        "bframes=0:partitions=all",
    ),
    drawn(
        "mandelbrot",
        MANDELBROT,
        "slow",
        &["-crf", "26"],
        "bframes=0",
    ),
    drawn("fine", MANDELBROT, "fast", &["-qp", "4"], "bframes=0"),
    drawn("coarse", MANDELBROT, "slow", &["-qp", "48"], "bframes=0"),
    drawn("lossless", QUIET, "fast", &["-qp", "0"], "bframes=0"),
    drawn(
        "constant rate",
        NOISE,
        "fast",
        &["-b:v", "400k", "-maxrate", "400k", "-bufsize", "200k"],
        "bframes=0:nal-hrd=cbr",
    ),
    drawn("noise", QUIET, "veryfast", &["-crf", "18"], "bframes=0"),
    drawn(
        "one macroblock",
        SMALL,
        "medium",
        &["-crf", "18"],
        "bframes=0",
    ),
    drawn(
        "odd size",
        ODD,
        "slow",
        &["-crf", "20"],
        "bframes=0:weightp=2",
    ),
    drawn(
        "grey",
        TESTSRC,
        "medium",
        &["-crf", "20", "-pix_fmt", "gray"],
        "bframes=0",
    ),
    drawn(
        "intra refresh",
        TESTSRC,
        "medium",
        &["-crf", "23"],
        "bframes=0:intra-refresh=1:keyint=20",
    ),
    drawn(
        "fake interlaced",
        TESTSRC,
        "medium",
        &["-crf", "23"],
        "bframes=0:fake-interlaced=1",
    ),
    drawn(
        "constrained intra",
        SPIN,
        "slow",
        &["-crf", "23"],
        "bframes=0:constrained-intra=1",
    ),
    drawn(
        "wide motion",
        SPIN,
        "slow",
        &["-crf", "30"],
        "bframes=0:merange=64:me=umh",
    ),
];

pub(crate) const VARIABLE_LENGTH: &[Encode<'static>] = &[
    drawn(
        "plain",
        TESTSRC,
        "medium",
        &["-crf", "23"],
        "bframes=0:cabac=0",
    ),
    drawn(
        "no 8x8",
        TESTSRC,
        "medium",
        &["-crf", "23"],
        "bframes=0:cabac=0:8x8dct=0",
    ),
    drawn(
        "baseline",
        TESTSRC,
        "medium",
        &["-crf", "23", "-profile:v", "baseline"],
        "ref=2",
    ),
    drawn(
        "many references",
        TESTSRC,
        "slower",
        &["-crf", "20"],
        "bframes=0:cabac=0:ref=8:keyint=25",
    ),
    drawn(
        "two references",
        TESTSRC,
        "slower",
        &["-crf", "20"],
        "bframes=0:cabac=0:ref=2",
    ),
    drawn(
        "slices",
        TESTSRC,
        "slower",
        &["-crf", "24"],
        "bframes=0:cabac=0:slices=5:ref=3",
    ),
    drawn(
        "short slices",
        TESTSRC,
        "medium",
        &["-crf", "24"],
        "bframes=0:cabac=0:slice-max-size=300",
    ),
    drawn(
        "smallest partitions",
        SPIN,
        "placebo",
        &["-crf", "18"],
        "bframes=0:cabac=0:partitions=all",
    ),
    drawn(
        "mandelbrot",
        MANDELBROT,
        "slow",
        &["-crf", "26"],
        "bframes=0:cabac=0",
    ),
    drawn(
        "fine",
        MANDELBROT,
        "fast",
        &["-qp", "4"],
        "bframes=0:cabac=0",
    ),
    drawn(
        "coarse",
        MANDELBROT,
        "slow",
        &["-qp", "48"],
        "bframes=0:cabac=0",
    ),
    drawn(
        "lossless",
        QUIET,
        "fast",
        &["-qp", "0"],
        "bframes=0:cabac=0",
    ),
    drawn(
        "constant rate",
        NOISE,
        "fast",
        &["-b:v", "400k", "-maxrate", "400k", "-bufsize", "200k"],
        "bframes=0:cabac=0:nal-hrd=cbr",
    ),
    drawn(
        "noise",
        QUIET,
        "veryfast",
        &["-crf", "18"],
        "bframes=0:cabac=0",
    ),
    drawn(
        "one macroblock",
        SMALL,
        "medium",
        &["-crf", "18"],
        "bframes=0:cabac=0",
    ),
    drawn(
        "odd size",
        ODD,
        "slow",
        &["-crf", "20"],
        "bframes=0:cabac=0:weightp=2",
    ),
    drawn(
        "grey",
        TESTSRC,
        "medium",
        &["-crf", "20", "-pix_fmt", "gray"],
        "bframes=0:cabac=0",
    ),
    drawn(
        "fake interlaced",
        TESTSRC,
        "medium",
        &["-crf", "23"],
        "bframes=0:cabac=0:fake-interlaced=1",
    ),
];

/// Noise at the finest quantiser costs more bits than the samples themselves.
pub(crate) const SAMPLES: &[Encode<'static>] = &[
    drawn(
        "samples",
        RANDOM,
        "medium",
        &["-qp", "1"],
        "bframes=0:psy=0",
    ),
    drawn(
        "samples",
        RANDOM,
        "medium",
        &["-qp", "1"],
        "bframes=0:psy=0:cabac=0",
    ),
    drawn(
        "samples, slices",
        RANDOM,
        "slower",
        &["-qp", "1"],
        "bframes=0:psy=0:slices=3",
    ),
    drawn(
        "half samples",
        HALF_RANDOM,
        "medium",
        &["-qp", "1"],
        "bframes=0:psy=0",
    ),
    drawn(
        "half samples",
        HALF_RANDOM,
        "medium",
        &["-qp", "1"],
        "bframes=0:psy=0:cabac=0",
    ),
];

pub(crate) const REFUSED: &[(Encode<'static>, Unsupported)] = &[
    (
        drawn(
            "B",
            TESTSRC,
            "medium",
            &["-crf", "23"],
            "bframes=3:b-adapt=0",
        ),
        Unsupported::Bidirectional,
    ),
    (
        drawn(
            "interlaced",
            TESTSRC,
            "medium",
            &["-crf", "23"],
            "bframes=0:interlaced=1",
        ),
        Unsupported::Interlaced,
    ),
    (
        drawn(
            "4:2:2",
            TESTSRC,
            "medium",
            &["-pix_fmt", "yuv422p"],
            "bframes=0",
        ),
        Unsupported::ChromaFormat,
    ),
    (
        drawn(
            "4:4:4",
            TESTSRC,
            "medium",
            &["-pix_fmt", "yuv444p"],
            "bframes=0",
        ),
        Unsupported::ChromaFormat,
    ),
    (
        drawn(
            "10 bits",
            TESTSRC,
            "medium",
            &["-pix_fmt", "yuv420p10le"],
            "bframes=0",
        ),
        Unsupported::BitDepth,
    ),
];

/// The clip of a street with people, 768x576, if there is one.
pub(crate) fn street(test: &str) -> Option<String> {
    let folder = std::env::var_os("OCELLI_TEST_CLIPS").map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../.deps/clips"),
        PathBuf::from,
    );
    let path = folder.join("vtest-640x360-25.mp4");
    if !path.exists() {
        eprintln!("needs test data: {test}");
        return None;
    }
    path.to_str().map(str::to_owned)
}

const CBR: &[&str] = &["-b:v", "400k", "-maxrate", "400k", "-bufsize", "400k"];

/// The street as cameras would send it: constant quality and constant rate, either coding.
pub(crate) fn of_street(clip: &str) -> Vec<Encode<'_>> {
    let of = |name, options, x264| Encode {
        name,
        source: Source::File(clip),
        preset: "veryfast",
        options,
        x264,
    };
    vec![
        of("street", &["-crf", "27"], "bframes=0:keyint=50:ref=1"),
        of(
            "street, codes",
            &["-crf", "27"],
            "bframes=0:keyint=50:cabac=0",
        ),
        of("street, rate", CBR, "bframes=0:keyint=50:nal-hrd=cbr"),
        of("street, rate, codes", CBR, "bframes=0:keyint=50:cabac=0"),
    ]
}
