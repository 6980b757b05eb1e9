//! Findings in the forms that build servers read: SARIF 2.1.0 and JUnit's XML.

use serde_json::{Value, json};

use crate::report::validate::{FindingReport, SeverityName, ValidateReport};

/// A SARIF log with one run.
pub(crate) fn sarif(report: &ValidateReport) -> Value {
    let mut rules: Vec<&FindingReport> = report.findings.iter().collect();
    rules.sort_by_key(|finding| finding.code);
    rules.dedup_by_key(|finding| finding.code);
    let rules: Vec<Value> = rules
        .into_iter()
        .map(|finding| {
            json!({
                "id": finding.code,
                "shortDescription": {"text": finding.title},
                "help": {"text": finding.help},
            })
        })
        .collect();
    let results: Vec<Value> = report
        .findings
        .iter()
        .map(|finding| {
            json!({
                "ruleId": finding.code,
                "level": level(finding.severity),
                "message": {"text": finding.message},
                "locations": [{"logicalLocations": [{"fullyQualifiedName": finding.r#where}]}],
            })
        })
        .collect();
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {"name": "spt", "version": env!("CARGO_PKG_VERSION"), "rules": rules}},
            "invocations": [{"executionSuccessful": report.complete}],
            "results": results,
        }],
    })
}

fn level(severity: SeverityName) -> &'static str {
    match severity {
        SeverityName::Info => "note",
        SeverityName::Warning => "warning",
        SeverityName::Error => "error",
    }
}

/// A test suite: each error is a failed test, each warning or remark a passed one that says something; a
/// savepoint without findings is one passed test.
pub(crate) fn junit(report: &ValidateReport) -> String {
    let cases: String = if report.findings.is_empty() {
        "  <testcase classname=\"spt.validate\" name=\"savepoint\"/>\n".to_owned()
    } else {
        report.findings.iter().map(case).collect()
    };
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <testsuite name=\"spt validate\" tests=\"{}\" failures=\"{}\">\n{cases}</testsuite>\n",
        report.findings.len().max(1),
        report.count(SeverityName::Error)
    )
}

fn case(finding: &FindingReport) -> String {
    let head = format!(
        "  <testcase classname=\"{}\" name=\"{}\">\n",
        finding.code,
        escaped(&format!("{}: {}", finding.title, finding.r#where))
    );
    let (message, help) = (escaped(&finding.message), escaped(&finding.help));
    let body = match finding.severity {
        SeverityName::Error => format!("    <failure message=\"{message}\">{help}</failure>\n"),
        _ => format!("    <system-out>{message}: {help}</system-out>\n"),
    };
    format!("{head}{body}  </testcase>\n")
}

/// Text inside XML. Characters that XML cannot hold at all become a replacement character.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\t' | '\n' | '\r' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'.. => {
                escaped.push(character)
            }
            _ => escaped.push('\u{fffd}'),
        }
    }
    escaped
}
