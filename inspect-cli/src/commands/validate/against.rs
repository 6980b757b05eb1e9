//! The preflight: what will become of every state when a job starts from a savepoint.

use std::ffi::OsString;
use std::path::Path;

use spt_flink::FlinkSource;
use spt_flink::serializers::Hazard;
use spt_format::evolution::Aliases;
use spt_format::preflight::{FlinkVersion, Objection, Preflight, Target, Verdict, preflight};
use spt_format::validate::{Code, Finding, check_catalogue};
use spt_format::{Operator, Plan, SavepointSource, StateRef};

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
    /// The Flink that runs it, if Flink does.
    flink: Option<FlinkVersion>,
}

impl Job {
    fn of_plan(plan: Plan) -> Result<Self> {
        let flink = plan.flink_version.as_deref().map(str::parse).transpose()?;
        Ok(Self { operators: plan.operators()?, plan: Some(plan), flink })
    }

    /// The job of this savepoint.
    fn of(source: &dyn SavepointSource) -> Self {
        let flink = flink(source).map(|source| FlinkVersion::of_line(source.written_by_line()));
        Self { operators: source.savepoint().operators.clone(), plan: None, flink }
    }

    /// The same job on another Flink.
    pub(super) fn on(self, version: Option<FlinkVersion>) -> Self {
        Self { flink: version.or(self.flink), ..self }
    }

    fn aliases(&self, operator: &Operator, state: &str) -> Aliases {
        self.plan.as_ref().map(|plan| plan.aliases(operator, state)).unwrap_or_default()
    }

    fn is_untold(&self, operator: &Operator) -> bool {
        self.plan.as_ref().is_some_and(|plan| !plan.tells_states(operator))
    }
}

/// The job: from a plan, from another savepoint, or as a program prints them; the savepoint's own without any.
///
/// # Errors
/// If there is no such job, or its plan cannot be read.
pub(super) fn job(
    source: &dyn SavepointSource,
    path: Option<&Path>,
    program: &[OsString],
    opening: &Opening,
    ui: &Ui,
) -> Result<Job> {
    match path {
        Some(path) => match plan_at(path)? {
            Some(plan) => Job::of_plan(plan),
            None => Ok(Job::of(open(path, opening, ui)?.as_ref())),
        },
        None if program.is_empty() => Ok(Job::of(source)),
        None => Job::of_plan(Plan::from_json(&ask(program)?)?),
    }
}

/// Judges every state.
pub(super) fn judge(source: &dyn SavepointSource, job: &Job) -> ValidateReport {
    let objections = |place| objections(source, place, job.flink);
    let aliases = |operator: &Operator, state: &str| job.aliases(operator, state);
    let untold = |operator: &Operator| job.is_untold(operator);
    let target = Target::new(&job.operators)
        .aliases(&aliases)
        .untold(&untold)
        .flink(job.flink)
        .objections(&objections);
    let verdicts = preflight(source.savepoint(), &target);
    let mut findings = findings(&verdicts);
    let sinks = check_catalogue(source.savepoint()).into_iter();
    findings.extend(sinks.filter(|finding| finding.code == Code::SinkFamily));
    findings.sort_by(|left, right| right.severity.cmp(&left.severity).then(left.code.cmp(&right.code)));
    ValidateReport::of_preflight(findings, verdicts)
}

/// What Flink 2 has against a state that Flink 1 wrote.
fn objections(source: &dyn SavepointSource, place: StateRef, target: Option<FlinkVersion>) -> Vec<Objection> {
    let crosses = target.is_some_and(|version| version.major == 2);
    match flink(source).filter(|_| crosses) {
        Some(source) => source.hazards(place).iter().map(objection).collect(),
        None => Vec::new(),
    }
}

fn objection(hazard: &Hazard) -> Objection {
    let code = match hazard {
        Hazard::Kryo { .. } => Code::KryoOfFlink1,
        Hazard::Collection { .. } => Code::CollectionOfFlink1,
        Hazard::Removed { .. } => Code::SerializerRemoved,
    };
    let verdict = if hazard.is_refused() { Verdict::Incompatible } else { Verdict::Unknown };
    Objection { verdict, code, reason: hazard.to_string() }
}

/// What only Flink's reader knows, if it is Flink's.
fn flink(source: &dyn SavepointSource) -> Option<&FlinkSource> {
    source.as_any()?.downcast_ref()
}

fn findings(preflight: &Preflight) -> Vec<Finding> {
    let mut findings: Vec<Finding> =
        preflight.states.iter().filter_map(spt_format::preflight::StateVerdict::finding).collect();
    for name in &preflight.without_uid {
        let message = "keeps state and has no uid in the job";
        findings.push(Finding::new(Code::NoUid, format!("operator {name}"), message));
    }
    if preflight.drained {
        let message = "windows and timers fired before it was taken";
        findings.push(Finding::new(Code::Drained, "savepoint", message));
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_hazard_comes_under_its_code_and_only_kryo_is_unknown() {
        let (path, class) = ("value".to_owned(), "a.B".to_owned());
        let cases = [
            (Hazard::Kryo { path: path.clone(), class: class.clone() }, Code::KryoOfFlink1, Verdict::Unknown),
            (
                Hazard::Collection { path: path.clone(), class },
                Code::CollectionOfFlink1,
                Verdict::Incompatible,
            ),
            (Hazard::Removed { path, class: "a.B" }, Code::SerializerRemoved, Verdict::Incompatible),
        ];
        for (hazard, code, verdict) in cases {
            assert_eq!((objection(&hazard).code, objection(&hazard).verdict), (code, verdict));
        }
    }
}
