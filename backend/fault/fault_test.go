package fault

import (
	"errors"
	"fmt"
	"testing"
)

func TestAChangeThatMayHaveBeenWrittenIsNotRefused(t *testing.T) {
	for kind := Unexpected; kind <= Unavailable; kind++ {
		if got, want := Refused(fmt.Errorf("delete: %w", New(kind, "No."))), kind != Unexpected && kind != Unavailable; got != want {
			t.Errorf("kind %d: %v", kind, got)
		}
	}
	if Refused(nil) || Refused(errors.New("the commit was lost")) {
		t.Error("a change that may be there counts as refused")
	}
}
