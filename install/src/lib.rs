//! Puts firstlight on the ESP of a running system as a boot entry of its own, and takes it away again.
//!
//! Data moves forward only: [`facts`] are read from the system, [`plan`] makes [`step`]s of them, and [`system`] carries these
//! out. Each step is atomic and may be repeated, and [`state`] says on disk what is installed before anything of it is there: at
//! whatever step a run ends, the machine boots as before, and the next run finishes or takes back what it left.
#![forbid(unsafe_code)]

pub mod arguments;
pub mod enrolled;
pub mod error;
pub mod esp;
pub mod facts;
pub mod image;
pub mod machine;
pub mod plan;
pub mod recovery;
pub mod run;
pub mod state;
pub mod step;
pub mod system;

pub use error::InstallError;
