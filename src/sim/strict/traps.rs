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
/// Frames that are told, from the one that called on.
const FRAMES_TOLD: usize = 12;
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

thread_local! {
    static WHAT: Cell<What> = const { Cell::new(What::Nothing) };
    static DEPTH: Cell<usize> = const { Cell::new(0) };
    static STACK: [Cell<usize>; FRAMES_MAX] = const { [const { Cell::new(0) }; FRAMES_MAX] };
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
        let depth = DEPTH.replace(0);
        let stack = STACK.with(|stack| stack[..depth].iter().map(Cell::get).collect());
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

/// Where the handlers end and the code that called begins.
const HANDLER: &str = "strict::traps::";
/// Where the simulation begins.
const SEAL: [&str; 2] = ["stormglass::sim::seal::", "madsim::sim::task::"];

fn functions(stack: &[usize]) -> Vec<String> {
    let mut functions: Vec<String> = Vec::new();
    for frame in stack {
        backtrace::resolve(ptr::without_provenance_mut(*frame), |symbol| {
            let name = symbol.name().map(|name| format!("{name:#}"));
            let file = symbol.filename().and_then(|path| path.file_name());
            let place = file.zip(symbol.lineno());
            let place = place.map(|(file, line)| format!(" ({}:{line})", file.display()));
            functions.push(name.unwrap_or_else(|| "?".to_owned()) + &place.unwrap_or_default());
        });
    }
    let start =
        functions.iter().rposition(|name| name.contains(HANDLER)).map_or(0, |last| last + 1);
    let called = functions.split_off(start);
    let is_seal = |name: &String| SEAL.iter().any(|seal| name.contains(seal));
    let within = called.into_iter().take_while(|name| !is_seal(name));
    // The signal's return, between handler and caller, is nobody's function.
    within.filter(|name| name != "?" && !name.contains("restore_rt")).take(FRAMES_TOLD).collect()
}

fn note(what: What) {
    if trespassed() {
        return;
    }
    WHAT.set(what);
    STACK.with(|stack| {
        // SAFETY: this thread's traps come from code of its own and one at a time; what another thread
        // unwinds or resolves meanwhile is not touched by unwinding.
        unsafe {
            backtrace::trace_unsynchronized(|frame| {
                let depth = DEPTH.get();
                stack[depth].set(frame.ip().addr());
                DEPTH.set(depth + 1);
                depth + 1 < FRAMES_MAX
            });
        }
    });
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
            note(What::Call(call.number));
        }
        refuse(context);
    }
}

/// A system call as the registers have it.
struct Call {
    number: i64,
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
    Call { number: registers[libc::REG_RAX as usize], second }
}

#[cfg(target_arch = "x86_64")]
fn refuse(context: &mut ucontext_t) {
    context.uc_mcontext.gregs[libc::REG_RAX as usize] = (-libc::EPERM).into();
}

#[cfg(target_arch = "aarch64")]
fn call_of(context: &ucontext_t) -> Call {
    let registers = &context.uc_mcontext.regs;
    Call { number: registers[8].cast_signed(), second: registers[1] as usize }
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
                note(What::TimeStamp);
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
