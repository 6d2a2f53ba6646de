//! Rebuilding the commit tree from the `commit_info.json` files (format 8.1).
//!
//! Goes by `parent`, not by `children`, which keep naming dropped nodes; so nothing that still
//! has its file is lost.

use super::error::{FormatError, Result};
use super::ordered::Ordered;
use super::version_tree::{CommitNode, VersionTree};
use super::{FIRST_COMMIT, MAIN_BRANCH};
use std::collections::{HashMap, HashSet};

impl VersionTree {
    /// Rebuilds the tree from all nodes that could be found, in any order; no nodes at all make
    /// the tree of a new dataset.
    ///
    /// A branch is headed by its open leaf; a branch whose open head was not found, by its latest
    /// closed commit, which cannot be written to. Nodes that do not descend from the first commit
    /// are left out.
    ///
    /// # Errors
    /// There are nodes, but none of the first commit.
    pub fn from_nodes(nodes: impl IntoIterator<Item = (String, CommitNode)>) -> Result<Self> {
        let mut found: Ordered<String, CommitNode> = nodes.into_iter().collect();
        if found.len() == 0 {
            return Ok(Self::new());
        }
        match found.get_mut(FIRST_COMMIT) {
            Some(first) => first.parent = None,
            None => return Err(FormatError::corrupt("the node of the first commit is missing")),
        }
        let commits = connected(&found);
        let branches = heads(&commits);
        Self::from_parts(commits, branches)
    }
}

/// The descendants of the first commit, parents first, with the children that exist.
fn connected(found: &Ordered<String, CommitNode>) -> Ordered<String, CommitNode> {
    let mut children: HashMap<&str, Vec<&str>> = HashMap::new();
    for (id, node) in found.iter() {
        if let Some(parent) = &node.parent {
            children.entry(parent).or_default().push(id);
        }
    }
    let mut commits = Ordered::default();
    let mut waiting = vec![FIRST_COMMIT];
    let mut seen = HashSet::from([FIRST_COMMIT]);
    while let Some(id) = waiting.pop() {
        let Some(node) = found.get(id) else { continue };
        let own = children.get(id).map_or(&[][..], Vec::as_slice);
        // The stored order first, then those the stored list does not name.
        let stored = node.children.iter().map(String::as_str).filter(|child| own.contains(child));
        let new = |child: &&str| !node.children.iter().any(|known| known == child);
        let mut ordered: Vec<&str> = stored.chain(own.iter().copied().filter(new)).collect();
        ordered.retain(|child| seen.insert(child));
        waiting.extend(ordered.iter().rev());
        let children = ordered.into_iter().map(str::to_owned).collect();
        commits.insert(id.to_owned(), CommitNode { children, ..node.clone() });
    }
    commits
}

/// The best head of every branch that a node names.
fn heads(commits: &Ordered<String, CommitNode>) -> Ordered<String, String> {
    // An open commit beats a closed one, then the later one wins; an open one is as old as the
    // commit it was made from.
    let rank = |node: &CommitNode| {
        let parent = node.parent.as_deref().and_then(|parent| commits.get(parent));
        let time = node.commit_time.or_else(|| parent?.commit_time).unwrap_or(f64::NEG_INFINITY);
        (!node.is_closed() && node.children.is_empty(), time)
    };
    let mut best: Ordered<String, (String, (bool, f64))> = Ordered::default();
    for (id, node) in commits.iter() {
        let own = rank(node);
        if best.get(&node.branch).is_none_or(|(_, known)| own >= *known) {
            best.insert(node.branch.clone(), (id.clone(), own));
        }
    }
    if best.get(MAIN_BRANCH).is_none() {
        best.insert(MAIN_BRANCH.to_owned(), (FIRST_COMMIT.to_owned(), (false, 0.0)));
    }
    best.iter().map(|(branch, (id, _))| (branch.clone(), id.clone())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn closed(branch: &str, parent: Option<&str>, children: &[&str], time: f64) -> CommitNode {
        let children = children.iter().map(|child| (*child).to_owned()).collect();
        CommitNode { children, commit_time: Some(time), ..CommitNode::open(branch, parent) }
    }

    fn rebuild(nodes: &[(&str, CommitNode)]) -> Result<VersionTree> {
        VersionTree::from_nodes(nodes.iter().map(|(id, node)| ((*id).to_owned(), node.clone())))
    }

    #[test]
    fn nothing_found_is_a_new_dataset() {
        assert_eq!(rebuild(&[]).unwrap(), VersionTree::new());
        assert!(rebuild(&[("a", CommitNode::open("main", None))]).is_err());
    }

    #[test]
    fn nodes_in_any_order_give_the_tree() {
        let first = closed("main", None, &["a", "ghost"], 1.0);
        let tree = rebuild(&[
            ("s", CommitNode::open("side", Some("a"))),
            ("b", CommitNode::open("main", Some("a"))),
            ("a", closed("main", Some(FIRST_COMMIT), &["b", "s"], 2.0)),
            ("orphan", CommitNode::open("lost", Some("nowhere"))),
            (FIRST_COMMIT, first),
        ])
        .unwrap();
        assert_eq!(
            tree.commits().map(|(id, _)| id).collect::<Vec<_>>(),
            [FIRST_COMMIT, "a", "b", "s"]
        );
        assert_eq!(tree.branches().collect::<Vec<_>>(), [("main", "b"), ("side", "s")]);
        assert_eq!(tree.commit(FIRST_COMMIT).unwrap().children, ["a"]);
        assert!(tree.is_head("b"));
    }

    #[test]
    fn a_commit_missing_from_its_parents_list_is_kept() {
        let tree = rebuild(&[
            (FIRST_COMMIT, closed("main", None, &["ghost"], 1.0)),
            ("a", closed("main", Some(FIRST_COMMIT), &[], 2.0)),
        ])
        .unwrap();
        assert_eq!(tree.head("main"), Some("a"));
        assert!(!tree.is_head("a") && !tree.resolve(None).unwrap().is_head);
    }

    #[test]
    fn cycles_are_left_out() {
        let tree = rebuild(&[
            (FIRST_COMMIT, CommitNode::open("main", Some("b"))),
            ("a", CommitNode::open("main", Some("b"))),
            ("b", CommitNode::open("main", Some("a"))),
        ])
        .unwrap();
        assert_eq!(tree.commits().count(), 1);
    }
}
