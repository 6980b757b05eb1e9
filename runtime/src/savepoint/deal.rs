//! Who gets which elements of a list state after a restore.

use spt_format::MAX_PARALLELISM_LIMIT;

/// Elements of a list state as a snapshot holds them: by subtask, in order.
#[derive(Debug)]
pub(crate) struct Elements<T> {
    by_subtask: Vec<Vec<T>>,
}

impl<T> Elements<T> {
    /// Of the subtasks there were.
    pub(crate) fn new(parallelism: u32) -> Self {
        Self { by_subtask: (0..parallelism).map(|_| Vec::new()).collect() }
    }

    /// Adds the next element of a subtask; `false` if there can be no such subtask. A state that was carried
    /// along may come from more subtasks than its operator had last.
    pub(crate) fn push(&mut self, subtask: u32, element: T) -> bool {
        if subtask >= MAX_PARALLELISM_LIMIT {
            return false;
        }
        let subtask = subtask as usize;
        if subtask >= self.by_subtask.len() {
            self.by_subtask.resize_with(subtask + 1, Vec::new);
        }
        self.by_subtask.get_mut(subtask).map(|elements| elements.push(element)).is_some()
    }

    /// The subtasks there were.
    pub(crate) fn parallelism(&self) -> usize {
        self.by_subtask.len()
    }

    /// All elements, by subtask.
    pub(crate) fn all(&self) -> impl Iterator<Item = &T> {
        self.by_subtask.iter().flatten()
    }

    /// What each of so many subtasks gets: as it was if there are as many, otherwise contiguous runs.
    pub(crate) fn for_subtasks(self, parallelism: u32) -> Vec<Vec<T>> {
        if self.by_subtask.len() == parallelism as usize {
            return self.by_subtask;
        }
        deal(self.by_subtask.into_iter().flatten().collect(), parallelism)
    }
}

/// Deals elements out in contiguous runs whose lengths differ by at most one.
pub(crate) fn deal<T>(elements: Vec<T>, parallelism: u32) -> Vec<Vec<T>> {
    let (count, parallelism) = (elements.len(), parallelism as usize);
    let mut elements = elements.into_iter();
    let run = |subtask| (subtask + 1) * count / parallelism - subtask * count / parallelism;
    (0..parallelism).map(|subtask| elements.by_ref().take(run(subtask)).collect()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn elements() -> Elements<u8> {
        let mut elements = Elements::new(2);
        for (subtask, element) in [(0, 1), (0, 2), (0, 3), (1, 4), (1, 5)] {
            assert!(elements.push(subtask, element));
        }
        elements
    }

    #[test]
    fn at_the_same_parallelism_every_element_stays_put() {
        assert_eq!(elements().for_subtasks(2), [vec![1, 2, 3], vec![4, 5]]);
    }

    #[test]
    fn more_subtasks_than_the_operator_had_are_dealt_out_anew() {
        let mut elements = Elements::new(1);
        assert!(elements.push(0, 1) && elements.push(2, 2));
        assert!(!elements.push(MAX_PARALLELISM_LIMIT, 3));
        assert_eq!(elements.for_subtasks(1), [vec![1, 2]]);
    }

    #[test]
    fn at_another_parallelism_they_are_dealt_out_in_contiguous_runs() {
        assert_eq!(elements().for_subtasks(3), [vec![1], vec![2, 3], vec![4, 5]]);
        assert_eq!(elements().for_subtasks(1), [vec![1, 2, 3, 4, 5]]);
        assert_eq!(deal(vec![1], 3), [vec![], vec![], vec![1]]);
    }
}
