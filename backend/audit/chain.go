package audit

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"tokentab/backend/paging"
	"tokentab/backend/pfid"
)

// Hash is the hash of an event, which covers all events before it in its chain. The zero Hash precedes the first event.
type Hash [sha256.Size]byte

// Head describes the end of a chain, and the place up to which retention has removed its events.
type Head struct {
	Chain     string // id of the account; empty for the chain of the installation
	Sequence  int64  // of the newest event; 0 for none
	Hash      Hash   // of the newest event
	KeptAfter int64  // sequence of the newest removed event; 0 for none
	KeptHash  Hash   // of the newest removed event
	// Seal is empty once a program has found the head changed by someone without the key. It then stays empty.
	Seal []byte
}

// String returns the sequence and the hash of the newest event, as ParsePoint parses them.
func (h Head) String() string { return fmt.Sprintf("%d:%x", h.Sequence, h.Hash) }

// Sealer computes message authentication codes under a key that is kept outside the database.
type Sealer interface {
	MAC(message []byte) []byte
}

// Sealed reports whether the seal of the head is the sealer's.
func (h Head) Sealed(by Sealer) bool {
	return subtle.ConstantTimeCompare(h.Seal, by.MAC(h.encoding())) == 1
}

// SealBy sets the seal of the head.
func (h *Head) SealBy(sealer Sealer) { h.Seal = sealer.MAC(h.encoding()) }

func (h Head) encoding() []byte {
	return encoding("tokentab audit head 1", h.Chain, strconv.FormatInt(h.Sequence, 10), hex.EncodeToString(h.Hash[:]),
		strconv.FormatInt(h.KeptAfter, 10), hex.EncodeToString(h.KeptHash[:]))
}

// Append makes the event the newest one of the chain. It sets the event's sequence and hash. The seal is left as it is.
func (h *Head) Append(e *Event) {
	h.Sequence++
	e.Sequence = h.Sequence
	h.Hash = Next(h.Hash, e.fields())
	e.Hash = slices.Clone(h.Hash[:])
}

// fields returns the fields of an event in the order of their encoding: Fields names them.
func (e *Event) fields() []string {
	return []string{
		e.Actor.AccountID.String(), strconv.FormatInt(e.Sequence, 10), e.ID.String(), strconv.FormatInt(e.At.UnixMilli(), 10), string(e.Action),
		e.Subject, e.Actor.AdminUserID.String(), e.Actor.APITokenID.String(), e.Actor.Address, e.Actor.RequestID, e.Actor.Reason, e.Detail,
		string(e.Actor.Kind), strconv.Itoa(e.Times),
	}
}

// Fields are the names of the fields that a hash covers, in order.
var Fields = []string{
	"account_id", "sequence", "id", "inserted_at", "action", "subject_id", "actor_admin_user_id", "actor_api_token_id", "actor_address", "request_id", "reason", "detail",
	"actor_kind", "times",
}

// firstFields is how many of the Fields the first version of the encoding had. Events without a kind of actor have that
// version.
const firstFields = 12

// Next returns the hash of the event that follows the one with the previous hash: SHA-256 over the previous hash, then a
// version, then the fields, each as UTF-8 behind its length in four bytes, big-endian.
func Next(previous Hash, fields []string) Hash {
	version := "tokentab audit event 2"
	if added := fields[firstFields:]; added[0] == "" && added[1] == "1" {
		version, fields = "tokentab audit event 1", fields[:firstFields]
	}
	return sha256.Sum256(append(previous[:], encoding(version, fields...)...))
}

func encoding(version string, fields ...string) (b []byte) {
	for _, field := range append([]string{version}, fields...) {
		b = binary.BigEndian.AppendUint32(b, uint32(len(field)))
		b = append(b, field...)
	}
	return b
}

// Link is an event as the database has it, read without understanding it: a changed row may hold anything.
type Link struct {
	Sequence int64
	Hash     []byte
	Fields   []string // in the order of Fields
}

// Before reports whether the event was written before an instant.
func (l Link) Before(at time.Time) bool {
	ms, err := strconv.ParseInt(l.Fields[3], 10, 64)
	return err == nil && ms < at.UnixMilli()
}

// at returns when the event was written; the Unix epoch if its row does not say.
func (l Link) at() time.Time {
	ms, _ := strconv.ParseInt(l.Fields[3], 10, 64)
	return time.UnixMilli(ms).UTC()
}

// Page is a part of a chain and its head, from one snapshot.
type Page struct {
	Head  Head
	Found bool // whether the chain has a head
	// Stray is set if there are events that belong to the chain and are not in it.
	Stray bool
	Links []Link // in order of their sequence
}

// Store reads chains and events.
type Store interface {
	Reader
	// ChainAfter returns up to most events of a chain with a higher sequence.
	ChainAfter(ctx context.Context, chain string, after int64, most int) (Page, error)
}

// Trail lists events, and verifies the chains of an installation.
type Trail struct {
	Reader
	store  Store
	sealer Sealer
}

// NewTrail returns a Trail.
func NewTrail(store Store, sealer Sealer) *Trail { return &Trail{store, store, sealer} }

// Point is a place in a chain that someone has noted: the sequence of an event and its hash.
type Point struct {
	Sequence int64
	Hash     Hash
}

// ParsePoint parses a place as Head.String returns it.
func ParsePoint(text string) (Point, error) {
	number, code, _ := strings.Cut(text, ":")
	sequence, err := strconv.ParseInt(number, 10, 64)
	hash, wrong := hex.DecodeString(code)
	if err != nil || sequence < 0 || wrong != nil || len(hash) != len(Hash{}) {
		return Point{}, fmt.Errorf("%q is not a place in a chain: give sequence and hash as tokentab audit verify printed them, such as 12:5f0c…", text)
	}
	return Point{sequence, Hash(hash)}, nil
}

// Broken is the error of a chain that does not verify.
type Broken struct {
	Sequence int64 // the first one that does not verify
	Reason   string
}

// Error implements error.
func (b *Broken) Error() string { return fmt.Sprintf("broken at event %d: %s", b.Sequence, b.Reason) }

// linksAtOnce is how many events Verify holds in memory.
const linksAtOnce = 1000

// Verify checks a chain from its first kept event to its head and returns the head. If since is not nil, the chain must
// contain that place too. It returns *Broken if the chain does not verify. Changes may go on meanwhile.
func (t *Trail) Verify(ctx context.Context, chain string, since *Point) (Head, error) {
	var at int64
	var hash Hash
	for first := true; ; first = false {
		page, err := t.store.ChainAfter(ctx, chain, at, linksAtOnce)
		if err != nil {
			return page.Head, err
		}
		head := page.Head
		switch {
		case !page.Found:
			return head, &Broken{1, "the head of the chain was removed"}
		case !head.Sealed(t.sealer):
			return head, &Broken{head.Sequence, "the head of the chain is not sealed with this installation's key: it was changed, or events were removed from the end"}
		case page.Stray:
			return head, &Broken{head.KeptAfter + 1, "there are events that were added outside the chain"}
		}
		if first && since != nil && since.Sequence < head.KeptAfter {
			return head, fmt.Errorf("event %d is older than the events that are kept: retention removed them up to event %d", since.Sequence, head.KeptAfter)
		}
		if at < head.KeptAfter { // the seal vouches for the hash
			at, hash = head.KeptAfter, head.KeptHash
		}
		if since != nil && first && since.Sequence > head.Sequence {
			return head, &Broken{head.Sequence + 1, fmt.Sprintf("the chain ends before event %d: an older copy of the database was put back, or events were removed", since.Sequence)}
		}
		for _, link := range page.Links {
			if err := since.check(at, hash); err != nil {
				return head, err
			}
			if at, hash, err = link.follow(at, hash); err != nil {
				return head, err
			}
		}
		if len(page.Links) < linksAtOnce {
			if err := since.check(at, hash); err != nil {
				return head, err
			}
			return head, head.ends(at, hash)
		}
	}
}

// VerifyAll verifies every chain. It returns the errors of all that do not verify, each with *Broken.
func (t *Trail) VerifyAll(ctx context.Context) error {
	chains, err := t.store.Chains(ctx)
	if err != nil {
		return err
	}
	var broken []error
	for _, chain := range chains {
		_, err := t.Verify(ctx, chain, nil)
		if _, ok := errors.AsType[*Broken](err); ok {
			err = fmt.Errorf("%s: %w", ChainName(chain), err)
			broken = append(broken, err)
		} else if err != nil {
			return err
		}
	}
	return errors.Join(broken...)
}

// ChainName returns what people call a chain.
func ChainName(chain string) string {
	if chain == "" {
		return "installation"
	}
	return "account " + chain
}

// check returns an error if the chain has another hash at this place.
func (p *Point) check(at int64, hash Hash) error {
	if p != nil && p.Sequence == at && p.Hash != hash {
		return &Broken{at, "the chain has another hash at this event than the one given: it was written anew, or another copy of the database was put back"}
	}
	return nil
}

// follow checks that the link follows the event with this sequence and hash, and returns its own.
func (l Link) follow(at int64, previous Hash) (int64, Hash, error) {
	if l.Sequence != at+1 {
		return at, previous, &Broken{at + 1, "the event was removed or moved"}
	}
	hash := Next(previous, l.Fields)
	if string(l.Hash) != string(hash[:]) {
		return at, previous, &Broken{l.Sequence, "the event was changed"}
	}
	return l.Sequence, hash, nil
}

// ends returns an error if the events end elsewhere than the head says.
func (h Head) ends(at int64, hash Hash) error {
	switch {
	case at < h.Sequence:
		return &Broken{at + 1, "the event was removed"}
	case at > h.Sequence:
		return &Broken{h.Sequence + 1, "the event was added outside the chain"}
	case hash != h.Hash:
		return &Broken{at, "the event was changed"}
	}
	return nil
}

// Remove checks that the links follow the removed part of the chain and lets the head begin after them. It returns
// *Broken if they don't.
func (h *Head) Remove(links []Link) error {
	at, hash := h.KeptAfter, h.KeptHash
	for _, link := range links {
		var err error
		if at, hash, err = link.follow(at, hash); err != nil {
			return err
		}
	}
	h.KeptAfter, h.KeptHash = at, hash
	return nil
}

// Export writes the events of a chain behind a sequence as JSON Lines: the Fields of each as texts, and its hash in
// hexadecimal.
func (t *Trail) Export(ctx context.Context, chain string, after int64, to io.Writer) error {
	lines := json.NewEncoder(to)
	lines.SetEscapeHTML(false)
	for {
		page, err := t.store.ChainAfter(ctx, chain, after, linksAtOnce)
		if err != nil {
			return err
		}
		for _, link := range page.Links {
			if err := lines.Encode(line(link.Fields, link.Hash)); err != nil {
				return err
			}
			after = link.Sequence
		}
		if len(page.Links) < linksAtOnce {
			return nil
		}
	}
}

func line(fields []string, hash []byte) map[string]string {
	line := map[string]string{"hash": hex.EncodeToString(hash)}
	for i, name := range Fields {
		line[name] = fields[i]
	}
	return line
}

// listedAtOnce is how many events ExportListed holds in memory.
const listedAtOnce = 100

// ExportListed writes the events of an account that match, newest first, as Export does. It calls may before each part, and
// ends with its error.
func (t *Trail) ExportListed(ctx context.Context, account pfid.ID, filter Filter, to io.Writer, may func() error) error {
	lines := json.NewEncoder(to)
	lines.SetEscapeHTML(false)
	page := paging.Page{Size: listedAtOnce}
	for {
		if err := may(); err != nil {
			return err
		}
		found, err := t.Events(ctx, account, filter, page)
		if err != nil {
			return err
		}
		for i := range found.Events {
			if err := lines.Encode(line(found.Events[i].fields(), found.Events[i].Hash)); err != nil {
				return err
			}
		}
		if page.After = found.Next; page.After == "" {
			return nil
		}
	}
}
