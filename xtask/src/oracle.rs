//! `oracle`: every number that heapdowse prints against the one that Chrome DevTools computes.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::io::BufReader;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail, ensure};
use devtools_oracle::{NodeRow, Oracle};
use serde_json::Value;
use test_heaps::fixtures::{Which, snapshot};
use test_heaps::{cache_dir, nodes, real_programs};

use crate::arguments::Arguments;
use crate::csv::Csv;
use crate::shell;

/// What to compare.
pub(crate) struct Plan {
    /// Sizes of the generated snapshots, of each Node version.
    megabytes: Vec<u32>,
    /// Only files whose name has this in it.
    only: Option<String>,
    /// Compare this program instead of the one that is built.
    program: Option<PathBuf>,
}

impl Default for Plan {
    fn default() -> Self {
        Self { megabytes: vec![7], only: None, program: None }
    }
}

pub(crate) fn run(mut arguments: Arguments) -> Result<()> {
    let mut plan = Plan::default();
    if let Some(megabytes) = arguments.list("--mb")? {
        plan.megabytes = megabytes;
    }
    plan.only = arguments.value("--only")?;
    plan.program = arguments.value("--program")?;
    arguments.finish()?;
    compare_all(&plan)
}

/// Compares every file of the plan and prints the table; an error if any number differs.
pub(crate) fn compare_all(plan: &Plan) -> Result<()> {
    let program = match &plan.program {
        Some(program) => program.clone(),
        None => shell::heapdowse(shell::PROFILE)?,
    };
    let comparison = Comparison { oracle: Oracle::prepare(&cache_dir())?, program };
    let wanted = |name: &str| plan.only.as_ref().is_none_or(|only| name.contains(only.as_str()));
    println!("| file | nodes | nodes different | class rows | class rows different |");
    println!("|---|---:|---:|---:|---:|");
    let mut total = Tally::default();
    let mut add = |name: &str, tally: Tally| {
        println!("{}", tally.row(name));
        total.add(tally);
    };
    for version in nodes::SUPPORTED {
        for &megabytes in &plan.megabytes {
            let name = format!("make-heap, {megabytes} MB, Node {version}");
            if !wanted(&name) {
                continue;
            }
            let first = snapshot(version, megabytes, Which::First)?;
            let second = snapshot(version, megabytes, Which::Second)?;
            add(&name, comparison.one_file(&first)?);
            add(&format!("{name}, difference"), comparison.difference(&first, &second)?);
        }
    }
    for program in real_programs::ALL {
        let name = format!("{}, Node {}", program.name, program.node);
        if wanted(&name) {
            add(&name, comparison.one_file(&real_programs::snapshot(program.name, program.node)?)?);
        }
    }
    println!("{}", total.row("all"));
    ensure!(total.nodes + total.classes > 0, "nothing was compared");
    for example in &total.examples {
        println!("{example}");
    }
    let different = total.nodes_different + total.classes_different;
    ensure!(different == 0, "{different} rows are not DevTools'");
    Ok(())
}

/// What was compared, and what was found.
#[derive(Default)]
struct Tally {
    nodes: u64,
    nodes_different: u64,
    classes: u64,
    classes_different: u64,
    examples: Vec<String>,
}

/// Differences shown for one file.
const EXAMPLES: usize = 6;

impl Tally {
    fn row(&self, name: &str) -> String {
        let Self { nodes, nodes_different, classes, classes_different, .. } = self;
        format!("| {name} | {nodes} | {nodes_different} | {classes} | {classes_different} |")
    }

    fn add(&mut self, other: Self) {
        self.nodes += other.nodes;
        self.nodes_different += other.nodes_different;
        self.classes += other.classes;
        self.classes_different += other.classes_different;
        self.examples.extend(other.examples);
    }

    fn example(&mut self, text: impl FnOnce() -> String) {
        if self.examples.len() < EXAMPLES {
            self.examples.push(text());
        }
    }

    /// Compares two bags of rows: rows may be equal to each other, and have no order.
    fn compare_classes<T: Ord + Debug>(&mut self, what: &str, ours: Vec<T>, theirs: Vec<T>) {
        self.classes += theirs.len() as u64;
        let mut balance: BTreeMap<T, i64> = BTreeMap::new();
        for row in ours {
            *balance.entry(row).or_default() += 1;
        }
        for row in theirs {
            *balance.entry(row).or_default() -= 1;
        }
        for (row, count) in balance.into_iter().filter(|(_, count)| *count != 0) {
            self.classes_different += count.unsigned_abs();
            let whose = if count > 0 { "heapdowse" } else { "DevTools" };
            self.example(|| format!("{what}: only {whose} has {row:?}"));
        }
    }
}

struct Comparison {
    oracle: Oracle,
    program: PathBuf,
}

impl Comparison {
    fn one_file(&self, file: &Path) -> Result<Tally> {
        let mut tally = Tally::default();
        self.nodes(file, &mut tally)?;
        let ours = self.json(&["classes".as_ref(), file.as_os_str(), "--json".as_ref()])?;
        let mut rows = Vec::new();
        for row in list(&ours, "classes")? {
            let numbers = ["count", "shallow_size", "retained_size"].map(|key| number(row, key));
            rows.push((text(row, "name")?, all(numbers)?, row["location"].to_string()));
        }
        let theirs = self.oracle.aggregates(file)?;
        let theirs: Vec<ClassNumbers> = theirs
            .into_iter()
            .map(|row| (row.name, vec![row.count, row.shallow_size, row.retained_size]))
            .collect();
        tally.compare_classes(&file.display().to_string(), without_lost_rows(rows, &theirs), theirs);
        Ok(tally)
    }

    fn nodes(&self, file: &Path, tally: &mut Tally) -> Result<()> {
        let theirs = self.oracle.nodes(file)?;
        let mut command = self.command();
        command.arg("nodes").arg(file).args(["--format", "csv"]).stdout(Stdio::piped());
        let mut child = command.spawn().context("heapdowse cannot be started")?;
        let stdout = child.stdout.take().context("heapdowse has no standard output")?;
        let mut csv = Csv::new(BufReader::with_capacity(1 << 20, stdout));
        let mut fields = Vec::new();
        csv.next(&mut fields)?;
        let header = ["id", "type", "class", "distance", "self_size", "retained_size"];
        ensure!(fields == header, "heapdowse nodes has the columns {fields:?}, not {header:?}");
        let mut ordinal = 0;
        while csv.next(&mut fields)? {
            ensure!(ordinal < theirs.len(), "heapdowse has more nodes than DevTools: {fields:?}");
            let row = theirs.row(ordinal);
            if !same(&fields, &row) {
                tally.nodes_different += 1;
                tally.example(|| {
                    format!("{} node {ordinal}: heapdowse {fields:?}, DevTools {row:?}", file.display())
                });
            }
            ordinal += 1;
        }
        let status = child.wait()?;
        ensure!(status.success(), "heapdowse nodes {} ended with {status}", file.display());
        ensure!(ordinal == theirs.len(), "heapdowse has {ordinal} nodes, DevTools {}", theirs.len());
        tally.nodes += ordinal as u64;
        Ok(())
    }

    fn difference(&self, before: &Path, after: &Path) -> Result<Tally> {
        let arguments = ["diff".as_ref(), before.as_os_str(), after.as_os_str(), "--json".as_ref()];
        let ours = self.json(&arguments)?;
        let keys = ["added_count", "removed_count", "added_size", "removed_size"];
        let mut rows = Vec::new();
        for row in list(&ours, "classes")? {
            rows.push((text(row, "name")?, all(keys.map(|key| number(row, key)))?));
        }
        let theirs = self.oracle.diff(before, after)?.into_iter().map(|row| {
            (row.name, vec![row.added_count, row.removed_count, row.added_size, row.removed_size])
        });
        let mut tally = Tally::default();
        tally.compare_classes(&format!("difference to {}", after.display()), rows, theirs.collect());
        Ok(tally)
    }

    /// heapdowse, with a cache of its own that is empty and goes: the numbers are computed here and now.
    fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command.env("XDG_CACHE_HOME", cache_dir().join("oracle-cache"));
        command
    }

    fn json(&self, arguments: &[&std::ffi::OsStr]) -> Result<Value> {
        let printed = shell::output(self.command().args(arguments))?;
        serde_json::from_slice(&printed).with_context(|| format!("heapdowse {arguments:?} printed no JSON"))
    }
}

type ClassNumbers = (String, Vec<u64>);

/// DevTools keeps its rows in an object by name and place, so that of two classes of one name and place (objects
/// of a class named `Function`, and functions) the later replaces the earlier. Where DevTools has one of such a
/// pair with the same numbers, the other is one that it lost.
fn without_lost_rows(ours: Vec<(String, Vec<u64>, String)>, theirs: &[ClassNumbers]) -> Vec<ClassNumbers> {
    let has = |name: &str, numbers: &[u64]| theirs.iter().any(|row| row.0 == name && row.1 == numbers);
    let is_lost = |at: usize| {
        let (name, numbers, place) = &ours[at];
        let twin = |(other, row): (usize, &(String, Vec<u64>, String))| {
            other != at && row.0 == *name && row.2 == *place && has(&row.0, &row.1)
        };
        !has(name, numbers) && ours.iter().enumerate().any(twin)
    };
    let kept: Vec<bool> = (0..ours.len()).map(|at| !is_lost(at)).collect();
    let rows = ours.into_iter().zip(kept).filter(|(_, kept)| *kept);
    rows.map(|((name, numbers, _), _)| (name, numbers)).collect()
}

fn same(fields: &[String], row: &NodeRow<'_>) -> bool {
    let [id, kind, class, distance, self_size, retained_size] = fields else { return false };
    id.parse() == Ok(row.id)
        && kind == row.kind
        && class == row.class
        && distance.parse() == Ok(row.distance)
        && self_size.parse() == Ok(row.self_size)
        && retained_size.parse() == Ok(row.retained_size)
}

fn list<'a>(value: &'a Value, key: &str) -> Result<&'a Vec<Value>> {
    value[key].as_array().with_context(|| format!("the JSON has no list {key:?}"))
}

fn text(row: &Value, key: &str) -> Result<String> {
    Ok(row[key].as_str().with_context(|| format!("a row has no {key:?}: {row}"))?.to_owned())
}

fn number(row: &Value, key: &str) -> Result<u64> {
    row[key].as_u64().with_context(|| format!("a row has no number {key:?}: {row}"))
}

fn all<const N: usize>(numbers: [Result<u64>; N]) -> Result<Vec<u64>> {
    let numbers: Vec<u64> = numbers.into_iter().collect::<Result<_>>()?;
    if numbers.len() == N { Ok(numbers) } else { bail!("a row lost a number") }
}
