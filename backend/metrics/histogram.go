package metrics

import (
	"sync/atomic"
	"time"
)

// bounds are the upper bounds of a histogram's buckets, in seconds.
var bounds = [...]float64{0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10}

// Histogram counts durations by size. The zero value is empty and ready. It is safe for concurrent use and does not
// allocate.
type Histogram struct {
	counts [len(bounds) + 1]atomic.Uint64
	sum    atomic.Int64 // nanoseconds
}

// Observe counts a duration.
func (h *Histogram) Observe(d time.Duration) {
	i, seconds := 0, d.Seconds()
	for i < len(bounds) && seconds > bounds[i] {
		i++
	}
	h.counts[i].Add(1)
	h.sum.Add(int64(d))
}

// Since observes the time since began. Defer it at the start of what it measures.
func (h *Histogram) Since(began time.Time) { h.Observe(time.Since(began)) }

// read returns the number of durations, their sum in seconds, and how many are at most each bound.
func (h *Histogram) read() (count uint64, sum float64, atMost map[float64]uint64) {
	atMost = make(map[float64]uint64, len(bounds))
	for i := range h.counts {
		count += h.counts[i].Load()
		if i < len(bounds) {
			atMost[bounds[i]] = count
		}
	}
	return count, time.Duration(h.sum.Load()).Seconds(), atMost
}
