package activity

import (
	"runtime"
	"sync"
)

// processors are what reports may keep busy at the same time: half of them. With all of them busy, the runtime would look
// for validations that have arrived only every 10 ms.
var processors = sync.OnceValue(func() chan struct{} { return make(chan struct{}, max(1, runtime.GOMAXPROCS(0)/2)) })

// Work is processor time that a report takes. It must not be held while waiting for anything else, such as the disk.
type Work struct{ isHeld bool }

// Begin waits for a processor, unless the work has one.
func (w *Work) Begin() {
	if !w.isHeld {
		processors() <- struct{}{}
		w.isHeld = true
	}
}

// Rest gives the processor back, if the work has one.
func (w *Work) Rest() {
	if w.isHeld {
		<-processors()
		w.isHeld = false
	}
}
