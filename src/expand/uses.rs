//! What the jobs of one file depend on in their context: they stay valid while none of it changes.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use minijinja::Value;
use minijinja::value::{Enumerator, Object};

use super::ExpandContext;

/// Every variable with its value, ready for expressions.
pub(super) type Variables = Arc<BTreeMap<String, Value>>;

/// What one file took from its context.
#[derive(Debug, Clone, Default)]
pub struct Uses {
    bucket: bool,
    region: bool,
    periods: Option<Periods>,
    variables: UsedVariables,
}

/// Periods that have passed, and the moment at which that changes.
#[derive(Debug, Clone, Copy)]
struct Periods {
    next: Option<Timestamp>,
}

/// The variables that expressions asked for.
#[derive(Debug, Clone, Default)]
struct UsedVariables {
    /// Also those that do not exist.
    names: BTreeSet<String>,
    /// An expression asked which ones there are.
    all: bool,
}

impl Uses {
    /// Whether jobs that were expanded in `before` would come out the same in `after`.
    pub fn hold(&self, before: &ExpandContext, after: &ExpandContext) -> bool {
        // Without a bucket or region, the message names the target.
        let same_target = before.target == after.target;
        let same_bucket = same_target && before.bucket == after.bucket;
        let same_region = same_target && before.region == after.region;
        let same_workflows = same_target && before.workflows == after.workflows;
        let same_names = before.workflow_names == after.workflow_names
            && before.private_callbacks == after.private_callbacks;
        let knows_workflows = before.workflows.is_some() || after.workflows.is_some();
        same_names
            && (!knows_workflows || same_workflows)
            && (!self.bucket || same_bucket)
            && (!self.region || same_region)
            && self
                .periods
                .is_none_or(|periods| periods.hold(before.now, after.now))
            && self.variables.hold(&before.variables, &after.variables)
    }

    /// The moment at which another period has passed, if one will.
    pub fn next_period(&self) -> Option<Timestamp> {
        self.periods.and_then(|periods| periods.next)
    }
}

impl Periods {
    fn hold(self, before: Timestamp, after: Timestamp) -> bool {
        before <= after && self.next.is_none_or(|next| after < next)
    }
}

impl UsedVariables {
    fn hold(&self, before: &BTreeMap<String, String>, after: &BTreeMap<String, String>) -> bool {
        let same = |name: &String| before.get(name) == after.get(name);
        self.names.iter().all(same) && (!self.all || before == after)
    }
}

/// Takes note while one file is expanded.
pub(super) struct Tracker {
    uses: RefCell<Uses>,
    variables: Arc<TracedVariables>,
    value: Value,
}

impl Tracker {
    pub(super) fn new(variables: &Variables) -> Self {
        let variables = Arc::new(TracedVariables {
            values: Arc::clone(variables),
            used: Mutex::default(),
        });
        Self {
            uses: RefCell::default(),
            value: Value::from_dyn_object(Arc::clone(&variables)),
            variables,
        }
    }

    /// The variables as expressions see them.
    pub(super) fn variables(&self) -> Value {
        self.value.clone()
    }

    pub(super) fn uses_bucket(&self) {
        self.uses.borrow_mut().bucket = true;
    }

    pub(super) fn uses_region(&self) {
        self.uses.borrow_mut().region = true;
    }

    /// Periods were counted up to now; `next` is when another one will have passed.
    pub(super) fn uses_periods(&self, next: Option<Timestamp>) {
        let periods = &mut self.uses.borrow_mut().periods;
        let known = periods.and_then(|periods| periods.next);
        let next = known.into_iter().chain(next).min();
        *periods = Some(Periods { next });
    }

    /// What was taken note of.
    pub(super) fn finish(self) -> Uses {
        Uses {
            variables: std::mem::take(&mut *self.variables.used()),
            ..self.uses.into_inner()
        }
    }
}

/// The variables as a map that records which names were looked up.
#[derive(Debug)]
struct TracedVariables {
    values: Variables,
    used: Mutex<UsedVariables>,
}

impl TracedVariables {
    fn used(&self) -> MutexGuard<'_, UsedVariables> {
        self.used.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Object for TracedVariables {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        let name = key.as_str()?;
        let mut used = self.used();
        if !used.names.contains(name) {
            used.names.insert(name.to_owned());
        }
        self.values.get(name).cloned()
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        self.used().all = true;
        Enumerator::Values(self.values.keys().map(Value::from).collect())
    }
}
