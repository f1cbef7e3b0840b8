package audit

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"tokentab/backend/filemode"
)

// Backlog is a chain whose events are not all in the log.
type Backlog struct {
	Chain     string
	Logged    int64 // sequence of the newest event in the log; 0 for none
	KeptAfter int64 // sequence of the newest event that retention has removed
	Newest    int64 // sequence of the newest event
}

// next returns the sequence of the event before the next one to write.
func (b Backlog) next() int64 {
	if b.Logged > b.Newest { // the chain was put back
		return b.KeptAfter
	}
	return max(b.Logged, b.KeptAfter)
}

// LogStore is what a Log needs of the store.
type LogStore interface {
	// ChainAfter returns up to most events of a chain with a higher sequence.
	ChainAfter(ctx context.Context, chain string, after int64, most int) (Page, error)
	// Unlogged returns the chains whose events are not all in the log, up to most.
	Unlogged(ctx context.Context, most int) ([]Backlog, error)
	// SetLogged notes up to which event of a chain the log has all. A power cut may undo it.
	SetLogged(ctx context.Context, chain string, sequence int64) error
}

const (
	// loggedAtOnce is how many events a Log writes at once, and mostBacklogs for how many chains it looks at once.
	loggedAtOnce = 200
	mostBacklogs = 1000
	// readBack is how many bytes at the end of the file a Log reads when it opens it: several times what it writes at once.
	readBack = 4 << 20
)

// Log appends each event to a file, as a line in the form of Trail.Export, for programs that ship logs. It reads events from
// the store after their commit, so a file that can't be written delays no change, and what is missing follows later. The
// store keeps up to where each chain is written. After a crash the file may have more: its last lines are then not written
// again.
type Log struct {
	path  string
	store LogStore
	log   *slog.Logger

	failures atomic.Uint64
	reopen   atomic.Bool

	mu   sync.Mutex // held by one Write at a time
	file *os.File   // nil until it is opened, and after a failure
	held map[Hash]bool
}

// NewLog returns a Log that appends to the file at a path. It creates the file with mode 0600, and returns an error if the
// file can't be its log; a disk that fails is only logged.
func NewLog(path string, store LogStore, log *slog.Logger) (*Log, error) {
	l := &Log{path: path, store: store, log: log}
	err := l.open()
	if isOfDisk(err) {
		log.Error("could not open the audit log; will retry", "cause", err)
		return l, nil
	}
	return l, err
}

// isOfDisk reports whether a failure may pass once the disk is well.
func isOfDisk(err error) bool {
	for _, code := range []syscall.Errno{syscall.ENOSPC, syscall.EDQUOT, syscall.EROFS, syscall.EIO} {
		if errors.Is(err, code) {
			return true
		}
	}
	return false
}

// CheckLog returns an error if a file can't be a Log. A missing file in a folder that is there can.
func CheckLog(path string) error {
	if err := filemode.CheckFolder(filepath.Dir(path)); err != nil {
		return err
	}
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if err := checkLog(path, info); err != nil {
		return err
	}
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	_, _, err = readEnd(f, info.Size())
	return err
}

func checkLog(path string, info fs.FileInfo) error {
	if !info.Mode().IsRegular() {
		return fmt.Errorf("%s is not a regular file", path)
	}
	return filemode.CheckFile(path, info)
}

// open opens the file, ends it behind its last complete line, and remembers the events of its last lines.
func (l *Log) open() (err error) {
	if err := filemode.CheckFolder(filepath.Dir(l.path)); err != nil {
		return err
	}
	if info, err := os.Stat(l.path); err == nil && !info.Mode().IsRegular() { // opening a pipe would wait for a reader
		return checkLog(l.path, info)
	}
	f, err := os.OpenFile(l.path, os.O_APPEND|os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, f.Close())
		}
	}()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if err := checkLog(l.path, info); err != nil {
		return err
	}
	whole, held, err := readEnd(f, info.Size())
	if err != nil {
		return err
	}
	if whole < info.Size() { // a crash or a full disk has left a part of a line
		if err := os.Truncate(l.path, whole); err != nil { // Windows lets no file opened for appending be truncated
			return err
		}
	}
	l.file, l.held = f, held
	return nil
}

// errForeign is the error of a file that is no audit log.
var errForeign = errors.New("the file has other lines than those of an audit log: name another file")

// readEnd returns the size of a file without an incomplete last line, and the hashes of the events in its last lines.
func readEnd(f io.ReaderAt, size int64) (whole int64, held map[Hash]bool, err error) {
	from := max(0, size-readBack)
	end := make([]byte, size-from)
	if _, err := f.ReadAt(end, from); err != nil && !errors.Is(err, io.EOF) {
		return 0, nil, err
	}
	complete := end[:bytes.LastIndexByte(end, '\n')+1]
	rest := end[len(complete):]
	const begin = `{"account_id":"`
	if n := min(len(rest), len(begin)); from > 0 && len(complete) == 0 || string(rest[:n]) != begin[:n] {
		return 0, nil, errForeign
	}
	held, whole = map[Hash]bool{}, from+int64(len(complete))
	if from > 0 { // in the middle of a line
		complete = complete[bytes.IndexByte(complete, '\n')+1:]
	}
	for text := range bytes.Lines(complete) {
		var line struct{ Hash string }
		err := json.Unmarshal(text, &line)
		code, wrong := hex.DecodeString(line.Hash)
		if err != nil || wrong != nil || len(code) != len(Hash{}) {
			return 0, nil, errForeign
		}
		held[Hash(code)] = true
	}
	return whole, held, nil
}

// Reopen makes the next Write open the file again.
func (l *Log) Reopen() { l.reopen.Store(true) }

// Failures returns how often the file could not be written.
func (l *Log) Failures() uint64 { return l.failures.Load() }

// Unlogged returns how many events a log has yet to write, and when the first of them happened; zero if there is none.
func Unlogged(ctx context.Context, store LogStore) (n int64, since time.Time, err error) {
	behind, err := store.Unlogged(ctx, mostBacklogs)
	for i := 0; i < len(behind) && err == nil; i++ {
		n += behind[i].Newest - behind[i].next()
		if i > 0 {
			continue
		}
		var page Page
		if page, err = store.ChainAfter(ctx, behind[i].Chain, behind[i].next(), 1); len(page.Links) > 0 {
			since = page.Links[0].at()
		}
	}
	return n, since, err
}

// Write appends the events that are not in the file yet, those of each chain in their order. It ends with the first failure,
// and the next call goes on there.
func (l *Log) Write(ctx context.Context) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	behind, err := l.store.Unlogged(ctx, mostBacklogs)
	if err != nil || len(behind) == 0 {
		return err
	}
	if err := l.sayRemoved(ctx, behind); err != nil {
		return err
	}
	for _, b := range behind {
		if b.Logged > b.Newest {
			l.log.Error("a chain of the audit trail is shorter than what the audit log has of it: an older copy of the database was put back, or events were removed. Its events are written again",
				"chain", ChainName(b.Chain), "logged", b.Logged, "newest", b.Newest)
		}
		if err := l.follow(ctx, b.Chain, b.next()); err != nil {
			return err
		}
	}
	return nil
}

// sayRemoved logs that retention has removed events before they were in the file. It says so once.
func (l *Log) sayRemoved(ctx context.Context, behind []Backlog) error {
	var events, chains int64
	for _, b := range behind {
		if n := b.KeptAfter - b.Logged; n > 0 {
			events, chains = events+n, chains+1
			if err := l.store.SetLogged(ctx, b.Chain, b.KeptAfter); err != nil {
				return err
			}
		}
	}
	if events > 0 {
		l.log.Warn("the retention of audit events removed some before they were in the audit log", "events", events, "chains", chains)
	}
	return nil
}

// follow writes the events of a chain behind a sequence.
func (l *Log) follow(ctx context.Context, chain string, after int64) error {
	for {
		page, err := l.store.ChainAfter(ctx, chain, after, loggedAtOnce)
		if err != nil || len(page.Links) == 0 {
			return err
		}
		if err := l.append(page.Links); err != nil {
			l.failures.Add(1)
			return fmt.Errorf("audit log: %w", err)
		}
		after = page.Links[len(page.Links)-1].Sequence
		if err := l.store.SetLogged(ctx, chain, after); err != nil {
			l.Reopen() // and remember the lines
			return err
		}
		if len(page.Links) < loggedAtOnce {
			return nil
		}
	}
}

// append writes events to the file and waits until they are on the disk.
func (l *Log) append(links []Link) error {
	if err := l.ready(); err != nil {
		return err
	}
	var text bytes.Buffer
	lines := json.NewEncoder(&text)
	lines.SetEscapeHTML(false)
	for _, link := range links {
		if len(link.Hash) == len(Hash{}) && l.held[Hash(link.Hash)] {
			continue
		}
		if err := lines.Encode(line(link.Fields, link.Hash)); err != nil {
			return err
		}
	}
	_, err := l.file.Write(text.Bytes())
	if err == nil {
		err = l.file.Sync()
	}
	if err != nil {
		return errors.Join(err, l.close()) // the next open sees which lines are there
	}
	return nil
}

// ready opens the file if it is not open, was renamed or removed, or should be opened again. It appends to a truncated file at
// its new end.
func (l *Log) ready() error {
	if l.file != nil {
		there, err := os.Stat(l.path)
		var here fs.FileInfo
		if err == nil {
			here, err = l.file.Stat()
		}
		if err == nil && os.SameFile(there, here) && !l.reopen.Load() {
			return checkLog(l.path, here)
		}
		if err := l.close(); err != nil {
			return err
		}
	}
	l.reopen.Store(false)
	return l.open()
}

func (l *Log) close() error {
	f := l.file
	if l.file, l.held = nil, nil; f == nil {
		return nil
	}
	return f.Close()
}

// Close closes the file.
func (l *Log) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.close()
}
