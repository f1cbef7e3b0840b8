//go:build linux && !race

package token

import (
	"fmt"
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"
)

// reserve gives the cache room for slots. The room takes memory only as far as slots are used. It is outside the Go heap, where
// it would let as much garbage gather, and it asks for large pages, which save most look-ups a walk through page tables.
// The race detector does not watch such memory, so programs built with it have the slots on the heap.
func (c *Cache) reserve(slots int) error {
	size := slots * int(unsafe.Sizeof(slot{}))
	memory, err := unix.Mmap(-1, 0, size, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_ANON|unix.MAP_PRIVATE|unix.MAP_NORESERVE)
	if err != nil {
		return fmt.Errorf("token: reserve %d MiB of memory for the tokens of --cache-tokens: %w", size>>20, err)
	}
	_ = unix.Madvise(memory, unix.MADV_HUGEPAGE) // a kernel without them has small pages
	c.slots = unsafe.Slice((*slot)(unsafe.Pointer(unsafe.SliceData(memory))), slots)
	runtime.AddCleanup(c, func(memory []byte) { _ = unix.Munmap(memory) }, memory)
	return nil
}
