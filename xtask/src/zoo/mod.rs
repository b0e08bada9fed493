//! `zoo`: the programs of known truth, run and attached to, each answer held against the truth.

mod prepare;
mod run;
mod score;

use std::path::PathBuf;

use anyhow::{Result, bail, ensure};
use test_heaps::nodes;

use crate::arguments::Arguments;
use crate::shell;

use prepare::{Program, Variant};
use run::{Case, Mode};
use score::Score;

/// Which programs to run, and how.
pub(crate) struct Plan {
    /// Only programs whose name begins with one of these.
    only: Vec<String>,
    nodes: Vec<String>,
    modes: Vec<Mode>,
    variants: Vec<Variant>,
    matchers: bool,
    /// Requests per round as in the truth file, or heapdowse's own choice.
    own_requests: bool,
    repeats: u32,
    profile: String,
    program: Option<PathBuf>,
    /// Where the answers are kept.
    keep: Option<PathBuf>,
}

impl Plan {
    /// A form short enough for every day: one program for each word that is quickly found.
    pub(crate) fn short() -> Self {
        Self {
            only: ["p01", "p10", "q05", "q06"].map(str::to_owned).to_vec(),
            nodes: vec![nodes::V22.to_owned()],
            modes: vec![Mode::Run],
            variants: vec![Variant::Renamed],
            matchers: false,
            own_requests: false,
            repeats: 1,
            profile: shell::PROFILE.to_owned(),
            program: None,
            keep: None,
        }
    }
}

pub(crate) fn run(mut arguments: Arguments) -> Result<()> {
    let mut plan = Plan { only: Vec::new(), variants: vec![Variant::Plain], matchers: true, ..Plan::short() };
    plan.profile = "release".to_owned();
    plan.nodes = [nodes::V20, nodes::V22, nodes::V24].map(str::to_owned).to_vec();
    if let Some(only) = arguments.list("--only")? {
        plan.only = only;
    }
    if let Some(versions) = arguments.list::<String>("--node")? {
        plan.nodes = versions.iter().map(|version| whole_version(version)).collect::<Result<_>>()?;
    }
    if let Some(modes) = arguments.list("--mode")? {
        plan.modes = modes;
    }
    if arguments.flag("--renamed") {
        plan.variants = vec![Variant::Renamed];
    }
    plan.matchers = !arguments.flag("--no-matchers");
    plan.own_requests = arguments.flag("--own-requests");
    plan.repeats = arguments.value("--repeats")?.unwrap_or(1);
    plan.program = arguments.value("--program")?;
    plan.keep = arguments.value("--keep")?;
    arguments.finish()?;
    run_all(&plan)
}

/// `22` or `22.23.3`.
fn whole_version(wanted: &str) -> Result<String> {
    let known = nodes::SUPPORTED
        .into_iter()
        .find(|version| *version == wanted || version.split('.').next() == Some(wanted));
    match known {
        Some(version) => Ok(version.to_owned()),
        None if wanted.contains('.') => Ok(wanted.to_owned()),
        None => bail!("--node {wanted}: not one of {}", nodes::SUPPORTED.join(", ")),
    }
}

/// Runs all of the plan, prints the table; an error if a word, a file or a symbol is wrong.
pub(crate) fn run_all(plan: &Plan) -> Result<()> {
    let heapdowse = match &plan.program {
        Some(program) => program.clone(),
        None => shell::heapdowse(&plan.profile)?,
    };
    println!("| program | Node | mode | truth | verdict | grade | file | symbol | seconds | first suspect |");
    println!("|---|---|---|---|---|---|---|---|---:|---|");
    let (mut right, mut inconclusive, mut late, mut all) = (0, 0, 0, 0);
    for name in prepare::names()? {
        if !plan.only.is_empty() && !plan.only.iter().any(|only| name.starts_with(only.as_str())) {
            continue;
        }
        for &variant in &plan.variants {
            let program = Program::prepare(&name, variant)?;
            for version in &plan.nodes {
                for &mode in &plan.modes {
                    for repeat in 0..plan.repeats {
                        let case = Case {
                            heapdowse: &heapdowse,
                            program: &program,
                            node: &nodes::binary(version)?,
                            mode,
                            matchers: plan.matchers,
                            own_requests: plan.own_requests,
                        };
                        let score = match case.answer() {
                            Ok(answer) => {
                                keep(plan, &case, version, repeat, &answer)?;
                                Score::of(&answer, &program)
                            }
                            Err(error) => Score::failed(&error),
                        };
                        println!(
                            "| {} | {version} | {mode} | {} | {score} |",
                            program.title(),
                            program.truth.verdict
                        );
                        all += 1;
                        right += u32::from(score.is_right());
                        late += u32::from(score.is_late());
                        inconclusive += u32::from(score.is_inconclusive());
                    }
                }
            }
        }
    }
    println!("\n{right} of {all} right, {inconclusive} inconclusive, {late} took over two minutes");
    ensure!(all > 0, "no program was run");
    ensure!(right == all, "{} of {all} answers are not right", all - right);
    Ok(())
}

fn keep(plan: &Plan, case: &Case<'_>, version: &str, repeat: u32, answer: &serde_json::Value) -> Result<()> {
    let Some(folder) = &plan.keep else { return Ok(()) };
    std::fs::create_dir_all(folder)?;
    let name = format!("{}-{version}-{}-{repeat}.json", case.program.title().replace(' ', "-"), case.mode);
    std::fs::write(folder.join(name), serde_json::to_string_pretty(answer)?)?;
    Ok(())
}
