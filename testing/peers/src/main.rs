//! `peers MODE FILE`: one piece of work on a snapshot, to be measured as a whole process.
//!
//! `scan`: the least that a reader must do, look at every byte and keep every integer.
//! `read`: heap-graph's reader alone. `v8-heap-parser`: load, retained sizes, classes.
//! `elfcore PID OUT`: a core by the crate elfcore.

use std::error::Error;
use std::fs::File;
use std::io::Read;
use std::ops::ControlFlow;

fn main() -> Result<(), Box<dyn Error>> {
    let mut words = std::env::args().skip(1);
    let mode = words.next().unwrap_or_default();
    let path = words.next().ok_or("peers MODE FILE")?;
    match mode.as_str() {
        "scan" => println!("{}", scan(File::open(path)?)?),
        "read" => {
            let file = File::open(path)?;
            let size = Some(file.metadata()?.len());
            let options = heap_graph::ReadOptions { size, ..Default::default() };
            let graph = heap_graph::read(file, &options, &mut |_| ControlFlow::Continue(()))?;
            println!("{} {}", graph.node_count(), graph.edge_count());
            std::mem::forget(graph); // the process ends; so do the others
        }
        "v8-heap-parser" => {
            let mut bytes = Vec::new();
            File::open(path)?.read_to_end(&mut bytes)?;
            let graph = v8_heap_parser::decode_slice(&bytes)?;
            let retained = graph.retained_size(graph.root_index);
            let classes = graph.get_class_groups(false).len();
            println!("{retained} {classes}");
            std::mem::forget(graph);
        }
        "elfcore" => {
            let out = words.next().ok_or("peers elfcore PID OUT")?;
            let pid = path.parse()?;
            let file = std::io::BufWriter::with_capacity(1 << 20, File::create(out)?);
            elfcore::CoreDumpBuilder::new(pid)?.write(file)?;
        }
        _ => return Err("the modes are scan, read, v8-heap-parser and elfcore".into()),
    }
    Ok(())
}

/// Every run of digits before the strings, as `u32`, in one array.
fn scan(mut file: File) -> std::io::Result<usize> {
    let mut integers: Vec<u32> = Vec::with_capacity((file.metadata()?.len() / 4) as usize);
    let mut buffer = vec![0; 1 << 20];
    let (mut current, mut inside) = (0_u32, false);
    loop {
        let count = file.read(&mut buffer)?;
        if count == 0 {
            return Ok(integers.len());
        }
        for byte in &buffer[..count] {
            let digit = byte.wrapping_sub(b'0');
            if digit < 10 {
                current = current.wrapping_mul(10).wrapping_add(u32::from(digit));
                inside = true;
            } else if inside {
                integers.push(current);
                current = 0;
                inside = false;
            }
        }
    }
}
