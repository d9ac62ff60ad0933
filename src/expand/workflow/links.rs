//! The links between nodes: those that lead nowhere, in circles, or where the service lets none lead.

use std::collections::{BTreeMap, BTreeSet};

use super::{WorkflowBuilder, kinds};
use crate::api::wire::{END, START};
use crate::diagnostic::closest;
use crate::expand::job_builder::{Checked, Reported};
use crate::jobfile::model::{StartSpec, WorkflowSpec};
use crate::source::{Span, Spanned};

/// The nodes that follow each node, as the API has them.
pub(super) type Dependencies = BTreeMap<String, BTreeSet<String>>;

/// One link as written.
#[derive(Clone, Copy)]
struct Link<'a> {
    from: &'a str,
    to: &'a str,
    span: Span,
}

/// The links of a workflow while they are checked.
pub(super) struct Links<'a> {
    /// Each node with its type, where that is known, and its place.
    nodes: BTreeMap<&'a str, (Option<&'a str>, Span)>,
    list: Vec<Link<'a>>,
    /// Nodes whose links are known; of others nothing is said.
    is_whole: bool,
}

impl<'a> Links<'a> {
    /// The links, unless something is wrong with them.
    pub(super) fn check(
        builder: &mut WorkflowBuilder<'a, '_>,
        spec: &'a WorkflowSpec,
        start: Option<&'a StartSpec>,
    ) -> Checked<Dependencies> {
        let mut links = Self {
            nodes: BTreeMap::new(),
            list: Vec::new(),
            is_whole: start.is_some(),
        };
        let mut is_right = true;
        for (name, node) in &spec.nodes.0 {
            if name.value == START || name.value == END {
                let message = format!("`{}` is a name of the service's own", name.value);
                builder.error("node-name", name.span, message);
                builder.help("the start is `start`, and a node without `next` leads to the end");
                is_right = false;
            }
            let kind = node.valid().and_then(|node| node.value.r#type.valid());
            let kind = kind.map(|kind| kind.value.as_str());
            links.nodes.insert(&name.value, (kind, name.span));
        }
        for (name, node) in &spec.nodes.0 {
            let Some(node) = node.valid() else {
                links.is_whole = false;
                continue;
            };
            let next = builder.optional(node.value.next.as_ref());
            match next {
                Ok(next) => links.add(&name.value, next.map(|next| next.value.as_slice())),
                Err(Reported) => links.is_whole = false,
            }
        }
        let first = builder.optional(start.and_then(|start| start.next.as_ref()));
        let first = first.map(|first| first.map(|first| first.value.as_slice()));
        match first {
            Ok(first) => links.add_start(first),
            Err(Reported) => links.is_whole = false,
        }
        is_right &= links.ends_exist(builder);
        is_right &= !is_right || links.no_circle(builder);
        is_right &= !is_right || links.all_reachable(builder);
        links.successors(builder);
        if !is_right || !links.is_whole {
            return Err(Reported);
        }
        let mut dependencies = Dependencies::new();
        for link in &links.list {
            let next = dependencies.entry(link.from.to_owned()).or_default();
            next.insert(link.to.to_owned());
        }
        Ok(dependencies)
    }

    fn add(&mut self, from: &'a str, next: Option<&'a [Spanned<String>]>) {
        let next = next.unwrap_or_default();
        if next.is_empty() {
            let span = self.nodes.get(from).map(|(_, span)| *span);
            let to = END;
            self.list.extend(span.map(|span| Link { from, to, span }));
        }
        self.list.extend(next.iter().map(|to| Link {
            from,
            to: &to.value,
            span: to.span,
        }));
    }

    /// The start leads to what is written, or to every node that no other leads to.
    fn add_start(&mut self, first: Option<&'a [Spanned<String>]>) {
        if let Some(first) = first {
            self.list.extend(first.iter().map(|to| Link {
                from: START,
                to: &to.value,
                span: to.span,
            }));
            return;
        }
        let led_to: BTreeSet<&str> = self.list.iter().map(|link| link.to).collect();
        let first = self
            .nodes
            .iter()
            .filter(|(name, _)| !led_to.contains(*name));
        let first = first.map(|(name, (_, span))| Link {
            from: START,
            to: name,
            span: *span,
        });
        let first: Vec<Link<'a>> = first.collect();
        self.list.extend(first);
    }

    fn ends_exist(&self, builder: &mut WorkflowBuilder<'a, '_>) -> bool {
        let mut is_right = true;
        for link in &self.list {
            if link.to == END || self.nodes.contains_key(link.to) {
                continue;
            }
            is_right = false;
            let message = format!("there is no node `{}`", link.to);
            builder.error("unknown-node", link.span, message);
            let names = self.nodes.keys().copied();
            match closest(link.to, names) {
                Some(near) => builder.help(format!("did you mean `{near}`?")),
                None if link.to == START => builder.help("nothing leads back to the start"),
                None => {}
            }
        }
        is_right
    }

    /// Reports the first link that closes a circle.
    fn no_circle(&self, builder: &mut WorkflowBuilder<'a, '_>) -> bool {
        // Takes away nodes that nothing leads to, again and again; what is left lies on circles or
        // behind them.
        let mut left: BTreeSet<&str> = self.nodes.keys().copied().collect();
        loop {
            let is_led_to = |name: &&str| {
                let mut links = self.list.iter();
                links.any(|link| link.to == *name && left.contains(link.from))
            };
            let free: Vec<&str> = left
                .iter()
                .copied()
                .filter(|name| !is_led_to(name))
                .collect();
            if free.is_empty() {
                break;
            }
            left.retain(|name| !free.contains(name));
        }
        let mut links = self.list.iter();
        let Some(link) = links.find(|link| left.contains(link.from) && left.contains(link.to))
        else {
            return true;
        };
        let message = format!("`{}` and `{}` lead to each other", link.from, link.to);
        let message = if link.from == link.to {
            format!("`{}` leads to itself", link.from)
        } else {
            format!("{message}, directly or by others")
        };
        builder.error("workflow-cycle", link.span, message);
        builder.help("every node leads to the end: remove one link of the circle");
        false
    }

    fn all_reachable(&self, builder: &mut WorkflowBuilder<'a, '_>) -> bool {
        if !self.is_whole {
            return true;
        }
        let mut reached: BTreeSet<&str> = BTreeSet::from([START]);
        loop {
            let links = self.list.iter();
            let new: BTreeSet<&str> = links
                .filter(|link| reached.contains(link.from) && !reached.contains(link.to))
                .map(|link| link.to)
                .collect();
            if new.is_empty() {
                break;
            }
            reached.extend(new);
        }
        let mut is_right = true;
        for (name, (_, span)) in &self.nodes {
            if !reached.contains(name) {
                is_right = false;
                let message = format!("nothing leads to the node `{name}`");
                builder.error("unreachable-node", *span, message);
                builder.help("name it in `start.next`, or in the `next` of a node");
            }
        }
        is_right
    }

    /// Warns of links that the service's pages do not have.
    fn successors(&self, builder: &mut WorkflowBuilder<'a, '_>) {
        let kind = |name: &str| self.nodes.get(name).and_then(|(kind, _)| *kind);
        for link in &self.list {
            let (Some(from), Some(to)) = (kind(link.from), kind(link.to)) else {
                continue;
            };
            let Some(known) = kinds::find(from) else {
                continue;
            };
            if known.may_lead_to(to) || kinds::find(to).is_none() {
                continue;
            }
            let message = format!("the service's pages let no {to} node follow a {from} node");
            builder.warning("link", link.span, message);
            match known.successors() {
                [] => builder.help(format!("a {from} node is a last one")),
                next => builder.help(format!("they name {} and the end", next.join(", "))),
            }
        }
    }
}
