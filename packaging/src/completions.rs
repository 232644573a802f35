//! Shell completions for bash, zsh and fish, from the tables that the command lines are read by.

use firstlight::{
    cli::reference::{CommandReference, OptionReference, commands, common_options},
    kexec::command,
};

/// Words that options take instead of a file.
const CHOICES: &[(&str, &str)] = &[("cmdline-from", "entry running"), ("firmware", "efi bios")];

/// bash: one function for both programs.
#[must_use]
pub fn bash() -> String {
    let mut cases = String::new();
    for command in commands() {
        let words: Vec<String> = all(&command).map(|option| format!("--{}", option.long)).collect();
        cases.push_str(&format!("        {}) words='{}' ;;\n", command.name, words.join(" ")));
    }
    let mut choices = String::new();
    for (option, words) in CHOICES {
        choices.push_str(&format!(
            "        --{option}) mapfile -t COMPREPLY < <(compgen -W '{words}' -- \"$word\"); return ;;\n"
        ));
    }
    let names: Vec<&str> = commands().iter().map(|command| command.name).collect();
    let names = names.join(" ");
    let kexec: Vec<String> = command::names()
        .map(|(_, long, value)| if value { format!("--{long}=") } else { format!("--{long}") })
        .collect();
    let kexec = kexec.join(" ");
    format!(
        "# bash completion for firstlight(1) and kexec(8)\n\
         _firstlight() {{\n    \
             local word=${{COMP_WORDS[COMP_CWORD]}} words\n    \
             case ${{COMP_WORDS[COMP_CWORD-1]}} in\n{choices}    esac\n    \
             case ${{COMP_WORDS[1]}} in\n{cases}        *) words='{names} --help --version' ;;\n    esac\n    \
             [[ $COMP_CWORD -gt 1 ]] || words='{names} --help --version'\n    \
             if [[ $COMP_CWORD -gt 1 && $word != -* ]]; then\n        \
                 mapfile -t COMPREPLY < <(compgen -f -- \"$word\")\n    \
             else\n        \
                 mapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$word\")\n    \
             fi\n\
         }}\n\
         _firstlight_kexec() {{\n    \
             local word=${{COMP_WORDS[COMP_CWORD]}}\n    \
             if [[ $word == -* ]]; then\n        \
                 mapfile -t COMPREPLY < <(compgen -W '{kexec}' -- \"$word\")\n        \
                 [[ ${{COMPREPLY[0]-}} != *= ]] || compopt -o nospace\n    \
             else\n        \
                 mapfile -t COMPREPLY < <(compgen -f -- \"$word\")\n    \
             fi\n\
         }}\n\
         complete -o filenames -F _firstlight firstlight\n\
         complete -o filenames -F _firstlight_kexec kexec\n"
    )
}

/// zsh, for `firstlight`.
#[must_use]
pub fn zsh() -> String {
    let mut text = String::from(
        "#compdef firstlight\n# zsh completion for firstlight(1)\n\nlocal -a subcommands\nsubcommands=(\n",
    );
    for command in commands() {
        text.push_str(&format!("  '{}:{}'\n", command.name, quoted(command.summary)));
    }
    text.push_str(
        ")\nif (( CURRENT == 2 )); then\n  _describe command subcommands\n  return\nfi\ncase $words[2] in\n",
    );
    for command in commands() {
        text.push_str(&format!("  {})\n    _arguments", command.name));
        for option in all(&command) {
            let what = quoted(option.what).replace('[', "\\[").replace(']', "\\]");
            let value = match CHOICES.iter().find(|(name, _)| *name == option.long) {
                Some((_, words)) => format!(":value:({words})"),
                None if option.value.is_empty() => String::new(),
                None => ":value:_files".to_owned(),
            };
            text.push_str(&format!(" \\\n      '--{}[{what}]{value}'", option.long));
        }
        text.push_str(" \\\n      '*:file:_files'\n    ;;\n");
    }
    text.push_str("esac\n");
    text
}

/// fish, for both programs.
#[must_use]
pub fn fish() -> String {
    let mut text = String::from("# fish completion for firstlight(1) and kexec(8)\n");
    for command in commands() {
        let (name, summary) = (command.name, quoted(command.summary));
        text.push_str(&format!(
            "complete -c firstlight -n __fish_use_subcommand -f -a {name} -d '{summary}'\n"
        ));
        for option in all(&command) {
            let short = option.short.map_or_else(String::new, |letter| format!(" -s {letter}"));
            let value = match CHOICES.iter().find(|(name, _)| *name == option.long) {
                Some((_, words)) => format!(" -x -a '{words}'"),
                None if option.value.is_empty() => String::new(),
                None => " -r".to_owned(),
            };
            let what = quoted(option.what);
            text.push_str(&format!(
                "complete -c firstlight -n '__fish_seen_subcommand_from {name}'{short} -l {}{value} -d '{what}'\n",
                option.long
            ));
        }
    }
    for (short, long, value) in command::names() {
        let short = short.map_or_else(String::new, |letter| format!(" -s {letter}"));
        let value = if value { " -r" } else { "" };
        text.push_str(&format!("complete -c kexec{short} -l {long}{value}\n"));
    }
    text
}

fn all(command: &CommandReference) -> impl Iterator<Item = OptionReference> + use<> {
    command.options.clone().into_iter().chain(common_options())
}

/// Text for between single quotes.
fn quoted(text: &str) -> String {
    text.replace('\\', "").replace('\'', "’")
}
