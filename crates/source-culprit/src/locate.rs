//! From evidence to culprit: the declarations on the retaining path, the uses they lead to, and the choice.

use std::rc::Rc;

use oxc_allocator::Allocator;
use oxc_ast::AstKind;
use oxc_span::GetSpan;

use crate::anchor::{Anchor, anchor};
use crate::answer::{Confidence, Culprit, Note, Place};
use crate::application::fill_application;
use crate::evidence::{CollectionKind, Evidence, Hop};
use crate::follow::{Follower, Segment, Steps, Task, Trust, Use};
use crate::functions::function_at;
use crate::locations::is_library;
use crate::operation::Operation;
use crate::rank::{Candidate, rank};
use crate::render::Renderer;
use crate::sources::Sources;
use crate::workspace::Workspace;

/// Parsers and visitors recurse; `depth` keeps texts within what this holds, also in debug builds.
const STACK_BYTES: usize = 512 << 20;
/// Further statements and declarations that are reported.
const MAX_ALSO: usize = 5;

/// Finds the declaration that holds the growing collection and the statement that adds to it.
///
/// Never panics on bad sources, maps or positions: what cannot be told is `None`, with a note.
pub fn locate(evidence: &Evidence, sources: &(dyn Sources + Sync)) -> Culprit {
    let work = || {
        let allocator = Allocator::default();
        let workspace = Workspace::new(&allocator, sources);
        search(&workspace, evidence)
    };
    std::thread::scope(|scope| {
        let builder = std::thread::Builder::new().name("source-culprit".to_owned()).stack_size(STACK_BYTES);
        match builder.spawn_scoped(scope, work) {
            // The parser's own defects must not take the verdict down.
            Ok(handle) => handle.join().unwrap_or_else(|_| Culprit::failed()),
            Err(_) => Culprit::failed(),
        }
    })
}

/// An anchor with what its uses say.
pub(crate) struct Finding<'a> {
    pub(crate) anchor: Anchor<'a>,
    pub(crate) declared: Option<(Rc<crate::parsed::Parsed<'a>>, u32)>,
    pub(crate) candidates: Vec<Candidate<'a>>,
}

impl Finding<'_> {
    pub(crate) fn in_library(&self) -> bool {
        let url = self.declared.as_ref().map_or(&self.anchor.parsed.url, |(parsed, _)| &parsed.url);
        is_library(url)
    }
}

fn search(workspace: &Workspace<'_>, evidence: &Evidence) -> Culprit {
    let evidence = &normalised(evidence);
    let findings = find_anchors(workspace, evidence);
    let renderer = Renderer { workspace };
    let mut culprit = Culprit::unknown();
    choose(&renderer, evidence, &findings, &mut culprit);
    fill_application(&renderer, evidence, &findings, &mut culprit);
    if culprit.owner.is_none() {
        workspace.note(Note::NothingNamed);
    }
    culprit.notes = workspace.take_notes();
    culprit
}

/// Listeners are kept in `_events`, under the event's name: what people add to is the emitter.
fn normalised(evidence: &Evidence) -> Evidence {
    let mut evidence = evidence.clone();
    let store = evidence.chain.iter().take(3).position(|hop| match hop {
        Hop::Property { name, .. } => {
            matches!(name.as_str(), "_events" | "<symbol kEvents>" | "<symbol events>")
        }
        _ => false,
    });
    if let Some(at) = store {
        evidence.chain.drain(..=at);
        evidence.kind = CollectionKind::Listeners;
    }
    evidence
}

/// Anchors of the chain, nearest first. Outer ones are looked for until the application's own code is reached.
fn find_anchors<'a>(workspace: &Workspace<'a>, evidence: &Evidence) -> Vec<Finding<'a>> {
    let mut findings: Vec<Finding<'a>> = Vec::new();
    let mut steps: Steps = Vec::new();
    for hop in evidence.chain.iter().take(24) {
        if let Some(found) = anchor(workspace, hop, &steps) {
            let uses = follow(workspace, &found);
            let declared = declared_at(&found, &uses);
            let candidates = rank(evidence, uses);
            let finding = Finding { anchor: found, declared, candidates };
            let in_application = !finding.in_library();
            let settled = in_application && finding.candidates.first().is_some_and(|best| best.strong);
            findings.push(finding);
            let own = findings.iter().filter(|finding| !finding.in_library()).count();
            if (settled && own >= 2) || own >= 3 || findings.len() >= 8 {
                break;
            }
        }
        match hop {
            Hop::Property { name, .. } | Hop::StaticProperty { name, .. } => {
                steps.push(Segment::Name(name.clone()));
            }
            Hop::Element => steps.push(Segment::Element),
            // Variables and globals are where a path of names begins.
            Hop::ContextSlot { .. }
            | Hop::OneOfSlots { .. }
            | Hop::ModuleVariable { .. }
            | Hop::GlobalProperty { .. } => steps.clear(),
            Hop::ModuleExports { .. } | Hop::Internal { .. } => {}
        }
        if matches!(hop, Hop::ModuleExports { .. }) {
            // What lies beyond is Node's table of loaded modules.
            break;
        }
        if is_border(hop) && findings.iter().any(|finding| !finding.in_library()) {
            break;
        }
    }
    findings
}

/// Beyond a variable the path holds closures, not the collection's own structure.
fn is_border(hop: &Hop) -> bool {
    matches!(
        hop,
        Hop::ContextSlot { .. }
            | Hop::OneOfSlots { .. }
            | Hop::ModuleVariable { .. }
            | Hop::GlobalProperty { .. }
    )
}

fn follow<'a>(workspace: &Workspace<'a>, anchor: &Anchor<'a>) -> Vec<Use<'a>> {
    let mut follower = Follower::new(workspace);
    for (parsed, start, steps, trust) in &anchor.starts {
        let task =
            Task { parsed: Rc::clone(parsed), start: *start, steps: steps.clone(), trust: *trust, depth: 0 };
        if let Some(exported) = &anchor.exported {
            follower.follow_namespace(&task, exported);
        }
        follower.push(task);
    }
    follower.run()
}

/// The declaration's script and offset: the anchor's own, or the first assignment found.
fn declared_at<'a>(anchor: &Anchor<'a>, uses: &[Use<'a>]) -> Option<(Rc<crate::parsed::Parsed<'a>>, u32)> {
    if let Some(offset) = anchor.declared {
        return Some((Rc::clone(&anchor.parsed), offset));
    }
    let assigned = |operation: &Operation| matches!(operation, Operation::Assign | Operation::Rebuild(_));
    let first = uses
        .iter()
        .filter(|site| assigned(&site.operation))
        .min_by_key(|site| (site.parsed.id != anchor.parsed.id, site.parsed.span(site.node).start))?;
    let offset = match first.parsed.kind(first.node) {
        AstKind::AssignmentExpression(assignment) => {
            let left = assignment.left.as_member_expression();
            let name = left.and_then(|member| member.static_property_info());
            name.map_or(assignment.span.start, |(span, _)| span.start)
        }
        other => other.span().start,
    };
    Some((Rc::clone(&first.parsed), offset))
}

/// What people call the anchor's own declaration: `seen`, `Store.sessions`.
fn bare_symbol<'a>(renderer: &Renderer<'a, '_>, finding: &Finding<'a>) -> String {
    let anchor = &finding.anchor;
    let own = match &finding.declared {
        Some((parsed, offset)) if anchor.declared.is_some() => renderer.rename(parsed, *offset, &anchor.name),
        _ => anchor.name.clone(),
    };
    match &anchor.class {
        Some((offset, class)) => format!("{}.{own}", renderer.rename(&anchor.parsed, *offset, class)),
        None => own,
    }
}

/// The declaration with the properties behind it: `state.items`.
fn symbol<'a>(renderer: &Renderer<'a, '_>, finding: &Finding<'a>) -> String {
    let mut text = bare_symbol(renderer, finding);
    // An element at the end is told by the statement; people name the variable.
    let steps = &finding.anchor.steps;
    let end = steps.iter().take_while(|step| **step == Segment::Element).count();
    for step in steps[end..].iter().rev() {
        match step {
            Segment::Name(name) => {
                text.push('.');
                text.push_str(name);
            }
            Segment::Element => text.push_str("[]"),
        }
    }
    text
}

fn place<'a>(renderer: &Renderer<'a, '_>, finding: &Finding<'a>) -> Option<Place> {
    let (parsed, offset) = finding.declared.as_ref()?;
    Some(renderer.place_of(parsed, *offset, symbol(renderer, finding)))
}

/// The declaration alone, without what lies behind it.
pub(crate) fn bare_place<'a>(renderer: &Renderer<'a, '_>, finding: &Finding<'a>) -> Option<Place> {
    let (parsed, offset) = finding.declared.as_ref()?;
    Some(renderer.place_of(parsed, *offset, bare_symbol(renderer, finding)))
}

fn choose<'a>(
    renderer: &Renderer<'a, '_>,
    evidence: &Evidence,
    findings: &[Finding<'a>],
    culprit: &mut Culprit,
) {
    let Some(owner) = findings.iter().position(|finding| finding.declared.is_some()) else {
        choose_function(renderer, evidence, culprit);
        return;
    };
    culprit.owner = place(renderer, &findings[owner]);
    culprit.also_owners =
        findings[owner + 1..].iter().filter_map(|finding| place(renderer, finding)).take(MAX_ALSO).collect();
    // The nearest holder's uses first; an outer one's only where they say more.
    let best = findings[owner..]
        .iter()
        .find(|finding| finding.candidates.first().is_some_and(|best| best.strong))
        .or_else(|| findings[owner..].iter().find(|finding| !finding.candidates.is_empty()));
    let Some(best) = best else {
        choose_function(renderer, evidence, culprit);
        culprit.confidence = Confidence::Likely.min(owner_confidence(&findings[owner]));
        return;
    };
    let candidates = &best.candidates;
    let first = &candidates[0];
    culprit.added_at = Some(renderer.statement(&first.site.parsed, first.site.node, first.reason.clone()));
    for other in candidates.iter().skip(1).filter(|other| !other.is_weak()).take(MAX_ALSO) {
        let statement = renderer.statement(&other.site.parsed, other.site.node, other.reason.clone());
        if Some(&statement) != culprit.added_at.as_ref() && !culprit.also.contains(&statement) {
            culprit.also.push(statement);
        }
    }
    culprit.confidence = confidence(&findings[owner], candidates);
}

fn owner_confidence(finding: &Finding<'_>) -> Confidence {
    match finding.anchor.trust {
        Trust::Binding => Confidence::Exact,
        Trust::Flow => Confidence::Likely,
        Trust::Name => Confidence::Guess,
    }
}

fn confidence(owner: &Finding<'_>, candidates: &[Candidate<'_>]) -> Confidence {
    let first = &candidates[0];
    let statement = if !first.strong {
        Confidence::Guess
    } else if first.site.trust == Trust::Name {
        Confidence::Likely
    } else {
        let rival = candidates.get(1).is_some_and(|second| second.strong && second.score + 10 > first.score);
        if rival { Confidence::Likely } else { Confidence::Exact }
    };
    // A known owner with an uncertain statement is more than a guess.
    match (owner_confidence(owner), statement) {
        (Confidence::Exact, Confidence::Guess) => Confidence::Likely,
        (owner, statement) => owner.min(statement),
    }
}

/// No declaration leads further, but the growing functions are written somewhere: the statement around them.
fn choose_function(renderer: &Renderer<'_, '_>, evidence: &Evidence, culprit: &mut Culprit) {
    for position in &evidence.growing.functions {
        let Some(url) = renderer.workspace.url(position.script_id) else { continue };
        if is_library(&url) {
            continue;
        }
        let Some(parsed) = renderer.workspace.parsed(position.script_id) else { continue };
        let offset = parsed.lines.offset(parsed.text, position.line, position.column);
        let Some(function) = offset.and_then(|offset| function_at(&parsed, offset)) else { continue };
        let parent = parsed.nodes().parent_id(function);
        let node = match parsed.kind(parent) {
            AstKind::CallExpression(_) | AstKind::NewExpression(_) | AstKind::AssignmentExpression(_) => {
                parent
            }
            _ => function,
        };
        let reason = "the growing functions are written here".to_owned();
        culprit.added_at = Some(renderer.statement(&parsed, node, reason));
        culprit.confidence = Confidence::Likely;
        return;
    }
}
