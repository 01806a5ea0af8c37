//! What `gate: motion` finds of what `gate: always` finds.

use serde_json::Value;

use super::*;

/// Of what is found by looking all the time, so much has to be found by looking at what changes.
const RECALL_MIN: f64 = 0.95;
/// And so many more events may there be: a tag that is begun late may break in two. The clips are
/// short: one tag more is a twentieth.
const EVENTS_MAX: f64 = 1.2;
/// Events of one thing may be so far apart, in seconds of media time.
const APART_SECS_MAX: f64 = 1.0;

/// Events of a recording.
fn watch(clip: &Path, gate: &str) -> Vec<Value> {
    let dir = tempfile::tempdir().unwrap();
    let clip = clip.to_str().unwrap();
    let arguments = ["run", clip, "--exit-at-end", "--eyes", "1", "--seed", "7"];
    let mut command = ocelli(dir.path(), &arguments);
    worked(&command.args(["--gate", gate]).output().unwrap());
    let events = stored(dir.path());
    events
        .iter()
        .map(|event| serde_json::from_str(event).unwrap())
        .collect()
}

/// How many of the appearances and departures in `wanted` have one of their own in `found`.
fn matched(wanted: &[Value], found: &[Value]) -> (usize, usize) {
    let told = |events: &[Value]| -> Vec<(String, String, f64)> {
        let text = |event: &Value, key: &str| event[key].as_str().unwrap_or_default().to_owned();
        let all = events.iter().map(|event| {
            let at = event["media_secs"].as_f64().unwrap();
            (text(event, "kind"), text(event, "label"), at)
        });
        all.filter(|(kind, ..)| matches!(kind.as_str(), "appeared" | "gone"))
            .collect()
    };
    let wanted = told(wanted);
    let mut left = told(found);
    let mut matched = 0;
    for (kind, label, at) in &wanted {
        let own = left.iter().position(|(other, its, when)| {
            (other, its) == (kind, label) && (when - at).abs() <= APART_SECS_MAX
        });
        if let Some(own) = own {
            left.remove(own);
            matched += 1;
        }
    }
    (matched, wanted.len())
}

/// Two scenes of the clip, of four and of two seconds, in a still one with noise.
fn composed(clip: &Path, folder: &Path) -> PathBuf {
    let file = folder.join("composed.mp4");
    let still = |secs: u32| {
        format!(
            "smptebars=size=640x360:rate=25:duration={secs},noise=alls=3:allf=t,format=yuv420p,setsar=1"
        )
    };
    let part = |begin: u32, end: u32| {
        format!("trim={begin}:{end},setpts=PTS-STARTPTS,fps=25,format=yuv420p,setsar=1")
    };
    let graph = format!(
        "{}[a];[0:v]{}[b];{}[c];[1:v]{}[d];{}[e];[a][b][c][d][e]concat=n=5:v=1",
        still(15),
        part(2, 6),
        still(12),
        part(10, 12),
        still(12),
    );
    let output = Command::new("ffmpeg")
        .args(["-v", "error", "-y", "-i"])
        .arg(clip)
        .arg("-i")
        .arg(clip)
        .args([
            "-filter_complex",
            &graph,
            "-threads",
            "1",
            "-c:v",
            "libx264",
        ])
        .args(["-preset", "veryfast", "-x264-params"])
        .arg("keyint=50:min-keyint=50:scenecut=0:bframes=0:ref=1:crf=27")
        .arg(&file)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
    file
}

#[test]
fn motion_finds_what_always_finds() {
    let Some(clip) = clip("motion_finds_what_always_finds") else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    for clip in [composed(&clip, folder.path()), clip] {
        let always = watch(&clip, "always");
        let motion = watch(&clip, "motion");
        let (found, wanted) = matched(&always, &motion);
        eprintln!(
            "{}: {found} of {wanted} events, {} in all",
            clip.display(),
            motion.len()
        );
        assert!(wanted >= 10, "the clip shows too little");
        assert!(
            found as f64 >= RECALL_MIN * wanted as f64,
            "{found} of {wanted}"
        );
        assert!(
            motion.len() as f64 <= EVENTS_MAX * always.len() as f64,
            "and little more"
        );
        // The twin: what is taken away is missed.
        let half = &motion[..motion.len() / 2];
        assert!((matched(&always, half).0 as f64) < RECALL_MIN * wanted as f64);
    }
}
