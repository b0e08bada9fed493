//! URLs and paths of scripts: as files, as packages, as targets of `require` and `import`.

/// Whether code at `url` belongs to Node itself or to a package, not to the application.
#[must_use]
pub fn is_library(url: &str) -> bool {
    is_builtin(url) || to_file(url).split(['/', '\\']).any(|part| part == "node_modules")
}

/// Whether `url` is a module of Node itself.
#[must_use]
pub fn is_builtin(url: &str) -> bool {
    url.starts_with("node:") || url.starts_with("internal/") || url.starts_with("electron/js2c/")
}

/// The plain path of a `file:` URL (percent signs decoded); anything else unchanged.
#[must_use]
pub fn to_file(url: &str) -> String {
    let Some(rest) = url.strip_prefix("file://") else { return url.to_owned() };
    let rest = rest.split(['?', '#']).next().unwrap_or(rest);
    let mut bytes = Vec::with_capacity(rest.len());
    let raw = rest.as_bytes();
    let mut at = 0;
    while at < raw.len() {
        let hex = (raw[at] == b'%').then(|| rest.get(at + 1..at + 3)).flatten();
        if let Some(value) = hex.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            bytes.push(value);
            at += 3;
        } else {
            bytes.push(raw[at]);
            at += 1;
        }
    }
    let path = String::from_utf8_lossy(&bytes).into_owned();
    // file:///C:/app is the path C:/app.
    match path.as_bytes() {
        [b'/', drive, b':', ..] if drive.is_ascii_alphabetic() => path[1..].to_owned(),
        _ => path,
    }
}

/// The package a library file belongs to, as `express-session` or `@koa/router`; builtins are `http` and so on.
pub(crate) fn package_of(url: &str) -> Option<String> {
    if let Some(name) = url.strip_prefix("node:") {
        return Some(name.trim_start_matches("internal/").to_owned());
    }
    let file = to_file(url).replace('\\', "/");
    let (_, inside) = file.rsplit_once("/node_modules/")?;
    let mut parts = inside.split('/');
    let first = parts.next()?;
    if first.starts_with('@') { Some(format!("{first}/{}", parts.next()?)) } else { Some(first.to_owned()) }
}

/// Joins a relative reference to the folder of `base` and removes `.` and `..`.
pub(crate) fn join(base: &str, relative: &str) -> String {
    if relative.starts_with('/') || relative.contains("://") {
        return to_file(relative);
    }
    let base = to_file(base).replace('\\', "/");
    let mut parts: Vec<&str> = base.split('/').collect();
    parts.pop();
    for part in relative.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| !last.is_empty() && *last != "..") => {
                parts.pop();
            }
            other => parts.push(other),
        }
    }
    parts.join("/")
}

/// Whether `specifier`, written in the script `importer`, names the script `target`.
pub(crate) fn specifier_names(importer: &str, specifier: &str, target: &str) -> bool {
    let target = to_file(target).replace('\\', "/");
    if specifier.starts_with('.') || specifier.starts_with('/') || specifier.starts_with("file:") {
        let wanted = join(importer, specifier);
        let wanted = wanted.trim_end_matches('/');
        if target == wanted || stem(&target) == wanted {
            return true;
        }
        let folder = stem(&target).strip_suffix("/index");
        // `./store.js` names `store.ts` in TypeScript.
        folder == Some(wanted) || (stem(wanted) != wanted && stem(&target) == stem(wanted))
    } else if let Some(local) = specifier.strip_prefix("#").or_else(|| specifier.strip_prefix("@/")) {
        stem(&target).ends_with(&format!("/{}", stem(local)))
    } else {
        let bare = specifier.trim_start_matches("node:");
        package_of(&target).is_some_and(|package| {
            bare == package || bare.strip_prefix(&package).is_some_and(|rest| rest.starts_with('/'))
        })
    }
}

/// The word that any text importing `target` must contain.
pub(crate) fn import_keyword(target: &str) -> String {
    if let Some(package) = package_of(target) {
        return package;
    }
    let file = to_file(target).replace('\\', "/");
    let without = stem(&file);
    let without = without.strip_suffix("/index").unwrap_or(without);
    without.rsplit('/').next().unwrap_or(without).to_owned()
}

fn stem(path: &str) -> &str {
    const ENDINGS: [&str; 9] = [".js", ".mjs", ".cjs", ".ts", ".mts", ".cts", ".jsx", ".tsx", ".json"];
    ENDINGS.iter().find_map(|ending| path.strip_suffix(ending)).unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_library_from_application() {
        assert!(is_library("node:events"));
        assert!(is_library("file:///srv/node_modules/koa/lib/application.js"));
        assert!(!is_library("file:///srv/my_node_modules_notes/app.js"));
        assert!(!is_library("/srv/app/server.js"));
    }

    #[test]
    fn file_urls_become_paths() {
        assert_eq!(to_file("file:///srv/my%20app/a.js?x=1"), "/srv/my app/a.js");
        assert_eq!(to_file("file:///C:/app/a.js"), "C:/app/a.js");
        assert_eq!(to_file("node:fs"), "node:fs");
        assert_eq!(to_file("file:///odd%zz.js"), "/odd%zz.js");
    }

    #[test]
    fn names_packages() {
        assert_eq!(package_of("/a/node_modules/x/node_modules/@k/r/i.js").as_deref(), Some("@k/r"));
        assert_eq!(package_of("/a/src/i.js"), None);
    }

    #[test]
    fn specifiers_name_files() {
        let from = "file:///srv/app/server.js";
        assert!(specifier_names(from, "./src/store", "file:///srv/app/src/store.js"));
        assert!(specifier_names(from, "./src", "file:///srv/app/src/index.js"));
        assert!(specifier_names(from, "./src/store.js", "file:///srv/app/src/store.ts"));
        assert!(specifier_names(from, "../lib/x.mjs", "/srv/lib/x.mjs"));
        assert!(specifier_names(from, "koa", "/srv/app/node_modules/koa/lib/application.js"));
        assert!(!specifier_names(from, "./store", "file:///srv/app/src/store.js"));
        assert!(!specifier_names(from, "koa-router", "/srv/app/node_modules/koa/lib/application.js"));
    }
}
