//! The tree of commits: `version_control_info.json` and `commit_info.json` (format 7.1, 7.2).
//!
//! Heads are found through `branches` only. Ghosts are tolerated: nodes that are listed as a
//! child, are not closed, and head no branch.

use super::error::{FormatError, Reason, Result};
use super::json::{self, Fields};
use super::keys::check_commit_id;
use super::ordered::Ordered;
use super::raw_json::RawJson;
use super::{FIRST_COMMIT, MAIN_BRANCH};
use crate::error::quoted;
use serde_json::{Value, json};
use std::collections::HashSet;

/// One commit. Without a time it is open: the head of its branch, or a ghost.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct CommitNode {
    /// The branch the commit was made on.
    pub branch: String,
    /// The commit before; none for the first one.
    pub parent: Option<String>,
    /// The commits that follow, ghosts included.
    pub children: Vec<String>,
    /// The message of a closed commit, as the text it has: Python's may hold halves of surrogate
    /// pairs, which a `String` cannot.
    pub commit_message: Option<RawJson>,
    /// When it was closed, Unix-like seconds; none while it is open.
    pub commit_time: Option<f64>,
    /// Who closed it.
    pub commit_user_name: Option<String>,
    /// Made by a transform on its way.
    pub is_checkpoint: bool,
    /// How far that transform was.
    pub total_samples_processed: u64,
}

impl CommitNode {
    /// An open commit without children.
    #[must_use]
    pub fn open(branch: &str, parent: Option<&str>) -> Self {
        let (branch, parent) = (branch.to_owned(), parent.map(str::to_owned));
        Self { branch, parent, ..Self::default() }
    }

    /// Parses `commit_info.json`.
    ///
    /// # Errors
    /// Not a JSON object, or a field that is missing or of another type.
    pub fn parse(bytes: &[u8]) -> Result<Self> {
        Self::from_fields(Fields::parse(bytes)?)
    }

    fn from_fields(mut fields: Fields) -> Result<Self> {
        let node = Self {
            branch: fields.text("branch")?.ok_or_else(|| json::wrong("branch", "a string"))?,
            parent: fields.text("parent")?,
            children: fields.texts("children")?,
            commit_message: fields.raw_text("commit_message")?,
            commit_time: fields.float("commit_time")?,
            commit_user_name: fields.text("commit_user_name")?,
            is_checkpoint: fields.flag("is_checkpoint", false)?,
            total_samples_processed: fields.unsigned("total_samples_processed")?.unwrap_or(0),
        };
        node.parent.iter().chain(&node.children).try_for_each(|id| check_commit_id(id))?;
        Ok(node)
    }

    /// The fields; the two files order parent and children differently.
    fn to_json(&self, parent_first: bool) -> RawJson {
        let parent = ("parent", json!(self.parent));
        let children = ("children", json!(self.children));
        let [second, third] = if parent_first { [parent, children] } else { [children, parent] };
        let before = [("branch", json!(self.branch)), second, third];
        let after = [
            ("commit_time", json!(self.commit_time)),
            ("commit_user_name", json!(self.commit_user_name)),
            ("is_checkpoint", json!(self.is_checkpoint)),
            ("total_samples_processed", json!(self.total_samples_processed)),
        ];
        let line = |(name, value): (&'static str, Value)| (name, RawJson::line(&value));
        let message = self.commit_message.clone().unwrap_or_else(|| RawJson::line(&Value::Null));
        let fields = before.into_iter().map(line).chain([("commit_message", message)]);
        RawJson::object(fields.chain(after.into_iter().map(line)))
    }

    /// Whether the commit was closed.
    #[must_use]
    pub const fn is_closed(&self) -> bool {
        self.commit_time.is_some()
    }
}

/// What an address of a dataset means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    /// The commit to read, or to write if it is a head.
    pub commit_id: String,
    /// Its branch.
    pub branch: String,
    /// Whether it is the open head of the branch.
    pub is_head: bool,
}

/// All commits and the heads of all branches, in the order of the file.
#[derive(Debug, Clone, PartialEq)]
pub struct VersionTree {
    commits: Ordered<String, CommitNode>,
    branches: Ordered<String, String>,
}

impl Default for VersionTree {
    fn default() -> Self {
        Self::new()
    }
}

impl VersionTree {
    /// The tree of a new dataset: the first commit, open, heads `main`.
    #[must_use]
    pub fn new() -> Self {
        let first = (FIRST_COMMIT.to_owned(), CommitNode::open(MAIN_BRANCH, None));
        let main = (MAIN_BRANCH.to_owned(), FIRST_COMMIT.to_owned());
        Self { commits: [first].into_iter().collect(), branches: [main].into_iter().collect() }
    }

    /// A tree of parts that were not checked yet.
    pub(super) fn from_parts(
        commits: Ordered<String, CommitNode>,
        branches: Ordered<String, String>,
    ) -> Result<Self> {
        let tree = Self { commits, branches };
        tree.check()?;
        Ok(tree)
    }

    /// Parses `version_control_info.json`.
    ///
    /// # Errors
    /// Not such a file, or a branch whose head does not descend from the first commit.
    pub fn parse(bytes: &[u8]) -> Result<Self> {
        let mut fields = Fields::parse(bytes)?;
        let node = |(id, value): (String, RawJson)| {
            check_commit_id(&id)?;
            Ok((id, CommitNode::from_fields(Fields::of(&value, "commits")?)?))
        };
        let commits = fields.object("commits")?.into_iter().map(node).collect::<Result<_>>()?;
        let head = |(branch, value): (String, RawJson)| {
            let head = value
                .value()
                .and_then(json::text_of)
                .ok_or_else(|| json::wrong("branches", "an object of strings"))?;
            Ok((branch, head))
        };
        let branches = fields.object("branches")?.into_iter().map(head).collect::<Result<_>>()?;
        Self::from_parts(commits, branches)
    }

    fn check(&self) -> Result<()> {
        if self.commits.get(FIRST_COMMIT).is_none_or(|first| first.parent.is_some()) {
            return Err(FormatError::corrupt("the tree has no first commit"));
        }
        if self.branches.len() == 0 {
            return Err(FormatError::corrupt("the tree has no branches"));
        }
        // Each commit is walked over once, whatever the number of branches.
        let mut sound: HashSet<&str> = HashSet::from([FIRST_COMMIT]);
        for (branch, head) in self.branches.iter() {
            let mut walked = HashSet::new();
            let mut at = head.as_str();
            while !sound.contains(at) {
                let Some(node) = self.commits.get(at) else {
                    let rule = format!(
                        "branch {} leads to the unknown commit {}",
                        quoted(branch),
                        quoted(at)
                    );
                    return Err(FormatError::corrupt(rule));
                };
                let parent = node.parent.as_deref().filter(|_| walked.insert(at));
                let Some(parent) = parent else {
                    let rule =
                        format!("branch {} does not lead to the first commit", quoted(branch));
                    return Err(FormatError::corrupt(rule));
                };
                at = parent;
            }
            sound.extend(walked);
        }
        Ok(())
    }

    /// The file `version_control_info.json`.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let nodes = self.commits.iter().map(|(id, node)| (id.as_str(), node.to_json(true)));
        let heads = self
            .branches
            .iter()
            .map(|(branch, head)| (branch.as_str(), RawJson::line(&json!(head))));
        let parts = [("commits", RawJson::object(nodes)), ("branches", RawJson::object(heads))];
        RawJson::object(parts).into_bytes()
    }

    /// The file `commit_info.json` of a commit.
    #[must_use]
    pub fn node_bytes(&self, id: &str) -> Option<Vec<u8>> {
        self.commits.get(id).map(|node| node.to_json(false).into_bytes())
    }

    /// A commit's node, ghosts included.
    #[must_use]
    pub fn commit(&self, id: &str) -> Option<&CommitNode> {
        self.commits.get(id)
    }

    /// All nodes in the order of the file, ghosts included.
    pub fn commits(&self) -> impl Iterator<Item = (&str, &CommitNode)> {
        self.commits.iter().map(|(id, node)| (id.as_str(), node))
    }

    /// Branch names and the ids of their heads.
    pub fn branches(&self) -> impl Iterator<Item = (&str, &str)> {
        self.branches.iter().map(|(branch, head)| (branch.as_str(), head.as_str()))
    }

    /// The head of a branch.
    #[must_use]
    pub fn head(&self, branch: &str) -> Option<&str> {
        self.branches.get(branch).map(String::as_str)
    }

    /// Whether the commit is the open head of its branch, and so takes writes.
    #[must_use]
    pub fn is_head(&self, id: &str) -> bool {
        self.commits
            .get(id)
            .is_some_and(|node| !node.is_closed() && self.head(&node.branch) == Some(id))
    }

    /// Finds what a branch name or commit id means; nothing means the head of `main`.
    ///
    /// # Errors
    /// Neither a branch nor a commit that can be opened; ghosts cannot.
    pub fn resolve(&self, address: Option<&str>) -> Result<Address> {
        let wanted = address.unwrap_or(MAIN_BRANCH);
        let id = self.head(wanted).unwrap_or(wanted);
        let node = self.commits.get(id).filter(|node| {
            let heads_a_branch = self.branches.iter().any(|(_, head)| head == id);
            (node.is_closed() || heads_a_branch) && self.reaches_first(id)
        });
        let Some(node) = node else {
            let known: Vec<&str> = self.branches().map(|(branch, _)| branch).take(10).collect();
            return Err(FormatError::new(
                Reason::UnknownAddress,
                format!("no branch or commit {} (branches: {})", quoted(wanted), known.join(", ")),
            ));
        };
        // The branch that was asked for; a commit's own one can differ only in damaged trees.
        let branch = if id == wanted { node.branch.as_str() } else { wanted };
        Ok(Address {
            commit_id: id.to_owned(),
            branch: branch.to_owned(),
            is_head: !node.is_closed() && self.head(branch) == Some(id),
        })
    }

    fn reaches_first(&self, id: &str) -> bool {
        self.lineage(id).last() == Some(&FIRST_COMMIT)
    }

    /// The commit, its parent, and so on up to the first one; ends early at an unknown parent or
    /// a cycle, which only nodes off all branches can have.
    #[must_use]
    pub fn lineage(&self, commit: &str) -> Vec<&str> {
        let mut seen = HashSet::new();
        let mut lineage = Vec::new();
        let mut at = self.commits.get_entry(commit);
        while let Some((id, node)) = at.filter(|(id, _)| seen.insert(id.as_str())) {
            lineage.push(id.as_str());
            at = node.parent.as_deref().and_then(|parent| self.commits.get_entry(parent));
        }
        lineage
    }

    /// What users see as the commit id: the commit itself if it is closed, else the nearest
    /// closed one before it.
    #[must_use]
    pub fn committed_parent(&self, head: &str) -> Option<&str> {
        let is_closed = |id: &&str| self.commits.get(*id).is_some_and(CommitNode::is_closed);
        self.lineage(head).into_iter().find(is_closed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(text: &str) -> Result<VersionTree> {
        let first = FIRST_COMMIT;
        VersionTree::parse(text.replace("FIRST", first).replace('\'', "\"").as_bytes())
    }

    const GHOST: &str = "{'commits': {
        'FIRST': {'branch': 'main', 'parent': null, 'children': ['a1', 'b2', 'c3'],
                  'commit_message': 'm', 'commit_time': 1.5, 'commit_user_name': 'public'},
        'a1': {'branch': 'main', 'parent': 'FIRST', 'children': []},
        'b2': {'branch': 'main', 'parent': 'FIRST', 'children': [], 'commit_time': null},
        'c3': {'branch': 'side', 'parent': 'FIRST', 'children': ['gone']}},
        'branches': {'main': 'b2', 'side': 'c3'}}";

    #[test]
    fn a_new_tree_is_one_line() {
        let line = format!(
            "{{\"commits\": {{\"{FIRST_COMMIT}\": {{\"branch\": \"main\", \"parent\": null, \"children\": [], \
             \"commit_message\": null, \"commit_time\": null, \"commit_user_name\": null, \
             \"is_checkpoint\": false, \"total_samples_processed\": 0}}}}, \"branches\": {{\"main\": \"{FIRST_COMMIT}\"}}}}"
        );
        let tree = VersionTree::new();
        assert_eq!(String::from_utf8(tree.to_bytes()).unwrap(), line);
        assert_eq!(VersionTree::parse(line.as_bytes()).unwrap(), tree);
        let node = tree.node_bytes(FIRST_COMMIT).unwrap();
        assert!(node.starts_with(b"{\"branch\": \"main\", \"children\": [], \"parent\": null, "));
        assert_eq!(CommitNode::parse(&node).unwrap(), CommitNode::open("main", None));
    }

    #[test]
    fn messages_keep_their_text() {
        let message = r#""m \ud800 \u00e9""#;
        let file = GHOST.replace("'m'", &message.replace('"', "'"));
        let tree = tree(&file).unwrap();
        assert!(String::from_utf8(tree.to_bytes()).unwrap().contains(message));
        assert!(
            String::from_utf8(tree.node_bytes(FIRST_COMMIT).unwrap()).unwrap().contains(message)
        );
        self::tree(&GHOST.replace("'m'", "[1]")).unwrap_err();
    }

    #[test]
    fn addresses_are_branches_then_commits() {
        let tree = tree(GHOST).unwrap();
        let head = tree.resolve(None).unwrap();
        assert_eq!((head.commit_id.as_str(), head.is_head), ("b2", true));
        let side = tree.resolve(Some("side")).unwrap();
        assert_eq!((side.commit_id.as_str(), side.branch.as_str()), ("c3", "side"));
        assert_eq!(tree.resolve(Some("c3")).unwrap(), side);
        let first = tree.resolve(Some(FIRST_COMMIT)).unwrap();
        assert!(!first.is_head);
        for unknown in ["a1", "gone", "", "../x"] {
            let error = tree.resolve(Some(unknown)).unwrap_err();
            assert_eq!(error.reason, Reason::UnknownAddress, "{unknown:?}");
        }
        assert_eq!(tree.lineage("b2"), ["b2", FIRST_COMMIT]);
        assert_eq!(tree.committed_parent("b2"), Some(FIRST_COMMIT));
        assert_eq!(VersionTree::new().committed_parent(FIRST_COMMIT), None);
        assert_eq!(VersionTree::parse(&tree.to_bytes()).unwrap(), tree);
    }

    #[test]
    fn damaged_trees_are_refused() {
        for bad in [
            "{}",
            "{'commits': {}, 'branches': {'main': 'FIRST'}}",
            "{'commits': {'FIRST': {'branch': 'main'}}, 'branches': {}}",
            "{'commits': {'FIRST': {'branch': 'main'}}, 'branches': {'main': 'a1'}}",
            "{'commits': {'FIRST': {'branch': 'main'}, 'a': {'branch': 'main', 'parent': 'b'},
                'b': {'branch': 'main', 'parent': 'a'}}, 'branches': {'main': 'a'}}",
            "{'commits': {'FIRST': {'branch': 'main'}, '../a': {'branch': 'main', 'parent': 'FIRST'}},
                'branches': {'main': 'FIRST'}}",
        ] {
            assert_eq!(tree(bad).unwrap_err().reason, Reason::Corrupt, "{bad}");
        }
    }
}
