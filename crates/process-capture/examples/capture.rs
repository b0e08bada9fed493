//! The smallest use of the library: `capture capture PID --mode fork|stop -o FILE`, with the arguments that
//! `heapdowse capture` has, and its answer as JSON. `cargo xtask bench --capture --program` takes it for a quick look
//! at the pause without a build of all of heapdowse.
#![allow(clippy::print_stdout, reason = "it is a program")]

use std::{error::Error, ops::ControlFlow, path::PathBuf};

use process_capture::{CaptureRequest, Destination, HoldOptions, Mode, capture};

fn main() -> Result<(), Box<dyn Error>> {
    let words: Vec<String> = std::env::args().collect();
    let [_, _, pid, _, mode, _, file, ..] = &words[..] else {
        return Err("capture capture PID --mode fork|stop -o FILE".into());
    };
    let request = CaptureRequest {
        hold: HoldOptions {
            mode: Some(if mode == "stop" { Mode::Stop } else { Mode::Fork }),
            ..HoldOptions::default()
        },
        destination: Destination::File { name: PathBuf::from(file), replace: true },
        compress: file.ends_with(".zst"),
        filter: None,
        include_dont_dump: false,
        bundle_executable: false,
        keep_free: 0,
    };
    let captured = capture(pid.parse()?, request, &mut |_| ControlFlow::Continue(()))?;
    println!("{}", serde_json::to_string(&captured)?);
    Ok(())
}
