//! Help pages.

use super::*;

#[test]
fn help_pages_are_as_they_were() {
    let mut pages = String::new();
    let commands = text(&ocelli(&["--help"]).stdout);
    let names: Vec<&str> = commands
        .lines()
        .skip_while(|line| !line.starts_with("Commands:"))
        .skip(1)
        .take_while(|line| !line.is_empty())
        .filter(|line| line.starts_with("  ") && !line.starts_with("   "))
        .filter_map(|line| line.split_whitespace().next())
        .filter(|name| *name != "help")
        .collect();
    assert!(names.len() > 3, "{names:?}");
    for arguments in [vec!["--version"], vec!["--help"]]
        .into_iter()
        .chain(names.iter().map(|name| vec![*name, "--help"]))
    {
        let output = ocelli(&arguments);
        assert_eq!(output.status.code(), Some(0), "{arguments:?}");
        assert!(output.stderr.is_empty(), "{arguments:?}");
        let page = text(&output.stdout);
        pages.extend(["$ ocelli ", &arguments.join(" "), "\n", &page, "\n"]);
    }
    insta::assert_snapshot!(pages);
}

#[test]
fn every_example_of_a_help_page_parses() {
    // `--help` at the end of a line is an error of usage if what stands before it is wrong.
    let main = text(&ocelli(&["--help"]).stdout);
    let pages = main
        .lines()
        .filter(|line| line.starts_with("  ocelli "))
        .map(|line| line.split("   ").next().unwrap().trim().to_owned());
    let mut examples = 0;
    for example in pages {
        let mut arguments: Vec<&str> = example.split_whitespace().skip(1).collect();
        arguments.push("--help");
        assert_eq!(ocelli(&arguments).status.code(), Some(0), "{example}");
        examples += 1;
    }
    assert!(examples > 3);
}

#[test]
fn a_wrong_command_line_has_its_own_exit_code() {
    for arguments in [
        &["chek"][..],
        &[],
        &["check", "--loud"],
        &["models", "show", "x"],
    ] {
        let output = ocelli(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(output.stdout.is_empty(), "{arguments:?}");
        assert!(!output.stderr.is_empty(), "{arguments:?}");
    }
}
