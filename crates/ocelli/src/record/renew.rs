//! Puts a damaged record aside and begins a new one.

use std::{fs, path::Path};

use ocelli_core::WallTime;

use super::{
    RecordError, folder,
    write::{Writer, lock},
};

/// Renames the record of a data directory, whatever it holds, and begins a new one whose first
/// entry says why. Returns the old one's new name: nothing of it is lost.
pub fn renew(data_dir: &Path, now: WallTime, because: &str) -> Result<String, RecordError> {
    let old = folder(data_dir);
    if !old.is_dir() {
        return Err(RecordError::None(old.display().to_string()));
    }
    let held = lock(&old)?;
    let name = format!("record-put-aside-{}", now.to_rfc3339().replace(':', ""));
    let aside = data_dir.join(&name);
    fs::rename(&old, &aside).map_err(|error| RecordError::io(&old, error))?;
    fs::create_dir(&old).map_err(|error| RecordError::io(&old, error))?;
    let lock = lock(&old)?;
    Writer::begin(
        &old,
        lock,
        now,
        Some(format!("{because} (the one before: {name})")),
    )?;
    drop(held);
    Ok(name)
}
