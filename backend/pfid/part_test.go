package pfid

import (
	"crypto/rand"
	"testing"
	"time"
)

func TestEveryPartOfAnIDIsFoundInItAndInNoOther(t *testing.T) {
	id, err1 := New(time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC), MaxPartition-77, rand.Reader)
	other, err2 := New(time.Date(2031, 7, 1, 12, 0, 0, 0, time.UTC), 5, rand.Reader)
	if err1 != nil || err2 != nil {
		t.Fatal(err1, err2)
	}
	text := id.String()
	for length := ShortestPart; length <= TextSize; length++ {
		for at := range TextSize - length + 1 {
			part := NewPart(text[at : at+length])
			if part == nil || !part.In(&id) {
				t.Errorf("%q is not found in %s", text[at:at+length], text)
			}
			if length >= 12 && part.In(&other) { // by chance shorter ones may be
				t.Errorf("%q is found in %s", text[at:at+length], other)
			}
		}
	}
	for _, text := range []string{"", "01m8d", "01m8di", "01M8DE", text + "0", "01m8d\x00"} {
		if NewPart(text) != nil {
			t.Errorf("%q counts as a part of an id", text)
		}
	}
}
