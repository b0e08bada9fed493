//! Where memory was allocated, from a sampling heap profile.

use std::collections::HashMap;

use serde::Serialize;

use crate::open::{CallSite, Profile};

/// One call site.
#[derive(Clone, Debug, Serialize)]
pub struct Site {
    /// The site.
    #[serde(flatten)]
    pub site: CallSite,
    /// Bytes of live objects that were allocated here, as V8 projected them from its samples.
    pub self_size: u64,
    /// The callers of the biggest allocation here, nearest first.
    pub callers: Vec<CallSite>,
}

/// A sampling heap profile.
#[derive(Clone, Debug, Serialize)]
pub struct ProfileSummary {
    /// Bytes of all sites.
    pub total_size: u64,
    /// Sites that allocated.
    pub site_count: usize,
    /// Samples in the file.
    pub sample_count: u64,
    /// The sites with most bytes.
    pub sites: Vec<Site>,
}

/// Callers told of each site.
const CALLERS: usize = 8;

/// Answers where most live bytes were allocated.
pub fn profile(profile: &Profile, top: usize) -> ProfileSummary {
    let mut sums: HashMap<&CallSite, (u64, usize)> = HashMap::new();
    for (number, node) in profile.nodes.iter().enumerate().filter(|(_, node)| node.self_size > 0) {
        let (sum, biggest) = sums.entry(&node.site).or_insert((0, number));
        *sum += node.self_size;
        if node.self_size > profile.nodes[*biggest].self_size {
            *biggest = number;
        }
    }
    let mut sites: Vec<(&CallSite, (u64, usize))> = sums.into_iter().collect();
    sites.sort_by_key(|&(_, (sum, first))| (std::cmp::Reverse(sum), first));
    let site_count = sites.len();
    let site = |&(site, (self_size, biggest)): &(&CallSite, (u64, usize))| Site {
        site: site.clone(),
        self_size,
        callers: std::iter::successors(profile.nodes[biggest].parent, |&at| profile.nodes[at].parent)
            .take(CALLERS)
            .map(|at| profile.nodes[at].site.clone())
            .collect(),
    };
    ProfileSummary {
        total_size: profile.nodes.iter().map(|node| node.self_size).sum(),
        site_count,
        sample_count: profile.sample_count,
        sites: sites.iter().take(top).map(site).collect(),
    }
}
