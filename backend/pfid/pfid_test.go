package pfid

import (
	"bytes"
	"crypto/rand"
	"errors"
	"strings"
	"testing"
	"testing/iotest"
	"testing/quick"
	"time"
)

func TestPublishedVectorsParse(t *testing.T) {
	for text, partition := range map[string]uint32{
		"013xrzp12g3nqk8n9205sg2saed3z4m7": 123456789,
		"01kdvdna00zzzzzz18532cy4e89yc88k": 1073741823,
		"01m844psex6cc97gbnyq390gb01cg3qs": 214312176,
	} {
		id, err := Parse(text)
		if err != nil {
			t.Fatalf("Parse(%q): %v", text, err)
		}
		if id.Partition() != partition {
			t.Errorf("%s: partition %d, want %d", text, id.Partition(), partition)
		}
		if id.String() != text {
			t.Errorf("%s comes back as %s", text, id)
		}
	}
}

func TestInvalidPFIDsAreRefused(t *testing.T) {
	for _, text := range []string{
		"", "013xrzp12g3nqk8n9205sg2saed3z4m", "813xrzp12g3nqk8n9205sg2saed3z4m7", "013xrzp12g3nqk8n9205sg2saed3z4mu",
		"013XRZP12G3NQK8N9205SG2SAED3Z4M7", "013xrzp12g3nqk8n9205sg2saed3z4m7 ", strings.Repeat("é", 16), strings.Repeat("\x00", 32),
	} {
		if _, err := Parse(text); !errors.Is(err, ErrInvalid) {
			t.Errorf("Parse(%q) = %v, want ErrInvalid", text, err)
		}
	}
}

func TestAnIDKeepsItsTimeAndPartition(t *testing.T) {
	holds := func(ms uint64, partition uint32) bool {
		at := time.UnixMilli(int64(ms & maxMilliseconds)).UTC()
		partition &= MaxPartition
		id, err := New(at, partition, rand.Reader)
		if err != nil {
			return false
		}
		again, err := Parse(id.String())
		return err == nil && again == id && id.Time().Equal(at) && id.Partition() == partition
	}
	if err := quick.Check(holds, nil); err != nil {
		t.Fatal(err)
	}
}

func TestTextSortsByTime(t *testing.T) {
	earlier, _ := New(time.UnixMilli(1_700_000_000_000), MaxPartition, rand.Reader)
	later, _ := New(time.UnixMilli(1_700_000_000_001), 0, rand.Reader)
	if earlier.String() >= later.String() || bytes.Compare(earlier[:], later[:]) >= 0 {
		t.Fatalf("%s does not sort before %s", earlier, later)
	}
}

func TestNewFailsIfRandomnessFails(t *testing.T) {
	if _, err := New(time.Now(), 1, iotest.ErrReader(errors.New("dry"))); err == nil {
		t.Fatal("an id without random bytes was made")
	}
	if _, err := New(time.Now(), MaxPartition+1, rand.Reader); err == nil {
		t.Fatal("a partition of 31 bits was taken")
	}
}

func FuzzParse(f *testing.F) {
	f.Add("013xrzp12g3nqk8n9205sg2saed3z4m7")
	f.Fuzz(func(t *testing.T, text string) {
		if id, err := Parse(text); err == nil && !id.IsZero() && id.String() != text {
			t.Fatalf("%q comes back as %q", text, id)
		}
	})
}
