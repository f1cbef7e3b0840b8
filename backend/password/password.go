// Package password hashes passwords with Argon2id (RFC 9106), one at a time: a hash takes much memory and keeps a
// core busy, and many sign-ins at once must not slow down validations.
package password

import (
	"context"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync/atomic"
	"time"

	"tokentab/backend/fault"
	"tokentab/backend/text"
)

// current are the default costs of new hashes: 19 MiB and two passes, one of the equivalent choices in OWASP's
// Password Storage Cheat Sheet. Older hashes have 46 MiB and one pass, which needs more memory for the same strength.
var current = params{memory: 19 * 1024, passes: 2}

// Upper bounds of a stored hash's costs, so that a row of the database can't exhaust the machine's memory.
const (
	maxMemory = 64 * 1024
	maxPasses = 10
)

// Sizes in bytes.
const (
	saltSize = 16
	tagSize  = 32
)

// Costs are the costs of new hashes. The zero Costs are the defaults; tests about other subjects use cheaper ones.
type Costs struct {
	Memory uint32 // in KiB, at least 8
	Passes uint32
}

// Hasher hashes and compares passwords, for one caller at a time. It implements people.Passwords.
type Hasher struct {
	random io.Reader
	pause  func()
	costs  params // of new hashes
	// turn is held by the caller that hashes. Unknown callers must first hold strangers, so that only one of them
	// competes for turn, and people on a known browser or network don't wait behind all of them.
	turn, strangers chan struct{}
	waiting         atomic.Int64
	// memory is reused by each hash with the current costs. The caller that has the turn owns it.
	memory []block
}

// New returns a Hasher. While it computes, it calls pause every few microseconds, which may sleep.
func New(random io.Reader, pause func(), costs Costs) *Hasher {
	h := &Hasher{random: random, pause: pause, costs: current, turn: make(chan struct{}, 1), strangers: make(chan struct{}, 1)}
	if costs != (Costs{}) {
		h.costs = params{memory: costs.Memory, passes: costs.Passes}
	}
	return h
}

// Limits of the queue, documented in docs/settings.md. They bound how long unknown callers can make it.
const (
	patience   = 10 * time.Second
	maxWaiting = 32
)

// Turn implements people.Passwords.
func (h *Hasher) Turn(ctx context.Context, known bool) (done func(), err error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if !known {
		defer h.waiting.Add(-1)
		if h.waiting.Add(1) > maxWaiting || !enter(ctx, h.strangers) {
			return nil, busy(ctx)
		}
		defer func() { <-h.strangers }()
	}
	if !enter(ctx, h.turn) {
		return nil, busy(ctx)
	}
	return func() { <-h.turn }, nil
}

func enter(ctx context.Context, room chan struct{}) bool {
	select {
	case room <- struct{}{}:
		return true
	case <-ctx.Done():
		return false
	}
}

// busy is the answer to a caller who did not get a turn. Its cause is set if the caller has gone, so that a command says so.
func busy(ctx context.Context) error {
	f := &fault.Error{Kind: fault.Unavailable, Message: "Too many people are signing in. Try again in a moment.", RetryAfter: 2 * time.Second}
	if errors.Is(ctx.Err(), context.Canceled) {
		f.Cause = ctx.Err()
	}
	return f
}

// Hash implements people.Passwords.
func (h *Hasher) Hash(password string) (string, error) {
	salt := make([]byte, saltSize)
	if _, err := io.ReadFull(h.random, salt); err != nil {
		return "", fmt.Errorf("password: read random bytes: %w", err)
	}
	return encode(h.costs, salt, h.tag(h.costs, text.Composed(password), salt)), nil
}

// Matches implements people.Passwords.
func (h *Hasher) Matches(password, hash string) (matches, outdated bool, err error) {
	spellings := text.Spellings(password)
	if hash == "" { // take as long as for any other hash, so that time does not reveal who exists
		for _, spelling := range spellings {
			h.tag(h.costs, spelling, make([]byte, saltSize))
		}
		return false, false, nil
	}
	p, salt, tag, err := decode(hash)
	if err != nil {
		return false, false, err
	}
	// Earlier versions hashed the password in the form that the client sent.
	for i, spelling := range spellings {
		if subtle.ConstantTimeCompare(h.tag(p, spelling, salt), tag) == 1 {
			return true, i > 0 || p != h.costs, nil
		}
	}
	return false, false, nil
}

// tag hashes one spelling of a password.
func (h *Hasher) tag(p params, password string, salt []byte) []byte {
	if p.memory > h.costs.memory { // an older hash; the next successful sign-in replaces it
		return derive(make([]block, p.memory), p, []byte(password), salt, tagSize, h.pause)
	}
	if h.memory == nil {
		h.memory = make([]block, h.costs.memory)
	}
	return derive(h.memory[:p.memory], p, []byte(password), salt, tagSize, h.pause)
}

// form is how hashes are stored: the PHC string format, which other programs use too.
const form = "$argon2id$v=%d$m=%d,t=%d,p=%d$"

func encode(p params, salt, tag []byte) string {
	return fmt.Sprintf(form, version, p.memory, p.passes, 1) + base64.RawStdEncoding.EncodeToString(salt) + "$" + base64.RawStdEncoding.EncodeToString(tag)
}

func decode(hash string) (p params, salt, tag []byte, err error) {
	var v, lanes uint32
	var rest string
	if _, err := fmt.Sscanf(hash, form+"%s", &v, &p.memory, &p.passes, &lanes, &rest); err != nil {
		return p, nil, nil, fmt.Errorf("password: the stored hash has an unknown form: %w", err)
	}
	if v != version || lanes != 1 || p.memory < 8 || p.memory > maxMemory || p.passes < 1 || p.passes > maxPasses {
		return p, nil, nil, fmt.Errorf("password: the stored hash has costs outside the accepted range")
	}
	first, rest, _ := strings.Cut(rest, "$")
	salt, err1 := base64.RawStdEncoding.DecodeString(first)
	tag, err2 := base64.RawStdEncoding.DecodeString(rest)
	if errors.Join(err1, err2) != nil || len(salt) < 8 || len(tag) != tagSize {
		return p, nil, nil, fmt.Errorf("password: the stored hash is damaged")
	}
	return p, salt, tag, nil
}
