//! No allocation of more than 64 MB, whatever the input: one ends the run.

use std::alloc::{GlobalAlloc, Layout, System};

const BYTES_MAX: usize = 64 * 1024 * 1024;

struct Capped;

#[global_allocator]
static ALLOCATOR: Capped = Capped;

fn check(bytes: usize) {
    if bytes > BYTES_MAX {
        // Printing would allocate.
        std::process::abort();
    }
}

// SAFETY: every call goes on to the system's allocator with the same arguments.
unsafe impl GlobalAlloc for Capped {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        check(layout.size());
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        check(layout.size());
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, bytes: usize) -> *mut u8 {
        check(bytes);
        unsafe { System.realloc(pointer, layout, bytes) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        unsafe { System.dealloc(pointer, layout) }
    }
}
