//! Prints what grew over a series of snapshots: `cargo run --release -p heap-graph --example suspects -- A B [C ...]`.
use std::ops::ControlFlow;

#[allow(clippy::print_stdout, reason = "an example's result")]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut graphs = Vec::new();
    for path in std::env::args().skip(1) {
        let file = std::fs::File::open(&path)?;
        let options = heap_graph::ReadOptions { size: Some(file.metadata()?.len()), ..Default::default() };
        graphs.push(heap_graph::read(file, &options, &mut |_| ControlFlow::Continue(()))?);
    }
    let last = graphs.last().ok_or("usage: suspects A B [C ...]")?;
    let analysis = heap_graph::Analysis::new(last, &mut |_| ControlFlow::Continue(()))?;
    let retainers = heap_graph::Retainers::new(last)?;
    let moments: Vec<_> = graphs.iter().map(|graph| heap_graph::Moment { graph }).collect();
    for suspect in heap_graph::suspects(&moments, &analysis, &retainers) {
        println!(
            "{} × {:?} bytes {:?} in {} ({}) every {} with {:?}",
            suspect.class,
            suspect.counts,
            suspect.bytes,
            last.name(suspect.holder),
            suspect.kind,
            suspect.grew_every_time(),
            suspect.with
        );
        println!("   {}", heap_graph::describe_path(last, &suspect.path));
        println!("   + {}", heap_graph::describe_path(last, &suspect.inside));
        println!("   {}", suspect.signature);
    }
    Ok(())
}
