//! The editor of the selected entry, for one boot: its kernel, its initrds and its command line.

use super::{
    MenuChoice, Mode, Step,
    bindings::{KeyCommand, ModeName},
    entries::{BootParts, Entries, TypedFile},
};
use crate::ui::{field::TextField, keys::Key, screen::Picture, wrap::wrapped};

/// Columns of the names of the parts, with the space around them.
const LABELS: usize = 16;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum EditedPart {
    Kernel,
    Initrd,
    CommandLine,
}

#[derive(Debug)]
pub(super) struct Editor {
    id: String,
    title: String,
    fields: Vec<(EditedPart, TextField)>,
    /// The place of the field that gets the keys.
    current: usize,
}

impl Editor {
    /// `None` where the selected entry cannot be changed. `words` are put after its command line, where the cursor is.
    pub(super) fn new(entries: &Entries, words: &str) -> Option<Self> {
        let item = entries.selected()?;
        let BootParts { kernel, initrds, cmdline } = item.parts.as_ref()?;
        let mut fields = vec![(EditedPart::Kernel, TextField::new(kernel))];
        fields.extend(initrds.iter().map(|initrd| (EditedPart::Initrd, TextField::new(initrd))));
        fields.push((EditedPart::CommandLine, TextField::new(&[cmdline, words].concat())));
        let current = fields.len().saturating_sub(1);
        Some(Self { id: item.id.clone(), title: item.full_title(), fields, current })
    }

    fn parts(&self) -> BootParts {
        let texts = |part| {
            let own = self.fields.iter().filter(move |(other, _)| *other == part);
            own.map(|(_, field)| field.text().trim().to_owned()).filter(|text| !text.is_empty())
        };
        BootParts {
            kernel: texts(EditedPart::Kernel).next().unwrap_or_default(),
            initrds: texts(EditedPart::Initrd).collect(),
            cmdline: texts(EditedPart::CommandLine).next().unwrap_or_default(),
        }
    }

    /// Puts an empty initrd after the current field, before the command line.
    fn add_initrd(&mut self) {
        self.current = self.current.saturating_add(1).min(self.fields.len().saturating_sub(1));
        self.fields.insert(self.current, (EditedPart::Initrd, TextField::default()));
    }
}

impl Mode for Editor {
    fn name(&self) -> ModeName {
        ModeName::Editor
    }

    fn changes(&self) -> Option<&str> {
        Some(&self.id)
    }

    fn typed_files(&self) -> Vec<TypedFile> {
        let BootParts { kernel, initrds, .. } = self.parts();
        let kernel = TypedFile { text: kernel, is_kernel: true };
        let initrds = initrds.into_iter().map(|text| TypedFile { text, is_kernel: false });
        std::iter::once(kernel).chain(initrds).collect()
    }

    fn view(&self, entries: &Entries, room: usize, columns: usize) -> Picture {
        let mut rows = wrapped(&self.title, columns, "  ");
        rows.push(String::new());
        let mut cursor = (0, 0);
        for (place, (part, field)) in self.fields.iter().enumerate() {
            let name = match part {
                EditedPart::Kernel => "kernel",
                EditedPart::Initrd => "initrd",
                EditedPart::CommandLine => "command line",
            };
            // The last column stays free.
            let (text, (row, column)) = field.rows(columns.saturating_sub(LABELS).saturating_sub(1));
            if place == self.current {
                cursor = (rows.len().saturating_add(row), column.saturating_add(LABELS));
            }
            let names = std::iter::once(name).chain(std::iter::repeat(""));
            let width = LABELS.saturating_sub(2);
            rows.extend(names.zip(text).map(|(name, text)| format!("  {name:width$}{text}")));
            let fault = entries.verdict(field.text().trim()).and_then(|verdict| verdict.fault.as_ref());
            if let Some(fault) = fault.filter(|_| *part != EditedPart::CommandLine) {
                rows.extend(wrapped(&format!("{:LABELS$}! {fault}", ""), columns, "                  "));
            }
        }
        let BootParts { kernel, cmdline, .. } = self.parts();
        let (length, limit) = (cmdline.len(), entries.verdict(&kernel).and_then(|known| known.cmdline_limit));
        let length = match limit {
            Some(limit) if length > limit => {
                format!("  ! The command line has {length} bytes, and this kernel takes {limit}.")
            }
            Some(limit) => format!("  The command line has {length} of {limit} bytes."),
            None => format!("  The command line has {length} bytes."),
        };
        rows.push(String::new());
        rows.extend(wrapped(&length, columns, "    "));
        super::around(cursor, rows, room)
    }

    fn take(&mut self, command: Option<KeyCommand>, key: Key, _entries: &mut Entries) -> Step {
        match command {
            Some(KeyCommand::Accept) => {
                return Step::Choose(MenuChoice::BootWith(self.id.clone(), self.parts()));
            }
            Some(KeyCommand::Cancel) => return Step::Close,
            Some(KeyCommand::Up) => self.current = self.current.saturating_sub(1),
            Some(KeyCommand::Down) => {
                self.current = self.current.saturating_add(1).min(self.fields.len().saturating_sub(1));
            }
            Some(KeyCommand::AddInitrd) => self.add_initrd(),
            _ => {
                if let Some((_, field)) = self.fields.get_mut(self.current) {
                    field.take(key);
                }
            }
        }
        Step::Done
    }
}
