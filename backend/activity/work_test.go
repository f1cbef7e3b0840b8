package activity

import (
	"runtime"
	"testing"
)

func TestReportsLeaveHalfOfTheProcessorsToOthers(t *testing.T) {
	all := make([]Work, max(1, runtime.GOMAXPROCS(0)/2))
	for i := range all {
		all[i].Begin()
		all[i].Begin() // counts once
	}
	begun := make(chan struct{})
	go func() {
		var late Work
		late.Begin()
		close(begun)
		late.Rest()
	}()
	if held := len(processors()); held != len(all) {
		t.Errorf("%d reports hold a processor, %d may", held, len(all))
	}
	select {
	case <-begun:
		t.Error("a report began although all others hold a processor")
	default:
	}
	all[0].Rest()
	<-begun
	for i := range all {
		all[i].Rest() // the first has none any more
	}
	if held := len(processors()); held != 0 {
		t.Errorf("%d processors were not given back", held)
	}
}
