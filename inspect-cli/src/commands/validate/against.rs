//! The preflight: what will become of every state when a job starts from a savepoint.

use std::ffi::OsString;
use std::path::Path;

use spt_format::evolution::Aliases;
use spt_format::preflight::{Preflight, Verdict, preflight};
use spt_format::validate::{Code, Finding};
use spt_format::{Operator, Plan, Savepoint};

use crate::commands::plan::ask;
use crate::error::Result;
use crate::open::{Opening, open, plan_at};
use crate::report::validate::ValidateReport;
use crate::ui::Ui;

/// A job that is to start from the savepoint.
pub(super) struct Job {
    operators: Vec<Operator>,
    /// What it says of itself beyond its operators: what fields were called before.
    plan: Option<Plan>,
}

impl Job {
    fn of_plan(plan: Plan) -> Result<Self> {
        Ok(Self { operators: plan.operators()?, plan: Some(plan) })
    }

    fn aliases(&self, operator: &Operator, state: &str) -> Aliases {
        self.plan.as_ref().map(|plan| plan.aliases(operator, state)).unwrap_or_default()
    }
}

/// The job: from a plan, from another savepoint, or as a program prints them.
///
/// # Errors
/// If there is no such job, or its plan cannot be read.
pub(super) fn job(path: Option<&Path>, program: &[OsString], opening: &Opening, ui: &Ui) -> Result<Job> {
    let Some(path) = path else {
        return Job::of_plan(Plan::from_json(&ask(program)?)?);
    };
    if let Some(plan) = plan_at(path)? {
        return Job::of_plan(plan);
    }
    Ok(Job { operators: open(path, opening, ui)?.savepoint().operators.clone(), plan: None })
}

/// Judges every state.
pub(super) fn judge(savepoint: &Savepoint, job: &Job) -> ValidateReport {
    let verdicts = preflight(savepoint, &job.operators, &|operator, state| job.aliases(operator, state));
    let findings = findings(&verdicts);
    ValidateReport::of_preflight(findings, verdicts)
}

fn findings(preflight: &Preflight) -> Vec<Finding> {
    let mut findings: Vec<Finding> = Vec::new();
    for state in &preflight.states {
        let code = match state.verdict {
            Verdict::Compatible => continue,
            Verdict::New => Code::StateNew,
            Verdict::CarriedUnused => Code::StateUnused,
            Verdict::Unknown => Code::StateUnknown,
            Verdict::NeedsMigration => Code::StateNeedsMigration,
            Verdict::Lost => Code::StateLost,
            Verdict::Incompatible => Code::StateIncompatible,
        };
        let location = match &state.state {
            Some(name) => format!("operator {}, state {name:?}", state.uid),
            None => format!("operator {}", state.uid),
        };
        let reason = state.reason.clone().unwrap_or_else(|| code.title().to_owned());
        findings.push(Finding::new(code, location, reason));
    }
    for name in &preflight.without_uid {
        let message = "keeps state and has no uid in the job";
        findings.push(Finding::new(Code::NoUid, format!("operator {name}"), message));
    }
    if preflight.drained {
        findings.push(Finding::new(
            Code::Drained,
            "savepoint",
            "windows and timers fired before it was taken",
        ));
    }
    findings.sort_by(|left, right| right.severity.cmp(&left.severity).then(left.code.cmp(&right.code)));
    findings
}
