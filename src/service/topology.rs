//! Whether a topology can run, and in which order.

use std::collections::BTreeSet;

use crate::api::wire::{END, START, Topology, is_element_name};

/// The nodes after the start, each after those that lead to it; or what is wrong with the topology.
pub(super) fn order(topology: &Topology) -> Result<Vec<&str>, String> {
    check_nodes(topology)?;
    let mut left: BTreeSet<&str> = topology.nodes.keys().map(String::as_str).collect();
    let mut order = Vec::with_capacity(left.len());
    while !left.is_empty() {
        let is_led_to = |name: &&str| {
            let mut links = topology.dependencies.iter();
            links.any(|(from, next)| left.contains(from.as_str()) && next.contains(*name))
        };
        let free: Vec<&str> = left
            .iter()
            .copied()
            .filter(|name| !is_led_to(name))
            .collect();
        if free.is_empty() {
            return Err("Topology.Dependencies: the links form a circle".to_owned());
        }
        if let Some(lonely) = free.iter().find(|name| order.is_empty() && **name != START) {
            return Err(format!(
                "Topology.Dependencies: nothing leads to `{lonely}`"
            ));
        }
        left.retain(|name| !free.contains(name));
        order.extend(free);
    }
    order.retain(|name| *name != START);
    Ok(order)
}

fn check_nodes(topology: &Topology) -> Result<(), String> {
    let nodes = &topology.nodes;
    let starts = nodes.values().filter(|node| node.kind == START).count();
    if starts != 1 || nodes.get(START).is_none_or(|node| node.kind != START) {
        return Err("Topology.Nodes: there has to be one start, of the name `Start`".to_owned());
    }
    if nodes.len() < 2 {
        return Err("Topology.Nodes: there is no node beside the start".to_owned());
    }
    for (name, node) in nodes {
        if node.kind.is_empty() {
            return Err(format!("Topology.Nodes.{name}.Type: is missing"));
        }
        if !is_element_name(name) || name == END {
            return Err(format!("Topology.Nodes: `{name}` cannot name a node"));
        }
        if !topology.dependencies.contains_key(name) {
            return Err(format!(
                "Topology.Dependencies: nothing follows `{name}`, not even `End`"
            ));
        }
    }
    for (from, next) in &topology.dependencies {
        let mut ends = next.iter().filter(|next| *next != END).chain([from]);
        if let Some(unknown) = ends.find(|name| !nodes.contains_key(*name)) {
            return Err(format!(
                "Topology.Dependencies: there is no node `{unknown}`"
            ));
        }
        if next.is_empty() {
            return Err(format!("Topology.Dependencies.{from}: is empty"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::order;
    use crate::api::wire::Topology;

    #[test]
    fn nodes_run_after_those_that_lead_to_them() {
        let topology = Topology::of_steps(&["Start", "Z", "A"]);
        assert_eq!(order(&topology).unwrap(), ["Z", "A"]);
        let link = |from: &str, to: &str| {
            let mut topology = Topology::of_steps(&["Start", "A", "B"]);
            let next = topology.dependencies.entry(from.to_owned()).or_default();
            next.insert(to.to_owned());
            topology
        };
        assert!(order(&link("B", "A")).unwrap_err().contains("circle"));
        assert!(order(&link("B", "C")).unwrap_err().contains("no node `C`"));
        assert!(order(&link("Start", "B")).is_ok());
        let mut alone = Topology::of_steps(&["Start", "A", "B"]);
        alone
            .dependencies
            .insert("A".to_owned(), ["End".to_owned()].into());
        assert!(order(&alone).unwrap_err().contains("nothing leads to `B`"));
        assert!(order(&Topology::of_steps(&["A", "B"])).is_err());
        assert!(order(&Topology::default()).is_err());
    }
}
