//! Sums the counts of all jobs and of each workflow.

use std::collections::BTreeMap;

use super::model::{Count, Counts, JobEstimate, Prices, TotalEstimate, WorkflowEstimate};
use crate::api::name::WorkflowId;
use crate::job::Job;
use crate::money::{Money, Price};

/// Running sums.
pub(crate) struct Totals<'a> {
    prices: &'a Prices,
    total: TotalEstimate,
    workflows: BTreeMap<WorkflowId, WorkflowEstimate>,
}

impl<'a> Totals<'a> {
    pub(crate) fn new(prices: &'a Prices) -> Self {
        let currency = prices.values().find_map(Price::currency);
        Self {
            prices,
            total: TotalEstimate {
                cost: currency.map(Money::zero),
                ..TotalEstimate::default()
            },
            workflows: BTreeMap::new(),
        }
    }

    /// Adds a job, and gives its own estimate.
    pub(crate) fn counted(&mut self, job: &Job, count: &Count) -> JobEstimate {
        let ids = job.work.request.operation.workflow_ids.as_slice();
        let mut cost = self.total.cost.map(|all| Money::zero(all.currency()));
        for id in ids {
            let own = self.workflow(id, count);
            cost = cost.zip(own).map(|(sum, own)| sum.plus(own));
        }
        let runs = ids.len() as u64;
        let total = &mut self.total;
        total.objects = total
            .objects
            .saturating_add(count.objects.saturating_mul(runs));
        total.bytes = total.bytes.saturating_add(count.bytes.saturating_mul(runs));
        total.without_size += count.without_size;
        total.unpriced += u64::from(total.cost.is_some() && cost.is_none());
        JobEstimate {
            objects: Some(count.objects),
            bytes: count.known_bytes(),
            cost,
            without_size: count.without_size,
            missing: count.missing,
            problem: None,
        }
    }

    /// Adds to the sums of one workflow, and gives what it costs.
    fn workflow(&mut self, id: &WorkflowId, count: &Count) -> Option<Money> {
        let price = self.prices.get(id);
        let cost = price.and_then(|price| price.cost(count.objects, count.known_bytes()));
        let empty = || WorkflowEstimate {
            workflow_id: id.clone(),
            jobs: 0,
            objects: 0,
            bytes: 0,
            cost: price.and_then(Price::currency).map(Money::zero),
            processed_twice: 0,
        };
        let sums = self.workflows.entry(id.clone()).or_insert_with(empty);
        sums.jobs += 1;
        sums.objects = sums.objects.saturating_add(count.objects);
        sums.bytes = sums.bytes.saturating_add(count.bytes);
        sums.cost = sums.cost.zip(cost).map(|(sum, cost)| sum.plus(cost));
        if let (Some(all), Some(cost)) = (&mut self.total.cost, cost) {
            *all = all.plus(cost);
        }
        cost
    }

    /// Notes a job that could not be counted.
    pub(crate) fn uncounted(&mut self, problem: String) -> JobEstimate {
        self.total.uncounted += 1;
        JobEstimate {
            problem: Some(problem),
            ..JobEstimate::default()
        }
    }

    pub(crate) fn finish(mut self, counts: &Counts) -> TotalEstimate {
        let mut total = self.total;
        for (id, workflow) in &mut self.workflows {
            workflow.processed_twice = counts.processed_twice.get(id).copied().unwrap_or(0);
        }
        total.workflows = self.workflows.into_values().collect();
        total.covered_twice = counts.covered_twice;
        total.complete = total.uncounted + total.without_size + total.unpriced == 0;
        total
    }
}
