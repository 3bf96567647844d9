//! Prepares the C library's heap for being forked: what is free in it lies scattered between what is used, and a child that
//! takes it has a page copied for each piece. A child that takes fresh memory, all of it in one place, has far fewer.

/// The most that may be given up, in bytes.
const MOST_BYTES: usize = 16 << 20;

/// Takes, for ever, the free pieces below the top of the heap, the large ones first.
pub(super) fn fill_holes() {
    // SAFETY: sbrk(0) only looks.
    let end = unsafe { libc::sbrk(0) } as usize;
    // SAFETY: mallinfo2 only looks.
    let top = end.saturating_sub(unsafe { libc::mallinfo2() }.keepcost);
    let mut taken = 0;
    for size in (0..=PIECES).rev().map(|step| SMALLEST << step) {
        // Sizes between two steps are left over by the larger one and taken by the smaller ones.
        while taken < MOST_BYTES {
            // SAFETY: any size may be asked for.
            let piece = unsafe { libc::malloc(size) };
            if piece.is_null() {
                break;
            }
            if piece as usize >= top {
                // SAFETY: malloc has just given it.
                unsafe { libc::free(piece) };
                break;
            }
            taken += size;
        }
    }
}

/// The smallest piece that the C library gives, in bytes, and how often it is doubled.
const SMALLEST: usize = 24;
const PIECES: u32 = 11;
