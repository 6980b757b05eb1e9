//! Writes `docs/cli.md` from the definition of the command line.

pub(crate) fn write() -> Result<(), String> {
    let file = crate::root().join("docs/cli.md");
    std::fs::write(&file, spt_cli::reference()).map_err(|error| format!("{}: {error}", file.display()))
}
