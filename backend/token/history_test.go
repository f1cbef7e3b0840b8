package token

import (
	"crypto/rand"
	mathrand "math/rand/v2"
	"net/netip"
	"reflect"
	"testing"

	"tokentab/backend/pfid"
)

// made is the hour in which the tokens of these tests were made.
const made = 480_000

func madeToken(t *testing.T) pfid.ID {
	t.Helper()
	id, err := pfid.New(timeOf(made*hourLength), 7, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func TestAHistoryIsTheSameAfterItIsPacked(t *testing.T) {
	id := madeToken(t)
	for seed := range uint64(200) {
		random := mathrand.New(mathrand.NewPCG(seed, 0))
		var h History
		for range random.IntN(300) {
			now := (made + random.Int64N(5000)) * hourLength
			use := Use{TokenID: id, Hour: hourOf(now), Accepted: random.Uint64N(3), Refused: random.Uint64N(1 << 40), At: now}
			rotated := int64(made * hourLength)
			use.RotatedAt, use.Old = uint32(seed%2)*uint32(rotated/1000), random.IntN(2) == 0
			for range random.IntN(3) {
				var address [16]byte
				address[0], address[15] = byte(random.IntN(2)), byte(random.IntN(20))
				use.Clients = append(use.Clients, Client{Address: netip.AddrFrom16(address).Unmap(), At: now, RefusedAt: random.Int64N(2) * now})
			}
			h.Add(&use, rotated, now)
		}
		packed := h.Pack()
		back, err := UnpackHistory(packed)
		if err != nil || !reflect.DeepEqual(append([]Tally{}, back.Hours...), append([]Tally{}, h.Hours...)) ||
			!reflect.DeepEqual(append([]Tally{}, back.Days...), append([]Tally{}, h.Days...)) ||
			!reflect.DeepEqual(append([]Client{}, back.Clients...), append([]Client{}, h.Clients...)) || back.Secrets != h.Secrets {
			t.Fatalf("seed %d: %v\n%+v\nis read as\n%+v", seed, err, h, back)
		}
		for n := range packed[:max(len(packed)-1, 0)] {
			if cut, err := UnpackHistory(packed[:n]); n > 0 && err == nil && cut.Secrets == h.Secrets {
				t.Fatalf("seed %d: the first %d of %d bytes are read as a whole history", seed, n, len(packed))
			}
		}
	}
}

func TestATokenThatWasUsedOnceTakesTensOfBytesAndABusyOneUnderAKilobyte(t *testing.T) {
	id := madeToken(t)
	var once, busy History
	use := func(h *History, hour int64, n uint64, address byte) {
		now := hour * hourLength
		client := Client{Address: netip.AddrFrom4([4]byte{192, 0, 2, address}), At: now}
		h.Add(&Use{TokenID: id, Hour: uint32(hour), Accepted: n, At: now, Clients: []Client{client}}, 0, now)
	}
	use(&once, made, 1, 1)
	for hour := range int64(200 * dayHours) {
		use(&busy, made+hour, 3000, byte(hour))
	}
	if n, m := len(once.Pack()), len(busy.Pack()); n > 40 || m > 1000 {
		t.Errorf("used once: %d bytes, used every hour: %d bytes", n, m)
	}
	accepted, _ := series(busy.Days, (made+200*dayHours-1)/dayHours, HistoryDays)
	for _, n := range accepted {
		if n != 3000*dayHours {
			t.Errorf("days of a busy token have %v", accepted)
			break
		}
	}
}

func TestAWrongClockNeitherFreezesNorEmptiesAHistory(t *testing.T) {
	id := madeToken(t)
	var h History
	use := func(hour, now int64) {
		h.Add(&Use{TokenID: id, Hour: uint32(max(hour, 0)), Accepted: 1, At: hour * hourLength}, 0, now*hourLength)
	}
	shown := func(now int64) (hours, days uint64) {
		for _, list := range []struct {
			of   []Tally
			last int64
			n    int
			to   *uint64
		}{{h.Hours, now, HistoryHours, &hours}, {h.Days, now / dayHours, HistoryDays, &days}} {
			accepted, _ := series(list.of, uint32(list.last), list.n)
			for _, n := range accepted {
				*list.to += n
			}
		}
		return hours, days
	}
	want := func(when string, now int64, hours, days uint64) {
		t.Helper()
		if h, d := shown(now); h != hours || d != days {
			t.Errorf("%s: %d uses in the hours and %d in the days, want %d and %d", when, h, d, hours, days)
		}
	}
	const now = made + 100*dayHours
	for hour := int64(now - 60*dayHours); hour <= now; hour++ {
		use(hour, hour)
	}
	const days = 60*dayHours + 1
	want("at first", now, HistoryHours, days)

	use(0, 0) // the machine starts with the clock at 1970
	use(0, 1)
	want("after a clock that was behind", now, HistoryHours, days)

	use(0, now) // counted at 1970, and written after the clock was set
	want("a use of a clock that was behind", now, HistoryHours+1, days+1)
	use(now+dayHours, now) // counted tomorrow, and written after the clock was set back
	want("a use of a clock that was ahead", now, HistoryHours+2, days+2)

	use(now+365*dayHours, now+365*dayHours) // a clock that is a year ahead
	use(now, now)
	want("after a clock that was a year ahead", now, 1, days+3)
	for hour := int64(now + 1); hour < now+100; hour++ {
		use(hour, hour)
	}
	want("later", now+99, HistoryHours, days+3+99)
}

func TestTheLastAddressesAreKeptWhateverTheClockDid(t *testing.T) {
	id := madeToken(t)
	var h History
	at := int64(made+1000) * hourLength
	from := func(n byte, at, now int64) {
		c := Client{Address: netip.AddrFrom4([4]byte{192, 0, 2, n}), At: at}
		h.Add(&Use{TokenID: id, Hour: hourOf(at), Accepted: 1, At: at, Clients: []Client{c}}, 0, now)
	}
	for n := range byte(20) {
		from(100+n, at+365*dayLength, at+365*dayLength) // by a clock that is a year ahead
	}
	for n := range byte(2 * MostClients) {
		from(n, at+int64(n), at+int64(n))
	}
	u := Usage{History: h, now: at}
	list := u.Newest()
	if len(list) != MostClients {
		t.Fatalf("%d addresses", len(list))
	}
	for i, c := range list {
		if want := (netip.AddrFrom4([4]byte{192, 0, 2, byte(2*MostClients - 1 - i)})); c.Address != want {
			t.Errorf("address %d is %s, want %s", i, c.Address, want)
		}
	}
}
