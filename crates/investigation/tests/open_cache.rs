//! The cache of indexes: a second command does not pay again, and nothing that can happen to the cache makes an
//! answer wrong or fail.

mod open_support;

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use investigation::open::OpenOptions;
use open_support::{as_child, cached_in, child_case, large_heap, open_and_keep, opened, run_child};

fn snapshot(folder: &Path, number: u64) -> PathBuf {
    let path = folder.join(format!("{number}.heapsnapshot"));
    fs::write(&path, large_heap(number)).expect("the file can be written");
    path
}

fn indexes(cache: &Path) -> Vec<PathBuf> {
    let mut paths: Vec<PathBuf> =
        fs::read_dir(cache).expect("the cache").map(|entry| entry.expect("an entry").path()).collect();
    paths.sort();
    paths
}

/// What happens to an index, in a word and in deed.
type Damage = (&'static str, fn(&mut Vec<u8>));

/// The other side of the tests that need a process of their own.
#[test]
fn child() {
    child_case();
}

#[test]
fn the_second_opening_comes_from_the_index() {
    let folder = tempfile::tempdir().expect("a folder");
    let cache = folder.path().join("cache");
    let file = snapshot(folder.path(), 0);
    let options = cached_in(&cache, u64::MAX);
    let (first, kept, total) = open_and_keep(&file, &options);
    assert_eq!((first, kept), (false, None));
    assert_eq!(indexes(&cache).len(), 2, "{:?}", indexes(&cache));
    assert_eq!(open_and_keep(&file, &options), (true, None, total));
    // Without the cache nothing is looked up.
    assert!(!open_and_keep(&file, &OpenOptions::default()).0);
    let mode =
        std::os::unix::fs::PermissionsExt::mode(&fs::metadata(&cache).expect("the cache").permissions());
    assert_eq!(mode & 0o777, 0o700);
    let heap = opened(&file, &options).unwrap_or_else(|error| panic!("{error}"));
    let fresh = opened(&file, &OpenOptions::default()).unwrap_or_else(|error| panic!("{error}"));
    assert!(fresh.graph().nodes().all(|node| fresh.graph().name(node) == heap.graph().name(node)));
    for node in fresh.graph().nodes() {
        let of = |heap: &investigation::open::Heap| heap.retainers().expect("few edges").of(node).to_vec();
        assert_eq!(of(&heap), of(&fresh));
    }
}

#[test]
fn small_files_are_not_worth_an_index() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("small");
    fs::write(&file, open_support::small_heap()).expect("the file can be written");
    let cache = folder.path().join("cache");
    assert_eq!(open_and_keep(&file, &cached_in(&cache, u64::MAX)).1, None);
    assert!(!cache.exists());
}

#[test]
fn a_changed_file_is_read_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let options = cached_in(&folder.path().join("cache"), u64::MAX);
    let file = snapshot(folder.path(), 0);
    let (_, _, before) = open_and_keep(&file, &options);
    // Of the same length and with the old times, but another.
    let modified = fs::metadata(&file).and_then(|meta| meta.modified()).expect("times");
    let bytes = fs::read(&file).expect("our own file");
    let text = String::from_utf8(bytes).expect("ASCII").replacen(",32,", ",99,", 1);
    fs::write(&file, text).expect("the file can be written");
    fs::File::options().write(true).open(&file).and_then(|file| file.set_modified(modified)).expect("times");
    let (from_index, _, after) = open_and_keep(&file, &options);
    assert!(!from_index);
    assert_eq!(after, before + 67);
    assert!(open_and_keep(&file, &options).0, "and is known from then on");
}

#[test]
fn a_damaged_index_is_made_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let cache = folder.path().join("cache");
    let options = cached_in(&cache, u64::MAX);
    let file = snapshot(folder.path(), 0);
    let (_, _, total) = open_and_keep(&file, &options);
    let damage: [Damage; 4] = [
        ("a bit", |bytes| {
            let middle = bytes.len() / 2;
            bytes[middle] ^= 4;
        }),
        ("cut", |bytes| bytes.truncate(bytes.len() / 3)),
        ("empty", Vec::clear),
        ("another version", |bytes| bytes[8] = 77),
    ];
    for (name, damage) in damage {
        for index in indexes(&cache) {
            let mut bytes = fs::read(&index).expect("an index");
            damage(&mut bytes);
            // As a power cut would leave it: another file, as indexes are replaced and never written to.
            fs::remove_file(&index).expect("our own file");
            fs::write(&index, bytes).expect("the file can be written");
        }
        assert_eq!(open_and_keep(&file, &options), (false, None, total), "{name}");
        assert_eq!(open_and_keep(&file, &options), (true, None, total), "after {name}");
        let heap = opened(&file, &options).unwrap_or_else(|error| panic!("{error}"));
        let last = heap.graph().nodes().last().expect("nodes");
        assert_eq!(heap.retainers().expect("few edges").of(last), [last.0 - 1], "{name}");
    }
}

#[test]
fn a_damaged_index_of_retainers_is_made_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let cache = folder.path().join("cache");
    let options = cached_in(&cache, u64::MAX);
    let file = snapshot(folder.path(), 0);
    open_and_keep(&file, &options);
    let is_retainers = |path: &PathBuf| path.extension().is_some_and(|ending| ending == "retainers");
    let index = indexes(&cache).into_iter().find(is_retainers).expect("an index of retainers");
    let whole = fs::read(&index).expect("an index");
    fs::remove_file(&index).expect("our own file");
    fs::write(&index, &whole[..whole.len() / 2]).expect("the file can be written");
    assert!(open_and_keep(&file, &options).0);
    assert_eq!(fs::read(&index).expect("an index").len(), whole.len(), "the half one was replaced");
}

#[test]
fn two_processes_at_once_both_get_their_answer() {
    let folder = tempfile::tempdir().expect("a folder");
    let cache = folder.path().join("cache").display().to_string();
    let file = snapshot(folder.path(), 0).display().to_string();
    for _ in 0..3 {
        let children: Vec<_> = (0..3)
            .map(|_| {
                let mut child = as_child("keeps an index", &[&file, &cache]);
                child.stdout(Stdio::piped()).spawn().expect("a child")
            })
            .collect();
        for child in children {
            let output = child.wait_with_output().expect("the child ends");
            let said = String::from_utf8_lossy(&output.stdout);
            assert!(said.contains("kept=None total="), "{said}");
        }
        assert_eq!(indexes(Path::new(&cache)).len(), 2, "nothing is left behind");
        fs::remove_dir_all(&cache).expect("our own folder");
    }
}

#[test]
fn a_cache_that_cannot_be_written_is_no_error() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = snapshot(folder.path(), 0);
    // Where the folder should be stands a file: that stops root too.
    let cache = folder.path().join("cache");
    fs::write(&cache, "in the way").expect("the file can be written");
    let (from_index, kept, _) = open_and_keep(&file, &cached_in(&cache, u64::MAX));
    assert!(!from_index);
    let kept = kept.expect("a reason");
    assert!(kept.starts_with(&format!("the index of {} was not kept: ", file.display())), "{kept}");
}

#[test]
fn a_full_disk_leaves_no_half_index() {
    let folder = tempfile::tempdir().expect("a folder");
    let cache = folder.path().join("cache");
    let file = snapshot(folder.path(), 0);
    // A limit for files stands for the disk's end; its signal is what a disk does not send.
    let script = "trap '' XFSZ; ulimit -f 2000; exec \"$0\" \"$@\"";
    let mut shell = Command::new("bash");
    shell.args(["-c", script]).arg(std::env::current_exe().expect("this test has a path"));
    let words = [file.display().to_string(), cache.display().to_string()];
    let said = run_child(&mut shell, "keeps an index", &[&words[0], &words[1]]);
    assert!(said.contains("from_index=false kept=Some("), "{said}");
    assert!(said.contains("File too large"), "{said}");
    assert_eq!(indexes(&cache), Vec::<PathBuf>::new());
    // With room again it works.
    let options = cached_in(&cache, u64::MAX);
    assert_eq!(open_and_keep(&file, &options).1, None);
    assert!(open_and_keep(&file, &options).0);
}

#[test]
fn the_oldest_index_goes_when_there_are_too_many() {
    let folder = tempfile::tempdir().expect("a folder");
    let cache = folder.path().join("cache");
    let files: Vec<PathBuf> = (0..4).map(|number| snapshot(folder.path(), number)).collect();
    open_and_keep(&files[0], &cached_in(&cache, u64::MAX));
    let one: u64 = indexes(&cache).iter().map(|path| fs::metadata(path).expect("an index").len()).sum();
    // Room for two and a half.
    let options = cached_in(&cache, one * 5 / 2);
    let pause = || std::thread::sleep(std::time::Duration::from_millis(20));
    pause();
    open_and_keep(&files[1], &options);
    pause();
    assert!(open_and_keep(&files[0], &options).0, "the first is used again, and is not the oldest now");
    pause();
    open_and_keep(&files[2], &options);
    let total: u64 = indexes(&cache).iter().map(|path| fs::metadata(path).expect("an index").len()).sum();
    assert!(total <= one * 5 / 2, "{total} of {}", one * 5 / 2);
    assert!(open_and_keep(&files[2], &options).0);
    assert!(open_and_keep(&files[0], &options).0);
    assert!(!opened(&files[1], &options).unwrap_or_else(|error| panic!("{error}")).from_index());
}

#[test]
fn what_a_dead_process_left_goes_and_strange_files_stay() {
    let folder = tempfile::tempdir().expect("a folder");
    let cache = folder.path().join("cache");
    fs::create_dir(&cache).expect("a folder");
    let old = std::time::SystemTime::now() - std::time::Duration::from_secs(7200);
    for (name, time) in [("abc.1.tmp", Some(old)), ("abc.2.tmp", None), ("notes.txt", Some(old))] {
        let mut file = fs::File::create(cache.join(name)).expect("a file");
        file.write_all(b"x").expect("a byte");
        if let Some(time) = time {
            file.set_modified(time).expect("our own file");
        }
    }
    open_and_keep(&snapshot(folder.path(), 0), &cached_in(&cache, u64::MAX));
    assert!(!cache.join("abc.1.tmp").exists());
    assert!(cache.join("abc.2.tmp").exists(), "another process may be writing it");
    assert!(cache.join("notes.txt").exists());
}
