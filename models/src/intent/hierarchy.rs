//! Labels that are paths, such as `payment/refund/late`: the tree they form, and how likely each of its nodes is.

use std::collections::BTreeMap;

/// Nodes at or below this probability are never answered: above it there is one node at most on every level, each below
/// the one before, so that "the deepest node that is sure enough" names one node.
pub(super) const NODE_MIN: f64 = 0.5;

/// The nodes above and at the labels. With plain labels every label is a node of depth 1.
#[derive(Debug, Default)]
pub(super) struct Tree {
    separator: Option<String>,
    /// Path and depth of each node, 1 for the top.
    nodes: Vec<(String, u32)>,
    /// For each label the nodes on its way, itself the last.
    ways: Vec<Vec<u32>>,
}

impl Tree {
    pub(super) fn new(labels: &[String], separator: Option<&str>) -> Self {
        let mut numbers = BTreeMap::<&str, u32>::new();
        let mut nodes = Vec::new();
        let mut ways = Vec::with_capacity(labels.len());
        for label in labels {
            let way = way_to(label, separator).into_iter().zip(1..);
            let number = |(path, depth)| {
                *numbers.entry(path).or_insert_with(|| {
                    nodes.push((path.to_owned(), depth));
                    nodes.len() as u32 - 1
                })
            };
            ways.push(way.map(number).collect());
        }
        Self {
            separator: separator.map(str::to_owned),
            nodes,
            ways,
        }
    }

    /// Whether labels are paths.
    pub(super) fn is_deep(&self) -> bool {
        self.separator.is_some()
    }

    /// The path of a node.
    pub(super) fn path(&self, node: u32) -> &str {
        &self.nodes[node as usize].0
    }

    /// Numbers of the labels that are `name` or lie below it.
    pub(super) fn members(&self, name: &str, labels: &[String]) -> Vec<u32> {
        let within = |label: &&(u32, &String)| self.covers(name, label.1);
        let numbered: Vec<(u32, &String)> = (0..).zip(labels).collect();
        numbered.iter().filter(within).map(|(number, _)| *number).collect()
    }

    /// Whether the answer `node` is right for a row with this label: it is the label, or on the way to it.
    pub(super) fn covers(&self, node: &str, label: &str) -> bool {
        let below = |rest: &str| self.separator.as_deref().is_some_and(|one| rest.starts_with(one));
        label
            .strip_prefix(node)
            .is_some_and(|rest| rest.is_empty() || below(rest))
    }

    /// The nodes of a label's path, from the top.
    pub(super) fn way<'a>(&self, label: &'a str) -> Vec<&'a str> {
        way_to(label, self.separator.as_deref())
    }

    /// Nodes that are more likely than not with their probabilities, the deepest first.
    pub(super) fn likely(&self, probabilities: &[f64], sums: &mut Vec<f64>) -> Vec<(u32, f64)> {
        sums.clear();
        sums.resize(self.nodes.len(), 0.0);
        for (way, probability) in self.ways.iter().zip(probabilities) {
            way.iter().for_each(|node| sums[*node as usize] += probability);
        }
        let mut likely: Vec<(u32, f64)> = (0..).zip(sums.iter().copied()).filter(|one| one.1 > NODE_MIN).collect();
        likely.sort_by_key(|(node, _)| std::cmp::Reverse(self.nodes[*node as usize].1));
        likely
    }
}

fn way_to<'a>(label: &'a str, separator: Option<&str>) -> Vec<&'a str> {
    let cuts = separator.map(|separator| label.match_indices(separator).map(|(at, _)| at).collect::<Vec<_>>());
    let mut way: Vec<&str> = cuts.unwrap_or_default().into_iter().map(|at| &label[..at]).collect();
    way.retain(|path| !path.is_empty());
    way.push(label);
    way
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels() -> Vec<String> {
        let labels = [
            "支付/退款/晚",
            "支付/退款/错",
            "payment",
            "payment/card",
            "payments/x",
            "/odd",
        ];
        labels.map(str::to_owned).to_vec()
    }

    #[test]
    fn a_node_is_as_likely_as_all_below_it() {
        let labels = labels();
        let tree = Tree::new(&labels, Some("/"));
        let likely = tree.likely(&[0.4, 0.35, 0.05, 0.1, 0.05, 0.05], &mut Vec::new());
        let named: Vec<(&str, f64)> = likely.iter().map(|(node, sum)| (tree.path(*node), *sum)).collect();
        assert_eq!(named, [("支付/退款", 0.75), ("支付", 0.75)]);
        let sure = tree.likely(&[0.0, 0.0, 0.3, 0.6, 0.1, 0.0], &mut Vec::new());
        let named: Vec<&str> = sure.iter().map(|(node, _)| tree.path(*node)).collect();
        assert_eq!(named, ["payment/card", "payment"]);
    }

    #[test]
    fn a_path_ends_at_separators_only() {
        let labels = labels();
        let tree = Tree::new(&labels, Some("/"));
        assert!(tree.covers("payment", "payment/card") && tree.covers("payment", "payment"));
        assert!(!tree.covers("payment", "payments/x") && !tree.covers("payment/card", "payment"));
        assert_eq!(tree.members("payment", &labels), [2, 3]);
        assert_eq!(tree.way("/odd"), ["/odd"]);
        let plain = Tree::new(&labels, None);
        assert!(plain.members("支付", &labels).is_empty() && !plain.covers("payment", "payment/card"));
        assert_eq!(plain.way("a/b"), ["a/b"]);
    }
}
