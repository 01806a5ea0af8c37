//! Checkpoints that go elsewhere, where whoever holds the key cannot take them back.

use std::{fs, io::Write as _, time::Duration};

use super::{Checkpoint, RecordError};
use crate::config::CheckpointPlace;

/// Between two checkpoints.
pub const PUBLISH_EVERY: Duration = Duration::from_hours(1);
/// How long an address may take.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);

/// Sends a checkpoint to every place; a failure is logged, and the next one is tried as well.
pub async fn publish(checkpoint: Checkpoint, places: Vec<CheckpointPlace>) {
    tracing::info!(
        n = checkpoint.n,
        hash = checkpoint.hash,
        signature = checkpoint.signature,
        "checkpoint of the record"
    );
    let work = move || {
        for place in &places {
            if let Err(reason) = send(&checkpoint, place) {
                tracing::warn!("a checkpoint of the record went nowhere: {reason}");
            }
        }
    };
    if tokio::task::spawn_blocking(work).await.is_err() {
        tracing::error!("the task that sends checkpoints panicked");
    }
}

fn send(checkpoint: &Checkpoint, place: &CheckpointPlace) -> Result<(), String> {
    match place {
        CheckpointPlace::File(path) => {
            let mut file = fs::OpenOptions::new()
                .create(true)
                .append(true)
                .open(path)
                .map_err(|error| RecordError::io(path, error).to_string())?;
            writeln!(file, "{}", checkpoint.to_line())
                .and_then(|()| file.sync_data())
                .map_err(|error| RecordError::io(path, error).to_string())
        }
        CheckpointPlace::Address(url) => {
            let agent: ureq::Agent = ureq::Agent::config_builder()
                .timeout_global(Some(ANSWER_WITHIN))
                .max_redirects(0)
                .proxy(None)
                .build()
                .into();
            agent
                .post(url.as_str())
                .send_json(checkpoint)
                .map(drop)
                .map_err(|error| format!("{}: {error}", url.host_str().unwrap_or_default()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{Deed, Record, folder, verify};
    use ocelli_core::WallTime;

    #[tokio::test]
    async fn what_was_sent_to_a_file_verifies_the_record() {
        let dir = tempfile::tempdir().unwrap();
        let record = Record::open(dir.path(), || WallTime { micros: 0 }).unwrap();
        let elsewhere = tempfile::tempdir().unwrap();
        let file = elsewhere.path().join("checkpoints.jsonl");
        let nowhere = elsewhere.path().join("no/such/folder");
        let places = [nowhere, file.clone()].map(CheckpointPlace::File);
        publish(record.checkpoint(), places.to_vec()).await;
        record.note(None, Deed::Stopped).await.unwrap();
        publish(record.checkpoint(), places.to_vec()).await;
        let text = fs::read_to_string(file).unwrap();
        let kept: Vec<Checkpoint> = text.lines().map(|line| line.parse().unwrap()).collect();
        assert_eq!(kept.iter().map(|each| each.n).collect::<Vec<_>>(), [1, 2]);
        assert_eq!(verify(&folder(dir.path()), &kept).unwrap().checkpoints, 2);
    }
}
