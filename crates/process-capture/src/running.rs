//! A process that runs: its memory, read while it changes. For what stays where it is; the rest is read of a [`crate::Hold`].

use process_memory::{AuxiliaryVector, Gap, GapKind, Mapping, ProcessMemory, Thread, mapping_at};

use crate::{
    CaptureError,
    door::{self, PAGE},
    target::regions::{Region, parse},
};

/// The memory of a process that runs on; without threads, whose registers change all the time.
#[derive(Debug)]
pub struct Running {
    memory: door::Memory,
    mappings: Vec<Mapping>,
    auxiliary: AuxiliaryVector,
}

impl Running {
    /// Looks at its mappings. Nothing is done to it.
    ///
    /// # Errors
    /// If it is gone, or not ours to read.
    pub fn look(pid: u32) -> Result<Self, CaptureError> {
        let maps = door::read_text(&format!("/proc/{pid}/maps"))
            .map_err(CaptureError::call(pid, "reading /proc/PID/maps"))?;
        let auxiliary = door::read(&format!("/proc/{pid}/auxv"))
            .map_err(CaptureError::call(pid, "reading /proc/PID/auxv"))?;
        Ok(Self {
            memory: door::Memory::of(pid),
            mappings: parse(&maps).iter().map(Region::mapping).collect(),
            auxiliary: AuxiliaryVector::parse(&auxiliary),
        })
    }
}

impl ProcessMemory for Running {
    fn mappings(&self) -> &[Mapping] {
        &self.mappings
    }

    fn read_at(&self, address: u64, buffer: &mut [u8]) -> Result<(), Gap> {
        let done = self.memory.read_all(address, buffer);
        if done == buffer.len() {
            return Ok(());
        }
        let missing = address + done as u64;
        match mapping_at(&self.mappings, missing) {
            None => Err(Gap { address: missing, kind: GapKind::Unmapped }),
            Some(_) => {
                Err(Gap { address: (missing - missing % PAGE).max(address), kind: GapKind::Unreadable })
            }
        }
    }

    fn threads(&self) -> &[Thread] {
        &[]
    }

    fn auxiliary(&self) -> &AuxiliaryVector {
        &self.auxiliary
    }
}

#[cfg(test)]
mod tests {
    use process_memory::ReadExt;

    use super::*;

    #[test]
    fn what_lies_in_a_process_is_read_up_to_where_it_ends() {
        let word: u64 = 0x1234_5678_9abc_def0;
        let running = Running::look(std::process::id()).unwrap();
        assert_eq!(running.u64_at(&raw const word as u64), Ok(word));
        assert_eq!(running.u64_at(64), Err(Gap { address: 64, kind: GapKind::Unmapped }));
        assert!(running.mappings().iter().any(|mapping| mapping.name == "[stack]"));
        assert!(running.auxiliary().get(process_memory::auxiliary_type::PHDR).is_some());
        assert!(matches!(
            Running::look(u32::MAX),
            Err(CaptureError::Call { .. } | CaptureError::NoProcess { .. } | CaptureError::Ended { .. })
        ));
    }
}
