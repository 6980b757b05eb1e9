//! Orders of CSV files, as they arrive in a folder, as Parquet files; what is no order is passed over and counted.
//!
//! ```text
//! SPT_CHECKPOINT_DIR=/tmp/chk SPT_CHECKPOINT_INTERVAL=10s file_etl IN OUT
//! ```
//!
//! With `--once` as a third argument the job ends when it has read the files that are there.

use std::process::ExitCode;
use std::time::Duration;

use spt_runtime::sinks::{FileSink, Parquet};
use spt_runtime::sources::{CsvFiles, Malformed};
use spt_runtime::state::State;
use spt_runtime::{Environment, Error, Result, exit_code};

/// A line of the files: `id,customer,amount,currency`.
#[derive(Debug, Clone, State)]
struct Order {
    id: i64,
    #[state(alias = "client")]
    customer: String,
    amount: Option<f64>,
    #[state(default = "EUR".to_owned())]
    currency: String,
}

/// A row of the output.
#[derive(Debug, Clone, State)]
struct Sale {
    id: i64,
    customer: String,
    cents: i64,
    currency: String,
}

fn main() -> ExitCode {
    exit_code(run())
}

fn run() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).skip_while(|argument| argument == "plan").collect();
    let (input, output, once) = match arguments.as_slice() {
        [input, output] => (input, output, false),
        [input, output, flag] if flag == "--once" => (input, output, true),
        _ => return Err(Error::refused("usage: file_etl IN OUT [--once]")),
    };
    let orders = CsvFiles::<Order>::new(input).on_malformed(Malformed::Skip);
    let env = Environment::new();
    env.source(if once { orders } else { orders.watch(Duration::from_secs(1)) })
        .uid("orders-001")
        .flat_map(|order, out| out.extend(sale(order)))
        .uid("sales-001")
        .sink(FileSink::<Parquet>::new(output).roll_at_bytes(128 << 20))
        .uid("parquet-001");
    env.execute("file_etl").map(drop)
}

/// Orders without an amount are not sold yet.
fn sale(order: &Order) -> Option<Sale> {
    Some(Sale {
        id: order.id,
        customer: order.customer.clone(),
        cents: (order.amount? * 100.0).round() as i64,
        currency: order.currency.clone(),
    })
}
