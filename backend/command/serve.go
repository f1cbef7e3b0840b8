package command

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"sync"
	"syscall"

	"github.com/KimMachineGun/automemlimit/memlimit"

	"tokentab/backend"
	"tokentab/backend/config"
)

type serve struct {
	config.Config `embed:""`
}

// Run serves until the context ends.
func (s *serve) Run(ctx context.Context, std IO, g *grammar) (err error) {
	masterKey, err := s.complete()
	if err != nil {
		return wrongSettings{err}
	}
	signal.Ignore(syscall.SIGPIPE) // a closed output must not end the program
	reload := make(chan os.Signal, 1)
	signal.Notify(reload, syscall.SIGHUP)
	log, endLog := newLog(std.Err, s.LogFormat)
	defer endLog()
	starts := true
	defer func() {
		if starts && ctx.Err() != nil && errors.Is(err, context.Canceled) {
			log.Info("stopped before it served")
			err = nil
		}
	}()
	for _, name := range g.ignored {
		log.Warn("an environment variable is no setting and is ignored", "variable", name)
	}
	limitMemory(ctx, log, memlimit.FromCgroup)
	claim, err := backend.Claim(ctx, s.Config, world(std, log))
	if err != nil {
		return err
	}
	listeners, err := s.open()
	if err != nil {
		return errors.Join(err, claim.Release())
	}
	var forMetrics net.Listener
	if s.MetricsListen != "" {
		if forMetrics, err = listenOn("--metrics-listen", s.MetricsListen); err != nil {
			return errors.Join(err, closeAll(listeners), claim.Release())
		}
		s.MetricsListen = forMetrics.Addr().String()
		defer forMetrics.Close()
	}
	around := world(std, log)
	around.MasterKey = masterKey
	b, err := backend.OpenClaimed(ctx, claim, s.Config, around)
	if errors.As(err, new(backend.WrongMasterKey)) {
		err = wrongSettings{err}
	}
	if err != nil {
		return errors.Join(err, closeAll(listeners))
	}
	defer func() { err = errors.Join(err, b.Close()) }()
	isSetUp, err := b.Accounts.IsSetUp(ctx)
	if err != nil {
		return errors.Join(err, closeAll(listeners))
	}
	data := s.Data
	if s.DatabaseURL != "" {
		data = "Postgres"
	}
	log.Info("serving", "address", s.Listen, "url", s.Origin(), "data", data, "version", Version)
	if s.Socket != "" {
		log.Info("serving", "socket", s.Socket)
	}
	if !isSetUp {
		err := checkOpen(std.Out)
		if err == nil {
			err = Say(std.Out, fmt.Sprintf("Set up this installation at %s/setup#%s\n", s.Origin(), b.Web.API.SetupCode()))
		}
		if err != nil {
			log.Error("could not print the setup link", "cause", err, "do", "start the server with standard output open, or run tokentab setup")
		}
	}
	if forMetrics != nil {
		b.Web.ServeMetricsOn(forMetrics)
		log.Info("serving metrics", "address", s.MetricsListen)
	}
	go func() {
		for range reload {
			b.Web.ReloadCertificate()
			b.ReopenAuditLog()
		}
	}()
	starts = false
	supervised := tellSupervisor(ctx, log, s.askSelf)
	defer supervised()
	return b.Serve(ctx, s.Config, listeners...)
}

// complete reads the settings that are in files, and checks all. It returns the master key that is set.
func (s *serve) complete() (masterKey config.Secret, err error) {
	err = cmp.Or(fillDatabaseURL(&s.Storage), fillSecret(&s.SMTPURL, config.SMTPURLFromFile), fillSecret(&s.MetricsToken, config.MetricsTokenFromFile))
	if err == nil {
		err = s.Check()
	}
	if err == nil {
		masterKey, err = config.MasterKey()
	}
	if err == nil {
		_, _, err = backend.ParseMasterKey(s.Config, masterKey)
	}
	return masterKey, err
}

// open listens on the address, and on the socket if one is set.
func (s *serve) open() ([]net.Listener, error) {
	address, err := listenOn("--listen", s.Listen)
	if err != nil {
		return nil, err
	}
	s.Listen = address.Addr().String() // with the port that the system chose for :0
	if s.Socket == "" {
		return []net.Listener{address}, nil
	}
	socket, err := listenSocket(s.Socket)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("--socket: %w", err), address.Close())
	}
	return []net.Listener{address, socket}, nil
}

// listenOn listens on the address of a setting.
func listenOn(setting, address string) (net.Listener, error) {
	l, err := net.Listen(config.NetworkOf(address), address)
	if err != nil {
		return nil, listenError(setting, address, err)
	}
	return l, nil
}

// listenError explains why an address can't be used, and what to do.
func listenError(setting, address string, err error) error {
	if unknown, ok := errors.AsType[*net.DNSError](err); ok {
		return fmt.Errorf("%s: there is no host %s: choose an address of this machine", setting, unknown.Name)
	}
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return fmt.Errorf("%s: another program listens on %s: stop it, or choose another address or port", setting, address)
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return fmt.Errorf("%s: this machine has no address %s: choose one of its own, or 0.0.0.0 for all", setting, address)
	case errors.Is(err, syscall.EACCES):
		return fmt.Errorf("%s: this user may not listen on %s: choose a port above 1023", setting, address)
	case errors.Is(err, syscall.EINVAL): // of an address that is valid on one network alone
		return fmt.Errorf("%s: the address %s must name a network interface of this machine, as in [fe80::1%%eth0]:8080", setting, address)
	}
	return fmt.Errorf("%s: %w", setting, err)
}

// listenSocket listens on a Unix socket. It replaces a socket that a killed server left behind.
func listenSocket(path string) (net.Listener, error) {
	info, err := os.Lstat(path)
	switch {
	case err != nil:
		if folder := filepath.Dir(path); isMissing(folder) {
			return nil, fmt.Errorf("the folder %s does not exist: create it, or name another path", folder)
		}
	case info.Mode().Type() != os.ModeSocket:
		return nil, fmt.Errorf("%s exists and is not a socket: remove it, or name another path", path)
	default:
		conn, err := net.Dial("unix", path)
		if err == nil {
			return nil, errors.Join(fmt.Errorf("another program listens on %s", path), conn.Close())
		}
		if !errors.Is(err, syscall.ECONNREFUSED) { // busy, or not usable
			return nil, err
		}
		if err := os.Remove(path); err != nil {
			return nil, err
		}
	}
	listener, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		return nil, err
	}
	// Every local user may connect, as with 127.0.0.1: a proxy runs as another user.
	if err := os.Chmod(path, 0o666); err != nil {
		return nil, errors.Join(err, listener.Close())
	}
	own, err := os.Lstat(path)
	if err != nil {
		return nil, errors.Join(err, listener.Close())
	}
	listener.SetUnlinkOnClose(false)
	return &ownSocket{UnixListener: listener, path: path, own: own}, nil
}

// ownSocket removes its file when it is closed, but not the socket of a server that has taken the path since.
type ownSocket struct {
	*net.UnixListener
	path   string
	own    fs.FileInfo
	remove sync.Once
}

func (s *ownSocket) Close() error {
	s.remove.Do(func() {
		if there, err := os.Lstat(s.path); err == nil && os.SameFile(there, s.own) {
			_ = os.Remove(s.path) // the next start replaces it
		}
	})
	return s.UnixListener.Close()
}

func isMissing(path string) bool {
	_, err := os.Stat(path)
	return errors.Is(err, fs.ErrNotExist)
}

func closeAll(listeners []net.Listener) (err error) {
	for _, l := range listeners {
		err = errors.Join(err, l.Close())
	}
	return err
}
