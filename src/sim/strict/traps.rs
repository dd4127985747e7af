//! What becomes of a call that the strict seal does not let through: it is noted with the stack that made it, and
//! answered with a refusal, so that the thread lives until its kernel looks. The only file with unsafe code.

#![allow(
    unsafe_code,
    reason = "signal handlers and the registers of a trapped thread have no safe interface"
)]

use std::cell::Cell;
use std::ffi::c_void;
use std::mem;
use std::ptr;
use std::sync::OnceLock;

use libc::{c_int, siginfo_t, ucontext_t};

use super::filter;
use super::trespass::Trespass;

/// Frames of a stack that are noted.
const FRAMES_MAX: usize = 48;
/// Functions that are told, from the one that called on: opening a file by the standard library is some fifteen of them.
const FRAMES_TOLD: usize = 32;
/// Bytes of the stack on which a trap is handled: unwinding takes some kilobytes.
const TRAP_STACK: usize = 128 << 10;

/// What trespassed, if anything did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum What {
    Nothing,
    Call(i64),
    #[cfg(target_arch = "x86_64")]
    TimeStamp,
}

/// A stack as it is noted where nothing can be allocated: the addresses of its frames, the innermost first.
struct Frames {
    depth: Cell<usize>,
    addresses: [Cell<usize>; FRAMES_MAX],
}

impl Frames {
    const fn none() -> Self {
        Self { depth: Cell::new(0), addresses: [const { Cell::new(0) }; FRAMES_MAX] }
    }

    /// Notes the stack as it is now.
    fn note(&self) {
        self.depth.set(0);
        // SAFETY: this thread's traps come from code of its own and one at a time; what another thread
        // unwinds or resolves meanwhile is not touched by unwinding.
        unsafe {
            backtrace::trace_unsynchronized(|frame| {
                let depth = self.depth.get();
                self.addresses[depth].set(frame.ip().addr());
                self.depth.set(depth + 1);
                depth + 1 < FRAMES_MAX
            });
        }
    }

    fn take(&self) -> Vec<usize> {
        let depth = self.depth.replace(0);
        self.addresses[..depth].iter().map(Cell::get).collect()
    }
}

thread_local! {
    static WHAT: Cell<What> = const { Cell::new(What::Nothing) };
    /// Where the code was that trespassed.
    static AT: Cell<usize> = const { Cell::new(0) };
    static STACK: Frames = const { Frames::none() };
    /// The stack on which this thread entered the seal.
    static ENTERED: Frames = const { Frames::none() };
}

/// Whether anything trespassed on this thread since it entered.
pub(in crate::sim) fn trespassed() -> bool {
    WHAT.get() != What::Nothing
}

/// The thread's first trespass as it was noted: numbers, which any thread can put into words.
pub(in crate::sim) struct Noted {
    what: What,
    stack: Vec<usize>,
}

impl Noted {
    pub(in crate::sim) fn take() -> Self {
        let (stack, entered) = (STACK.with(Frames::take), ENTERED.with(Frames::take));
        let stack = within(&stack, AT.get(), &entered).to_vec();
        Self { what: WHAT.replace(What::Nothing), stack }
    }

    /// In words. Reads the program's symbols from its file: not for a sealed thread.
    pub(in crate::sim) fn told(self) -> Option<Trespass> {
        let call = match self.what {
            What::Nothing => return None,
            What::Call(number) => call_name(number),
            #[cfg(target_arch = "x86_64")]
            What::TimeStamp => "rdtsc".to_owned(),
        };
        Some(Trespass { call, stack: functions(&self.stack) })
    }
}

fn call_name(number: i64) -> String {
    let known = usize::try_from(number).ok().and_then(syscalls::Sysno::new);
    known.map_or_else(|| format!("system call {number}"), |call| call.name().to_owned())
}

/// The part of a stack between the code that was `at` this address when it trespassed, and what entered the seal.
/// Told by addresses, for what functions are called depends on how the program was built.
fn within<'a>(stack: &'a [usize], at: usize, entered: &[usize]) -> &'a [usize] {
    // What handles a trap lies on top of the code that called.
    let from = stack.iter().position(|frame| *frame == at).unwrap_or(0);
    let stack = &stack[from..];
    let outer = stack.iter().position(|frame| entered.contains(frame));
    // The function that entered the seal is the one before: it called on from another place of its own.
    let to = outer.map_or(stack.len(), |outer| outer.saturating_sub(1).max(1));
    &stack[..to]
}

fn functions(stack: &[usize]) -> Vec<String> {
    let mut functions: Vec<String> = Vec::new();
    for frame in stack.iter().take(FRAMES_TOLD) {
        backtrace::resolve(ptr::without_provenance_mut(*frame), |symbol| {
            let Some(name) = symbol.name() else { return };
            let file = symbol.filename().and_then(|path| path.file_name());
            let place = file.zip(symbol.lineno());
            let place = place.map(|(file, line)| format!(" ({}:{line})", file.display()));
            functions.push(format!("{name:#}") + &place.unwrap_or_default());
        });
    }
    functions.truncate(FRAMES_TOLD);
    functions
}

fn note(what: What, at: usize) {
    if trespassed() {
        return;
    }
    WHAT.set(what);
    AT.set(at);
    STACK.with(Frames::note);
}

/// While it is there, traps of this thread have a stack of their own that is large enough.
pub(in crate::sim) struct Entered {
    before: libc::stack_t,
    _stack: Vec<u8>,
}

impl Drop for Entered {
    fn drop(&mut self) {
        // SAFETY: `before` is what the system said of this thread, whose stack for signals lives as long as it.
        unsafe { libc::sigaltstack(&raw const self.before, ptr::null_mut()) };
    }
}

/// Puts this thread under the strict seal, for as long as it lives.
pub(in crate::sim) fn enter() -> Result<Entered, String> {
    static HANDLERS: OnceLock<Result<(), String>> = OnceLock::new();
    HANDLERS.get_or_init(install).clone()?;
    let entered = own_stack()?;
    ENTERED.with(Frames::note);
    stop_time_stamps()?;
    filter::apply()?;
    Ok(entered)
}

fn own_stack() -> Result<Entered, String> {
    let mut stack = vec![0_u8; TRAP_STACK];
    let ours = libc::stack_t { ss_sp: stack.as_mut_ptr().cast(), ss_flags: 0, ss_size: TRAP_STACK };
    // SAFETY: the bytes live as long as `Entered`, which puts the old stack back before they go.
    unsafe {
        let mut before = mem::zeroed();
        done(libc::sigaltstack(&raw const ours, &raw mut before))?;
        Ok(Entered { before, _stack: stack })
    }
}

#[cfg(target_arch = "x86_64")]
fn stop_time_stamps() -> Result<(), String> {
    // SAFETY: plain numbers; from here on `rdtsc` on this thread ends in `on_fault`.
    unsafe { done(libc::prctl(libc::PR_SET_TSC, libc::PR_TSC_SIGSEGV)) }
}

#[cfg(not(target_arch = "x86_64"))]
fn stop_time_stamps() -> Result<(), String> {
    Ok(())
}

fn done(result: c_int) -> Result<(), String> {
    if result == 0 { Ok(()) } else { Err(std::io::Error::last_os_error().to_string()) }
}

// The signature of a handler with `SA_SIGINFO`.
type Handler = extern "C" fn(c_int, *mut siginfo_t, *mut c_void);

/// What handled a fault before.
#[cfg(target_arch = "x86_64")]
static BEFORE: OnceLock<libc::sigaction> = OnceLock::new();

fn install() -> Result<(), String> {
    #[cfg(target_arch = "x86_64")]
    {
        let before = handle(libc::SIGSEGV, on_fault)?;
        let _ = BEFORE.set(before);
    }
    handle(libc::SIGSYS, on_call).map(drop)
}

/// Has a signal handled so from now on. Gives what handled it before.
fn handle(signal: c_int, handler: Handler) -> Result<libc::sigaction, String> {
    // SAFETY: both structures are whole, and the handler has the signature that its flags ask for.
    unsafe {
        let mut action: libc::sigaction = mem::zeroed();
        action.sa_sigaction = handler as *const () as usize;
        action.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK | libc::SA_NODEFER;
        let mut before = mem::zeroed();
        done(libc::sigaction(signal, &raw const action, &raw mut before))?;
        Ok(before)
    }
}

/// A system call that the filter does not let through.
extern "C" fn on_call(_: c_int, info: *mut siginfo_t, context: *mut c_void) {
    const SYS_SECCOMP: c_int = 1;
    // SAFETY: the system hands a handler with these flags both structures, and the registers are this thread's.
    unsafe {
        if (*info).si_code != SYS_SECCOMP {
            libc::abort();
        }
        let context = &mut *context.cast::<ucontext_t>();
        let call = call_of(context);
        if !is_of_the_allocator(&call) {
            note(What::Call(call.number), call.at);
        }
        refuse(context);
    }
}

/// A system call as the registers have it.
struct Call {
    number: i64,
    /// Where the code goes on after it.
    at: usize,
    /// Its second argument: of `openat` the path.
    second: usize,
}

/// Whether glibc's allocator asks, when it gives memory back for the first time, how the system counts memory. Refused,
/// it keeps more; no run sees it.
///
/// # Safety
/// The call's arguments are what its number asks for.
unsafe fn is_of_the_allocator(call: &Call) -> bool {
    let asked = c"/proc/sys/vm/overcommit_memory";
    let path = ptr::with_exposed_provenance(call.second);
    // SAFETY: the second argument of `openat` is a path that ends with a zero.
    call.number == libc::SYS_openat && unsafe { libc::strcmp(path, asked.as_ptr()) } == 0
}

#[cfg(target_arch = "x86_64")]
fn call_of(context: &ucontext_t) -> Call {
    let registers = &context.uc_mcontext.gregs;
    let second = registers[libc::REG_RSI as usize] as usize;
    let at = registers[libc::REG_RIP as usize] as usize;
    Call { number: registers[libc::REG_RAX as usize], at, second }
}

#[cfg(target_arch = "x86_64")]
fn refuse(context: &mut ucontext_t) {
    context.uc_mcontext.gregs[libc::REG_RAX as usize] = (-libc::EPERM).into();
}

#[cfg(target_arch = "aarch64")]
fn call_of(context: &ucontext_t) -> Call {
    let registers = &context.uc_mcontext.regs;
    let at = context.uc_mcontext.pc as usize;
    Call { number: registers[8].cast_signed(), at, second: registers[1] as usize }
}

#[cfg(target_arch = "aarch64")]
fn refuse(context: &mut ucontext_t) {
    context.uc_mcontext.regs[0] = i64::from(-libc::EPERM).cast_unsigned();
}

/// A fault: of an instruction that asks for the time, or of something that is not ours.
#[cfg(target_arch = "x86_64")]
extern "C" fn on_fault(signal: c_int, info: *mut siginfo_t, context: *mut c_void) {
    const SI_KERNEL: c_int = 0x80;
    // SAFETY: as in `on_call`; a protection fault of the processor (`SI_KERNEL`) at an instruction means that it
    // was fetched, so its bytes can be read.
    unsafe {
        if (*info).si_code == SI_KERNEL {
            let registers = &mut (*context.cast::<ucontext_t>()).uc_mcontext.gregs;
            let at: *const u8 =
                ptr::with_exposed_provenance(registers[libc::REG_RIP as usize] as usize);
            if let Some(length) = time_stamp(at) {
                note(What::TimeStamp, at.addr());
                registers[libc::REG_RAX as usize] = 0;
                registers[libc::REG_RDX as usize] = 0;
                registers[libc::REG_RIP as usize] += length;
                return;
            }
        }
    }
    hand_on(signal, info, context);
}

/// The length of the instruction if it is `rdtsc` or `rdtscp`.
///
/// # Safety
/// `at` points at an instruction that was fetched.
#[cfg(target_arch = "x86_64")]
unsafe fn time_stamp(at: *const u8) -> Option<i64> {
    // SAFETY: the second byte is read of an instruction that begins as those of two bytes and more do, the third
    // of one that begins as those of three do.
    unsafe {
        match (*at, (*at == 0x0f).then(|| *at.add(1))) {
            (0x0f, Some(0x31)) => Some(2),
            (0x0f, Some(0x01)) if *at.add(2) == 0xf9 => Some(3),
            _ => None,
        }
    }
}

/// Gives a fault to who handled it before, or to the system.
#[cfg(target_arch = "x86_64")]
fn hand_on(signal: c_int, info: *mut siginfo_t, context: *mut c_void) {
    let before = BEFORE.get();
    // SAFETY: what was installed with `SA_SIGINFO` has that signature; else the signal is put back to what it
    // was, and comes again when the instruction does.
    unsafe {
        match before {
            Some(action)
                if action.sa_flags & libc::SA_SIGINFO != 0
                    && action.sa_sigaction > libc::SIG_IGN =>
            {
                let handler: Handler = mem::transmute(action.sa_sigaction);
                handler(signal, info, context);
            }
            _ => {
                libc::signal(signal, libc::SIG_DFL);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::within;

    #[test]
    fn a_stack_is_told_from_the_code_that_called_to_the_seal() {
        // Handlers, the call at 40, two functions, the seal that had entered at 71, and whatever runs it.
        let stack = [10, 20, 40, 50, 60, 70, 80, 90];
        assert_eq!(within(&stack, 40, &[15, 71, 80, 90]), [40, 50, 60]);
        // The seal calls by itself.
        assert_eq!(within(&[10, 20, 70, 80, 90], 70, &[15, 71, 80, 90]), [70]);
        // So deep that not all frames were noted: none of the seal's, or not the last of them.
        assert_eq!(within(&[10, 20, 40, 50], 40, &[15, 71, 80, 90]), [40, 50]);
        assert_eq!(within(&[10, 20, 40, 50, 70, 80], 40, &[15, 71, 80, 90]), [40, 50]);
        // Code that no frame is of.
        assert_eq!(within(&[10, 20, 70, 80], 45, &[71, 80]), [10, 20]);
    }
}
