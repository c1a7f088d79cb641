//! What another process used: time on a processor, in nanoseconds, and memory, as Linux counts them.

use anyhow::{Context, Result};

/// A process of this machine.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Meter(pub(crate) u32);

impl Meter {
    /// Nanoseconds on a processor so far, of all threads that live.
    pub(crate) fn cpu_ns(self) -> Result<u64> {
        let mut sum = 0;
        for thread in std::fs::read_dir(format!("/proc/{}/task", self.0))? {
            // A thread that ended meanwhile has nothing more to say.
            let Ok(text) = std::fs::read_to_string(thread?.path().join("schedstat")) else {
                continue;
            };
            let spent = text
                .split(' ')
                .next()
                .context("schedstat has three numbers")?;
            sum += spent.parse::<u64>()?;
        }
        Ok(sum)
    }

    /// Begins to look for the most memory anew.
    pub(crate) fn forget_peak(self) -> Result<()> {
        Ok(std::fs::write(format!("/proc/{}/clear_refs", self.0), "5")?)
    }

    /// The most resident memory since, in bytes.
    pub(crate) fn peak_bytes(self) -> Result<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.0))?;
        let line =
            (status.lines().find_map(|line| line.strip_prefix("VmHWM:"))).context("VmHWM")?;
        let kilobytes: u64 = line.trim().trim_end_matches(" kB").trim().parse()?;
        Ok(kilobytes * 1024)
    }
}
