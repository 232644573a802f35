//! Questions about the machine and its network (GNU GRUB manual, "cpuid", "smbios", "cmostest", "net_bootp"; Ubuntu's
//! `hwmatch`).

use super::{Call, Handler};
use crate::grub::{
    evaluate::Evaluator,
    failure::{CommandFailure, CommandResult, answer},
};

pub const COMMANDS: &[(&str, Handler)] = &[
    ("cpuid", cpuid),
    ("hwmatch", hwmatch),
    ("cmostest", unknown),
    ("getenv", unknown),
    ("getkey", unknown),
    ("net_add_addr", unknown),
    ("net_add_dns", unknown),
    ("net_add_route", unknown),
    ("net_bootp", unknown),
    ("net_bootp6", unknown),
    ("net_dhcp", unknown),
    ("net_get_dhcp_option", unknown),
    ("net_ipv6_autoconf", unknown),
    ("net_nslookup", unknown),
    ("rdmsr", unknown),
    ("smbios", unknown),
];

/// Long mode (`-l`, which is also what no option asks) and PAE (`-p`) are there on every machine that this runs on.
fn cpuid(evaluator: &mut Evaluator<'_>, _: &Call<'_>) -> CommandResult {
    answer(evaluator.facts.cpu == "x86_64")
}

/// Ubuntu's list of graphics cards that cannot keep a mode: cards that old are gone.
fn hwmatch(evaluator: &mut Evaluator<'_>, call: &Call<'_>) -> CommandResult {
    let path = call.word(0).ok_or_else(|| CommandFailure::usage("hwmatch takes a file"))?;
    super::reads::there(evaluator, path)?;
    evaluator.environment.set("match", "0");
    Ok(())
}

/// Facts that only the firmware or the network knows are not asked for: the answer is no.
fn unknown(_: &mut Evaluator<'_>, _: &Call<'_>) -> CommandResult {
    Err(CommandFailure::no())
}
