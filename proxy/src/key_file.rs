//! Keys of an installation, each in a file beside what it protects that only its owner may read.

use ring::rand::{SecureRandom, SystemRandom};
use std::fs::{self, File, Permissions};
use std::io::{self, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use tempfile::NamedTempFile;

/// Bytes of a key.
const LENGTH: usize = 32;

/// Why there is no key.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The file can't be read or made.
    #[error("the key {path}: {source}", path = .path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file holds something else.
    #[error(
        "the key {path} has not {LENGTH} bytes; without the file another key is made, and what was \
         redacted or sealed with the old one can't be told any more",
        path = .path.display()
    )]
    Length {
        /// The file.
        path: PathBuf,
    },
}

/// The key in a file; it is made where there is none.
pub(crate) fn kept(path: &Path) -> Result<[u8; LENGTH], KeyError> {
    let at_path = |source| KeyError::File {
        path: path.to_owned(),
        source,
    };
    if !path.try_exists().map_err(at_path)? {
        make(path).map_err(at_path)?;
    }
    let mut bytes = Vec::with_capacity(LENGTH + 1);
    let file = File::open(path).map_err(at_path)?;
    let permissions = file.metadata().map_err(at_path)?.permissions();
    if permissions.mode() & 0o077 != 0 {
        fs::set_permissions(path, Permissions::from_mode(0o600)).map_err(at_path)?;
    }
    let most = LENGTH as u64 + 1;
    file.take(most).read_to_end(&mut bytes).map_err(at_path)?;
    bytes.try_into().map_err(|_| KeyError::Length {
        path: path.to_owned(),
    })
}

/// Makes the file as a whole. Where another process was faster, its key is the one.
fn make(path: &Path) -> io::Result<()> {
    let mut bytes = [0; LENGTH];
    SystemRandom::new()
        .fill(&mut bytes)
        .map_err(|_| io::Error::other("the system has no random numbers"))?;
    let directory = path.parent().filter(|parent| *parent != Path::new(""));
    // Temporary files are made for their owner alone.
    let mut file = NamedTempFile::new_in(directory.unwrap_or(Path::new(".")))?;
    file.write_all(&bytes)?;
    file.as_file().sync_all()?;
    match file.persist_noclobber(path) {
        Err(error) if error.error.kind() != io::ErrorKind::AlreadyExists => Err(error.error),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_made_once_for_its_owner_alone() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("redaction.key");
        let first = kept(&path).unwrap();
        let mode = || fs::metadata(&path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(), 0o600);
        fs::set_permissions(&path, Permissions::from_mode(0o644)).unwrap();
        assert_eq!(kept(&path).unwrap(), first);
        assert_eq!(mode(), 0o600, "what others could read is closed");
        assert_ne!(kept(&directory.path().join("other.key")).unwrap(), first);
    }

    #[test]
    fn a_file_that_is_no_key_is_refused_with_its_name() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("redaction.key");
        for wrong in ["", "short", &"x".repeat(33)] {
            fs::write(&path, wrong).unwrap();
            let error = kept(&path).unwrap_err().to_string();
            assert!(error.contains("redaction.key has not 32 bytes"), "{error}");
        }
        let nowhere = directory.path().join("no/such/redaction.key");
        assert!(kept(&nowhere).is_err());
    }
}
