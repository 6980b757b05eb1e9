use crate::support::run;

#[test]
fn the_reference_is_what_the_program_says() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/cli.md");
    let written = std::fs::read_to_string(file).unwrap_or_default();
    assert!(written == spt_cli::reference(), "docs/cli.md is not current: run `cargo xtask cli-docs`");
}

#[test]
fn every_command_has_examples() {
    let mut root = spt_cli::command();
    root.build();
    for command in root.get_subcommands().filter(|command| command.get_name() != "help") {
        let after = command.get_after_help().map(ToString::to_string).unwrap_or_default();
        assert!(after.contains("Examples:\n  "), "spt {} has no examples", command.get_name());
    }
}

#[test]
fn shells_complete_every_command() {
    for shell in ["bash", "zsh", "fish"] {
        let script = run(&["completions", shell]);
        for command in ["inspect", "diff", "validate", "export", "latest"] {
            assert!(script.contains(command), "{shell} does not complete {command}");
        }
    }
}

#[test]
fn there_is_a_manual_page_for_every_command() {
    let folder = tempfile::tempdir().unwrap();
    assert!(run(&["man", "-q", folder.path().to_str().unwrap()]).ends_with("--- exit 0\n"));
    for page in ["spt.1", "spt-inspect.1", "spt-diff.1"] {
        assert!(folder.path().join(page).is_file(), "{page}");
    }
}
