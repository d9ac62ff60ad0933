//! What the compiler does not hold: which module may use which, and what no file may speak of.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use syn::visit::{self, Visit};
use syn::{Attribute, Item, Macro, UseTree};

use crate::support::workspace::PROJECT;

/// A module, and the modules that it may use. Tests within a module may use more.
const ALLOWED: &[(&str, &[&str])] = &[
    ("adopt", &["api", "job", "plan", "state"]),
    ("api", &["plain_text", "shared_text", "stop"]),
    ("apply", &["adopt", "api", "crash", "job", "plan", "state"]),
    (
        "cli",
        &[
            "adopt",
            "api",
            "apply",
            "credentials",
            "diagnostic",
            "doctor",
            "document",
            "estimate",
            "expand",
            "files",
            "job",
            "jobfile",
            "load",
            "lsp",
            "notification",
            "page",
            "plain_text",
            "plan",
            "policy",
            "remedy",
            "report",
            "service",
            "source",
            "state",
            "status",
            "units",
            "watch",
            "workflow",
            "workspace",
        ],
    ),
    ("characters", &[]),
    ("crash", &[]),
    (
        "credentials",
        &["api", "diagnostic", "plain_text", "workspace"],
    ),
    ("diagnostic", &["source"]),
    (
        "doctor",
        &[
            "api",
            "load",
            "plain_text",
            "policy",
            "remedy",
            "state",
            "workspace",
        ],
    ),
    ("document", &["characters", "diagnostic", "source"]),
    ("estimate", &["api", "job", "money"]),
    (
        "expand",
        &[
            "api",
            "characters",
            "diagnostic",
            "document",
            "job",
            "jobfile",
            "source",
            "workflow",
        ],
    ),
    ("files", &[]),
    ("job", &["api", "shared_text", "source"]),
    ("job_status", &["api"]),
    (
        "jobfile",
        &[
            "api",
            "diagnostic",
            "document",
            "files",
            "job",
            "plain_text",
            "source",
            "workflow",
        ],
    ),
    (
        "load",
        &[
            "api",
            "diagnostic",
            "document",
            "expand",
            "job",
            "jobfile",
            "plain_text",
            "source",
            "workflow",
            "workspace",
        ],
    ),
    (
        "lsp",
        &[
            "diagnostic",
            "document",
            "job",
            "jobfile",
            "load",
            "source",
            "state",
            "watch",
            "workspace",
        ],
    ),
    ("money", &[]),
    ("page", &["api", "job_status", "plain_text", "units"]),
    (
        "plan",
        &[
            "api",
            "characters",
            "units",
            "estimate",
            "job",
            "money",
            "schema",
            "source",
            "state",
        ],
    ),
    (
        "report",
        &[
            "adopt",
            "api",
            "apply",
            "diagnostic",
            "doctor",
            "estimate",
            "expand",
            "job",
            "job_status",
            "money",
            "page",
            "plain_text",
            "plan",
            "remedy",
            "schema",
            "service",
            "source",
            "state",
            "status",
            "units",
            "watch",
            "workflow",
            "workspace",
        ],
    ),
    (
        "notification",
        &[
            "api",
            "files",
            "job_status",
            "plain_text",
            "schema",
            "state",
            "workspace",
        ],
    ),
    ("plain_text", &[]),
    ("policy", &["api"]),
    ("remedy", &["api"]),
    ("schema", &[]),
    (
        "service",
        &[
            "api",
            "files",
            "job_status",
            "page",
            "plain_text",
            "stop",
            "sync",
        ],
    ),
    ("shared_text", &[]),
    ("source", &[]),
    (
        "state",
        &["api", "crash", "files", "job", "job_status", "plain_text"],
    ),
    ("status", &["api", "job", "state"]),
    ("stop", &[]),
    ("sync", &[]),
    ("units", &[]),
    (
        "watch",
        &[
            "document",
            "files",
            "job",
            "jobfile",
            "load",
            "plan",
            "workspace",
        ],
    ),
    (
        "workspace",
        &[
            "api",
            "diagnostic",
            "document",
            "jobfile",
            "money",
            "plain_text",
            "source",
            "units",
        ],
    ),
    ("workflow", &["api", "shared_text", "source"]),
];

/// Modules without effects, and the crates and functions that would give them some.
const PURE: &[&str] = &[
    "source",
    "diagnostic",
    "document",
    "expand",
    "job",
    "jobfile",
    "money",
    "page",
    "plan",
    "units",
    "workflow",
];
const EFFECTS: &[&str] = &["clap", "hyper", "notify", "reqwest", "rusqlite", "tokio"];

/// What the language server never does: a folder is opened before it is trusted.
const LSP_NEVER_USES: &[&str] = &[
    "tokio",
    "reqwest",
    "hyper",
    "rusqlite",
    "std::process",
    "std::net",
    "std::fs::write",
    "std::fs::create_dir",
    "std::fs::OpenOptions",
    "fs::write",
    "open_for_writing",
];

/// Every path of a file that begins at the crate or at another crate.
#[derive(Default)]
struct Paths {
    found: BTreeSet<String>,
}

impl Paths {
    fn of(file: &Path) -> BTreeSet<String> {
        let text = fs::read_to_string(file).unwrap();
        let parsed = syn::parse_file(&text).unwrap();
        let mut paths = Self::default();
        paths.visit_file(&parsed);
        paths.found
    }

    fn add_tree(&mut self, before: &str, tree: &UseTree) {
        let join = |name: &dyn ToString| match before {
            "" => name.to_string(),
            _ => format!("{before}::{}", name.to_string()),
        };
        match tree {
            UseTree::Path(path) => self.add_tree(&join(&path.ident), &path.tree),
            UseTree::Name(name) => _ = self.found.insert(join(&name.ident)),
            UseTree::Rename(name) => _ = self.found.insert(join(&name.ident)),
            UseTree::Glob(_) => _ = self.found.insert(join(&'*')),
            UseTree::Group(group) => {
                for tree in &group.items {
                    self.add_tree(before, tree);
                }
            }
        }
    }
}

impl<'ast> Visit<'ast> for Paths {
    fn visit_item(&mut self, item: &'ast Item) {
        let attributes: &[Attribute] = match item {
            Item::Mod(item) => &item.attrs,
            Item::Fn(item) => &item.attrs,
            Item::Use(item) => &item.attrs,
            Item::Impl(item) => &item.attrs,
            _ => &[],
        };
        let is_test = |attribute: &Attribute| {
            let meta = &attribute.meta;
            meta.path().is_ident("cfg")
                && meta
                    .require_list()
                    .is_ok_and(|list| list.tokens.to_string() == "test")
        };
        if !attributes.iter().any(is_test) {
            visit::visit_item(self, item);
        }
    }

    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        self.add_tree("", &item.tree);
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let segments = path
            .segments
            .iter()
            .map(|segment| segment.ident.to_string());
        self.found.insert(segments.collect::<Vec<_>>().join("::"));
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, item: &'ast Macro) {
        let tokens = item.tokens.to_string().replace(" :: ", "::");
        let is_path = |word: &&str| word.contains("::");
        let words = tokens.split(|character: char| {
            !(character.is_alphanumeric() || character == '_' || character == ':')
        });
        self.found.extend(words.filter(is_path).map(str::to_owned));
        visit::visit_macro(self, item);
    }
}

/// The module of `src` that a file belongs to, and the folders between `src` and the file.
fn module_of(file: &Path) -> (String, usize) {
    let path = file.strip_prefix(Path::new(PROJECT).join("src")).unwrap();
    let mut parts: Vec<String> = path
        .with_extension("")
        .iter()
        .map(|part| part.to_string_lossy().into_owned())
        .collect();
    if parts.last().is_some_and(|part| part == "mod") {
        parts.pop();
    }
    (parts[0].clone(), parts.len())
}

/// The other module that a path leads to.
fn target(path: &str, depth: usize) -> Option<String> {
    let mut parts = path.split("::");
    let climbed = parts.clone().take_while(|part| *part == "super").count();
    match parts.next()? {
        "crate" => parts.next().map(str::to_owned),
        "super" if climbed >= depth => parts.nth(climbed - 1).map(str::to_owned),
        _ => None,
    }
}

#[test]
fn modules_use_only_the_modules_that_they_may_use() {
    let mut wrong = BTreeSet::new();
    for file in rust_files(&Path::new(PROJECT).join("src")) {
        let (module, depth) = module_of(&file);
        if file.ends_with("tests.rs") || module == "lib" || module == "main" {
            continue;
        }
        let row = ALLOWED.iter().find(|(name, _)| *name == module);
        let allowed = row.map_or(&[][..], |(_, allowed)| allowed);
        for path in Paths::of(&file) {
            let other = target(&path, depth).unwrap_or_else(|| module.clone());
            if other != module && !allowed.contains(&&*other) {
                wrong.insert(format!("{module} uses {other}: {}", file.display()));
            }
        }
    }
    assert_eq!(wrong, BTreeSet::new(), "see ALLOWED in tests/it/tidy.rs");
}

#[test]
fn pure_modules_use_nothing_that_has_effects() {
    for module in PURE {
        let folder = Path::new(PROJECT).join("src").join(module);
        let file = folder.with_extension("rs");
        let files = [rust_files(&folder), rust_files(&file)].concat();
        assert!(!files.is_empty(), "there is no module {module}");
        for file in files {
            for path in Paths::of(&file) {
                let first = path.split("::").next().unwrap_or_default();
                let has_effect = EFFECTS.contains(&first) || path.ends_with("Timestamp::now");
                assert!(!has_effect, "{} uses {path}", file.display());
            }
        }
    }
}

#[test]
fn the_language_server_has_no_effect_beside_its_answers() {
    let files = rust_files(&Path::new(PROJECT).join("src/lsp"));
    assert!(!files.is_empty());
    for file in files {
        for path in Paths::of(&file) {
            let has_effect = LSP_NEVER_USES.iter().any(|never| path.contains(never));
            assert!(!has_effect, "{} uses {path}", file.display());
        }
    }
}

/// Printing, the environment and the end of the process each have one place; clippy holds that, as
/// long as it is not switched off elsewhere.
#[test]
fn exceptions_stand_where_they_belong() {
    for file in rust_files(&Path::new(PROJECT).join("src")) {
        let text = fs::read_to_string(&file).unwrap();
        // Crash points are not in the program that people build.
        let allowed = file.ends_with("src/cli/settings.rs") || file.ends_with("src/crash.rs");
        let found = text.contains("clippy::disallowed_methods") || text.contains("clippy::print_");
        assert!(allowed || !found, "{}", file.display());
    }
}

/// A path may hold what steers a terminal; `plain_text::printable` shows it.
#[test]
fn no_path_is_shown_as_it_is() {
    for file in rust_files(&Path::new(PROJECT).join("src")) {
        let text = fs::read_to_string(&file).unwrap();
        assert!(!text.contains(".display()"), "{}", file.display());
    }
}

#[test]
fn every_test_file_is_compiled() {
    for (folder, main) in [
        ("tests/it", "main.rs"),
        ("tests/crash", "main.rs"),
        ("tests/support", "mod.rs"),
    ] {
        let folder = Path::new(PROJECT).join(folder);
        let text = fs::read_to_string(folder.join(main)).unwrap();
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            let is_rust = path.extension().is_some_and(|extension| extension == "rs");
            let name = path.file_stem().unwrap().to_string_lossy();
            let is_listed = path.ends_with(main) || text.contains(&format!("mod {name};"));
            assert!(!is_rust || is_listed, "{name} is not in {main}");
        }
    }
}

/// The Rust files below a folder, or the file itself, or nothing.
fn rust_files(path: &Path) -> Vec<PathBuf> {
    if path.is_dir() {
        let entries = fs::read_dir(path).unwrap();
        return entries
            .flat_map(|entry| rust_files(&entry.unwrap().path()))
            .collect();
    }
    let is_rust = path.extension().is_some_and(|extension| extension == "rs");
    if is_rust && path.is_file() {
        vec![path.to_path_buf()]
    } else {
        Vec::new()
    }
}
