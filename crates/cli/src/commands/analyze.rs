//! `heapdowse analyze`: the first look at a snapshot or a sampling profile.

use std::io::Write;
use std::process::ExitCode;

use anyhow::Result;
use investigation::answers::collections::Fill;
use investigation::answers::missing::{Missing, missing};
use investigation::answers::heavy::{Heavy, HeavyObject};
use investigation::answers::profile::{ProfileSummary, profile};
use investigation::answers::summary::{Analysed, Summary, summary};
use investigation::open::{CallSite, Opened};

use super::{classes, strings};
use crate::args::{ReadArgs, RevealArgs, keep};
use crate::output::Output;
use crate::table::{self, Column};
use crate::text::{clip, count, percent, plural, safe, size};
use crate::{json, words};

/// Rows in each list, if nobody says how many.
const TOP: usize = 10;

/// Say what a snapshot is made of, what is big in it, and who holds it
#[derive(clap::Args)]
#[command(after_help = "\
What strings say is hidden unless --reveal is given: only lengths are shown (in JSON also a hash). A sampling
heap profile (.heapprofile) is read too: it tells where live memory was allocated.

Examples:
  heapdowse analyze app.heapsnapshot
  heapdowse analyze app.heapsnapshot.gz --json
  heapdowse analyze cut-off.heapsnapshot --salvage
  heapdowse analyze app.heapprofile")]
pub(crate) struct Args {
    /// A heap snapshot or a sampling heap profile
    file: String,
    /// Rows in each list
    #[arg(long, value_name = "N", default_value_t = TOP)]
    top: usize,
    #[command(flatten)]
    reveal: RevealArgs,
    #[command(flatten)]
    read: ReadArgs,
}

pub(crate) fn run(args: Args, output: &mut Output) -> Result<ExitCode> {
    let mut heap = match args.read.open_any(&args.file)? {
        Opened::Heap(heap) => *heap,
        Opened::Profile(opened) => {
            let answer = profile(&opened, args.top);
            match args.read.json {
                true => json::print_for_file(output, "analyze", &args.file, &answer)?,
                false => print_profile(output, &args.file, &answer)?,
            }
            return Ok(ExitCode::SUCCESS);
        }
    };
    let mut progress = args.read.progress(&args.file);
    let answer = summary(&heap, args.top, args.reveal.reveal, &mut |step| progress.step(step))?;
    drop(progress);
    match args.read.json {
        true => json::print(output, "analyze", &[&heap], &answer)?,
        false => print_summary(output, heap.name(), &(answer, missing(&heap)))?,
    }
    keep(output, &mut heap)?;
    Ok(ExitCode::SUCCESS)
}

/// Prints what was read of a snapshot, and what its file lacks.
pub(super) fn print_summary(
    output: &mut Output,
    name: &str,
    (answer, missing): &(Summary, Option<Missing>),
) -> Result<()> {
    if let Some(missing) = missing {
        words::missing(output, missing)?;
    }
    let name = safe(name).into_owned();
    let total = answer.analysed.as_ref().map(|whole| format!(", {}", size(whole.statistics.total)));
    writeln!(
        output,
        "{}{}: {}, {}, {}",
        output.bold(&name),
        total.unwrap_or_default(),
        plural(answer.node_count, "node", "nodes"),
        plural(answer.edge_count, "edge", "edges"),
        plural(answer.string_count, "string", "strings"),
    )?;
    let Some(whole) = &answer.analysed else { return classes::print_types(output, &answer.types) };
    print_statistics(output, whole)?;
    print_suspects(output, &whole.suspects, whole.statistics.total)?;
    print_biggest(output, whole)?;
    print_texts(output, whole)?;
    print_buffers(output, whole)?;
    print_collections(output, &whole.collections)?;
    print_scopes(output, whole)?;
    if !whole.detached.is_empty() {
        output.heading("Detached: removed from their document, and still held")?;
        classes::print_rows(output, &whole.detached, whole.statistics.total)?;
    }
    print_realms(output, whole)
}

fn print_statistics(output: &mut Output, whole: &Analysed) -> Result<()> {
    let sums = &whole.statistics;
    let other = sums.v8_heap.saturating_sub(sums.code + sums.strings + sums.js_arrays + sums.system);
    let v8 = [
        ("code", sums.code),
        ("strings", sums.strings),
        ("arrays", sums.js_arrays),
        ("V8's own", sums.system),
        ("other objects", other),
    ];
    let parts: Vec<String> = v8.iter().map(|(name, bytes)| format!("{name} {}", size(*bytes))).collect();
    writeln!(output, "  V8 heap {}: {}", size(sums.v8_heap), parts.join(", "))?;
    let buffers = format!("typed arrays and Buffers {}", size(sums.typed_arrays));
    writeln!(output, "  outside {}, of which {buffers}", size(sums.native))?;
    Ok(())
}

fn print_suspects(output: &mut Output, suspects: &Heavy, total: u64) -> Result<()> {
    output.heading("Suspects: who holds a tenth of the heap or more")?;
    if suspects.objects.is_empty() && suspects.classes.is_empty() {
        writeln!(output, "  Nobody. Whether something grows, only two snapshots tell: heapdowse diff A B")?;
        return Ok(());
    }
    for (number, suspect) in suspects.objects.iter().enumerate() {
        print_suspect(output, number + 1, suspect, total)?;
    }
    for class in &suspects.classes {
        let gist = format!(
            "{} × {} hold {}, {} of the heap, without a common holder.",
            count(class.count),
            clip(&class.class, 60),
            size(class.retained_size),
            percent(class.retained_size, total)
        );
        writeln!(output, "  •  {}", output.bold(&gist))?;
        let (largest, held) = (words::node(&class.largest), size(class.largest.retained_size));
        writeln!(output, "     The largest is {largest} with {held}.")?;
    }
    writeln!(output, "  Big is not yet a leak: whether it grows, only two snapshots tell (heapdowse diff A B).")?;
    Ok(())
}

fn print_suspect(output: &mut Output, number: usize, suspect: &HeavyObject, total: u64) -> Result<()> {
    let gist = format!(
        "{} holds {}, {} of the heap.",
        words::node(&suspect.node),
        size(suspect.own_share),
        percent(suspect.own_share, total)
    );
    writeln!(output, "{number:>3}. {}", output.bold(&gist))?;
    let holds: Vec<String> = suspect
        .holds
        .iter()
        .map(|held| format!("{} × {} ({})", count(held.count), clip(&held.class, 60), size(held.retained_size)))
        .collect();
    if !holds.is_empty() {
        // That an object holds by its fields goes without saying.
        let kind = match suspect.kind_in_words.as_str() {
            "field" | "variable" => String::new(),
            kind => format!(" ({})", words::some(kind)),
        };
        writeln!(output, "     Held by it{kind}: {}.", holds.join(", "))?;
    }
    writeln!(output, "     Alive through: {}", words::path(&suspect.path))?;
    if let Some(place) = &suspect.node.location {
        let what = if suspect.node.kind == "closure" { "Declared" } else { "Its constructor is" };
        writeln!(output, "     {what} at {}", words::place(place))?;
    }
    Ok(())
}

fn print_biggest(output: &mut Output, whole: &Analysed) -> Result<()> {
    let total = whole.statistics.total;
    output.heading("Biggest objects that no other object alone keeps alive")?;
    let columns = [
        Column::Number("Retained Size"),
        Column::Number("of heap"),
        Column::Number("Distance"),
        Column::Name("Object"),
        Column::Name("Alive through"),
    ];
    let rows = whole.biggest_objects.iter().map(|big| {
        vec![
            size(big.node.retained_size),
            percent(big.node.retained_size, total),
            words::distance(big.node.distance),
            words::node(&big.node),
            clip(&words::path(&big.path), 120),
        ]
    });
    table::print(output, &columns, rows)?;
    output.heading(&format!("Biggest classes of {}", count(whole.class_count as u64)))?;
    classes::print_rows(output, &whole.biggest_classes, total)
}

fn print_texts(output: &mut Output, whole: &Analysed) -> Result<()> {
    if whole.duplicate_strings.content_count > 0 {
        output.heading("Duplicate strings (--reveal shows what strings say)")?;
        strings::print_duplicates(output, &whole.duplicate_strings)?;
    }
    if whole.strings.count > 0 {
        output.heading("Strings")?;
        strings::print_biggest(output, &whole.strings)?;
    }
    Ok(())
}

fn print_buffers(output: &mut Output, whole: &Analysed) -> Result<()> {
    if whole.buffers.count == 0 {
        return Ok(());
    }
    output.heading("Buffers")?;
    let (number, bytes) = (plural(whole.buffers.count, "block", "blocks"), size(whole.buffers.bytes));
    writeln!(output, "{number} of bytes outside of V8's heap, {bytes} together. The biggest:")?;
    let columns = [Column::Number("Bytes"), Column::Name("Data"), Column::Name("held by")];
    let rows = whole.buffers.buffers.iter().map(|buffer| {
        let holder = buffer.holder.as_ref().map_or_else(|| "several".to_owned(), words::node);
        vec![size(buffer.bytes), format!("@{}", buffer.node.id), holder]
    });
    Ok(table::print(output, &columns, rows)?)
}

fn print_collections(output: &mut Output, collections: &[Fill]) -> Result<()> {
    let some: Vec<&Fill> = collections.iter().filter(|fill| fill.count > 0).collect();
    if some.is_empty() {
        return Ok(());
    }
    output.heading("Collections (a slot with a small number looks empty in a snapshot)")?;
    let columns = [
        Column::Name("Kind"),
        Column::Number("Count"),
        Column::Number("Empty"),
        Column::Number("their bytes"),
        Column::Number("Slots used"),
        Column::Number("Unused bytes"),
    ];
    let rows = some.iter().map(|fill| {
        vec![
            fill.class.to_owned(),
            count(fill.count),
            count(fill.empty_count),
            size(fill.empty_size),
            percent(fill.used, fill.capacity),
            size(fill.unused_size),
        ]
    });
    table::print(output, &columns, rows)?;
    let mut sparse: Vec<_> = some.iter().flat_map(|fill| &fill.sparse).collect();
    sparse.sort_by_key(|one| std::cmp::Reverse(one.unused_size));
    for one in sparse.iter().take(3).filter(|one| one.unused_size >= 1000) {
        let (used, capacity) = (count(one.used), count(one.capacity));
        let unused = size(one.unused_size);
        writeln!(output, " {} uses {used} of {capacity} slots: {unused} unused", words::node(&one.node))?;
    }
    Ok(())
}

fn print_scopes(output: &mut Output, whole: &Analysed) -> Result<()> {
    if whole.shared_scopes.is_empty() {
        return Ok(());
    }
    output.heading("Scopes that several functions share (each keeps alive what any of them uses)")?;
    let columns = [
        Column::Number("Retained Size"),
        Column::Number("Functions"),
        Column::Name("Scope"),
        Column::Name("of"),
        Column::Name("Biggest variable"),
    ];
    let rows = whole.shared_scopes.iter().map(|scope| {
        let functions: Vec<String> = scope.functions.iter().map(words::name).collect();
        let biggest = scope.variables.first().map(|variable| {
            let name = clip(&variable.edge.name, 40);
            format!("{name} = {} ({})", words::node(&variable.node), size(variable.node.retained_size))
        });
        vec![
            size(scope.node.retained_size),
            count(scope.function_count),
            format!("@{}", scope.node.id),
            clip(&functions.join(", "), 60),
            biggest.unwrap_or_default(),
        ]
    });
    Ok(table::print(output, &columns, rows)?)
}

fn print_realms(output: &mut Output, whole: &Analysed) -> Result<()> {
    let realms = &whole.realms;
    // One realm is every program's normal case.
    if realms.realm_count < 2 {
        return Ok(());
    }
    output.heading(&format!("Realms: {} native contexts (the program, and each of vm's)", realms.realm_count))?;
    let columns = [Column::Number("Bytes"), Column::Number("Retained Size"), Column::Name("Realm")];
    let rows = realms.realms.iter().map(|realm| {
        vec![size(realm.attributed_size), size(realm.node.retained_size), words::node(&realm.node)]
    });
    table::print(output, &columns, rows)?;
    writeln!(output, " shared by several {}, of none {}", size(realms.shared_size), size(realms.unowned_size))?;
    Ok(())
}

fn print_profile(output: &mut Output, file: &str, answer: &ProfileSummary) -> Result<()> {
    writeln!(
        output,
        "{}: a sampling heap profile with {} live, allocated at {}",
        output.bold(&safe(file)),
        size(answer.total_size),
        plural(answer.site_count as u64, "place", "places")
    )?;
    output.heading("Where it was allocated")?;
    let columns = [
        Column::Number("Self size"),
        Column::Number("of all"),
        Column::Name("Function"),
        Column::Name("at"),
        Column::Name("called from"),
    ];
    let rows = answer.sites.iter().map(|site| {
        let callers: Vec<String> = site.callers.iter().take(3).map(function).collect();
        vec![
            size(site.self_size),
            percent(site.self_size, answer.total_size),
            function(&site.site),
            call_site(&site.site),
            callers.join(" ‹ "),
        ]
    });
    Ok(table::print(output, &columns, rows)?)
}

fn function(site: &CallSite) -> String {
    if site.function.is_empty() { "(anonymous)".to_owned() } else { clip(&site.function, 40) }
}

fn call_site(site: &CallSite) -> String {
    if site.url.is_empty() || site.line < 0 {
        return String::new();
    }
    let file = site.url.strip_prefix("file://").unwrap_or(&site.url);
    format!("{}:{}:{}", safe(file), site.line + 1, site.column + 1)
}
