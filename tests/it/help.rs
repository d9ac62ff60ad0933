//! Every help page, as a person sees it in a terminal of 80 columns.

use crate::support::workspace::Workspace;

#[test]
fn help_pages() {
    let env = Workspace::new();
    for command in [
        "",
        "validate",
        "plan",
        "apply",
        "show",
        "status",
        "cancel",
        "adopt",
        "resolve",
        "retry",
        "state",
        "doctor",
        "watch",
        "workflow",
        "serve",
        "lsp",
        "schema",
        "init",
        "render",
        "completions",
        "man",
    ] {
        let arguments: Vec<&str> = [command, "-h"]
            .into_iter()
            .filter(|word| !word.is_empty())
            .collect();
        let run = env.run(&arguments).expect(0);
        assert!(
            run.stdout.lines().all(|line| line.chars().count() <= 80),
            "{}",
            run.stdout
        );
        insta::assert_snapshot!(format!("help_{command}"), run.stdout);
    }
}

#[test]
fn a_wrong_command_line_ends_with_64() {
    let env = Workspace::new();
    for arguments in [
        &["plna"][..],
        &[],
        &["apply", "--parallelism", "0"],
        &["plan", "--var", "x"],
        &["--now", "soon", "plan"],
    ] {
        let run = env.run(arguments).expect(64);
        assert!(run.stdout.is_empty(), "{}", run.stdout);
        assert!(
            run.stderr.contains("error") || run.stderr.contains("Usage"),
            "{}",
            run.stderr
        );
    }
}
