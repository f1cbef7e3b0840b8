package backend

import (
	"runtime"
	"time"
)

// Passwords are hashed in pieces, between which the processor is left to validations. On one core a piece is what they
// wait for.
const hashingPiece = 300 * time.Microsecond

// paced returns what rests between two pieces for so long that hashing takes a quarter of the processors, and one at
// the most. It measures from one call to the next.
func paced() func() {
	idle := 4/float64(runtime.GOMAXPROCS(0)) - 1 // for each unit of work
	began := time.Now()
	return func() {
		worked := time.Since(began)
		if worked < hashingPiece || idle <= 0 {
			return
		}
		// Between two hashes, or while others had the processor, no work was done.
		time.Sleep(time.Duration(float64(min(worked, 2*hashingPiece)) * idle))
		began = time.Now()
	}
}
