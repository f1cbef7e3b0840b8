package token

import (
	"syscall"
	"unsafe"
)

// reserve returns so many words of zeros that the garbage collector does not know of. They take memory once they are
// written, page by page, and are never given back: a cache lives as long as the program.
func reserve(words int) ([]uint64, error) {
	memory, err := syscall.Mmap(-1, 0, words*8, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	if err != nil {
		return nil, err
	}
	// Huge pages would take all of it for the first few tokens. A kernel without them refuses, and need not be asked.
	_ = syscall.Madvise(memory, syscall.MADV_NOHUGEPAGE)
	return unsafe.Slice((*uint64)(unsafe.Pointer(&memory[0])), words), nil
}
