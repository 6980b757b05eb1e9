use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use crate::support::{run, spt, word_count};

/// A savepoint in one file, last changed `seconds` after 1970.
fn savepoint(folder: &Path, seconds: u64) {
    std::fs::create_dir_all(folder).unwrap();
    let file = folder.join("_metadata");
    std::fs::copy(format!("{}/_metadata", word_count("hashmap-canonical")), &file).unwrap();
    let changed = std::time::UNIX_EPOCH + std::time::Duration::from_secs(seconds);
    std::fs::File::options().write(true).open(file).unwrap().set_modified(changed).unwrap();
}

#[test]
fn the_newest_that_is_whole_is_printed_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    savepoint(&path("job-1/chk-1"), 100);
    savepoint(&path("job-1/chk-2"), 200);
    savepoint(&path("job-1/chk-3"), 300);
    std::fs::write(path("job-1/chk-3/_metadata"), b"torn").unwrap();
    std::fs::create_dir(path("job-1/chk-4")).unwrap();
    let text = run(&["latest", folder.path().to_str().unwrap()]);
    let (stdout, rest) = text.split_once("--- stderr\n").unwrap();
    assert_eq!(stdout, format!("{}\n", path("job-1/chk-2").display()));
    assert!(rest.contains("warning: passed over") && rest.contains("chk-3"), "{rest}");
    assert!(rest.ends_with("--- exit 0\n"));
}

#[test]
fn none_exits_1_and_no_folder_2() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().to_str().unwrap();
    assert!(run(&["latest", path]).ends_with("--- exit 1\n"));
    assert!(run(&["latest", &format!("{path}/no")]).ends_with("--- exit 2\n"));
}

#[test]
fn a_path_that_is_not_utf8_is_kept_to_the_byte() {
    let folder = tempfile::tempdir().unwrap();
    let odd = folder.path().join(OsStr::from_bytes(b"sp \xff 1"));
    savepoint(&odd, 100);
    let output = spt(&["latest"]).arg(folder.path()).output().unwrap();
    assert_eq!(output.stdout, [odd.as_os_str().as_bytes(), b"\n"].concat());
    let output = spt(&["inspect", "-q"]).arg(&odd).output().unwrap();
    assert_eq!(output.status.code(), Some(0));
}

#[test]
fn what_an_interrupted_migrate_left_is_passed_over() {
    let folder = tempfile::tempdir().unwrap();
    savepoint(&folder.path().join("sp-1"), 100);
    savepoint(&folder.path().join("sp-2.partial-0123abcd"), 200);
    let text = run(&["latest", folder.path().to_str().unwrap()]);
    assert!(text.starts_with(&format!("{}\n", folder.path().join("sp-1").display())), "{text}");
    assert!(text.contains("sp-2.partial-0123abcd: its writer has not finished it"), "{text}");
}
