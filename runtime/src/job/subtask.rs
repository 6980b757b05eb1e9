//! Where an instance of an operator stands.

/// One of an operator's parallel instances.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subtask {
    /// The job's id, 32 hex digits.
    pub job_id: String,
    /// The operator's uid, or its name if it has none.
    pub operator: String,
    /// Its place among its operator's subtasks, from 0.
    pub index: u32,
    /// How many there are.
    pub parallelism: u32,
    /// Key groups of its operator.
    pub max_parallelism: u32,
    /// Names this start of the job as no other start is named, in this process or another: 8 hex digits. Tells what it
    /// writes from what an earlier one wrote, under the same job id and the same number of a checkpoint.
    pub attempt: String,
}
