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
///
/// The C library blocks all signals while it starts a thread or a process, and a refusal that
/// cannot be delivered ends the process. So changes of the mask are refused as well, and made here
/// on the mask that the thread returns to, but for `SIGSYS`.
extern "C" fn answer(
    _signal: libc::c_int,
    _info: *mut libc::siginfo_t,
    context: *mut libc::c_void,
) {
    // SAFETY: with SA_SIGINFO the kernel passes a valid `ucontext_t` that is ours until we return.
    let context = unsafe { &mut *context.cast::<libc::ucontext_t>() };
    let call = Call::of(context);
    let result = if call.number == libc::SYS_rt_sigprocmask {
        // SAFETY: the thread made the call with these pointers, which the kernel would have used
        // in the same way.
        unsafe { mask_signals(&call, &mut context.uc_sigmask) }
    } else {
        REFUSED.fetch_add(1, Ordering::Relaxed);
        i64::from(-libc::EPERM)
    };
    Call::answer(context, result);
}

/// A system call as the registers have it.
struct Call {
    number: libc::c_long,
    arguments: [u64; 4],
}

impl Call {
    #[cfg(target_arch = "x86_64")]
    fn of(context: &libc::ucontext_t) -> Self {
        let register = |index: libc::c_int| context.uc_mcontext.gregs[index as usize];
        Self {
            number: register(libc::REG_RAX),
            arguments: [libc::REG_RDI, libc::REG_RSI, libc::REG_RDX, libc::REG_R10]
                .map(|index| register(index).cast_unsigned()),
        }
    }

    #[cfg(target_arch = "x86_64")]
    fn answer(context: &mut libc::ucontext_t, result: i64) {
        context.uc_mcontext.gregs[libc::REG_RAX as usize] = result;
    }

    #[cfg(target_arch = "aarch64")]
    fn of(context: &libc::ucontext_t) -> Self {
        let registers = &context.uc_mcontext.regs;
        Self {
            number: registers[8].cast_signed(),
            arguments: [registers[0], registers[1], registers[2], registers[3]],
        }
    }

    #[cfg(target_arch = "aarch64")]
    fn answer(context: &mut libc::ucontext_t, result: i64) {
        context.uc_mcontext.regs[0] = result.cast_unsigned();
    }
}

/// What `rt_sigprocmask` does, to the mask of the interrupted thread. Masks are 64 bits.
///
/// # Safety
/// The second and third argument are null or point to a mask.
unsafe fn mask_signals(call: &Call, mask: &mut libc::sigset_t) -> i64 {
    let [how, new, old, bytes] = call.arguments;
    if bytes != 8 {
        return i64::from(-libc::EINVAL);
    }
    let mask = std::ptr::from_mut(mask).cast::<u64>();
    // SAFETY: a `sigset_t` begins with the kernel's 64 bits; the rest is the caller's promise.
    unsafe {
        let before = mask.read();
        let new = (new as *const u64)
            .as_ref()
            .map(|new| std::ptr::from_ref(new).read_unaligned());
        if let Some(old) = (old as *mut u64).as_mut() {
            std::ptr::from_mut(old).write_unaligned(before);
        }
        let Some(new) = new else { return 0 };
        let after = match how as libc::c_int {
            libc::SIG_BLOCK => before | new,
            libc::SIG_UNBLOCK => before & !new,
            libc::SIG_SETMASK => new,
            _ => return i64::from(-libc::EINVAL),
        };
        mask.write(after & !(1 << (libc::SIGSYS - 1)));
    }
    0
}
