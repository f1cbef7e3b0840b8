package token

import (
	"bytes"
	"compress/zlib"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"time"
)

// Status lists tell offline verifiers which tokens are suspended or revoked (Token Status List,
// draft-ietf-oauth-status-list-20). Each secret names its token's entry in a list.
const (
	// StatusListSize is how many entries every list has.
	StatusListSize = 1 << 17
	// StatusListFill is how many entries are used before the next list begins. At most half are used, so a random entry
	// is free with a chance of at least one half.
	StatusListFill = StatusListSize / 2
	// StatusListTTL is how long a verifier may keep a list before it asks for a newer one (section 5.1).
	StatusListTTL = time.Minute
	// StatusListLifetime is how long a verifier that can't get a newer list may rely on this one.
	StatusListLifetime = time.Hour
	// statusListRenewal is how long an unchanged list keeps its signature, so that most verifiers that ask each
	// StatusListTTL get a short 304.
	statusListRenewal = 10 * time.Minute
	// StatusListBits is the size of an entry: suspended does not fit into one bit.
	StatusListBits = 2
)

// StatusEntry is the entry of a token in a status list. The zero StatusEntry is none, for tokens that are older than the
// lists.
type StatusEntry struct {
	List  int // from 1
	Index int // from 0, below StatusListSize
}

// IsZero reports whether the entry is none.
func (e StatusEntry) IsZero() bool { return e.List == 0 }

// ErrEntryTaken means that the entry drawn for a token is used, or that its list is full.
var ErrEntryTaken = errors.New("the entry in the status list is taken")

// drawIndex returns a random index, so that entries don't reveal the order in which tokens were issued.
func drawIndex(random io.Reader) (int, error) {
	var b [3]byte
	if _, err := io.ReadFull(random, b[:]); err != nil {
		return 0, fmt.Errorf("token: read random bytes: %w", err)
	}
	// The size is a power of two, so all are equally likely.
	return (int(b[0])<<16 | int(b[1])<<8 | int(b[2])) % StatusListSize, nil
}

// statusValues are the values of entries (section 7.1). The zero value is valid.
var statusValues = [...]byte{Active: 0, Revoked: 1, Suspended: 2}

// statusBits is a list as an array of entries, the lowest bits of each byte first (section 4.1).
type statusBits []byte

func newStatusBits(size int) statusBits { return make(statusBits, size*StatusListBits/8) }

// set writes an entry, which must be zero.
func (b statusBits) set(index int, value byte) {
	at := index * StatusListBits
	b[at/8] |= value << (at % 8)
}

// get returns the value of an entry.
func (b statusBits) get(index int) byte {
	at := index * StatusListBits
	return b[at/8] >> (at % 8) & (1<<StatusListBits - 1)
}

// encode returns the compressed array as text, which is the lst member of a list (section 4.2).
func (b statusBits) encode() (string, error) {
	var packed bytes.Buffer
	w, err := zlib.NewWriterLevel(&packed, zlib.BestCompression)
	if err != nil {
		return "", err
	}
	if _, err := w.Write(b); err != nil {
		return "", err
	}
	if err := w.Close(); err != nil {
		return "", err
	}
	return base64.RawURLEncoding.EncodeToString(packed.Bytes()), nil
}
