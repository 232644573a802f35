//! The rescue console's end: what it asks PID 1 for.

use super::{
    output::Failure,
    shell::{Next, Shell},
};
use crate::boot::supervision::Request;

pub(super) fn reboot(shell: &mut Shell, _: &[String]) -> Result<Next, Failure> {
    shell.ask(&Request::Reboot)?;
    Ok(Next::Prompt)
}

pub(super) fn power_off(shell: &mut Shell, _: &[String]) -> Result<Next, Failure> {
    shell.ask(&Request::PowerOff)?;
    Ok(Next::Prompt)
}
