//! Objects counted by their upload times, for any number of intervals at once.

use std::ops::Range;

use jiff::Timestamp;

use crate::api::request::TimeInterval;
use crate::estimate::Count;

/// The moments at which an interval of some job begins or ends cut time into cells. An object falls
/// into one of them; an interval is a range of them.
#[derive(Debug)]
pub(super) struct Timeline {
    /// First seconds of the cells but the first, which has no beginning.
    bounds: Vec<i64>,
    cells: Vec<Count>,
}

/// How many jobs cover each cell of a timeline.
#[derive(Debug)]
pub(super) struct Coverage(Vec<u32>);

impl Timeline {
    pub(super) fn new(intervals: impl Iterator<Item = TimeInterval>) -> Self {
        let mut bounds: Vec<i64> = intervals
            .flat_map(|interval| {
                let seconds = Seconds::of(interval);
                [seconds.first, seconds.behind]
            })
            .flatten()
            .collect();
        bounds.sort_unstable();
        bounds.dedup();
        Self {
            cells: vec![Count::default(); bounds.len() + 1],
            bounds,
        }
    }

    /// The cell of a moment.
    pub(super) fn cell(&self, second: i64) -> usize {
        self.bounds.partition_point(|bound| *bound <= second)
    }

    pub(super) fn add(&mut self, cell: usize, size: Option<u64>) {
        self.cells[cell].add(size);
    }

    /// Sums, so that any range of cells is the difference of two of them.
    pub(super) fn sums(&self) -> Vec<Count> {
        let mut sums = Vec::with_capacity(self.cells.len() + 1);
        let mut sum = Count::default();
        sums.push(sum);
        for cell in &self.cells {
            sum = sum.plus(cell);
            sums.push(sum);
        }
        sums
    }

    /// The cells of an interval, one of those that the timeline was made of.
    pub(super) fn cells(&self, interval: TimeInterval) -> Range<usize> {
        let seconds = Seconds::of(interval);
        let start = seconds.first.map_or(0, |second| self.cell(second));
        let end = seconds.behind.map(|second| self.cell(second));
        start..end.unwrap_or(self.cells.len())
    }

    pub(super) fn coverage(&self, intervals: impl Iterator<Item = TimeInterval>) -> Coverage {
        // Where a job begins and where it ends, summed up from the left.
        let mut steps = vec![0_i64; self.cells.len() + 1];
        for interval in intervals {
            let cells = self.cells(interval);
            if cells.start < cells.end {
                steps[cells.start] += 1;
                steps[cells.end] -= 1;
            }
        }
        let mut sum = 0;
        let covering = steps[..self.cells.len()].iter().map(|step| {
            sum += step;
            u32::try_from(sum).unwrap_or(u32::MAX)
        });
        Coverage(covering.collect())
    }
}

impl Coverage {
    /// How many jobs cover a cell.
    pub(super) fn at(&self, cell: usize) -> u32 {
        self.0.get(cell).copied().unwrap_or_default()
    }
}

/// An interval in the whole seconds that upload times are kept in; both ends of it belong to it.
struct Seconds {
    first: Option<i64>,
    behind: Option<i64>,
}

impl Seconds {
    fn of(interval: TimeInterval) -> Self {
        Self {
            first: interval.start.map(Timestamp::as_second),
            behind: interval.end.map(|end| end.as_second() + 1),
        }
    }
}
