//! Where the bytes of a handle are, and where they must not be.

use std::fs;
use std::path::Path;

use spt_flink::metadata::{self, StreamHandle};
use spt_flink::{Files, PathMap, ReadAt, find_metadata};
use spt_format::{ErrorKind, ReadLimits};

use crate::support::{case, corpus};

fn relative(path: &str, size: u64) -> StreamHandle {
    StreamHandle::Relative { path: path.into(), size }
}

fn file(path: &str, size: u64) -> StreamHandle {
    StreamHandle::File { path: path.into(), size }
}

/// A job's folder with `chk-1` and `shared`, beside a file nobody should read.
fn job() -> tempfile::TempDir {
    let root = tempfile::tempdir().unwrap();
    for (name, content) in [
        ("job/chk-1/_metadata", "m"),
        ("job/chk-1/own", "own state"),
        ("job/shared/common", "0123456789"),
        ("job/taskowned/manager/merged", "aaaabbbbcccc"),
        ("secret", "secret"),
    ] {
        let path = root.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
    root
}

fn files(root: &Path, path_maps: Vec<PathMap>) -> Files {
    Files::new(&root.join("job/chk-1"), path_maps).unwrap()
}

fn content(files: &Files, handle: &StreamHandle) -> String {
    let stream = files.open(handle).unwrap();
    let bytes = stream.read_at(0, usize::try_from(stream.size()).unwrap()).unwrap();
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[test]
fn every_handle_of_the_corpus_has_its_bytes() {
    let mut moved = 0;
    for case in corpus() {
        let files = Files::new(&case.path, Vec::new()).unwrap();
        let snapshot = metadata::read(&case.metadata(), &ReadLimits::default()).unwrap();
        for handle in snapshot.streams() {
            let stream = files.open(handle).unwrap_or_else(|error| panic!("{}: {}", case.name, error.full()));
            assert_eq!(stream.size(), handle.size(), "{}", case.name);
            moved += usize::from(files.place(handle).unwrap().is_some_and(|place| place.moved));
        }
    }
    assert!(moved > 0, "the corpus holds checkpoints that were moved");
}

#[test]
fn a_moved_file_is_found_by_name_and_size_and_said_to_be_moved() {
    let root = job();
    let files = files(root.path(), Vec::new());
    for path in ["file:/gone/job/shared/common", "hdfs://host:9000/x/shared/common", "file:/gone/common"] {
        let handle = file(path, 10);
        assert_eq!(content(&files, &handle), "0123456789");
        assert!(files.place(&handle).unwrap().unwrap().moved, "{path}");
        let error = files.open(&file(path, 11)).unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::Missing), "{error}");
    }
}

#[test]
fn a_file_that_is_where_it_was_is_not_moved() {
    let root = job();
    let files = files(root.path(), Vec::new());
    let path = root.path().canonicalize().unwrap().join("job/shared/common");
    let handle = file(&format!("file:{}", path.display()), 10);
    assert_eq!(content(&files, &handle), "0123456789");
    assert!(!files.place(&handle).unwrap().unwrap().moved);
}

#[test]
fn a_segment_is_a_part_of_its_file() {
    let root = job();
    let files = files(root.path(), Vec::new());
    let segment = |start, size| StreamHandle::Segment {
        start,
        size,
        shared: false,
        path: "file:/gone/taskowned/manager/merged".into(),
        logical_id: "id".into(),
    };
    assert_eq!(content(&files, &segment(4, 4)), "bbbb");
    assert!(files.open(&segment(4, 4)).unwrap().read_at(3, 2).is_err());
    assert!(files.open(&segment(4, 9)).is_err());
    assert!(files.open(&segment(u64::MAX, 2)).is_err());
}

#[test]
fn a_path_map_says_where_files_are() {
    let root = job();
    let elsewhere = root.path().join("elsewhere/deep");
    fs::create_dir_all(&elsewhere).unwrap();
    fs::write(elsewhere.join("x"), "mapped").unwrap();
    let map = |old: &str| PathMap::new(old, root.path().join("elsewhere"));
    for old in ["s3://bucket/cp", "s3://bucket/cp/"] {
        let files = files(root.path(), vec![map(old)]);
        assert_eq!(content(&files, &file("s3://bucket/cp/deep/x", 6)), "mapped");
        assert!(files.open(&file("s3://bucket/cpdeep/x", 6)).is_err());
        let error = files.open(&file("s3://bucket/cp/../secret", 6)).unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::PathEscapes { .. }), "{error}");
    }
    let files = files(root.path(), vec![map("/cp")]);
    assert_eq!(content(&files, &file("file:///cp/deep/x", 6)), "mapped");
    assert!("a".parse::<PathMap>().is_err());
}

#[test]
fn no_path_leads_out_of_the_snapshot() {
    let root = job();
    let files = files(root.path(), Vec::new());
    let secret = root.path().canonicalize().unwrap().join("secret");
    std::os::unix::fs::symlink(&secret, root.path().join("job/chk-1/link")).unwrap();
    let absolute = secret.display().to_string();
    let up = format!("file:{}/job/chk-1/../../secret", root.path().display());
    for handle in [relative("../../secret", 6), relative(&absolute, 6), relative("link", 6), file(&up, 6)] {
        let error = files.open(&handle).unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::PathEscapes { .. }), "{handle:?}: {error}");
    }
    // An absolute path outside is not followed, and nothing of this name is inside.
    let error = files.open(&file(&format!("file:{absolute}"), 6)).unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Missing), "{error}");
}

#[test]
fn a_relative_file_of_another_size_or_none_is_an_error_with_its_name() {
    let root = job();
    let files = files(root.path(), Vec::new());
    let error = files.open(&relative("own", 8)).unwrap_err();
    assert_eq!(error.to_string(), "own: file size is 9, expected 8");
    let error = files.open(&relative("none", 8)).unwrap_err();
    assert!(error.to_string().contains("none: file is missing"), "{error}");
}

#[test]
fn a_path_names_a_snapshot_or_says_what_to_name_instead() {
    let case = case("1.20.5/wordcount-rocksdb-incremental");
    let metadata = case.path.join("_metadata");
    assert_eq!(find_metadata(&case.path).unwrap(), metadata);
    assert_eq!(find_metadata(&metadata).unwrap(), metadata);
    let hint = |path: &Path| find_metadata(path).unwrap_err().kind().to_string();
    assert_eq!(
        hint(case.path.parent().unwrap()),
        "not a savepoint: there is no _metadata here, but in 3 of its folders; name one of them, such as chk-3"
    );
    let root = tempfile::tempdir().unwrap();
    assert_eq!(hint(root.path()), "not a savepoint: there is no _metadata here");
    let job = root.path().join("0123456789abcdef0123456789abcdef");
    fs::create_dir_all(job.join("chk-2")).unwrap();
    assert!(hint(&job.join("chk-2")).ends_with("this checkpoint was never completed, or has been discarded"));
    fs::write(job.join("chk-2/_metadata"), "").unwrap();
    assert!(hint(root.path()).ends_with("such as 0123456789abcdef0123456789abcdef/chk-2"));
    assert!(matches!(find_metadata(&root.path().join("x")).unwrap_err().kind(), ErrorKind::Missing));
}
