package store

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
)

func TestPackedValuesComeBackAndAreShorterIfTheyCanBe(t *testing.T) {
	for _, text := range []string{`{}`, `{"a":1}`, `{"text":"` + strings.Repeat("the same again ", 1000) + `"}`, `[` + strings.Repeat(`"x",`, 200_000) + `1]`} {
		p, err := pack(json.RawMessage(text))
		if err != nil || len(p) > len(text) || len(text) > 1000 && len(p) > len(text)/10 {
			t.Errorf("%.40s of %d bytes has %d packed, %v", text, len(text), len(p), err)
		}
		if back, err := p.unpack(); err != nil || string(back) != text {
			t.Errorf("%.40s came back as %.40s, %v", text, back, err)
		}
	}
	if p, err := pack(nil); p != nil || err != nil {
		t.Errorf("nil is packed as %v, %v", p, err)
	}
}

func TestAPackedValueCantTakeMoreThanItsBound(t *testing.T) {
	bomb, err := pack(json.RawMessage(`"` + string(bytes.Repeat([]byte("x"), maxUnpacked)) + `"`))
	if err != nil || len(bomb) > 10_000 {
		t.Fatalf("%d bytes, %v", len(bomb), err)
	}
	if text, err := bomb.unpack(); err == nil {
		t.Errorf("it became %d bytes", len(text))
	}
	if _, err := (packed{frameStart, 1, 2, 3}).unpack(); err == nil {
		t.Error("a damaged value was unpacked")
	}
}
