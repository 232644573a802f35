//! The log of the command line, by `simple_logger`. A line names the program, not the module that wrote it.

use log::{LevelFilter, Log, Metadata, Record};
use simple_logger::SimpleLogger;

use crate::formats::text::printable_lines;

/// A logger that puts the program's name in place of the module's. Nothing that it writes steers the terminal.
struct Named {
    program: &'static str,
    logger: SimpleLogger,
}

impl Log for Named {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        self.logger.enabled(metadata)
    }

    fn log(&self, record: &Record<'_>) {
        if self.enabled(record.metadata()) {
            let text = printable_lines(&record.args().to_string());
            let mut builder = Record::builder();
            builder.level(record.level()).target(self.program);
            self.logger.log(&builder.args(format_args!("{text}")).build());
        }
    }

    fn flush(&self) {}
}

/// Lets the log appear on stderr up to this level. Where there is a log already, it stays.
pub(super) fn start(program: &'static str, level: LevelFilter) {
    // goblin's debug output about a kernel's headers is pages long.
    let logger = SimpleLogger::new().with_level(level).with_module_level("goblin", LevelFilter::Warn);
    if log::set_boxed_logger(Box::new(Named { program, logger })).is_ok() {
        log::set_max_level(level);
    }
}
