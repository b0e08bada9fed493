//! When a library holds what grows: the application's part in it.

use std::rc::Rc;

use crate::answer::{Confidence, Culprit, Place};
use crate::callback::kept_callback;
use crate::creation::{CreationSite, constructions, creation_sites};
use crate::evidence::{Evidence, FunctionPosition, Hop};
use crate::functions::{function_at, name_of};
use crate::locate::{Finding, bare_place};
use crate::locations::{is_library, package_of};
use crate::render::Renderer;

/// Fills `app_owner` and `app_statement` when the owner is library code or unknown.
pub(crate) fn fill_application<'a>(
    renderer: &Renderer<'a, '_>,
    evidence: &Evidence,
    findings: &[Finding<'a>],
    culprit: &mut Culprit,
) {
    let owned = findings.iter().find(|finding| finding.declared.is_some());
    let library_statement = culprit.added_at.as_ref().is_none_or(|statement| is_library(&statement.file));
    if owned.is_some_and(|owner| !owner.in_library()) && !library_statement {
        return;
    }
    let own = findings.iter().find(|finding| !finding.in_library() && finding.declared.is_some());
    if let Some(own) = own {
        if owned.is_some_and(Finding::in_library) {
            // What lies behind the declaration is the library's own.
            culprit.app_owner = bare_place(renderer, own);
        }
        let candidates = own.candidates.iter().filter(|candidate| !is_library(&candidate.site.parsed.url));
        if let Some(best) = candidates.max_by_key(|candidate| candidate.score) {
            let statement = renderer.statement(&best.site.parsed, best.site.node, best.reason.clone());
            culprit.app_statement = Some(statement);
        }
    }
    if culprit.app_owner.is_none() && own.is_none() {
        from_creation(renderer, evidence, culprit);
    }
}

fn from_creation(renderer: &Renderer<'_, '_>, evidence: &Evidence, culprit: &mut Culprit) {
    let classes = class_names(renderer, evidence);
    let mut packages: Vec<String> = Vec::new();
    for position in positions(evidence) {
        let url = renderer.workspace.url(position.script_id);
        if let Some(package) = url.as_deref().and_then(package_of) {
            let package = public_name(&package);
            if !packages.contains(&package) {
                packages.push(package);
            }
        }
    }
    let calls: Vec<(&String, CreationSite<'_>)> = packages
        .iter()
        .filter_map(|package| {
            Some((package, creation_sites(renderer.workspace, package, &classes).into_iter().next()?))
        })
        .collect();
    if let Some((package, best)) = calls.iter().find(|(_, site)| site.makes_wanted_class()) {
        report(renderer, best, &format!("the application creates it through {package}"), culprit);
        return;
    }
    // A callback that is kept says more than a call that merely goes into the right package.
    if let Some(callback) = kept_callback(renderer.workspace, &evidence.growing.functions) {
        let offset = callback.parsed.span(callback.node).start;
        culprit.app_owner = Some(renderer.place_of(&callback.parsed, offset, callback.name));
        let reason = "the application hands over this callback".to_owned();
        culprit.app_statement = Some(renderer.statement(&callback.parsed, callback.node, reason));
        return;
    }
    if let Some((package, best)) = calls.first() {
        report(renderer, best, &format!("the application calls into {package}"), culprit);
        return;
    }
    for class in &classes {
        if let Some(best) = constructions(renderer.workspace, class).first() {
            report(renderer, best, &format!("creates a {class}"), culprit);
            return;
        }
    }
    // What holds them came with them; made once when the program starts, it would not come again.
    for class in evidence.growing.brought_by.iter().filter(|class| !COMMON.contains(&class.as_str())) {
        let sites = constructions(renderer.workspace, class);
        if let Some(best) = sites.iter().find(|site| site.is_repeated()) {
            report(renderer, best, &format!("creates a {class} again and again, which holds them"), culprit);
            return;
        }
    }
}

fn report<'a>(renderer: &Renderer<'a, '_>, site: &CreationSite<'a>, reason: &str, culprit: &mut Culprit) {
    let parsed = Rc::clone(&site.parsed);
    let offset = parsed.span(site.node).start;
    let found: Place = renderer.place_of(&parsed, offset, site.callee.clone());
    culprit.app_owner = Some(found);
    culprit.app_statement = Some(renderer.statement(&parsed, site.node, reason.to_owned()));
    if culprit.owner.is_none() {
        culprit.confidence = Confidence::Guess;
    }
}

/// Node's internal files under the name by which programs require them.
fn public_name(package: &str) -> String {
    match package {
        "_http_agent" | "_http_client" | "_http_server" | "_http_outgoing" | "_http_incoming" => {
            "http".to_owned()
        }
        "_tls_wrap" | "_tls_common" => "tls".to_owned(),
        "timers" | "process/task_queues" => "timers".to_owned(),
        name if name.starts_with("_stream") || name.starts_with("streams/") => "stream".to_owned(),
        name => name.split('/').next().unwrap_or(name).to_owned(),
    }
}

/// Positions of the evidence, nearest to the collection first.
fn positions(evidence: &Evidence) -> Vec<FunctionPosition> {
    let mut found: Vec<FunctionPosition> = evidence.constructor.into_iter().collect();
    for hop in &evidence.chain {
        match hop {
            Hop::Property { constructor: Some(position), .. } => found.push(*position),
            Hop::StaticProperty { function: Some(position), .. } => found.push(*position),
            Hop::ContextSlot { closures, activations, nested, .. }
            | Hop::OneOfSlots { closures, activations, nested, .. } => {
                found.extend(closures.iter().chain(activations).chain(nested).take(4));
            }
            _ => {}
        }
    }
    found.extend(evidence.growing.constructor);
    found
}

/// Classes that say nothing about who made them.
const COMMON: [&str; 10] =
    ["Object", "Array", "Map", "Set", "Function", "Promise", "WeakMap", "", "Timeout", "system / Context"];

/// Names by which the application may call what makes the holder: classes, and functions around the variables.
fn class_names(renderer: &Renderer<'_, '_>, evidence: &Evidence) -> Vec<String> {
    let mut names: Vec<String> = vec![evidence.class_name.clone()];
    for hop in &evidence.chain {
        match hop {
            Hop::Property { holder_class, .. } => names.push(holder_class.clone()),
            Hop::ContextSlot { closures, .. } | Hop::OneOfSlots { closures, .. } => {
                names.extend(closures.iter().take(2).filter_map(|position| outer_name(renderer, *position)));
            }
            _ => {}
        }
    }
    names.extend(evidence.growing.class_name.clone());
    names.retain(|name| !COMMON.contains(&name.as_str()));
    let mut unique = Vec::new();
    for name in names {
        if !unique.contains(&name) {
            unique.push(name);
        }
    }
    unique
}

/// The name of the function around the function at a position: the one whose variable is captured.
fn outer_name(renderer: &Renderer<'_, '_>, position: FunctionPosition) -> Option<String> {
    let parsed = renderer.workspace.parsed(position.script_id)?;
    let offset = parsed.lines.offset(parsed.text, position.line, position.column)?;
    let function = function_at(&parsed, offset)?;
    let outer = crate::functions::enclosing_function(&parsed, function)?;
    name_of(&parsed, outer)
}
