// Package memory gives room for values outside the Go heap, where large tables make no garbage gather in their shadow.
package memory

import (
	"fmt"
	"math"
	"reflect"
)

// Reserve returns room for n values, which are zero. It takes memory only as far as they are used, and asks for large pages,
// which spare most look-ups a walk through page tables. free gives the room back; nothing may use it afterwards. It fails if the
// system does not give that much. T must hold no pointers, which the garbage collector would not see.
//
// On systems other than Linux, and in programs with the race detector, which would not watch it, the room is on the Go heap.
func Reserve[T any](n int) (values []T, free func(), err error) {
	kind := reflect.TypeFor[T]()
	if holdsPointers(kind) {
		panic("memory: " + kind.String() + " holds pointers")
	}
	if kind.Size() == 0 || n < 1 || n > math.MaxInt/int(kind.Size()) {
		return nil, nil, fmt.Errorf("memory: no room for %d values of %d bytes", n, kind.Size())
	}
	return reserve[T](n)
}

func holdsPointers(t reflect.Type) bool {
	switch t.Kind() {
	case reflect.Bool, reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64, reflect.Uint, reflect.Uint8,
		reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Float32, reflect.Float64, reflect.Complex64, reflect.Complex128:
		return false
	case reflect.Array:
		return holdsPointers(t.Elem())
	case reflect.Struct:
		for i := range t.NumField() {
			if holdsPointers(t.Field(i).Type) {
				return true
			}
		}
		return false
	}
	return true
}
