//! The kernel's flags of a mapping, as `smaps` prints them (`VmFlags`, Documentation/filesystems/proc.rst).

/// A set of flags, of those that matter here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Flags(u16);

impl Flags {
    /// Not copied by a fork. All of V8's heap since Node 18.
    pub(crate) const NO_FORK: Self = Self(1);
    /// Not part of a core.
    pub(crate) const NO_DUMP: Self = Self(1 << 1);
    /// Memory of a device.
    pub(crate) const DEVICE: Self = Self(1 << 2);
    /// Pages without page structures.
    pub(crate) const RAW_PAGES: Self = Self(1 << 3);
    /// Zeroed by a fork.
    pub(crate) const WIPED_BY_FORK: Self = Self(1 << 4);
    /// Faults are served by a program (userfaultfd).
    pub(crate) const SERVED: Self = Self(1 << 5);
    /// Huge pages from hugetlbfs.
    pub(crate) const HUGE: Self = Self(1 << 6);
    /// A stack that the processor guards.
    pub(crate) const SHADOW_STACK: Self = Self(1 << 7);

    const NAMES: [(&'static str, Self); 10] = [
        ("dc", Self::NO_FORK),
        ("dd", Self::NO_DUMP),
        ("io", Self::DEVICE),
        ("pf", Self::RAW_PAGES),
        ("wf", Self::WIPED_BY_FORK),
        ("um", Self::SERVED),
        ("uw", Self::SERVED),
        ("ui", Self::SERVED),
        ("ht", Self::HUGE),
        ("ss", Self::SHADOW_STACK),
    ];

    /// From the words of the line.
    pub(crate) fn parse(words: &str) -> Self {
        let known = words
            .split_ascii_whitespace()
            .filter_map(|word| Self::NAMES.iter().find(|(name, _)| *name == word));
        Self(known.fold(0, |set, (_, flag)| set | flag.0))
    }

    /// Whether any of these is set.
    pub(crate) fn any(self, flags: Self) -> bool {
        self.0 & flags.0 != 0
    }

    /// This without those.
    pub(crate) const fn without(self, flags: Self) -> Self {
        Self(self.0 & !flags.0)
    }

    /// Both.
    pub(crate) const fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}
