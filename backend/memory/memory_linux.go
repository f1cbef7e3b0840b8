//go:build linux && !race

package memory

import (
	"fmt"
	"unsafe"

	"golang.org/x/sys/unix"
)

func reserve[T any](n int) ([]T, func(), error) {
	var one T
	size := n * int(unsafe.Sizeof(one))
	room, err := unix.Mmap(-1, 0, size, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_ANON|unix.MAP_PRIVATE|unix.MAP_NORESERVE)
	if err != nil {
		return nil, nil, fmt.Errorf("memory: the system does not give %d MiB: %w", size>>20, err)
	}
	_ = unix.Madvise(room, unix.MADV_HUGEPAGE) // a kernel without them has small pages
	return unsafe.Slice((*T)(unsafe.Pointer(unsafe.SliceData(room))), n), func() { _ = unix.Munmap(room) }, nil
}
