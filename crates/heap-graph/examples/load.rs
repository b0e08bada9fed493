//! Reads a snapshot and prints what it has: `cargo run --release -p heap-graph --example load -- FILE`.
use std::ops::ControlFlow;

#[allow(clippy::print_stdout, reason = "an example's result")]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    let path = std::env::args().nth(1).ok_or("usage: load FILE")?;
    let file = std::fs::File::open(&path)?;
    let options = heap_graph::ReadOptions { size: Some(file.metadata()?.len()), ..Default::default() };
    let start = std::time::Instant::now();
    let graph = heap_graph::read(file, &options, &mut |_| ControlFlow::Continue(()))?;
    println!(
        "{} nodes, {} edges, {} strings, {} bytes, {:?}",
        graph.node_count(),
        graph.edge_count(),
        graph.strings().len(),
        graph.total_self_size(),
        start.elapsed()
    );
    Ok(())
}
