//! Uids, states and paths with any character.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::PathBuf;

use crate::support::spt;

/// `spt` must succeed; what it said on stdout.
fn ok(args: &[&OsStr]) -> Vec<u8> {
    let output = spt(args).output().unwrap();
    assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

fn words(text: &str) -> Vec<&OsStr> {
    text.split_whitespace().map(OsStr::new).collect()
}

#[test]
fn any_uid_and_state_name_goes_through_every_command() {
    for name in
        ["a/b", "…", "two words", "结果", "-x", "../up", "quo\"te'", "a.b:c=d", "tab\there", "e\u{301}🦀"]
    {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name).into_os_string();
        std::fs::write(at("rows.csv"), "key,value\na,1\nb,2\n").unwrap();
        let uid = OsString::from(format!("--uid={name}"));
        let state = OsString::from(format!("--state={name}"));
        let (rows, made, copy, renamed, tables) =
            (at("rows.csv"), at("sp"), at("copy"), at("renamed"), at("tables"));
        let typed = words("--key-type utf8 --value-type int32");
        ok(&[&[OsStr::new("import"), &rows, OsStr::new("-o"), &made, &uid, &state][..], &typed].concat());
        let shown = ok(&[OsStr::new("inspect"), &made, &uid, &state, OsStr::new("--json")]);
        let shown: serde_json::Value = serde_json::from_slice(&shown).unwrap();
        assert_eq!(shown["operators"][0]["uid"], name);
        assert_eq!(shown["operators"][0]["states"][0]["name"], name);
        ok(&[OsStr::new("inspect"), &made]);
        ok(&[OsStr::new("inspect"), &made, &uid, &state, OsStr::new("--rows")]);
        ok(&[OsStr::new("validate"), &made]);
        ok(&[OsStr::new("export"), &made, OsStr::new("--all"), OsStr::new("-o"), &tables]);
        ok(&[OsStr::new("import"), &tables, OsStr::new("-o"), &copy]);
        ok(&[OsStr::new("diff"), &made, &copy]);
        let rename = OsString::from(format!("--rename-uid={name}=plain"));
        ok(&[OsStr::new("migrate"), &made, &renamed, &rename]);
        let exported = ok(&[&[OsStr::new("export"), &renamed][..], &words("--uid plain")].concat());
        assert_eq!(exported.iter().filter(|byte| **byte == b'\n').count(), 2);
    }
}

#[test]
fn a_path_need_not_be_utf_8() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &[u8]| -> PathBuf { folder.path().join(OsStr::from_bytes(name)) };
    let rows = at(b"ro\xffws.csv");
    std::fs::write(&rows, "key,value\na,1\n").unwrap();
    let parent = at(b"sa\xfeve");
    std::fs::create_dir(&parent).unwrap();
    let (made, copy) = (parent.join(OsStr::from_bytes(b"sp-\xc3")), parent.join("copy"));
    let (tables, table) = (at(b"ta\xffbles"), at(b"table\xff.parquet"));
    let typed = words("--uid u --state s --key-type utf8 --value-type int32");
    ok(&[&[OsStr::new("import"), rows.as_os_str(), OsStr::new("-o"), made.as_os_str()][..], &typed].concat());
    for command in ["inspect", "validate"] {
        ok(&[OsStr::new(command), made.as_os_str()]);
    }
    ok(&[OsStr::new("inspect"), parent.as_os_str()]);
    let mut latest = parent.into_os_string().into_vec();
    latest.extend_from_slice(b"@latest");
    ok(&[OsStr::new("inspect"), &OsString::from_vec(latest)]);
    ok(&[OsStr::new("export"), made.as_os_str(), OsStr::new("--all"), OsStr::new("-o"), tables.as_os_str()]);
    let parquet = words("--format parquet -o");
    ok(&[&[OsStr::new("export"), made.as_os_str()][..], &parquet, &[table.as_os_str()]].concat());
    ok(&[OsStr::new("migrate"), made.as_os_str(), copy.as_os_str(), OsStr::new("--name"), OsStr::new("job")]);
    ok(&[OsStr::new("diff"), made.as_os_str(), copy.as_os_str()]);
}
