//! Prints one line per node: `cargo run --release -p heap-graph --example nodes -- FILE [classes]`.
use std::io::Write;
use std::ops::ControlFlow;

#[allow(clippy::print_stdout, reason = "an example's result")]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    let path = std::env::args().nth(1).ok_or("usage: nodes FILE")?;
    let file = std::fs::File::open(&path)?;
    let options = heap_graph::ReadOptions { size: Some(file.metadata()?.len()), ..Default::default() };
    let start = std::time::Instant::now();
    let graph = heap_graph::read(file, &options, &mut |_| ControlFlow::Continue(()))?;
    eprintln!("read {:?}", start.elapsed());
    let analysis = heap_graph::Analysis::new(&graph, &mut |step| {
        eprintln!("{} {:?}", step.name, start.elapsed());
        ControlFlow::Continue(())
    })?;
    eprintln!(
        "{} classes {:?}, total {}",
        analysis.class_rows().len(),
        start.elapsed(),
        analysis.statistics().total
    );
    match std::env::args().nth(2).as_deref() {
        Some("nodes") => {
            let mut out = std::io::BufWriter::new(std::io::stdout().lock());
            for n in graph.nodes() {
                writeln!(
                    out,
                    "{},{},{},{},{},{},{}",
                    graph.id(n),
                    graph.kind_name(n),
                    analysis.class_name(n).chars().take(200).collect::<String>().replace('\n', "\\n"),
                    analysis.distance(n),
                    analysis.shallow_size(n),
                    analysis.retained_size(n),
                    analysis.dominator(n).0
                )?;
            }
        }
        Some("classes") => {
            for row in analysis.class_rows() {
                let key = analysis.class_key(row.class);
                println!(
                    "{:?} {} {} {} {}",
                    key, row.count, row.shallow_size, row.retained_size, row.distance
                );
            }
        }
        _ => {}
    }
    Ok(())
}
