//! Golden savepoints: what is missing is written, what is there is never replaced.

pub(crate) fn write() -> Result<(), String> {
    let test = [
        "test",
        "--package",
        "spt-format",
        "--test",
        "it",
        "golden::fixtures_that_are_asked_for_are_written",
    ];
    crate::run_with("cargo", &test, &[("SPT_WRITE_FIXTURES", "1")])
}
