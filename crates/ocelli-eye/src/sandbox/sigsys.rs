//! A refused system call fails with `EPERM` and is counted; the process goes on.
//!
//! seccomp's own way of answering an error counts nothing, so the filter raises `SIGSYS` instead,
//! and the handler puts the error where the caller reads it.
#![expect(
    unsafe_code,
    reason = "a signal handler that answers for the kernel has no safe form"
)]

use std::sync::atomic::{AtomicU64, Ordering};

static REFUSED: AtomicU64 = AtomicU64::new(0);

/// Calls that were refused so far.
pub(super) fn refused() -> u64 {
    REFUSED.load(Ordering::Relaxed)
}

/// Installs the handler for the whole process, and leaves faults of memory to the kernel: the
/// language's own handler, which names a stack overflow, needs system calls that are refused soon,
/// and would turn a fault into an endless one.
pub(super) fn install() -> Result<(), String> {
    for fault in [libc::SIGSEGV, libc::SIGBUS] {
        // SAFETY: the default action is a valid one for both, and no handler of ours is replaced.
        if unsafe { libc::signal(fault, libc::SIG_DFL) } == libc::SIG_ERR {
            return Err("the actions for faults of memory could not be set".to_owned());
        }
    }
    // SAFETY: `action` is zeroed, which is a valid value of the C struct, and then filled; the
    // handler has the signature that SA_SIGINFO asks for and calls nothing but atomics.
    let result = unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = answer as *const () as usize;
        action.sa_flags = libc::SA_SIGINFO | libc::SA_NODEFER;
        libc::sigaction(libc::SIGSYS, &raw const action, std::ptr::null_mut())
    };
    if result == 0 {
        Ok(())
    } else {
        Err("no handler for refused system calls could be installed".to_owned())
    }
}

/// Runs in the thread whose call was refused, on its own stack.
extern "C" fn answer(
    _signal: libc::c_int,
    _info: *mut libc::siginfo_t,
    context: *mut libc::c_void,
) {
    REFUSED.fetch_add(1, Ordering::Relaxed);
    let refusal = i64::from(-libc::EPERM);
    // SAFETY: with SA_SIGINFO the kernel passes a valid `ucontext_t` that is ours until we return;
    // the register is the one in which a system call's result is read.
    unsafe {
        let context = context.cast::<libc::ucontext_t>();
        #[cfg(target_arch = "x86_64")]
        {
            (*context).uc_mcontext.gregs[libc::REG_RAX as usize] = refusal;
        }
        #[cfg(target_arch = "aarch64")]
        {
            (*context).uc_mcontext.regs[0] = refusal as u64;
        }
    }
}
