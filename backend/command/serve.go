package command

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"

	"github.com/gofrs/flock"

	"tokentab/backend"
	"tokentab/backend/config"
)

type serve struct {
	config.Config `embed:""`
}

// Run serves until the context ends.
func (s *serve) Run(ctx context.Context, std IO) (err error) {
	if err := fillDatabaseURL(&s.Storage); err != nil {
		return err
	}
	if err := fillSecret(&s.SMTPURL, config.SMTPURLFromFile); err != nil {
		return err
	}
	if err := s.Check(); err != nil {
		return err
	}
	log := newLog(std.Err, s.LogFormat)
	unlock, err := lockData(s.Data)
	if err != nil {
		return err
	}
	defer unlock()
	listener, err := net.Listen("tcp", s.Listen)
	if err != nil {
		return fmt.Errorf("--listen: %w", err)
	}
	s.Listen = listener.Addr().String() // the port too, where any will do
	b, err := backend.Open(ctx, s.Config, world(std, log))
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	defer func() { err = errors.Join(err, b.Close()) }()
	isSetUp, err := b.Accounts.IsSetUp(ctx)
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	log.Info("serving", "address", listener.Addr().String(), "url", s.Origin(), "data", s.Data, "version", Version)
	if !isSetUp {
		fmt.Fprintf(std.Out, "Set up this installation at %s/setup#%s\n", s.Origin(), b.Web.SetupCode())
	}
	return b.Serve(ctx, s.Config, listener)
}

// lockData keeps a second server off the same data: each caches verdicts, and a revoke in one would not reach the other.
func lockData(folder string) (unlock func(), err error) {
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return nil, fmt.Errorf("--data: %w", err)
	}
	lock := flock.New(filepath.Join(folder, "serve.lock"), flock.SetPermissions(0o600))
	locked, err := lock.TryLock()
	if err != nil {
		return nil, fmt.Errorf("--data: lock the folder: %w", err)
	}
	if !locked {
		return nil, fmt.Errorf("--data: another server is running on the folder %s", folder)
	}
	return func() { _ = lock.Unlock() }, nil
}

func newLog(w io.Writer, format string) *slog.Logger {
	if format == "json" {
		return slog.New(slog.NewJSONHandler(w, nil))
	}
	return slog.New(slog.NewTextHandler(w, nil))
}
