//! The tree of commits, and the nodes that it is rebuilt from.
#![no_main]

use lakebed_core::format::{CommitNode, VersionTree};
use lakebed_fuzz::round_trip;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    round_trip(bytes, VersionTree::parse, VersionTree::to_bytes);
    if let Ok(tree) = VersionTree::parse(bytes) {
        for (branch, _) in tree.branches() {
            let place = tree.resolve(Some(branch)).expect("branches resolve");
            assert!(!tree.lineage(&place.commit_id).is_empty());
        }
        let nodes: Vec<_> =
            tree.commits().map(|(id, node)| (id.to_owned(), node.clone())).collect();
        let _ = VersionTree::from_nodes(nodes);
    }
    if let Ok(node) = CommitNode::parse(bytes) {
        let _ = VersionTree::from_nodes(vec![(lakebed_core::format::FIRST_COMMIT.into(), node)]);
    }
});
