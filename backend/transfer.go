package backend

import (
	"bufio"
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"tokentab/backend/audit"
	"tokentab/backend/fault"
	"tokentab/backend/filemode"
	"tokentab/backend/pfid"
	"tokentab/backend/token"
)

// importedLine is a line of a file of tokens: JSON. Only hash, scope, expires_at and, for the scope account, role are required.
// It has no secret.
type importedLine struct {
	Hash          string `json:"hash"`          // SHA-256 of the secret, in hex
	KeyID         string `json:"kid,omitempty"` // of the key that signed the secret, if it was one of this program
	Hint          string `json:"hint,omitempty"`
	Name          string `json:"name,omitempty"`
	Scope         string `json:"scope"`
	Role          string `json:"role,omitempty"`
	Status        string `json:"status,omitempty"` // active if empty
	ExpiresAt     string `json:"expires_at"`       // as RFC 3339 has it, like the other times
	InsertedAt    string `json:"inserted_at,omitempty"`
	LastUsedAt    string `json:"last_used_at,omitempty"` // only for readers; imports ignore it
	ID            string `json:"id,omitempty"`
	AgentID       string `json:"agent_id,omitempty"`
	Agent         string `json:"agent,omitempty"` // its name, for an account in which the id does not exist
	EnvironmentID string `json:"environment_id,omitempty"`
	Environment   string `json:"environment,omitempty"` // likewise
}

const (
	// importAtOnce is how many tokens one transaction imports. Other changes wait for it.
	importAtOnce = 100
	// restBusyImport is restBusy for imports, for whose end a person waits.
	restBusyImport = 1
	// maxImportedLine bounds a line, in bytes.
	maxImportedLine = 16 << 10
	// mostWrongLines is how many wrong lines an error lists.
	mostWrongLines = 10
)

// ExportTokens writes all tokens of an account, one a line, and returns how many. A line has only the current secret of its token:
// replaced counts the tokens whose old secret is still valid here.
func (b *Backend) ExportTokens(ctx context.Context, account pfid.ID, to io.Writer) (n, replaced int, err error) {
	out := json.NewEncoder(to)
	out.SetEscapeHTML(false)
	err = b.Tokens.Each(ctx, account, func(list []token.Listed) error {
		for _, t := range list {
			line := importedLine{
				Hash: hex.EncodeToString(t.Hash[:]), Hint: t.Hint, Name: t.Name, Scope: t.Scope.String(), Role: t.Role.String(), Status: t.Status.String(),
				ExpiresAt: written(t.ExpiresAt), InsertedAt: written(t.InsertedAt), LastUsedAt: written(t.LastUsedAt), ID: t.ID.String(), Agent: t.AgentName, Environment: t.EnvironmentName,
			}
			if t.KeyID != token.KeyElsewhere {
				line.KeyID = t.KeyID
			}
			if !t.AgentID.IsZero() {
				line.AgentID = t.AgentID.String()
			}
			if !t.EnvironmentID.IsZero() {
				line.EnvironmentID = t.EnvironmentID.String()
			}
			if err := out.Encode(line); err != nil {
				return err
			}
			n++
			if !t.OldSecret.EndsAt.IsZero() {
				replaced++
			}
		}
		return nil
	})
	return n, replaced, err
}

// written returns a time of an importedLine; empty for the zero time.
func written(at time.Time) string {
	if at.IsZero() {
		return ""
	}
	return at.Format(time.RFC3339Nano)
}

// Import describes an import of tokens.
type Import struct {
	Account pfid.ID
	File    string
	DryRun  bool // only check
	Shorten bool // lifetimes beyond the longest one, instead of refusing them
	// Rest pauses between two transactions beside a server; nil for as long as the work took.
	Rest func()
}

// ImportResult counts the tokens of an imported file.
type ImportResult struct {
	Made    int // in a dry run, how many would be made
	Known   int // skipped: the secret is known, or came before in the file
	Revoked int // skipped, as are expired ones
	Expired int
}

// ImportTokens imports the tokens of a file. It checks every line before it writes anything. It writes 100 tokens in a
// transaction; if it is interrupted, a second call skips those that are there. A running server accepts the tokens when
// it returns, and has its turns meanwhile.
func (b *Backend) ImportTokens(ctx context.Context, order Import) (result ImportResult, err error) {
	names, err := b.namesOf(ctx, order.Account)
	if err != nil {
		return result, err
	}
	var wrong []string
	seen := map[token.Hash]bool{}
	checked := ImportResult{}
	err = b.eachImported(order, names, func(line int, i token.Imported, lineErr error) error {
		if lineErr != nil {
			wrong = append(wrong, fmt.Sprintf("line %d: %s", line, inWords(lineErr)))
			if len(wrong) == mostWrongLines {
				return errTooWrong
			}
			return nil
		}
		isKnown := seen[i.Hash]
		if !isKnown {
			if _, isKnown, err = b.store.Tokens.FindToken(ctx, i.Hash); err != nil {
				return err
			}
		}
		seen[i.Hash] = true
		checked.count(isKnown)
		return nil
	}, &checked)
	if len(wrong) > 0 {
		return ImportResult{}, fmt.Errorf("nothing was imported:\n  %s", strings.Join(wrong, "\n  "))
	}
	if err != nil || order.DryRun {
		return checked, err
	}
	clear(seen)
	rest := order.Rest
	if rest == nil {
		rest = resting(ctx, restBusyImport)
	}
	var batch []token.Imported
	flush := func() error {
		made := 0
		err := b.store.Together(ctx, func(ctx context.Context) (err error) {
			if made, err = b.Tokens.Import(ctx, audit.Actor{AccountID: order.Account}, batch); err != nil {
				return err
			}
			return b.store.AnnounceChange(ctx) // servers remember which secrets are unknown
		})
		if err != nil {
			return fmt.Errorf("%d tokens were imported; run the command again for the rest: %w", result.Made, err)
		}
		result.Made += made
		result.Known += len(batch) - made
		batch = batch[:0]
		if _, running, err := b.Serving(ctx); running || err != nil {
			rest()
		}
		return ctx.Err()
	}
	err = b.eachImported(order, names, func(line int, i token.Imported, lineErr error) error {
		if lineErr != nil { // the file or the clock has changed
			return fmt.Errorf("%d tokens were imported; line %d: %s", result.Made, line, inWords(lineErr))
		}
		if seen[i.Hash] {
			result.Known++
			return nil
		}
		seen[i.Hash] = true
		if batch = append(batch, i); len(batch) < importAtOnce {
			return nil
		}
		return flush()
	}, &result)
	if err == nil && len(batch) > 0 {
		err = flush()
	}
	if err != nil {
		return result, err
	}
	return result, b.AwaitServer(ctx)
}

func (r *ImportResult) count(isKnown bool) {
	if isKnown {
		r.Known++
	} else {
		r.Made++
	}
}

// inWords returns what is wrong with a line.
func inWords(err error) string {
	failed, ok := errors.AsType[*fault.Error](err)
	if !ok || len(failed.Fields) == 0 {
		return err.Error()
	}
	var all []string
	for _, field := range slices.Sorted(maps.Keys(failed.Fields)) {
		for _, what := range failed.Fields[field] {
			all = append(all, strings.TrimPrefix(field, "token_")+" "+what)
		}
	}
	return strings.Join(all, "; ")
}

var errTooWrong = errors.New("too many wrong lines")

// eachImported calls f with each token of a file that is neither revoked nor expired, or with what is wrong with a line.
func (b *Backend) eachImported(order Import, names namesInAccount, f func(line int, i token.Imported, err error) error, skipped *ImportResult) error {
	file, err := filemode.OpenRegular(order.File)
	if err != nil {
		return err
	}
	defer file.Close()
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, maxImportedLine)
	n := 0
	for lines.Scan() {
		n++
		text := lines.Bytes()
		if n == 1 {
			text = bytes.TrimPrefix(text, []byte("\ufeff")) // some editors on Windows begin a file so
		}
		if len(bytes.TrimSpace(text)) == 0 {
			continue
		}
		var line importedLine
		i, err := token.Imported{}, decodeStrictly(text, &line)
		if err == nil {
			if trusted, own := names.keys[line.KeyID]; line.Status == token.Revoked.String() || own && !trusted {
				skipped.Revoked++
				continue
			}
			i, err = line.imported(names)
			if !i.ExpiresAt.IsZero() && !i.ExpiresAt.After(b.now()) {
				skipped.Expired++
				continue
			}
		}
		if err == nil {
			err = b.Tokens.CheckImported(&i, order.Shorten)
		}
		if err := f(n, i, err); err != nil {
			if errors.Is(err, errTooWrong) {
				return nil
			}
			return err
		}
	}
	if errors.Is(lines.Err(), bufio.ErrTooLong) {
		return fmt.Errorf("line %d is longer than %d bytes", n+1, maxImportedLine)
	}
	return lines.Err()
}

func decodeStrictly(text []byte, into any) error {
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	err := decoder.Decode(into)
	if unfit, ok := errors.AsType[*json.UnmarshalTypeError](err); ok && unfit.Field != "" {
		return fmt.Errorf("%s must be text", unfit.Field)
	} else if ok {
		return fmt.Errorf("it must be a JSON object, not %s", unfit.Value)
	}
	if err != nil {
		return fmt.Errorf("it must be a JSON object: %s", strings.TrimPrefix(err.Error(), "json: "))
	}
	if decoder.More() {
		return errors.New("it must be one JSON object")
	}
	return nil
}

func (l importedLine) imported(names namesInAccount) (i token.Imported, err error) {
	i = token.Imported{Order: token.Order{Name: l.Name}, Hint: l.Hint, Status: token.Active}
	if names.keys[l.KeyID] {
		i.KeyID = l.KeyID
	}
	if i.ExpiresAt, err = timeIn("expires_at", l.ExpiresAt); err != nil {
		return i, err
	}
	if i.Created, err = timeIn("inserted_at", l.InsertedAt); err != nil {
		return i, err
	}
	var known bool
	if i.Scope, known = token.ParseScope(l.Scope); !known {
		return i, errors.New("scope must be account, environment or agent_deployment")
	}
	if hash, err := hex.DecodeString(l.Hash); err == nil && len(hash) == len(i.Hash) {
		i.Hash = token.Hash(hash)
	}
	if i.ExpiresAt.IsZero() {
		return i, errors.New("expires_at is required")
	}
	if l.Status != "" {
		if i.Status, known = token.ParseStatus(l.Status); !known {
			return i, errors.New("status must be active, suspended or revoked")
		}
	}
	if l.Role != "" {
		if i.Role, known = token.ParseRole(l.Role); !known {
			return i, errors.New("role must be manage or read")
		}
	} else if i.Scope == token.ScopeAccount { // no token gets the right to manage an account by omission
		return i, errors.New("role is required for the scope account: manage or read")
	}
	if l.ID != "" {
		if i.ID, err = pfid.Parse(l.ID); err != nil {
			return i, errors.New("id must be an id of 32 lower-case characters; leave it out for a new one")
		}
	}
	if i.AgentID, err = find(names.agents, "agent", l.AgentID, l.Agent); err != nil {
		return i, err
	}
	i.EnvironmentID, err = find(names.environments, "environment", l.EnvironmentID, l.Environment)
	return i, err
}

// timeIn reads the time in a field of an importedLine; the zero time if the field is empty.
func timeIn(field, text string) (at time.Time, err error) {
	if text == "" {
		return at, nil
	}
	if at, err = time.Parse(time.RFC3339, text); err != nil {
		return at, fmt.Errorf("%s must be a time such as 2026-06-01T00:00:00Z", field)
	}
	return at, nil
}
