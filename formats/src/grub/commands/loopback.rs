//! `loopback`: an image file made a device (GNU GRUB manual, "loopback"); devices that stay locked here; subvolumes that
//! openSUSE's GRUB sees in directories.

use super::{Call, Handler};
use crate::grub::{
    evaluate::Evaluator,
    failure::{CommandFailure, CommandResult, Status},
    options::{Known, Rule, Value, known, parse},
};

pub const COMMANDS: &[(&str, Handler)] =
    &[("loopback", loopback), ("cryptomount", cryptomount), ("btrfs-mount-subvol", mount_subvolume)];

const OPTIONS: &[Known] =
    &[known("delete", Some('d'), Value::None), known("decompress", Some('D'), Value::None)];

fn loopback(evaluator: &mut Evaluator<'_>, call: &Call<'_>) -> CommandResult {
    let given = parse(call.words, OPTIONS, Rule::Strict)?;
    let name = given.argument(0).ok_or_else(|| CommandFailure::usage("loopback takes a device name"))?;
    if given.has("delete") {
        let unknown = || CommandFailure::new(Status::BadDevice, format!("loopback: no device {name}"));
        return evaluator.devices.remove_image(name).then_some(()).ok_or_else(unknown);
    }
    if evaluator.devices.is_image(name) {
        return Err(CommandFailure::new(
            Status::BadArgument,
            format!("loopback: there is a device {name} already"),
        ));
    }
    let path = given.argument(1).ok_or_else(|| CommandFailure::usage("loopback takes a file"))?;
    let file = super::boot::find(evaluator, path)
        .map_err(|reason| CommandFailure::new(Status::FileNotFound, reason))?;
    evaluator.spend_lookup();
    let image = evaluator.lookup.open_image(file.volume, &file.path);
    // GRUB itself complains only where a file in it is asked for.
    if let Err(error) = &image {
        evaluator.warn(format_args!("{path}: {error}"));
    }
    evaluator.devices.add_image(name, image.ok());
    Ok(())
}

/// Encrypted volumes are unlocked before discovery, or not at all.
fn cryptomount(_: &mut Evaluator<'_>, _: &Call<'_>) -> CommandResult {
    Ok(())
}

/// DEVICE DIRECTORY SUBVOLUME; the device only serves to find the subvolume.
fn mount_subvolume(evaluator: &mut Evaluator<'_>, call: &Call<'_>) -> CommandResult {
    let (Some(directory), Some(subvolume)) = (call.word(1), call.word(2)) else {
        return Err(CommandFailure::usage("btrfs-mount-subvol takes a device, a directory and a subvolume"));
    };
    evaluator.devices.mount(directory, subvolume);
    Ok(())
}
