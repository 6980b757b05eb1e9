//! `spt inspect --graph`: the job's graph as the savepoint remembers it.

use serde::Serialize;
use spt_format::{JobGraph, Savepoint};

use crate::error::{Failure, Result};
use crate::exit::Exit;
use crate::render;
use crate::ui::Ui;

/// `spt.graph/1`: operators and edges.
#[derive(Serialize)]
struct Report<'a> {
    schema: &'static str,
    #[serde(flatten)]
    graph: &'a JobGraph,
}

/// Shows it.
pub(super) fn show(savepoint: &Savepoint, ui: &Ui) -> Result<Exit> {
    let graph = savepoint.graph.as_ref().filter(|graph| !graph.nodes.is_empty());
    let graph = graph.ok_or_else(|| {
        Failure::new("the job's graph is not recorded in this savepoint")
            .hint("`spt plan -- PROGRAM` shows the graph of a job")
    })?;
    if ui.json {
        ui.answer_json(&Report { schema: "spt.graph/1", graph })?;
    } else {
        ui.answer(&render::graph::graph(graph, ui))?;
    }
    Ok(Exit::Fine)
}
