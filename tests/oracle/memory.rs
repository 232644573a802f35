//! GRUB's memory from boot to boot: headers of configurations with environment blocks, run by grub-emu and by the
//! evaluator, and lists of entries to fall back to.

use std::{fs, path::Path};

use proptest::{collection::vec, prelude::*, sample::select};

use crate::{booted, emulator::Grub};

/// The parts of 00_header, Ubuntu's, and Fedora's 10_reset_boot_success and 12_menu_auto_hide that decide.
const HEADER: &str = r#"
function decide {
  if [ -s $prefix/grubenv ]; then set have_grubenv=true; load_env; fi
  if [ "${next_entry}" ]; then set default="${next_entry}"; set next_entry=; set boot_once=true
  else set default="${saved_entry}"; fi
  if [ "${prev_saved_entry}" ]; then
    set saved_entry="${prev_saved_entry}"; set prev_saved_entry=; set boot_once=true
  fi
  if [ "${recordfail}" = 1 ]; then set timeout=30
  elif [ x$feature_timeout_style = xy ]; then set timeout_style=hidden; set timeout=0
  else set timeout=5; fi
  if [ "${boot_success}" = "1" -o "${boot_indeterminate}" = "1" ]; then set menu_hide_ok=1; else set menu_hide_ok=0; fi
  if [ "${boot_success}" = "1" ]; then set boot_indeterminate=0
  elif [ "${boot_indeterminate}" = "1" ]; then set boot_indeterminate=2; fi
  set boot_success=0
  if [ "${menu_show_once}" ]; then set timeout_style=menu; set timeout=60
  elif [ "${menu_auto_hide}" -a "${menu_hide_ok}" = "1" ]; then
    if [ "${fastboot}" = "1" ]; then set timeout_style=menu; set timeout=0
    else set timeout_style=hidden; set timeout=1; fi
  fi
}
function savedefault { if [ -z "${boot_once}" ]; then saved_entry="${chosen}"; emit save "$saved_entry"; fi; }
decide
emit "$default" "$timeout" "$timeout_style" "$saved_entry" "$boot_indeterminate" "$menu_hide_ok"
export log
set timeout=0
menuentry 'One' --id one { savedefault; go one "$chosen"; }
submenu 'More' --id more {
  menuentry 'Two' --id two { savedefault; go two "$chosen"; }
  menuentry 'Three' --id three { savedefault; go three "$chosen"; }
}
menuentry '1' --id four { savedefault; go four "$chosen"; }
"#;

const VARIABLES: [&str; 9] = [
    "next_entry",
    "saved_entry",
    "prev_saved_entry",
    "recordfail",
    "boot_success",
    "boot_indeterminate",
    "menu_auto_hide",
    "fastboot",
    "menu_show_once",
];

/// A block: variables in any order, twice too, most of them with the values that count.
pub fn block() -> impl Strategy<Value = String> {
    let entry = select(vec!["one", "more>two", "1>1", "2", "More>Three", "1", "nothing", "", "four", "more"]);
    let flag = select(vec!["0", "1", "", "1\\\\", "2"]);
    let variable = (0..VARIABLES.len(), entry, flag).prop_map(|(which, entry, flag)| {
        format!("{}={}\n", VARIABLES[which], if which < 3 { entry } else { flag })
    });
    vec(variable, 0..6).prop_map(|lines| format!("# GRUB Environment Block\n{:#<200}", lines.concat()))
}

/// The answers of both to the header with this block.
pub fn remembered(grub: &Grub, directory: &Path, block: &str) -> (Option<String>, Option<String>) {
    fs::write(directory.join("grubenv"), block).unwrap();
    booted(grub, directory, HEADER)
}

/// A menu whose default may fail, and what it falls back to. One entry at least is good and listed: where none is, GRUB
/// waits in its menu.
pub fn failing() -> impl Strategy<Value = String> {
    let word = select(vec!["0", "1", "2", "3", "01", "0x2", " 3 "]);
    (vec(word, 0..4), 0..4_usize, vec(any::<bool>(), 4)).prop_map(|(words, default, good)| {
        let entry = |number: usize| match good[number] || number == 1 {
            // The last command's failure is the entry's.
            false => format!("menuentry {number} {{ false; }}\n"),
            true if number == 2 => {
                "submenu 2 {\nmenuentry inner { go inner; }\nmenuentry other { go other; }\n}\n".to_owned()
            }
            true => format!("menuentry {number} {{ go {number}; }}\n"),
        };
        let entries: String = (0..4).map(entry).collect();
        format!("set timeout=0\nset default={default}\nset fallback=\"{} 1\"\n{entries}", words.join(" "))
    })
}
