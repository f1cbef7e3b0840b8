package memory

import (
	"math"
	"strings"
	"testing"
	"time"
)

func TestReservedValuesAreZeroAndKeepWhatIsWritten(t *testing.T) {
	type value struct {
		a [3]uint64
		b uint32
	}
	const n = 100_000
	values, free, err := Reserve[value](n)
	if err != nil {
		t.Fatal(err)
	}
	defer free()
	if len(values) != n {
		t.Fatalf("%d values, want %d", len(values), n)
	}
	for i := range values {
		if values[i] != (value{}) {
			t.Fatalf("value %d is %+v before it is written", i, values[i])
		}
		values[i] = value{[3]uint64{uint64(i), 1, 2}, uint32(i)}
	}
	for i, got := range values {
		if got != (value{[3]uint64{uint64(i), 1, 2}, uint32(i)}) {
			t.Fatalf("value %d is %+v", i, got)
		}
	}
}

func TestReserveTakesNoPointers(t *testing.T) {
	for name, reserve := range map[string]func(){
		"text":        func() { _, _, _ = Reserve[string](1) },
		"a time":      func() { _, _, _ = Reserve[time.Time](1) },
		"in an array": func() { _, _, _ = Reserve[[2]struct{ of []byte }](1) },
		"an address":  func() { _, _, _ = Reserve[uintptr](1) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s was taken", name)
				}
			}()
			reserve()
		}()
	}
}

func TestMoreThanAnyMemoryIsAnError(t *testing.T) {
	for _, n := range []int{-1, 0, math.MaxInt / 8, math.MaxInt} {
		if _, _, err := Reserve[[2]uint64](n); err == nil || !strings.HasPrefix(err.Error(), "memory: ") {
			t.Errorf("%d values: %v", n, err)
		}
	}
}
