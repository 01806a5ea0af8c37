//! Where recordings may lie, and how they are opened: regular files only, and for whom the API asks
//! only below one folder, without a symbolic link on the way.

use std::{
    fs::File,
    os::fd::OwnedFd,
    path::{Component, Path, PathBuf},
};

use ocelli_core::StageError;
use rustix::{
    fs::{CWD, FileType, Mode, OFlags, fstat, openat},
    io::Errno,
};

use super::{super::Reach, input::Input};

/// A recording that is allowed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    path: PathBuf,
    /// The folder that it must not leave, where there is one.
    below: Option<PathBuf>,
}

impl Place {
    /// Checks a path against what whoever asks may reach.
    pub(super) fn new(path: PathBuf, reach: &Reach) -> Result<Self, StageError> {
        let below = match reach {
            Reach::Operator => None,
            Reach::Remote { files_below } => {
                let folder = files_below.clone().ok_or_else(refused)?;
                path.strip_prefix(&folder)
                    .ok()
                    .filter(|rest| is_plain(rest))
                    .ok_or_else(refused)?;
                Some(folder)
            }
        };
        Ok(Self { path, below })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn open(&self) -> Result<Input, StageError> {
        let Some(folder) = &self.below else {
            return open(&self.path);
        };
        let rest = self
            .path
            .strip_prefix(folder)
            .map_err(|_not_below| refused())?;
        // Each step is taken from the folder that the last one opened: what is swapped for a link
        // meanwhile is not followed.
        let mut at = openat(
            CWD,
            folder,
            OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC,
            Mode::empty(),
        )
        .map_err(|error| failed(&self.path, error))?;
        let mut steps = rest.components().peekable();
        while let Some(step) = steps.next() {
            let flags = if steps.peek().is_some() {
                OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC
            } else {
                FLAGS | OFlags::NOFOLLOW
            };
            at = openat(&at, step.as_os_str(), flags, Mode::empty()).map_err(|error| {
                if matches!(error, Errno::LOOP | Errno::NOTDIR) {
                    refused()
                } else {
                    failed(&self.path, error)
                }
            })?;
        }
        regular(&self.path, at)
    }
}

/// A pipe without a writer must not block whoever opens it.
const FLAGS: OFlags = OFlags::RDONLY
    .union(OFlags::CLOEXEC)
    .union(OFlags::NONBLOCK)
    .union(OFlags::NOCTTY);

/// Opens a path that the operator named.
pub(super) fn open(path: &Path) -> Result<Input, StageError> {
    let file = openat(CWD, path, FLAGS, Mode::empty()).map_err(|error| failed(path, error))?;
    regular(path, file)
}

fn regular(path: &Path, file: OwnedFd) -> Result<Input, StageError> {
    let status = fstat(&file).map_err(|error| failed(path, error))?;
    if FileType::from_raw_mode(status.st_mode) != FileType::RegularFile {
        return Err(StageError::Rejected(format!(
            "not a file: {}",
            path.display()
        )));
    }
    Input::of_file(File::from(file)).map_err(|error| StageError::Unavailable(error.to_string()))
}

fn is_plain(path: &Path) -> bool {
    let mut steps = path.components().peekable();
    steps.peek().is_some() && steps.all(|step| matches!(step, Component::Normal(_)))
}

fn refused() -> StageError {
    StageError::Rejected("recordings may not be read from there".to_owned())
}

fn failed(path: &Path, error: Errno) -> StageError {
    let reason = std::io::Error::from(error);
    let text = format!("cannot open {}: {reason}", path.display());
    if matches!(
        error,
        Errno::NOENT | Errno::ACCESS | Errno::PERM | Errno::NOTDIR | Errno::LOOP
    ) {
        StageError::Rejected(text)
    } else {
        StageError::Unavailable(text)
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::symlink};

    use ocelli_core::ErrorClass;

    use super::*;

    fn remote(folder: &Path) -> Reach {
        Reach::Remote {
            files_below: Some(folder.to_owned()),
        }
    }

    #[test]
    fn the_api_stays_below_its_folder() {
        let scratch = tempfile::tempdir().unwrap();
        let folder = scratch.path().join("clips");
        fs::create_dir_all(folder.join("deep")).unwrap();
        fs::write(folder.join("deep/clip"), "x").unwrap();
        fs::write(scratch.path().join("secret"), "x").unwrap();
        symlink(scratch.path().join("secret"), folder.join("link")).unwrap();
        symlink(scratch.path(), folder.join("up")).unwrap();
        let open = |path: &str| Place::new(folder.join(path), &remote(&folder))?.open();
        assert!(open("deep/clip").is_ok(), "the twin: what is allowed opens");
        for path in [
            "../secret",
            "deep/../../secret",
            "link",
            "up/secret",
            "",
            "deep",
        ] {
            let error = open(path).err().unwrap();
            assert_eq!(error.class(), ErrorClass::Rejected, "{path}");
        }
        let outside = scratch.path().join("secret");
        assert!(Place::new(outside.clone(), &remote(&folder)).is_err());
        assert!(Place::new(outside.clone(), &Reach::Remote { files_below: None }).is_err());
        assert!(
            Place::new(outside, &Reach::Operator)
                .unwrap()
                .open()
                .is_ok()
        );
    }

    #[test]
    fn what_is_no_file_is_refused() {
        for path in ["/dev/zero", "/", "/no/such/recording.mp4"] {
            let error = open(Path::new(path)).err().unwrap();
            assert_eq!(error.class(), ErrorClass::Rejected, "{error}");
        }
    }
}
