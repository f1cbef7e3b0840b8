package web

import (
	"crypto/tls"

	"github.com/valyala/fasthttp"
)

// Handler returns the handler of all requests.
func (s *Server) Handler() fasthttp.RequestHandler { return s.http.Handler }

// Certificate is the certificate of a server, for tests of its renewal.
type Certificate = certificate

// LoadCertificate loads a certificate as a server does when it starts.
var LoadCertificate = loadCertificate

// Use replaces the certificate in use.
func (c *certificate) Use(pair *tls.Certificate) { c.used.Store(pair) }

// InUse returns the certificate in use.
func (c *certificate) InUse() *tls.Certificate { return c.used.Load() }

// Config returns the TLS configuration for a listener.
func (c *certificate) Config() *tls.Config { return c.config() }

// Watch checks the files from time to time until stop is closed.
func (c *certificate) Watch(stop <-chan struct{}) { c.watch(stop) }

// Renew reads the files again, as Watch and ReloadCertificate do.
func (c *certificate) Renew(asked bool) { c.renew(asked) }
