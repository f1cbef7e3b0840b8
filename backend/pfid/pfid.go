// Package pfid makes and parses PFIDs: 160-bit ids that sort by time and carry the partition of their account.
//
// An id is 48 bits of Unix milliseconds, 2 zero bits, 30 bits of partition and 80 random bits. Its text has exactly
// 32 characters of lower-case Crockford base 32, five bits each, without a checksum.
package pfid

import (
	"bytes"
	"database/sql/driver"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"time"
)

// Size is the number of bytes in an ID, TextSize the number of characters in its text.
const (
	Size     = 20
	TextSize = 32
)

// MaxPartition is the highest partition: 30 bits.
const MaxPartition = 1<<30 - 1

const maxMilliseconds = 1<<48 - 1

const alphabet = "0123456789abcdefghjkmnpqrstvwxyz"

// ErrInvalid means that a text is not a PFID.
var ErrInvalid = errors.New("not a PFID")

// ID is a PFID. The zero ID means "none".
type ID [Size]byte

// values maps a character of the alphabet to its five bits, and every other byte to 0xff.
var values = func() (v [256]byte) {
	for i := range v {
		v[i] = 0xff
	}
	for i := range len(alphabet) {
		v[alphabet[i]] = byte(i)
	}
	return v
}()

// New returns an id for the given instant and partition, with 80 bits read from random. It fails if either is out of
// range.
func New(at time.Time, partition uint32, random io.Reader) (ID, error) {
	var id ID
	ms := at.UnixMilli()
	if ms < 0 || ms > maxMilliseconds {
		return ID{}, fmt.Errorf("pfid: %s is outside the range of an id", at.Format(time.RFC3339))
	}
	if partition > MaxPartition {
		return ID{}, fmt.Errorf("pfid: partition %d is over %d", partition, MaxPartition)
	}
	binary.BigEndian.PutUint64(id[:8], uint64(ms)<<16)
	binary.BigEndian.PutUint32(id[6:10], partition)
	if _, err := io.ReadFull(random, id[10:]); err != nil {
		return ID{}, fmt.Errorf("pfid: read random bytes: %w", err)
	}
	return id, nil
}

// NewPartition returns a random partition for a new account.
func NewPartition(random io.Reader) (uint32, error) {
	var b [4]byte
	if _, err := io.ReadFull(random, b[:]); err != nil {
		return 0, fmt.Errorf("pfid: read random bytes: %w", err)
	}
	return binary.BigEndian.Uint32(b[:]) & MaxPartition, nil
}

// Parse parses the text of an id: 32 lower-case characters, ten for the time, six for the partition and sixteen
// random. It returns ErrInvalid for anything else.
func Parse(text string) (ID, error) {
	if len(text) != TextSize || text[0] > '7' {
		return ID{}, ErrInvalid
	}
	var id ID
	ms, ok1 := decode(text[:10])
	partition, ok2 := decode(text[10:16])
	high, ok3 := decode(text[16:24])
	low, ok4 := decode(text[24:])
	if !ok1 || !ok2 || !ok3 || !ok4 {
		return ID{}, ErrInvalid
	}
	binary.BigEndian.PutUint64(id[:8], ms<<16)
	binary.BigEndian.PutUint32(id[6:10], uint32(partition))
	put40(id[10:15], high)
	put40(id[15:], low)
	return id, nil
}

// IsZero reports whether id is the zero ID, which means "none".
func (id ID) IsZero() bool { return id == ID{} }

// Compare orders ids by time, then by partition, then by their random bits; their texts have the same order.
func Compare(a, b ID) int { return bytes.Compare(a[:], b[:]) }

// Partition returns the 30-bit partition, which all ids of an account share.
func (id ID) Partition() uint32 { return binary.BigEndian.Uint32(id[6:10]) & MaxPartition }

// Time returns the instant in the id, in UTC with millisecond precision.
func (id ID) Time() time.Time {
	return time.UnixMilli(int64(binary.BigEndian.Uint64(id[:8]) >> 16)).UTC()
}

// String returns the 32-character text, and the empty string for the zero ID.
func (id ID) String() string {
	if id.IsZero() {
		return ""
	}
	return string(id.Append(make([]byte, 0, TextSize)))
}

// Append appends the 32-character text to dst; nothing for the zero ID. It does not allocate if dst has room.
func (id ID) Append(dst []byte) []byte {
	if id.IsZero() {
		return dst
	}
	ms := binary.BigEndian.Uint64(id[:8]) >> 16
	dst = binary.BigEndian.AppendUint64(dst, spell(ms>>10))
	dst = binary.BigEndian.AppendUint64(dst, spell(ms<<30|uint64(id.Partition())))
	dst = binary.BigEndian.AppendUint64(dst, spell(get40(id[10:15])))
	return binary.BigEndian.AppendUint64(dst, spell(get40(id[15:])))
}

// MarshalText implements encoding.TextMarshaler.
func (id ID) MarshalText() ([]byte, error) { return id.Append(nil), nil }

// UnmarshalText implements encoding.TextUnmarshaler; the empty text is the zero ID.
func (id *ID) UnmarshalText(text []byte) error {
	if len(text) == 0 {
		*id = ID{}
		return nil
	}
	parsed, err := Parse(string(text))
	if err != nil {
		return err
	}
	*id = parsed
	return nil
}

// Value implements driver.Valuer: the text, and NULL for the zero ID.
func (id ID) Value() (driver.Value, error) {
	if id.IsZero() {
		return nil, nil
	}
	return id.String(), nil
}

// Scan implements sql.Scanner; NULL becomes the zero ID.
func (id *ID) Scan(value any) error {
	switch v := value.(type) {
	case nil:
		*id = ID{}
		return nil
	case string:
		return id.UnmarshalText([]byte(v))
	case []byte:
		return id.UnmarshalText(v)
	}
	return fmt.Errorf("pfid: cannot read an id from a %T", value)
}

// spell returns the eight characters of the lower 40 bits, the first in the highest byte. Each answer of a validation
// spells up to five ids, so it makes all eight at once, in one word and without a table.
func spell(bits uint64) uint64 {
	const each = 0x0101010101010101
	// Spread the bits, five per byte, by halving: 20, then 10, then 5.
	v := bits&0xfffff | bits>>20&0xfffff<<32
	v = v&0x000003ff000003ff | v&0x000ffc00000ffc00<<6
	v = v&0x001f001f001f001f | v&0x03e003e003e003e0<<3
	// In ASCII the letters follow the digits after a gap. The alphabet leaves out i, l, o and u.
	from := func(value uint64) uint64 { return (v + each*(0x80-value)) >> 7 & each }
	return v + each*'0' + from(10)*('a'-'0'-10) + from(18) + from(20) + from(22) + from(27)
}

func decode(text string) (bits uint64, ok bool) {
	for i := range len(text) {
		v := values[text[i]]
		if v == 0xff {
			return 0, false
		}
		bits = bits<<5 | uint64(v)
	}
	return bits, true
}

func put40(b []byte, v uint64) {
	b[0] = byte(v >> 32)
	binary.BigEndian.PutUint32(b[1:], uint32(v))
}

func get40(b []byte) uint64 { return uint64(b[0])<<32 | uint64(binary.BigEndian.Uint32(b[1:])) }
