//! Inputs of every kind: what can be read is, and what can't says why, soon and without harm.

mod open_support;

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use flate2::Compression;
use flate2::write::GzEncoder;
use investigation::open::{OpenError, OpenOptions, open};
use open_support::{as_child, child_case, message, opened, run_child, small_heap};

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).expect("memory can be written");
    encoder.finish().expect("memory can be written")
}

#[test]
fn plain_gzip_and_zstd_are_told_by_their_bytes() {
    let folder = tempfile::tempdir().expect("a folder");
    let bytes = small_heap();
    let (start, end) = bytes.split_at(bytes.len() / 2);
    let zstd = |bytes: &[u8]| zstd::encode_all(bytes, 3).expect("memory can be written");
    let dresses = [
        ("plain", bytes.clone()),
        ("gzip", gzip(&bytes)),
        ("gzip of two members", [gzip(start), gzip(end)].concat()),
        ("zstd", zstd(&bytes)),
        ("zstd of two frames", [zstd(start), zstd(end)].concat()),
    ];
    for (name, dressed) in dresses {
        // No name of these says what is inside.
        let path = folder.path().join(format!("{name}.bin"));
        fs::write(&path, dressed).expect("the file can be written");
        let heap = opened(&path, &OpenOptions::default()).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(heap.graph().node_count(), 200, "{name}");
        assert!(heap.warnings().is_empty());
    }
}

#[test]
fn packed_files_that_are_cut_say_so_and_are_salvaged() {
    let folder = tempfile::tempdir().expect("a folder");
    // Large, as zstd gives whole blocks of 128 KB only.
    let bytes = open_support::large_heap(0);
    for (name, packed) in [("gz", gzip(&bytes)), ("zst", zstd::encode_all(&bytes[..], 3).expect("packed"))] {
        let path = folder.path().join(name);
        fs::write(&path, &packed[..packed.len() / 2]).expect("the file can be written");
        let error = message(&path, &OpenOptions::default());
        assert!(error.ends_with("It was cut; --salvage reads what is there"), "{error}");
        let options = OpenOptions { salvage: true, ..OpenOptions::default() };
        let heap = opened(&path, &options).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert!(heap.graph().node_count() > 50_000, "{}", heap.graph().node_count());
        assert!(heap.graph().missing().cut_at.is_some());
        fs::write(&path, &packed[..20]).expect("the file can be written");
        assert!(!message(&path, &OpenOptions::default()).is_empty());
    }
}

#[test]
fn packed_files_that_are_damaged_say_where() {
    let folder = tempfile::tempdir().expect("a folder");
    let bytes = small_heap();
    for (name, mut packed) in
        [("gz", gzip(&bytes)), ("zst", zstd::encode_all(&bytes[..], 3).expect("packed"))]
    {
        let middle = packed.len() / 2;
        packed[middle..middle + 20].fill(0x55);
        let path = folder.path().join(name);
        fs::write(&path, &packed).expect("the file can be written");
        let error = message(&path, &OpenOptions::default());
        assert!(error.contains("byte"), "{name}: {error}");
    }
}

#[test]
fn what_is_no_file_is_refused_at_once() {
    let folder = tempfile::tempdir().expect("a folder");
    let started = Instant::now();
    let check = |path: &Path, expected: &str| {
        let error = message(path, &OpenOptions::default());
        assert_eq!(error, format!("{}: {expected}", path.display()));
    };
    check(folder.path(), "this is a folder; name a file in it");
    check(Path::new("/dev/null"), "file: it is empty");
    check(&folder.path().join("nothing"), "No such file or directory (os error 2)");
    let nobody = message(Path::new("2147483000"), &OpenOptions::default());
    assert!(nobody.contains("process 2147483000"), "a number is a process: {nobody}");
    let elf = folder.path().join("core");
    fs::write(&elf, b"\x7fELF\x02\x01\x01").expect("the file can be written");
    assert!(message(&elf, &OpenOptions::default()).contains("core: "), "a core that ends at once");
    let empty = folder.path().join("empty");
    fs::write(&empty, b"").expect("the file can be written");
    check(&empty, "file: it is empty");
    let path = folder.path().join("socket");
    let socket = std::os::unix::net::UnixListener::bind(&path).expect("a socket");
    assert!(!message(&path, &OpenOptions::default()).is_empty());
    drop(socket);
    assert!(started.elapsed() < Duration::from_secs(2), "{:?}", started.elapsed());
}

#[test]
fn an_endless_device_is_no_snapshot() {
    let error = message(Path::new("/dev/zero"), &OpenOptions::default());
    assert_eq!(error, "/dev/zero: file, byte 0: expected '{', found byte 0x00");
}

fn pipe(folder: &Path) -> std::path::PathBuf {
    let path = folder.join("pipe");
    nix::unistd::mkfifo(&path, nix::sys::stat::Mode::S_IRWXU).expect("a pipe");
    path
}

#[test]
fn a_pipe_is_read_while_it_is_written() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = pipe(folder.path());
    let writer = path.clone();
    let writer = std::thread::spawn(move || {
        let mut pipe = File::options().write(true).open(writer).expect("a reader comes");
        for piece in small_heap().chunks(3000) {
            std::thread::sleep(Duration::from_millis(5));
            pipe.write_all(piece).expect("the reader stays");
        }
    });
    let heap = opened(&path, &OpenOptions::default()).unwrap_or_else(|error| panic!("{error}"));
    writer.join().expect("the writer ends");
    assert_eq!(heap.graph().node_count(), 200);
}

#[test]
fn a_pipe_without_a_writer_is_given_up() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = pipe(folder.path());
    let started = Instant::now();
    let error = message(&path, &OpenOptions::default());
    assert!(error.ends_with("nothing came through this pipe within 3 s; start its writer first"), "{error}");
    assert!(started.elapsed() < Duration::from_secs(10));
}

#[test]
fn a_pipe_whose_writer_goes_away_was_cut() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = pipe(folder.path());
    let writer = path.clone();
    let writer = std::thread::spawn(move || {
        let mut pipe = File::options().write(true).open(writer).expect("a reader comes");
        pipe.write_all(&small_heap()[..5000]).expect("the reader is there");
    });
    let error = message(&path, &OpenOptions::default());
    writer.join().expect("the writer ends");
    assert!(error.contains("the file ends at byte 5000"), "{error}");
}

#[test]
fn standard_input_is_a_dash() {
    for bytes in [small_heap(), gzip(&small_heap())] {
        let mut child = as_child("reads its standard input", &["-"]);
        let mut child = child.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("a child");
        child.stdin.take().expect("piped").write_all(&bytes).expect("the child reads");
        let output = child.wait_with_output().expect("the child ends");
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(said.contains("read 200 nodes"), "{said}");
    }
}

/// The other side of the tests that need a process of their own.
#[test]
fn child() {
    child_case();
}

#[test]
fn a_file_that_may_not_be_read_says_so() {
    let uid = std::os::unix::fs::MetadataExt::uid(&fs::metadata("/proc/self").expect("Linux"));
    if uid != 0 {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("secret");
        fs::write(&path, small_heap()).expect("the file can be written");
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o000);
        fs::set_permissions(&path, mode).expect("our own file");
        assert!(message(&path, &OpenOptions::default()).ends_with("Permission denied (os error 13)"));
        return;
    }
    // Root may read everything: somebody else has to try. The program must be where he can start it.
    let folder = tempfile::Builder::new().permissions(permissions(0o755)).tempdir().expect("a folder");
    let program = folder.path().join("test");
    fs::copy(std::env::current_exe().expect("this test"), &program).expect("a copy");
    fs::set_permissions(&program, permissions(0o755)).expect("our own file");
    let path = folder.path().join("secret");
    fs::write(&path, small_heap()).expect("the file can be written");
    fs::set_permissions(&path, permissions(0o600)).expect("our own file");
    let mut command = Command::new("setpriv");
    command.args(["--reuid", "65534", "--regid", "65534", "--clear-groups"]).arg(&program);
    let said = run_child(&mut command, "reads a file", &[&path.display().to_string()]);
    assert!(said.contains("Permission denied (os error 13)"), "{said}");
}

fn permissions(mode: u32) -> fs::Permissions {
    std::os::unix::fs::PermissionsExt::from_mode(mode)
}

#[test]
fn an_expansion_bomb_is_refused_unless_it_is_allowed() {
    let folder = tempfile::tempdir().expect("a folder");
    // Spaces before the snapshot: a hundred megabytes of nothing, and still a good file.
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    let spaces = vec![b' '; 1 << 20];
    (0..100).for_each(|_| encoder.write_all(&spaces).expect("memory can be written"));
    encoder.write_all(&small_heap()).expect("memory can be written");
    let bomb = encoder.finish().expect("memory can be written");
    let mut zstd_bomb = zstd::encode_all(&vec![b' '; 100 << 20][..], 3).expect("packed");
    zstd_bomb.extend(zstd::encode_all(&small_heap()[..], 3).expect("packed"));
    for (name, bytes) in [("gz", bomb), ("zst", zstd_bomb)] {
        let path = folder.path().join(name);
        fs::write(&path, bytes).expect("the file can be written");
        let error = message(&path, &OpenOptions::default());
        assert!(error.contains("over 100 times as many; --allow-expansion reads it all the same"), "{error}");
        let allowed = OpenOptions { allow_expansion: true, ..OpenOptions::default() };
        let heap = opened(&path, &allowed).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(heap.graph().node_count(), 200, "{name}");
    }
}

#[test]
fn a_file_that_shrinks_while_it_is_read_was_cut() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("shrinking");
    fs::write(&path, open_support::large_heap(0)).expect("the file can be written");
    let mut shrunk = false;
    let name = path.display().to_string();
    let outcome = open(&name, &OpenOptions::default(), &mut |step| {
        if step.name == "edges" && !shrunk {
            File::options()
                .write(true)
                .open(&path)
                .and_then(|file| file.set_len(1 << 20))
                .expect("our own file");
            shrunk = true;
        }
        std::ops::ControlFlow::Continue(())
    });
    assert!(shrunk);
    match outcome.map(|_| ()) {
        Err(OpenError::Read { source, .. }) => {
            assert!(source.to_string().contains("the file ends at byte"), "{source}");
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_cut_file_is_salvaged_and_named_from_a_whole_one() {
    let folder = tempfile::tempdir().expect("a folder");
    let (whole, cut) = (folder.path().join("whole"), folder.path().join("cut"));
    let bytes = small_heap();
    let strings = bytes.windows(9).rposition(|window| window == b"\"strings\"").expect("strings");
    fs::write(&whole, &bytes).expect("the file can be written");
    fs::write(&cut, &bytes[..strings + 20]).expect("the file can be written");
    assert!(message(&cut, &OpenOptions::default()).contains("--salvage reads what is there"));
    let options = OpenOptions { salvage: true, ..OpenOptions::default() };
    let nameless = opened(&cut, &options).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(nameless.graph().missing().sections, ["strings"]);
    let options = OpenOptions { names_from: Some(whole.clone()), ..options };
    let named = opened(&cut, &options).unwrap_or_else(|error| panic!("{error}"));
    let original = opened(&whole, &OpenOptions::default()).unwrap_or_else(|error| panic!("{error}"));
    for node in original.graph().nodes() {
        assert_eq!(named.graph().name(node), original.graph().name(node));
    }
    assert!(named.warnings()[0].contains("nodes were named by their ids from"), "{:?}", named.warnings());
}
