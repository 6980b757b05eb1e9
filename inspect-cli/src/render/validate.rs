//! `spt validate` for people: findings, the worst first, then what was looked at.
//!
//! ```text
//! error SPT-104  sum-001/counts/0.parquet, row group 2
//!   checksum is 9f…, expected 1c…
//!   restore this file from another copy
//!
//! 3 files, 1.2 MB and 1,234 rows checked: 1 error
//! ```

use std::path::Path;

use spt_format::migrate::command;

use super::table::{Lean, Table};
use super::text::{bytes, clean, counted};
use crate::report::validate::{FindingReport, SeverityName, ValidateReport, VerdictReport};
use crate::ui::{Style, Ui};

/// All findings, the states' verdicts if a job was asked about, and a last line that sums up.
pub(crate) fn findings(report: &ValidateReport, folder: &Path, ui: &Ui) -> String {
    match &report.states {
        Some(states) => preflight(report, states, folder, ui),
        None => {
            let shown: String = report.findings.iter().map(|found| finding(found, ui)).collect();
            shown + &summary(report, ui)
        }
    }
}

fn finding(finding: &FindingReport, ui: &Ui) -> String {
    let word = style(finding.severity).paint(finding.severity.name(), ui.stdout_colors());
    let code = Style::Bold.paint(finding.code, ui.stdout_colors());
    let because = finding.consequences.iter();
    let because: String = because.map(|told| format!("  therefore {}\n", clean(told))).collect();
    format!(
        "{word} {code}  {}\n  {}\n{because}  {}\n\n",
        clean(&finding.r#where),
        clean(&finding.message),
        Style::Dim.paint(&clean(&finding.help), ui.stdout_colors())
    )
}

fn summary(report: &ValidateReport, ui: &Ui) -> String {
    let checked = &report.checked;
    let rows =
        if checked.rows > 0 { format!(" and {}", counted(checked.rows, "row")) } else { String::new() };
    let looked_at = format!("{}, {}{rows} checked", counted(checked.files, "file"), bytes(checked.bytes));
    let mut found: Vec<String> = [SeverityName::Error, SeverityName::Warning, SeverityName::Info]
        .into_iter()
        .map(|severity| (severity, report.count(severity)))
        .filter(|(_, count)| *count > 0)
        .map(|(severity, count)| match severity {
            SeverityName::Info => counted(count, "remark"),
            _ => counted(count, severity.name()),
        })
        .collect();
    // Remarks say that nothing is wrong with what they are about.
    if report.count(SeverityName::Error) + report.count(SeverityName::Warning) == 0 {
        found.push("nothing is wrong".to_owned());
    }
    let found = found.join(", ");
    let color = if report.valid { Style::Green } else { Style::Red };
    let unread = if report.complete { "" } else { "; not everything could be read" };
    format!("{looked_at}: {}{unread}\n", color.paint(&found, ui.stdout_colors()))
}

fn preflight(report: &ValidateReport, states: &[VerdictReport], folder: &Path, ui: &Ui) -> String {
    let mut text = String::new();
    if !states.is_empty() {
        let columns = ["OPERATOR", "STATE", "VERDICT", "REASON"].map(|name| (name, Lean::Left));
        let mut table = Table::new(columns, ui);
        for state in states {
            table.row([
                clean(&state.uid),
                state.state.as_deref().map(clean).unwrap_or_default(),
                state.verdict.to_owned(),
                state.reason.as_deref().map(clean).unwrap_or_default(),
            ]);
        }
        text += &table.text();
        text.push('\n');
    }
    let other = report.findings.iter().filter(|finding| !finding.code.starts_with("SPT-4"));
    other.for_each(|found| text += &finding(found, ui));
    let verdict = report.verdict.unwrap_or_default();
    let color = if verdict == "compatible" { Style::Green } else { Style::Red };
    let answer = match verdict {
        "compatible" => "the job restores from it".to_owned(),
        "unknown" => "whether the job restores from it cannot be told".to_owned(),
        "needs-migration" => "the job restores from it once it is migrated".to_owned(),
        _ => format!("the job does not restore from it as it is: {verdict}"),
    };
    text += &format!("{}\n", color.paint(&answer, ui.stdout_colors()));
    let migrate = report.migrate.as_deref().unwrap_or_default();
    if !migrate.is_empty() {
        let path = folder.display().to_string();
        text += &format!("\n  {}\n", command(&path, "OUT", migrate));
    }
    text
}

fn style(severity: SeverityName) -> Style {
    match severity {
        SeverityName::Info => Style::Cyan,
        SeverityName::Warning => Style::Yellow,
        SeverityName::Error => Style::Red,
    }
}
