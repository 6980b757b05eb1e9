use std::path::{Path, PathBuf};
use std::time::Duration;

use super::*;

fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

fn file(text: &str) -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("config.yaml");
    std::fs::write(&path, text).unwrap();
    (dir, path)
}

fn load(text: &str) -> (Configuration, Vec<String>) {
    let (_dir, path) = file(text);
    Layers { file: Some(path), ..Layers::default() }.load().unwrap()
}

fn refusal(layers: Layers) -> String {
    layers.load().unwrap_err().to_string()
}

#[test]
fn a_flag_beats_the_environment_which_beats_the_file() {
    let (_dir, path) =
        file("parallelism.default: 3\npipeline.max-parallelism: 256\npipeline.name: from-file\n");
    let layers = Layers {
        flags: pairs(&[("parallelism.default", "5")]),
        environment: pairs(&[
            ("SPT_PARALLELISM", "4"),
            ("SPT_PIPELINE_MAX_PARALLELISM", "64"),
            ("PATH", "/bin"),
        ]),
        file: Some(path),
    };
    let (configuration, warnings) = layers.load().unwrap();
    assert_eq!(configuration.get(&options::PARALLELISM), Some(5));
    assert_eq!(configuration.get(&options::MAX_PARALLELISM), Some(64));
    assert_eq!(configuration.get(&options::JOB_NAME).as_deref(), Some("from-file"));
    assert_eq!(configuration.origin("parallelism.default"), Some(&Origin::Flag));
    assert!(warnings.is_empty(), "{warnings:?}");
}

#[test]
fn nested_and_flat_yaml_mean_the_same() {
    let nested = "execution:\n  checkpointing:\n    interval: 10 s\n    savepoint-dir: /tmp/s\n";
    let flat = "execution.checkpointing.interval: 10 s\nstate.savepoints.dir: file:///tmp/s\n";
    for text in [nested, flat] {
        let (configuration, warnings) = load(text);
        assert_eq!(configuration.get(&options::CHECKPOINT_INTERVAL), Some(Duration::from_secs(10)));
        assert_eq!(configuration.get(&options::SAVEPOINT_DIR).as_deref(), Some(Path::new("/tmp/s")));
        assert!(warnings.is_empty(), "{warnings:?}");
    }
}

#[test]
fn a_file_without_values_is_an_empty_configuration() {
    for text in ["", "# nothing\n", "---\n", "parallelism.default:\n"] {
        assert_eq!(load(text).0.entries().count(), 0, "{text:?}");
    }
}

#[test]
fn an_unknown_key_is_a_warning_with_the_nearest_known_one() {
    let (_, warnings) = load("execution.checkpointing.intervall: 10 s\n");
    assert_eq!(warnings.len(), 1);
    assert!(warnings[0].contains("line 1"), "{warnings:?}");
    assert!(warnings[0].contains("did you mean execution.checkpointing.interval?"), "{warnings:?}");
}

#[test]
fn an_unknown_variable_of_ours_is_a_warning() {
    let layers = Layers { environment: pairs(&[("SPT_PARALELISM", "2")]), ..Layers::default() };
    assert!(layers.load().unwrap().1[0].contains("SPT_PARALELISM"));
}

#[test]
fn of_two_variables_for_one_option_the_one_named_after_the_key_wins() {
    let mut environment = pairs(&[
        ("SPT_SAVEPOINT_DIR", "/short"),
        ("SPT_EXECUTION_CHECKPOINTING_SAVEPOINT_DIR", "/key"),
        ("SPT_STATE_SAVEPOINTS_DIR", "/old"),
    ]);
    for _ in 0..3 {
        environment.rotate_left(1);
        let layers = Layers { environment: environment.clone(), ..Layers::default() };
        let (configuration, _) = layers.load().unwrap();
        assert_eq!(configuration.get(&options::SAVEPOINT_DIR).as_deref(), Some(Path::new("/key")));
    }
}

#[test]
fn a_bad_value_is_refused_with_its_place() {
    let (_dir, path) = file("a: b\nexecution:\n  checkpointing:\n    interval: soon\n");
    let told = refusal(Layers { file: Some(path), ..Layers::default() });
    assert!(told.contains("config.yaml, line 4"), "{told}");
    assert!(told.contains("\"soon\" is not a duration"), "{told}");
    let told = refusal(Layers { environment: pairs(&[("SPT_PARALLELISM", "0")]), ..Layers::default() });
    assert!(told.contains("variable SPT_PARALLELISM"), "{told}");
    let told =
        refusal(Layers { flags: pairs(&[("pipeline.max-parallelism", "40000")]), ..Layers::default() });
    assert!(told.contains("command line") && told.contains("1 to 32768"), "{told}");
}

#[test]
fn a_key_set_twice_in_the_file_is_refused() {
    let (_dir, path) = file("state.savepoints.dir: /a\nexecution.checkpointing.savepoint-dir: /b\n");
    let told = refusal(Layers { file: Some(path), ..Layers::default() });
    assert!(told.contains("line 2") && told.contains("already in line 1"), "{told}");
}

#[test]
fn what_is_no_configuration_is_refused() {
    let deep = (0..40).map(|depth| format!("{}k{depth}:\n", " ".repeat(depth))).collect::<String>();
    for text in ["- a\n- b\n", "just text\n", "a: [1, {b: c}]\n", "a: &x 1\nb: *x\n", "a: {b: \n", &deep] {
        let (_dir, path) = file(text);
        let told = refusal(Layers { file: Some(path), ..Layers::default() });
        assert!(told.contains("config.yaml"), "{text:?}: {told}");
    }
    let missing = PathBuf::from("/nowhere/config.yaml");
    assert!(refusal(Layers { file: Some(missing), ..Layers::default() }).contains("file is missing"));
}

#[test]
fn the_restart_strategy_has_the_defaults_of_flink() {
    assert_eq!(load("").0.restart_strategy(), RestartStrategy::None);
    let (configuration, _) =
        load("restart-strategy: fixed-delay\nrestart-strategy.fixed-delay.attempts: 3\n");
    assert_eq!(
        configuration.restart_strategy(),
        RestartStrategy::FixedDelay { attempts: 3, delay: Duration::from_secs(1) }
    );
    let (configuration, _) = load("execution.checkpointing.interval: 1 s\n");
    assert!(matches!(configuration.restart_strategy(), RestartStrategy::ExponentialDelay { .. }));
    let (configuration, _) = load("restart-strategy.type: off\nexecution.checkpointing.interval: 1 s\n");
    assert_eq!(configuration.restart_strategy(), RestartStrategy::None);
}

#[test]
fn uids_that_may_be_left_behind_are_a_list() {
    let allowed = |text: &str| {
        let layers = Layers {
            flags: pairs(&[("execution.savepoint.ignore-unclaimed-state", text)]),
            ..Layers::default()
        };
        layers.load().unwrap().0.get(&options::ALLOW_NON_RESTORED).unwrap()
    };
    assert_eq!(allowed("true"), NonRestored::AllowAll);
    assert_eq!(allowed("false"), NonRestored::Refuse);
    assert_eq!(allowed("sum-001, map-002"), NonRestored::Allow(vec!["sum-001".into(), "map-002".into()]));
}

#[test]
fn every_option_can_be_set_by_a_variable_of_its_own() {
    let mut seen = std::collections::BTreeSet::new();
    for option in options::all() {
        let names = option.names().map(variable_name).chain(option.short().map(str::to_owned));
        for name in names {
            assert!(seen.insert(name.clone()), "{name} means two things");
            assert_eq!(environment::option_of(&name).unwrap().key(), option.key());
        }
    }
    assert!(seen.len() > 40);
}
