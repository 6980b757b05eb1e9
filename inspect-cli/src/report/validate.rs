//! `spt.validate/1`: what is wrong with a savepoint, and what will become of its states.

use clap::ValueEnum;
use serde::Serialize;
use spt_format::preflight::{Preflight, StateVerdict};
use spt_format::validate::{Finding, Severity};

use crate::commands::Checks;

/// The whole document.
#[derive(Debug, Serialize)]
pub(crate) struct ValidateReport {
    pub(crate) schema: &'static str,
    pub(crate) valid: bool,
    pub(crate) findings: Vec<FindingReport>,
    pub(crate) checked: CheckedReport,
    pub(crate) complete: bool,
    pub(crate) rows_unread: u64,
    pub(crate) rows_opaque: u64,
    /// With a job: the worst that becomes of any state.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) verdict: Option<&'static str>,
    /// With a job: what becomes of each.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) states: Option<Vec<VerdictReport>>,
    /// With a job: the arguments of the `spt migrate` that would help.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) migrate: Option<Vec<String>>,
}

/// One thing that is wrong, or good to know.
#[derive(Debug, Serialize)]
pub(crate) struct FindingReport {
    pub(crate) code: &'static str,
    pub(crate) severity: SeverityName,
    pub(crate) r#where: String,
    pub(crate) message: String,
    pub(crate) help: String,
    /// What else is wrong because of it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) consequences: Vec<String>,
    #[serde(skip)]
    pub(crate) title: &'static str,
}

/// What was looked at.
#[derive(Debug, Default, Serialize)]
pub(crate) struct CheckedReport {
    pub(crate) files: u64,
    pub(crate) bytes: u64,
    pub(crate) rows: u64,
}

/// What becomes of a state.
#[derive(Debug, Serialize)]
pub(crate) struct VerdictReport {
    pub(crate) uid: String,
    pub(crate) state: Option<String>,
    pub(crate) verdict: &'static str,
    pub(crate) reason: Option<String>,
    pub(crate) migrate: Vec<String>,
}

/// How bad a finding is, in JSON and on the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub(crate) enum SeverityName {
    /// Good to know
    Info,
    /// Somebody should look at it
    Warning,
    /// Damaged, or does not restore
    Error,
}

impl ValidateReport {
    /// The document of a check.
    pub(crate) fn new(checks: Checks) -> Self {
        let findings: Vec<FindingReport> = checks.findings.iter().map(FindingReport::new).collect();
        Self {
            schema: "spt.validate/1",
            valid: is_valid(&findings),
            findings,
            checked: CheckedReport {
                files: checks.checked.files,
                bytes: checks.checked.bytes,
                rows: checks.checked.rows,
            },
            complete: checks.seen.is_complete() && !checks.cut_short,
            rows_unread: checks.seen.rows_unread,
            rows_opaque: checks.seen.rows_opaque,
            verdict: None,
            states: None,
            migrate: None,
        }
    }

    /// The document of a preflight.
    pub(crate) fn of_preflight(findings: Vec<Finding>, preflight: Preflight) -> Self {
        let findings: Vec<FindingReport> = findings.iter().map(FindingReport::new).collect();
        Self {
            schema: "spt.validate/1",
            valid: is_valid(&findings),
            findings,
            checked: CheckedReport { files: 1, ..CheckedReport::default() },
            complete: true,
            rows_unread: 0,
            rows_opaque: 0,
            verdict: Some(preflight.verdict().name()),
            migrate: Some(preflight.migrate()),
            states: Some(preflight.states.into_iter().map(VerdictReport::new).collect()),
        }
    }

    /// Something at least this bad was found.
    pub(crate) fn fails(&self, fail_on: SeverityName) -> bool {
        self.findings.iter().any(|finding| finding.severity >= fail_on)
    }

    /// How many findings are this bad.
    pub(crate) fn count(&self, severity: SeverityName) -> u64 {
        self.findings.iter().filter(|finding| finding.severity == severity).count() as u64
    }
}

fn is_valid(findings: &[FindingReport]) -> bool {
    findings.iter().all(|finding| finding.severity != SeverityName::Error)
}

impl FindingReport {
    fn new(finding: &Finding) -> Self {
        Self {
            code: finding.code.name(),
            severity: finding.severity.into(),
            r#where: finding.location.clone(),
            message: finding.message.clone(),
            help: finding.help.clone(),
            consequences: finding.consequences.clone(),
            title: finding.code.title(),
        }
    }
}

impl VerdictReport {
    fn new(state: StateVerdict) -> Self {
        let StateVerdict { uid, state, verdict, reason, migrate, .. } = state;
        Self { uid, state, verdict: verdict.name(), reason, migrate }
    }
}

impl SeverityName {
    /// The name in JSON.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

impl From<Severity> for SeverityName {
    fn from(severity: Severity) -> Self {
        match severity {
            Severity::Info => Self::Info,
            Severity::Warning => Self::Warning,
            Severity::Error => Self::Error,
        }
    }
}
