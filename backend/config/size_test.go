package config

import (
	"strings"
	"testing"
)

func TestSizesAreWholeNumbersWithAUnit(t *testing.T) {
	for text, want := range map[string]Size{"16MiB": 16 << 20, "1gib": 1 << 30, "3 TiB": 3 << 40, "1KiB": 1024} {
		var s Size
		if err := s.UnmarshalText([]byte(text)); err != nil || s != want {
			t.Errorf("%q is %d, %v", text, s, err)
		}
	}
	for _, text := range []string{"", "1", "GiB", "1GB", "1.5GiB", "-1GiB", "0MiB", "9000000TiB", "99999999999999999999KiB", "1GiB1"} {
		var s Size
		if err := s.UnmarshalText([]byte(text)); err == nil {
			t.Errorf("%q is %d", text, s)
		}
	}
	for size, want := range map[Size]string{1 << 30: "1GiB", 1536 << 20: "1536MiB", 1000: "1000 bytes"} {
		if size.String() != want {
			t.Errorf("%d is written %s", int64(size), size)
		}
	}
}

func TestActivityIsKeptForADayAndSixteenMiBAtLeast(t *testing.T) {
	for a, want := range map[Activity]string{
		{ActivityRetention: Lifetime(day), ActivityMax: 16 << 20}:       "",
		{ActivityRetention: Lifetime(day) - 1, ActivityMax: 16 << 20}:   "--activity-retention",
		{ActivityRetention: 0, ActivityMax: 1 << 30}:                    "--activity-retention",
		{ActivityRetention: Lifetime(day), ActivityMax: 16<<20 - 1}:     "--activity-max",
		{ActivityRetention: Lifetime(1 << 62), ActivityMax: 1 << 30}:    "--activity-retention",
		{ActivityRetention: Lifetime(30 * day), ActivityMax: 1<<50 + 1}: "--activity-max",
	} {
		if err := a.Check(); (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v", a, err)
		}
	}
}
