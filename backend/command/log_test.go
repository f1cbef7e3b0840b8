package command

import (
	"errors"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// reader is the other end of a log. While it is blocked a write does not return; while it is gone a write fails.
type reader struct {
	blocked chan struct{} // nil, or open while it is blocked

	mu   sync.Mutex
	gone bool
	got  strings.Builder
}

func (r *reader) Write(b []byte) (int, error) {
	if r.blocked != nil {
		<-r.blocked
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.gone {
		n := min(5, len(b)) // a full disk takes the start of a line
		r.got.Write(b[:n])
		return n, errors.New("nothing takes it")
	}
	return r.got.Write(b)
}

func (r *reader) goAway(gone bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.gone = gone
}

func (r *reader) lines() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return strings.Split(strings.TrimSuffix(r.got.String(), "\n"), "\n")
}

func TestABlockedLogHoldsUpNoCallerAndCountsWhatItDropped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &reader{blocked: make(chan struct{})}
		log, end := newLog(r, "text")
		const lines, long = 3000, 1000
		for i := range lines {
			log.Info(strings.Repeat("x", long), "line", i)
		}
		close(r.blocked)
		synctest.Wait()
		log.Info("after")
		end()
		got := r.lines()
		kept := 0
		for _, line := range got {
			if strings.Contains(line, "xxx") {
				kept++
			}
		}
		if kept < logBuffer/(2*long) || kept >= lines || len(got) != kept+2 {
			t.Fatalf("%d of %d lines were kept, and %d are there", kept, lines, len(got))
		}
		if lost := got[len(got)-2]; !strings.Contains(lost, "level=WARN") || !strings.HasSuffix(lost, " lines="+strconv.Itoa(lines-kept)) {
			t.Errorf("of %d lines that were dropped the log says %q", lines-kept, lost)
		}
		if !strings.Contains(got[len(got)-1], "after") {
			t.Errorf("the last line is %q", got[len(got)-1])
		}
	})
}

func TestLinesThatCouldNotBeWrittenAreWrittenWholeOnceTheLogWorksAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &reader{gone: true}
		log, end := newLog(r, "json")
		log.Info("first")
		log.Info("second")
		time.Sleep(3*logAgain + logAgain/2)
		r.goAway(false)
		log.Info("third")
		time.Sleep(2 * logAgain)
		end()
		got := r.lines()
		if len(got) != 3 {
			t.Fatalf("%q", got)
		}
		for i, word := range []string{"first", "second", "third"} {
			if !strings.HasPrefix(got[i], `{"time":`) || !strings.HasSuffix(got[i], `"msg":"`+word+`"}`) {
				t.Errorf("line %d is %q", i, got[i])
			}
		}
	})
}

func TestAStopDoesNotWaitForABlockedLog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &reader{blocked: make(chan struct{})}
		defer close(r.blocked)
		log, end := newLog(r, "text")
		log.Info("first")
		began := time.Now()
		end()
		if took := time.Since(began); took > logAtEnd {
			t.Errorf("waited %s", took)
		}
	})
}
