package web

import (
	"errors"
	"io"
	"sync/atomic"
	"testing"

	"tokentab/backend/fault"
)

// slow gives what is left of a body, at most so much at once, and notes the largest room that it was offered.
type slow struct {
	left, atOnce, largest, given int
}

func (s *slow) Read(p []byte) (int, error) {
	s.largest = max(s.largest, len(p)-s.given)
	n := min(len(p), s.left, s.atOnce)
	s.left, s.given = s.left-n, s.given+n
	if n == 0 {
		return 0, io.EOF
	}
	return n, nil
}

func TestTheRoomOfABodyGrowsWithWhatHasArrived(t *testing.T) {
	for _, announced := range []int{100_000, -1} {
		body := &slow{left: 100_000, atOnce: 1000}
		got, err := readStream(body, announced, maxBodyBytes, nil)
		if err != nil || len(got) != 100_000 || body.largest > firstBytes {
			t.Errorf("%d bytes, %v; room for %d bytes more than had arrived", len(got), err, body.largest)
		}
	}
}

func TestLargeBodiesOfUnknownCallersShareABoundedMemory(t *testing.T) {
	var all atomic.Int64
	read := func(hold *share, n int) error {
		_, err := readStream(&slow{left: n, atOnce: n}, n, maxBatchBytes, hold)
		return err
	}
	var holds []*share
	var err error
	for err == nil && len(holds) < 100 {
		hold := &share{all: &all}
		holds = append(holds, hold)
		err = read(hold, maxBatchBytes)
	}
	if fault.KindOf(err) != fault.Unavailable || len(holds) > strangersBytes/maxBatchBytes+1 {
		t.Errorf("%d bodies: %v", len(holds), err)
	}
	if err := errors.Join(read(&share{all: &all}, maxStrangerBytes), read(nil, maxBatchBytes)); err != nil {
		t.Errorf("a small body, and that of a known caller: %v", err)
	}
	for _, hold := range holds {
		hold.release()
	}
	if err := read(&share{all: &all}, maxBatchBytes); err != nil || all.Load() == 0 {
		t.Errorf("after the others have ended: %v", err)
	}
}
