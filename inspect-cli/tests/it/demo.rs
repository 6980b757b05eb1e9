use crate::support::spt;

#[test]
fn the_demo_ends_with_every_count_equal_and_keeps_its_savepoint() {
    let folder = tempfile::tempdir().unwrap();
    let run = spt(&["demo", "--keep"]).arg(folder.path()).output().unwrap();
    let stdout = String::from_utf8(run.stdout).unwrap();
    assert!(run.status.success(), "{stdout}{}", String::from_utf8_lossy(&run.stderr));
    assert!(stdout.contains("5. Every count equals that of a plain sequential count"), "{stdout}");
    let kept: Vec<_> = std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(kept.len(), 1, "{kept:?}");
    let savepoint = &kept[0];
    let inspected = spt(&["inspect", "--json"]).arg(savepoint).output().unwrap();
    let inspected: serde_json::Value = serde_json::from_slice(&inspected.stdout).unwrap();
    assert_eq!(inspected["job"]["name"], "wordcount");
}
