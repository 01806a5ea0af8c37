use std::{fs, path::Path};

use proptest::{
    prelude::{Rng as _, RngExt as _},
    test_runner::{RngAlgorithm, TestRng},
};

use super::*;

const START: i64 = 1_795_509_000_000_000;

fn now() -> WallTime {
    WallTime { micros: START }
}

fn anna() -> Who {
    Who {
        user: "anna".to_owned(),
        token: None,
    }
}

fn viewed(number: u64) -> Deed {
    Deed::Viewed {
        what: "/api/v1/events".to_owned(),
        streams: vec![format!("cam-{number}")],
        number: 1,
    }
}

/// A record with `number` entries.
fn written(number: u64) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let record = Record::open(dir.path(), now).unwrap();
    for n in 1..number {
        record.note_now(Some(&anna()), &viewed(n)).unwrap();
    }
    dir
}

fn verdict(dir: &Path) -> Result<Verified, RecordError> {
    verify(&folder(dir), &[])
}

fn chain_file(dir: &Path) -> PathBuf {
    chain::path(&folder(dir), 1)
}

#[test]
fn what_was_written_is_verified_and_read_again_after_a_restart() {
    let dir = written(20);
    let record = Record::open(dir.path(), now).unwrap();
    assert_eq!(record.note_now(None, &Deed::Stopped).unwrap(), 21);
    let busy = Record::open(dir.path(), now).map(|_| ()).unwrap_err();
    assert!(matches!(busy, RecordError::Busy(_)), "{busy}");
    let verified = verdict(dir.path()).unwrap();
    assert_eq!((verified.first, verified.last), (1, 21));
    assert_eq!(verified.hash, record.checkpoint().hash);
    assert_eq!(verified.key, record.checkpoint().key);
    let query = ReadQuery {
        limit: 3,
        ..ReadQuery::default()
    };
    let entries = read(&folder(dir.path()), &query).unwrap();
    let shown: Vec<_> = entries
        .iter()
        .map(|entry| (entry.n, entry.kind()))
        .collect();
    assert_eq!(shown, [(19, "viewed"), (20, "viewed"), (21, "stopped")]);
    assert_eq!(entries[0].user.as_deref(), Some("anna"));
    assert_eq!(
        entries[0].told(),
        r#"number=1 streams=["cam-18"] what=/api/v1/events"#
    );
}

/// One random change of a record's files; what it was.
fn attack(dir: &Path, random: &mut TestRng) -> String {
    let chain = chain_file(dir);
    let text = fs::read_to_string(&chain).unwrap();
    let mut lines: Vec<&str> = text.split_inclusive('\n').collect();
    let any = |random: &mut TestRng, below: usize| random.random_range(0..below);
    let (what, changed) = match any(random, 7) {
        0 => {
            let files = [
                chain.clone(),
                folder(dir).join("head.json"),
                folder(dir).join("key.pub"),
            ];
            let file = &files[any(random, 3)];
            let mut bytes = fs::read(file).unwrap();
            let (at, bit) = (any(random, bytes.len()), any(random, 8));
            bytes[at] ^= 1 << bit;
            fs::write(file, bytes).unwrap();
            return format!("bit {bit} of byte {at} of {}", file.display());
        }
        1 => {
            let at = any(random, lines.len());
            lines.remove(at);
            (format!("line {at} taken out"), lines.concat())
        }
        2 => {
            let (a, b) = (any(random, lines.len()), any(random, lines.len() - 1));
            let b = if b >= a { b + 1 } else { b };
            lines.swap(a, b);
            (format!("lines {a} and {b} exchanged"), lines.concat())
        }
        3 => {
            let (from, to) = (any(random, lines.len()), any(random, lines.len() + 1));
            let line = lines[from];
            lines.insert(to, line);
            (format!("line {from} again at {to}"), lines.concat())
        }
        4 => {
            let at = any(random, text.len());
            (format!("cut at byte {at}"), text[..at].to_owned())
        }
        5 => {
            let at = any(random, text.len() - 1) + 1;
            (format!("begun at byte {at}"), text[at..].to_owned())
        }
        _ => {
            // A line that says something else, with its own hash made right.
            let at = any(random, lines.len());
            let link = chain::link(lines[at].trim_end()).unwrap();
            let deed = viewed(random.next_u64());
            let (line, _hash) = chain::line(&chain::Body {
                n: link.n,
                time: &link.time,
                who: link.who.as_ref(),
                deed: &deed,
                prev: &link.prev,
            });
            lines[at] = &line;
            (format!("line {at} forged"), lines.concat())
        }
    };
    fs::write(&chain, changed).unwrap();
    what
}

#[test]
fn random_attacks_are_found_and_the_untouched_twin_is_fine() {
    let rounds = if std::env::var_os("OCELLI_TEST_LONG").is_some() {
        10_000
    } else {
        400
    };
    let dir = written(24);
    let kept: Vec<(PathBuf, Vec<u8>)> = fs::read_dir(folder(dir.path()))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .map(|path| (path.clone(), fs::read(path).unwrap()))
        .collect();
    let mut random = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    for round in 0..rounds {
        verdict(dir.path()).unwrap_or_else(|error| panic!("the twin in round {round}: {error}"));
        let what = attack(dir.path(), &mut random);
        let found = verdict(dir.path());
        assert!(found.is_err(), "round {round}: {what}: {found:?}");
        for (path, bytes) in &kept {
            fs::write(path, bytes).unwrap();
        }
    }
}

#[test]
fn who_puts_back_an_older_head_too_is_found_by_a_checkpoint_from_elsewhere() {
    let dir = written(10);
    let old: Vec<(PathBuf, Vec<u8>)> =
        [chain_file(dir.path()), folder(dir.path()).join("head.json")]
            .map(|path| (path.clone(), fs::read(path).unwrap()))
            .into();
    let record = Record::open(dir.path(), now).unwrap();
    record.note_now(Some(&anna()), &viewed(99)).unwrap();
    let elsewhere = record.checkpoint();
    drop(record);
    let checked =
        |checkpoint: &Checkpoint| verify(&folder(dir.path()), std::slice::from_ref(checkpoint));
    assert_eq!(checked(&elsewhere).unwrap().checkpoints, 1, "the twin");
    for (path, bytes) in old {
        fs::write(path, bytes).unwrap();
    }
    verdict(dir.path()).expect("by itself it looks whole: that is not promised");
    let error = checked(&elsewhere).unwrap_err().to_string();
    assert!(error.contains("entries are missing"), "{error}");
    // The key-holder goes on otherwise.
    let record = Record::open(dir.path(), now).unwrap();
    record.note_now(Some(&anna()), &viewed(1)).unwrap();
    record.note_now(Some(&anna()), &viewed(2)).unwrap();
    let error = checked(&elsewhere).unwrap_err().to_string();
    assert!(error.contains("rewritten"), "{error}");
    let forged = Checkpoint {
        n: 2,
        ..record.checkpoint()
    };
    let error = checked(&forged).unwrap_err().to_string();
    assert!(error.contains("signature"), "{error}");
}

#[test]
fn a_torn_entry_is_put_aside_and_said() {
    for cut in [1, 40, 200] {
        let dir = written(5);
        let head = fs::read(folder(dir.path()).join("head.json")).unwrap();
        let whole = fs::read(chain_file(dir.path())).unwrap();
        let record = Record::open(dir.path(), now).unwrap();
        record.note_now(Some(&anna()), &viewed(6)).unwrap();
        drop(record);
        // The crash came while the entry was written, before its signature.
        let torn = fs::read(chain_file(dir.path())).unwrap()[..whole.len() + cut].to_vec();
        fs::write(chain_file(dir.path()), &torn).unwrap();
        fs::write(folder(dir.path()).join("head.json"), head).unwrap();
        assert_eq!(verdict(dir.path()).unwrap().torn_bytes, cut as u64);
        let record = Record::open(dir.path(), now).unwrap();
        drop(record);
        let last = read(
            &folder(dir.path()),
            &ReadQuery {
                limit: 1,
                ..ReadQuery::default()
            },
        );
        assert_eq!(last.unwrap()[0].kind(), "torn");
        let aside = folder(dir.path()).join("torn-after-000000000005");
        assert_eq!(fs::read(aside).unwrap(), torn[whole.len()..]);
        let verified = verdict(dir.path()).unwrap();
        assert_eq!((verified.last, verified.torn_bytes), (6, 0));
    }
    // In the very first entry.
    let dir = written(1);
    let bytes = fs::read(chain_file(dir.path())).unwrap();
    fs::write(chain_file(dir.path()), &bytes[..20]).unwrap();
    fs::remove_file(folder(dir.path()).join("head.json")).unwrap();
    drop(Record::open(dir.path(), now).unwrap());
    assert_eq!(verdict(dir.path()).unwrap().last, 2);
}

#[test]
fn an_unsigned_last_entry_is_taken() {
    let dir = written(5);
    let head = fs::read(folder(dir.path()).join("head.json")).unwrap();
    let record = Record::open(dir.path(), now).unwrap();
    record.note_now(None, &Deed::Stopped).unwrap();
    drop(record);
    fs::write(folder(dir.path()).join("head.json"), head).unwrap();
    assert_eq!(verdict(dir.path()).unwrap().last, 6);
    Record::open(dir.path(), now).unwrap();
}

#[test]
fn a_damaged_record_and_a_missing_key_are_refused_and_nothing_is_lost() {
    let open = |dir: &Path| Record::open(dir, now).map(|_| ()).unwrap_err();
    let content = |dir: &Path| -> Vec<(PathBuf, Vec<u8>)> {
        let mut all: Vec<_> = fs::read_dir(folder(dir))
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .map(|path| (path.clone(), fs::read(path).unwrap()))
            .collect();
        all.sort();
        all
    };
    let dir = written(5);
    fs::remove_file(folder(dir.path()).join("key")).unwrap();
    let before = content(dir.path());
    let error = open(dir.path());
    assert!(matches!(error, RecordError::KeyMissing(_)), "{error}");
    assert!(error.to_string().contains("ocelli audit renew"), "{error}");
    assert_eq!(content(dir.path()), before);
    verdict(dir.path()).expect("what was written is still verified, without the private key");

    let dir = written(5);
    let text = fs::read_to_string(chain_file(dir.path())).unwrap();
    fs::write(chain_file(dir.path()), text.replacen("cam-3", "cam-4", 1)).unwrap();
    let before = content(dir.path());
    let error = open(dir.path());
    assert!(
        matches!(&error, RecordError::Damaged(finding) if finding.line == Some(4)),
        "{error}"
    );
    assert_eq!(content(dir.path()), before);

    let aside = renew(dir.path(), now(), "a disk failed").unwrap();
    let moved = fs::read_to_string(chain::path(&dir.path().join(aside), 1)).unwrap();
    assert!(moved.contains("\"n\":5"), "the old one is still there");
    assert_eq!(verdict(dir.path()).unwrap().last, 1);
    let first = read(
        &folder(dir.path()),
        &ReadQuery {
            limit: 1,
            ..ReadQuery::default()
        },
    );
    assert!(first.unwrap()[0].told().contains("a disk failed"));

    let dir = written(5);
    fs::remove_file(chain_file(dir.path())).unwrap();
    assert!(matches!(open(dir.path()), RecordError::Damaged(_)));
    let empty = tempfile::tempdir().unwrap();
    assert!(matches!(verdict(empty.path()), Err(RecordError::None(_))));
}

#[test]
fn old_entries_go_and_an_entry_says_so() {
    let dir = tempfile::tempdir().unwrap();
    let days = |days: i64| WallTime {
        micros: START + days * 86_400_000_000,
    };
    let mut writer = Writer::open(&folder(dir.path()), days(0)).unwrap();
    let mut day = 0;
    while day < KEPT_DAYS + 100 {
        day += 9;
        writer
            .append(days(day), Some(&anna()), &viewed(day as u64))
            .unwrap();
    }
    drop(writer);
    let verified = verdict(dir.path()).unwrap();
    assert!(verified.first > 1, "{verified:?}");
    let all = ReadQuery {
        limit: 1000,
        ..ReadQuery::default()
    };
    let entries = read(&folder(dir.path()), &all).unwrap();
    let oldest = WallTime::from_rfc3339(&entries[0].time).unwrap();
    assert!(
        oldest.micros > days(day - KEPT_DAYS - 60).micros,
        "{}",
        entries[0].time
    );
    assert!(
        oldest.micros <= days(day - 183).micros,
        "six months are kept"
    );
    assert!(entries.iter().any(|entry| entry.kind() == "trimmed"));
    Record::open(dir.path(), now).expect("it opens again");
    // The twin: who takes away one more file is found.
    let files = chain::files(&folder(dir.path())).unwrap();
    fs::remove_file(&files[0].1).unwrap();
    let error = verdict(dir.path()).unwrap_err().to_string();
    assert!(error.contains("beginning is missing"), "{error}");
    let middle = &files[files.len() / 2].1;
    fs::remove_file(middle).unwrap();
    verdict(dir.path()).unwrap_err();
}

#[test]
fn the_private_key_is_its_owners_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let dir = written(2);
    let mode = |path: PathBuf| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(folder(dir.path()).join("key")), 0o600);
    assert_eq!(mode(chain_file(dir.path())), 0o600);
    assert_eq!(mode(folder(dir.path())), 0o700);
}

#[test]
fn a_run_that_did_not_say_that_it_ended_is_known() {
    let dir = written(2);
    let started = Deed::Started {
        version: "1".to_owned(),
        sandbox: "strict".to_owned(),
        configuration: None,
        streams: 0,
        after_crash: false,
    };
    let record = Record::open(dir.path(), now).unwrap();
    assert!(!record.is_running());
    record.note_now(None, &started).unwrap();
    record.note_now(Some(&anna()), &viewed(1)).unwrap();
    drop(record);
    let record = Record::open(dir.path(), now).unwrap();
    assert!(record.is_running());
    record.note_now(None, &Deed::Stopped).unwrap();
    drop(record);
    assert!(!Record::open(dir.path(), now).unwrap().is_running());
}
