//! Man pages (man(7)) from the same tables and texts that `--help` shows.

use firstlight::{
    cli::reference::{OptionReference, commands, common_options},
    kexec::command::HELP,
};

/// firstlight(1).
#[must_use]
pub fn firstlight() -> String {
    let mut page = title("FIRSTLIGHT", "1", "firstlight", "find and start what is installed on this machine");
    section(&mut page, "SYNOPSIS");
    for command in commands() {
        page.push_str(&format!(".B firstlight {}\n{}\n.br\n", command.name, plain(command.operands)));
    }
    section(&mut page, "DESCRIPTION");
    paragraph(
        &mut page,
        "Finds every installed system on this machine's disks as its own boot loader would (GRUB, systemd-boot, unified \
         kernel images, syslinux and others), shows it, and restarts the running system into it without the firmware.",
    );
    section(&mut page, "COMMANDS");
    for command in commands() {
        page.push_str(&format!(".SS firstlight {} {}\n", command.name, plain(command.operands)));
        paragraph(&mut page, &format!("{}.", command.summary));
        if !command.details.is_empty() {
            paragraph(&mut page, command.details);
        }
        command.options.iter().for_each(|known| option(&mut page, known));
    }
    section(&mut page, "OPTIONS OF EVERY COMMAND");
    common_options().iter().for_each(|known| option(&mut page, known));
    section(&mut page, "EXAMPLES");
    for (line, what) in commands().iter().flat_map(|command| command.examples) {
        page.push_str(&format!(".TP\n.B {}\n{}\n", plain(line), plain(what)));
    }
    section(&mut page, "EXIT STATUS");
    paragraph(&mut page, "0 done, 1 failed, 2 wrong usage.");
    section(&mut page, "FILES");
    for (file, what) in [
        (
            "/etc/firstlight.conf",
            "settings, where firstlight is the boot loader; firstlight config shows them",
        ),
        ("/etc/default/firstlight", "whether every restart goes into a loaded kernel"),
    ] {
        page.push_str(&format!(".TP\n.I {file}\n{what}\n"));
    }
    see_also(&mut page, ".BR kexec (8),\n.BR systemctl (1)");
    page
}

/// kexec(8), made of its help.
#[must_use]
pub fn kexec() -> String {
    let mut page = title("KEXEC", "8", "kexec", "start another Linux kernel from the running one");
    section(&mut page, "SYNOPSIS");
    page.push_str(".B kexec\n[OPTION]... [KERNEL]\n");
    section(&mut page, "DESCRIPTION");
    paragraph(
        &mut page,
        "Loads a kernel and jumps into it without going through the firmware. It takes the words of kexec-tools and gives \
         its exit codes. Without any word it loads what this machine boots on its own, or keeps what is loaded already, \
         and shuts down into it.",
    );
    let mut open = false;
    for line in HELP.lines().skip(1) {
        let text = line.trim_start();
        let indent = line.len() - text.len();
        match indent {
            _ if text.is_empty() => {}
            0 if text.starts_with("Usage:") => section(&mut page, "USUAL CALLS"),
            0 if text.starts_with("Exit code:") => {
                section(&mut page, "EXIT STATUS");
                paragraph(&mut page, text.trim_start_matches("Exit code: "));
            }
            0 => section(&mut page, &text.to_uppercase()),
            // The effect of an option comes after it, or on the next line.
            1..=8 => {
                let (name, what) = text.split_once("  ").unwrap_or((text, ""));
                page.push_str(&format!(".TP\n.B {}\n", plain(name.trim())));
                page.push_str(&body(what.trim()));
                open = true;
            }
            _ if open => page.push_str(&body(text)),
            _ => {}
        }
    }
    see_also(&mut page, ".BR firstlight (1),\n.BR systemctl (1),\n.BR kexec_load (2)");
    page
}

fn title(name: &str, section: &str, program: &str, what: &str) -> String {
    let version = env!("CARGO_PKG_VERSION");
    format!(".TH {name} {section} \"\" \"firstlight {version}\" \"\"\n.SH NAME\n{program} \\- {what}\n")
}

fn section(page: &mut String, name: &str) {
    page.push_str(&format!(".SH {}\n", plain(name)));
}

fn paragraph(page: &mut String, text: &str) {
    page.push_str(&format!(".PP\n{}", body(text)));
}

fn option(page: &mut String, option: &OptionReference) {
    let short = option.short.map_or_else(String::new, |letter| format!("-{letter}, "));
    let value = if option.value.is_empty() { String::new() } else { format!(" {}", option.value) };
    page.push_str(&format!(
        ".TP\n.B {}\n{}",
        plain(&format!("{short}--{}{value}", option.long)),
        body(option.what)
    ));
}

fn see_also(page: &mut String, pages: &str) {
    page.push_str(&format!(".SH SEE ALSO\n{pages}\n"));
}

/// A text as a line of its own; empty for an empty one.
fn body(text: &str) -> String {
    if text.is_empty() { String::new() } else { format!("{}\n", plain(text)) }
}

/// Text in which nothing is a request or an escape: dashes stay dashes, and dots and quotes do not begin a line.
fn plain(text: &str) -> String {
    let text = text.replace('\\', "\\e").replace('-', "\\-").replace('…', "...");
    if text.starts_with(['.', '\'']) { format!("\\&{text}") } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_option_is_on_its_page() {
        let page = firstlight();
        for option in commands().into_iter().flat_map(|command| command.options).chain(common_options()) {
            assert!(page.contains(&plain(&format!("--{}", option.long))), "{}", option.long);
        }
        let page = kexec();
        for long in
            ["load", "exec", "append", "initrd", "reuse-cmdline", "kexec-file-syscall", "mem-min", "status"]
        {
            assert!(page.contains(&plain(&format!("--{long}"))), "{long}");
        }
    }

    #[test]
    fn nothing_in_a_text_is_taken_for_a_request() {
        assert_eq!(plain("-a\\b"), "\\-a\\eb");
        assert_eq!(plain(".conf"), "\\&.conf");
        for page in [firstlight(), kexec()] {
            let known = [".TH", ".SH", ".SS", ".PP", ".TP", ".B", ".BR", ".I", ".br"];
            for line in page.lines().filter(|line| line.starts_with('.')) {
                assert!(known.contains(&line.split(' ').next().unwrap()), "{line}");
            }
        }
    }
}
