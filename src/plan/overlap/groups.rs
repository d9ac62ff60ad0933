//! Covers of one workflow in one bucket: only these can meet.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::mem;

use rayon::iter::{IntoParallelRefIterator, ParallelIterator};
use rayon::slice::{ParallelSlice, ParallelSliceMut};

use super::cover::{Cover, Placed, Standing};
use super::neighbours::Outermost;
use crate::api::name::{BucketName, Region, WorkflowId};
use crate::api::request::WorkflowIds;
use crate::plan::sorted::splice;

/// All covers, by what they have in common. One with several workflows is in several groups.
#[derive(Debug, Default)]
pub(super) struct Groups(BTreeMap<Common, Group>);

type Common = (BucketName, Region, WorkflowId);

#[derive(Debug, Default)]
struct Group {
    covers: Vec<Cover>,
    /// Only what is replaced in needs to stay in order.
    is_sorted: bool,
}

impl Groups {
    /// Groups covers, which come in the order of a plan.
    pub(super) fn new(covers: Vec<Cover>) -> Self {
        let mut groups = Self::default();
        for (common, covers) in by_common(covers) {
            groups.0.entry(common).or_default().covers = covers;
        }
        groups
    }

    /// Puts covers in the place of others; gives back each group that new ones came to, with these.
    pub(super) fn replace(
        &mut self,
        gone: Vec<Cover>,
        come: Vec<Cover>,
    ) -> Vec<(&[Cover], Vec<Cover>)> {
        for (common, gone) in by_common(gone) {
            let Some(group) = self.0.get_mut(&common) else {
                continue;
            };
            group.replace(&gone, Vec::new());
            if group.covers.is_empty() {
                self.0.remove(&common);
            }
        }
        let come = by_common(come);
        for (common, come) in &come {
            let group = self.0.entry(common.clone()).or_default();
            group.replace(&[], come.clone());
        }
        let group = |(common, new)| Some((self.0.get(&common)?.covers.as_slice(), new));
        come.into_iter().filter_map(group).collect()
    }

    /// Of each group, what is to be submitted and what lies in that or around it, in order: nothing
    /// else can be helped any more.
    pub(super) fn near_work(&self) -> impl Iterator<Item = Vec<Placed<'_>>> {
        self.0.values().map(Group::near_work)
    }
}

impl Group {
    fn near_work(&self) -> Vec<Placed<'_>> {
        let is_planned = |cover: &Cover| cover.standing == Standing::Planned;
        let covers = self.covers.par_iter();
        let planned = covers.filter(|cover| is_planned(cover)).map(Placed::new);
        let planned = self.in_order(planned);
        if planned.is_empty() {
            return planned;
        }
        let outermost = Outermost::of(&planned);
        let near = self.covers.par_chunks(512).flat_map_iter(|covers| {
            let mut search = outermost.search();
            let is_near = move |placed: &Placed<'_>| {
                is_planned(placed.cover) || search.is_near(placed.position)
            };
            covers.iter().map(Placed::new).filter(is_near)
        });
        self.in_order(near)
    }

    fn in_order<'a>(&self, covers: impl ParallelIterator<Item = Placed<'a>>) -> Vec<Placed<'a>> {
        let mut placed: Vec<Placed<'a>> = covers.collect();
        if !self.is_sorted {
            // Jobs come in one order and records behind them in the same: this sort merges such runs.
            placed.par_sort_by(Placed::in_order);
        }
        placed
    }

    fn sort(&mut self) {
        if !self.is_sorted {
            self.covers.par_sort_by(in_order);
            self.is_sorted = true;
        }
    }

    fn replace(&mut self, gone: &[Cover], come: Vec<Cover>) {
        self.sort();
        let covers = &mut self.covers;
        let position = |cover: &Cover| covers.binary_search_by(|known| in_order(known, cover)).ok();
        let mut positions: Vec<usize> = gone.iter().filter_map(position).collect();
        positions.sort_unstable();
        splice(covers, &positions, come, in_order);
    }
}

fn in_order(left: &Cover, right: &Cover) -> Ordering {
    Placed::in_order(&Placed::new(left), &Placed::new(right))
}

/// Each group in no particular order.
fn by_common(mut covers: Vec<Cover>) -> BTreeMap<Common, Vec<Cover>> {
    let mut groups: BTreeMap<Common, Vec<Cover>> = BTreeMap::new();
    // Neighbours in a plan have mostly all of it in common, and all of them often do.
    let runs = covers.par_chunk_by(|left, right| all_common(left) == all_common(right));
    let runs: Vec<usize> = runs.map(<[Cover]>::len).collect();
    for length in runs.into_iter().rev() {
        let begin = covers.len() - length;
        let (bucket, region, workflows) = all_common(&covers[begin]);
        let common = |workflow: &WorkflowId| (bucket.clone(), region.clone(), workflow.clone());
        let mut commons: Vec<Common> = workflows.as_slice().iter().map(common).collect();
        let own = commons.pop();
        let run = if begin == 0 {
            mem::take(&mut covers)
        } else {
            covers.split_off(begin)
        };
        for common in commons {
            groups.entry(common).or_default().extend_from_slice(&run);
        }
        if let Some(common) = own {
            match groups.entry(common) {
                Entry::Vacant(place) => drop(place.insert(run)),
                Entry::Occupied(mut place) => place.get_mut().extend(run),
            }
        }
    }
    groups
}

fn all_common(cover: &Cover) -> (&BucketName, &Region, &WorkflowIds) {
    let work = cover.work();
    (
        &work.bucket,
        &work.region,
        &work.request.operation.workflow_ids,
    )
}
