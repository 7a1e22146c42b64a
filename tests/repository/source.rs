//! What source files may be and hold.

use std::{
    fs,
    path::{Path, PathBuf},
};

use chimera_tests::repository_root;

const MAX_LINES: usize = 600;
const MAX_FRONT_PAGE_LINES: usize = 80;

fn rust_files() -> Vec<PathBuf> {
    let root = repository_root();
    let mut found = vec![root.join("build.rs")];
    let mut folders: Vec<PathBuf> = ["services", "gateway", "tests", "proto"]
        .iter()
        .map(|name| root.join(name))
        .collect();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("folder") {
            let path = entry.expect("entry").path();
            if path.is_dir() {
                if !path.ends_with("node_modules") {
                    folders.push(path);
                }
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(path);
            }
        }
    }
    found
}

/// Tells whether a file holds only tests, by its place or by how it is declared: those may unwrap, and
/// fakes may be blunt.
fn is_test(path: &Path) -> bool {
    let in_crate = path.strip_prefix(repository_root()).unwrap_or(path);
    let stem = path
        .file_stem()
        .and_then(|stem| stem.to_str())
        .unwrap_or_default();
    let declaration = format!("#[cfg(test)]\nmod {stem};");
    let declared = path.parent().is_some_and(|folder| {
        fs::read_to_string(folder.join("lib.rs")).is_ok_and(|page| page.contains(&declaration))
    });
    declared
        || in_crate.starts_with("tests")
        || in_crate
            .components()
            .any(|part| part.as_os_str() == "tests")
        || stem == "tests"
}

/// Returns the files that are not tests.
pub fn shipped_files() -> impl Iterator<Item = PathBuf> {
    rust_files().into_iter().filter(|path| !is_test(path))
}

fn code_lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.lines()
        .enumerate()
        .map(|(number, line)| (number + 1, line))
        .filter(|(_, line)| !line.trim_start().starts_with("//"))
}

#[test]
fn no_file_is_longer_than_600_lines() {
    for path in rust_files() {
        let lines = fs::read_to_string(&path).expect("source").lines().count();
        assert!(lines <= MAX_LINES, "{} has {lines} lines", path.display());
    }
}

#[test]
fn a_front_page_is_at_most_80_lines() {
    for path in rust_files() {
        if !path
            .file_name()
            .is_some_and(|name| name == "lib.rs" || name == "mod.rs")
            || is_test(&path)
        {
            continue;
        }
        let lines = fs::read_to_string(&path).expect("source").lines().count();
        assert!(
            lines <= MAX_FRONT_PAGE_LINES,
            "{} has {lines} lines",
            path.display()
        );
    }
}

#[test]
fn shipped_code_neither_unwraps_nor_leaves_stubs() {
    let escapes = [
        concat!(".unw", "rap()"),
        concat!("to", "do!("),
        concat!("unimpl", "emented!("),
        concat!("#[ig", "nore"),
        concat!("should_", "panic"),
    ];
    for path in rust_files().into_iter().filter(|path| !is_test(path)) {
        let text = fs::read_to_string(&path).expect("source");
        for (number, line) in code_lines(&text) {
            for escape in escapes {
                assert!(
                    !line.contains(escape),
                    "{}:{number} holds `{escape}`",
                    path.display()
                );
            }
        }
    }
}

#[test]
fn money_is_never_a_float() {
    for room in [
        "model",
        "order",
        "position",
        "connector",
        "venue",
        "journal",
    ] {
        let folder = repository_root().join("services").join(room);
        for path in rust_files()
            .into_iter()
            .filter(|path| path.starts_with(&folder) && !is_test(path))
        {
            let text = fs::read_to_string(&path).expect("source");
            for (number, line) in code_lines(&text) {
                for float in [
                    ": f64",
                    "as f64",
                    "parse::<f64>",
                    ": f32",
                    "from_f64",
                    "to_f64",
                ] {
                    assert!(
                        !line.contains(float),
                        "{}:{number} holds `{float}`",
                        path.display()
                    );
                }
            }
        }
    }
}

#[test]
fn the_tracking_limit_lives_in_one_file() {
    let home = repository_root().join("services/order/src/tracking_limit.rs");
    assert!(home.is_file(), "{} is its home", home.display());
    for path in rust_files()
        .into_iter()
        .filter(|path| !is_test(path) && *path != home)
    {
        // The contract's own words aside, nobody else computes the next price or the next child.
        let text = fs::read_to_string(&path).expect("source");
        for (number, line) in code_lines(&text) {
            for mark in [
                "price_offset_ticks *",
                "- price_offset",
                "+ price_offset",
                "fn next_child",
            ] {
                assert!(
                    !line.contains(mark),
                    "{}:{number} looks like a second tracking limit",
                    path.display()
                );
            }
        }
    }
}

#[test]
fn tests_do_not_sleep() {
    for path in rust_files().into_iter().filter(|path| is_test(path)) {
        let text = fs::read_to_string(&path).expect("source");
        for (number, line) in code_lines(&text) {
            assert!(
                !line.contains(concat!("thread::", "sleep(")),
                "{}:{number} sleeps: wait for the event, with a bound",
                path.display()
            );
        }
    }
}
