package token

import (
	"encoding/binary"
	"errors"
	"net/netip"
	"slices"
)

// Limits of a History.
const (
	HistoryHours = 48
	HistoryDays  = 90
	MostClients  = 8
)

// Lengths in milliseconds.
const (
	hourLength = 3_600_000
	dayHours   = 24
	dayLength  = dayHours * hourLength
)

// History is how a token was used: by hour and by UTC day, and from where.
type History struct {
	// Hours and Days hold only times with uses, in order. Times outside the last HistoryHours and HistoryDays may be among
	// them.
	Hours, Days []Tally
	Clients     []Client // up to MostClients
	Secrets     SecretUses
}

// SecretUses are the accepted uses of each secret of a token since its last rotation. Hours and Days count them too.
type SecretUses struct {
	RotatedAt             int64 // Unix milliseconds, as all times here; 0 if not used since a rotation
	Accepted, OldAccepted uint64
	At, OldAt             int64 // the last use; 0 for none
}

// Tally counts the uses in one hour or day.
type Tally struct {
	Number            uint32 // hours or days since 1970
	Accepted, Refused uint64
}

// Add adds uses at the time now, in Unix milliseconds, and drops what is too old. rotatedAt is when the token was rotated
// last; it may be 0 if it never was.
//
// A token is not used before it exists. If the clock says that it is, the clock is behind, as that of a machine without
// a battery is at its start. Then nothing is dropped. Otherwise what lies in the future is from a clock that was ahead,
// and is dropped. Days are dropped by their number and not by their age, so that such a clock drops only one.
func (h *History) Add(use *Use, rotatedAt, now int64) {
	made, limit, hour := use.TokenID.Time().UnixMilli()-wrongClock, now+wrongClock, use.Hour
	if hour > hourOf(limit) || hour < hourOf(made) { // the clock was set since
		hour = hourOf(now)
	}
	h.Hours = tally(h.Hours, hour, use)
	h.Days = tally(h.Days, hour/dayHours, use)
	h.Secrets.add(use, rotatedAt, limit)
	for _, c := range use.Clients {
		h.addClient(c, limit)
	}
	if now >= made {
		h.Hours = slices.DeleteFunc(h.Hours, func(t Tally) bool {
			return t.Number > hourOf(limit) || t.Number+HistoryHours <= hourOf(now)
		})
		h.Days = slices.DeleteFunc(h.Days, func(t Tally) bool { return t.Number > hourOf(limit)/dayHours })
	}
	h.Hours = h.Hours[max(0, len(h.Hours)-HistoryHours-1):] // one more: of the hour that limit may be in
	h.Days = h.Days[max(0, len(h.Days)-HistoryDays-1):]
}

func (s *SecretUses) add(use *Use, rotatedAt, limit int64) {
	if use.RotatedAt == 0 || use.Accepted == 0 || int64(use.RotatedAt) != rotatedAt/1000 { // not accepted, or from before the last rotation
		return
	}
	if s.RotatedAt != rotatedAt {
		*s = SecretUses{RotatedAt: rotatedAt}
	}
	n, at := &s.Accepted, &s.At
	if use.Old {
		n, at = &s.OldAccepted, &s.OldAt
	}
	*n += use.Accepted
	*at = later(*at, use.At, limit)
}

func tally(list []Tally, number uint32, use *Use) []Tally {
	if use.Accepted == 0 && use.Refused == 0 {
		return list
	}
	i, ok := slices.BinarySearchFunc(list, number, func(t Tally, n uint32) int { return int(t.Number) - int(n) })
	if !ok {
		list = slices.Insert(list, i, Tally{Number: number})
	}
	list[i].Accepted += use.Accepted
	list[i].Refused += use.Refused
	return list
}

func (h *History) addClient(c Client, limit int64) {
	i := slices.IndexFunc(h.Clients, func(known Client) bool { return known.Address == c.Address })
	if i < 0 {
		h.Clients, i = append(h.Clients, c), len(h.Clients)
	}
	known := &h.Clients[i]
	known.At, known.RefusedAt = later(known.At, c.At, limit), later(known.RefusedAt, c.RefusedAt, limit)
	if len(h.Clients) <= MostClients {
		return
	}
	last := func(c Client) int64 { return later(c.At, c.RefusedAt, limit) }
	oldest := slices.MinFunc(h.Clients, func(a, b Client) int {
		switch {
		case last(a) == last(b):
			return 0
		case later(last(a), last(b), limit) == last(b):
			return -1
		}
		return 1
	})
	h.Clients = slices.DeleteFunc(h.Clients, func(c Client) bool { return c.Address == oldest.Address })
}

// series returns the counts of the last n hours or days up to number last, oldest first.
func series(list []Tally, last uint32, n int) (accepted, refused []uint64) {
	accepted, refused = make([]uint64, n), make([]uint64, n)
	for _, t := range list {
		if ago := int(last) - int(t.Number); ago >= 0 && ago < n {
			accepted[n-1-ago], refused[n-1-ago] = t.Accepted, t.Refused
		}
	}
	return accepted, refused
}

// historyFormat is the first byte of a packed History.
const historyFormat = 1

// Pack returns the history in a compact form: after the format, each list as its length and its items. All numbers are
// varints. Times of tallies are differences. Those of each secret come last, if the token was rotated. A token that was used
// once takes about 30 bytes.
func (h *History) Pack() []byte {
	b := []byte{historyFormat}
	for _, list := range [][]Tally{h.Hours, h.Days} {
		b = binary.AppendUvarint(b, uint64(len(list)))
		last := uint32(0)
		for _, t := range list {
			b = binary.AppendUvarint(b, uint64(t.Number-last))
			b = binary.AppendUvarint(b, t.Accepted)
			b = binary.AppendUvarint(b, t.Refused)
			last = t.Number
		}
	}
	b = binary.AppendUvarint(b, uint64(len(h.Clients)))
	for _, c := range h.Clients {
		address := c.Address.AsSlice()
		b = append(append(b, byte(len(address))), address...)
		b = binary.AppendUvarint(b, uint64(c.At))
		b = binary.AppendUvarint(b, uint64(c.RefusedAt))
	}
	if u := h.Secrets; u != (SecretUses{}) {
		for _, n := range []uint64{uint64(u.RotatedAt), u.Accepted, u.OldAccepted, uint64(u.At), uint64(u.OldAt)} {
			b = binary.AppendUvarint(b, n)
		}
	}
	return b
}

var errHistory = errors.New("token: a packed history of uses is damaged")

// UnpackHistory reads what Pack wrote. No bytes are an empty history.
func UnpackHistory(b []byte) (History, error) {
	if len(b) == 0 {
		return History{}, nil
	}
	var h History
	r := unpacker{b: b[1:], isBad: b[0] != historyFormat}
	for _, list := range []*[]Tally{&h.Hours, &h.Days} {
		last := uint64(0)
		for range r.length(HistoryDays + 1) {
			number := last + r.number()
			*list = append(*list, Tally{Number: uint32(number), Accepted: r.number(), Refused: r.number()})
			r.isBad = r.isBad || number > 1<<31 || number == last
			last = number
		}
	}
	for range r.length(MostClients) {
		address, ok := netip.AddrFromSlice(r.bytes(int(r.number())))
		h.Clients = append(h.Clients, Client{Address: address, At: int64(r.number()), RefusedAt: int64(r.number())})
		r.isBad = r.isBad || !ok
	}
	if !r.isBad && len(r.b) > 0 {
		h.Secrets = SecretUses{RotatedAt: int64(r.number()), Accepted: r.number(), OldAccepted: r.number(), At: int64(r.number()), OldAt: int64(r.number())}
	}
	if r.isBad || len(r.b) > 0 {
		return History{}, errHistory
	}
	return h, nil
}

// unpacker reads a packed history. From the first error on it returns zeros.
type unpacker struct {
	b     []byte
	isBad bool
}

func (r *unpacker) number() uint64 {
	v, n := binary.Uvarint(r.b)
	if r.isBad = r.isBad || n <= 0 || v > 1<<62; r.isBad {
		return 0
	}
	r.b = r.b[n:]
	return v
}

func (r *unpacker) length(most uint64) int {
	n := r.number()
	if r.isBad = r.isBad || n > most; r.isBad {
		return 0
	}
	return int(n)
}

func (r *unpacker) bytes(n int) []byte {
	if r.isBad = r.isBad || n > len(r.b); r.isBad {
		return nil
	}
	bytes := r.b[:n]
	r.b = r.b[n:]
	return bytes
}
