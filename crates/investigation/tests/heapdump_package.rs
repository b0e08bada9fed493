//! The npm package in `npm/heapdump` does what the package does that it stands in for.

use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use investigation::open::{CachePolicy, OpenOptions, open};
use test_heaps::{cache_dir, nodes, npm};

fn package() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../npm/heapdump").canonicalize().unwrap()
}

/// A folder in which `require('heapdump')` finds the package.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let modules = folder.path().join("node_modules");
    std::fs::create_dir(&modules).unwrap();
    symlink(package(), modules.join("heapdump")).unwrap();
    folder
}

fn node(version: &str, folder: &Path, arguments: &[&str]) -> Output {
    Command::new(nodes::binary(version).unwrap())
        .args(arguments)
        .current_dir(folder)
        .env_remove("NODE_OPTIONS")
        .output()
        .unwrap()
}

fn snapshots(folder: &Path) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "heapsnapshot" || ending == "part"))
        .collect();
    found.sort();
    found
}

fn assert_whole(path: &Path) {
    let options = OpenOptions { cache: CachePolicy::Off, ..OpenOptions::default() };
    let heap = open(path.to_str().unwrap(), &options, &mut |_| std::ops::ControlFlow::Continue(())).unwrap();
    assert!(heap.graph().node_count() > 10_000);
    assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{}", path.display());
}

/// Every way of calling it; prints what came of it as JSON.
const CALLS: &str = "
    const heapdump = require('heapdump');
    const seen = [];
    const note = (error, filename) => seen.push([error && error.message, filename]);
    seen.push(heapdump.writeSnapshot('named.heapsnapshot', note));
    seen.push(heapdump.writeSnapshot(note));
    seen.push(heapdump.writeSnapshot('does/not/exist.heapsnapshot', note));
    seen.push(heapdump.writeSnapshot('node_modules', note));
    console.log(JSON.stringify(seen));
";

#[test]
fn calls_answer_as_the_original_does() {
    for version in [nodes::V12, nodes::V16, nodes::V18, nodes::V20, nodes::V22, nodes::V24, nodes::V26] {
        let folder = folder();
        let output = node(version, folder.path(), &["-e", CALLS]);
        assert!(output.status.success(), "{version}: {}", String::from_utf8_lossy(&output.stderr));
        let seen: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(seen[0], serde_json::json!([null, "named.heapsnapshot"]), "{version}");
        assert_eq!(seen[1], true);
        let name = seen[2][1].as_str().unwrap();
        let digits =
            name.strip_prefix("heapdump-").and_then(|name| name.strip_suffix(".heapsnapshot")).unwrap();
        let (seconds, microseconds) = digits.split_once('.').unwrap();
        assert!(
            seconds.parse::<u64>().unwrap() > 1_500_000_000
                && microseconds.parse::<u64>().unwrap() < 1_000_000
        );
        assert_eq!(seen[3], true);
        assert_eq!(seen[4], serde_json::json!(["heapdump write error ENOENT", null]), "{version}");
        assert_eq!(seen[5], false);
        // A folder stands where the file should go: found out at the very end, and nothing is left behind.
        assert_eq!(seen[6], serde_json::json!(["heapdump write error EISDIR", null]), "{version}");
        assert_eq!(seen[7], false);
        let files = snapshots(folder.path());
        assert_eq!(files.len(), 2, "{version}: {files:?}");
        files.iter().for_each(|file| assert_whole(file));
        let hidden = std::fs::read_dir(folder.path()).unwrap().count();
        assert_eq!(hidden, 3, "the two files and node_modules");
    }
}

#[test]
fn it_can_be_imported_and_leaves_the_signal_alone_if_told() {
    let folder = folder();
    let code = "import heapdump, { writeSnapshot } from 'heapdump';
        console.log(heapdump.writeSnapshot === writeSnapshot, process.listenerCount('SIGUSR2'));";
    for version in nodes::SUPPORTED {
        for (options, expected) in
            [("", "true 1"), ("nosignal", "true 0"), ("odd, nosignal,signal", "true 1")]
        {
            let output = Command::new(nodes::binary(version).unwrap())
                .args(["--input-type=module", "-e", code])
                .env("NODE_HEAPDUMP_OPTIONS", options)
                .current_dir(folder.path())
                .output()
                .unwrap();
            assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), expected, "{version} {options}");
            let errors = String::from_utf8_lossy(&output.stderr).into_owned();
            assert_eq!(
                errors.contains("unrecognized option: odd"),
                options.contains("odd"),
                "{version}: {errors}"
            );
        }
    }
}

#[test]
fn the_price_is_told_from_control_groups_of_both_versions() {
    let root = tempfile::tempdir().unwrap();
    let write = |path: &str, text: &str| {
        let path = root.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    };
    write("proc/meminfo", "MemTotal: 8000000 kB\nMemAvailable:    4000000 kB\n");
    let ask = || {
        let code = "const price = require('heapdump/lib/price');
            const free = price.free(process.argv[1]);
            console.log(free, price.warning(10 * 1048576, free));";
        let folder = folder();
        let output = node(nodes::V20, folder.path(), &["-e", code, root.path().to_str().unwrap()]);
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    };
    assert_eq!(ask(), "4096000000 undefined");
    write("proc/self/cgroup", "0::/app/worker\n");
    write("sys/fs/cgroup/app/worker/memory.max", "max\n");
    write("sys/fs/cgroup/app/worker/memory.current", "1\n");
    write("sys/fs/cgroup/app/memory.max", "209715200\n");
    write("sys/fs/cgroup/app/memory.current", "104857600\n");
    let warned = ask();
    assert!(
        warned.starts_with("104857600 the heap has 10 MB, so taking it needs 80 MB to 160 MB more"),
        "{warned}"
    );
    assert!(warned.ends_with("may be killed"), "{warned}");
    write("proc/self/cgroup", "5:cpu,memory:/old\n");
    write("sys/fs/cgroup/memory/old/memory.limit_in_bytes", "62914560\n");
    write("sys/fs/cgroup/memory/old/memory.usage_in_bytes", "52428800\n");
    let warned = ask();
    assert!(warned.starts_with("10485760 ") && warned.ends_with("will probably be killed"), "{warned}");
}

/// Ended when dropped.
struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The talk's program with its packages, except that `heapdump` is ours.
fn talk() -> tempfile::TempDir {
    let files = [
        ("server.js", include_str!("../../../examples/talk/server.js")),
        ("package.json", include_str!("../../../examples/talk/package.json")),
        ("package-lock.json", include_str!("../../../examples/talk/package-lock.json")),
    ];
    let installed = npm::project(&cache_dir().join("real-programs"), "talk", &files).unwrap();
    let folder = folder();
    std::fs::copy(installed.join("server.js"), folder.path().join("server.js")).unwrap();
    for entry in std::fs::read_dir(installed.join("node_modules")).unwrap() {
        let entry = entry.unwrap();
        if entry.file_name() != "heapdump" {
            symlink(entry.path(), folder.path().join("node_modules").join(entry.file_name())).unwrap();
        }
    }
    folder
}

fn wait_for<T>(what: &str, mut found: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        if let Some(found) = found() {
            return found;
        }
        assert!(Instant::now() < deadline, "{what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn answers(port: u16) -> bool {
    use std::io::{Read, Write};
    let Ok(mut stream) = std::net::TcpStream::connect(("127.0.0.1", port)) else { return false };
    let mut answer = String::new();
    stream.write_all(b"GET / HTTP/1.0\r\n\r\n").is_ok()
        && stream.read_to_string(&mut answer).is_ok()
        && answer.contains("Hello, client")
}

#[test]
fn the_talks_own_code_writes_a_snapshot_when_told_by_signal() {
    for version in nodes::SUPPORTED {
        let folder = talk();
        let port = {
            let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
            listener.local_addr().unwrap().port()
        };
        let server = Command::new(nodes::binary(version).unwrap())
            .arg("server.js")
            .current_dir(folder.path())
            .env("PORT", port.to_string())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let server = Server(server);
        wait_for("the server answers", || answers(port).then_some(()));
        let pid = nix::unistd::Pid::from_raw(server.0.id().cast_signed());
        nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGUSR2).unwrap();
        let file = wait_for("a snapshot is written", || {
            snapshots(folder.path())
                .into_iter()
                .find(|path| path.extension().is_some_and(|e| e == "heapsnapshot"))
        });
        assert_whole(&file);
        let name = file.file_name().unwrap().to_string_lossy().into_owned();
        assert!(name.starts_with("heapdump-"), "{version}: {name}");
        assert!(answers(port), "{version}: it serves on");
    }
}
