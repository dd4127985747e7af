//! The system-call filter of a sealed thread: which calls it lets through. Handles none.

use std::sync::OnceLock;

use seccompiler::{BpfProgram, SeccompAction, SeccompFilter};

/// What a simulation may ask of the system.
const ALLOWED: [libc::c_long; 17] = [
    // Memory.
    libc::SYS_brk,
    libc::SYS_madvise,
    libc::SYS_mmap,
    libc::SYS_mprotect,
    libc::SYS_mremap,
    libc::SYS_munmap,
    // Locks; whoever waits for another thread's gets no more from it than time, which is not to be had.
    libc::SYS_futex,
    libc::SYS_set_robust_list,
    // Logs, to what was open before.
    libc::SYS_write,
    libc::SYS_writev,
    // Signals: back from a handler, and the stack of one.
    libc::SYS_rt_sigreturn,
    libc::SYS_rt_sigprocmask,
    libc::SYS_sigaltstack,
    libc::SYS_restart_syscall,
    // The end, of the thread and of a process that is beyond help.
    libc::SYS_exit,
    libc::SYS_exit_group,
    libc::SYS_tgkill,
];

/// Puts the filter on this thread, for as long as it lives.
pub(super) fn apply() -> Result<(), String> {
    static PROGRAM: OnceLock<Result<BpfProgram, String>> = OnceLock::new();
    let program = PROGRAM.get_or_init(|| program().map_err(|error| error.to_string()));
    let program = program.as_ref().map_err(Clone::clone)?;
    seccompiler::apply_filter(program).map_err(|error| error.to_string())
}

fn program() -> Result<BpfProgram, seccompiler::BackendError> {
    let allowed = ALLOWED.iter().map(|call| (*call, Vec::new())).collect();
    let arch = std::env::consts::ARCH.try_into()?;
    SeccompFilter::new(allowed, SeccompAction::Trap, SeccompAction::Allow, arch)?.try_into()
}
