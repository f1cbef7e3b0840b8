package web

import (
	"bytes"
	"crypto/sha256"
	"crypto/subtle"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/valyala/fasthttp"

	"tokentab/backend/answer"
	"tokentab/backend/config"
	"tokentab/backend/fault"
	"tokentab/backend/metrics"
)

// Metrics writes all metrics, in the format that an Accept header asks for.
type Metrics interface {
	Write(to io.Writer, accept string) error
}

const metricsPath = "/metrics"

// Limits of the listener for metrics, stated in docs/settings.md.
const (
	scrapers      = 8 // open connections
	scrapeTimeout = 15 * time.Second
	scrapeIdle    = 2 * time.Minute // between two requests; Prometheus often asks once a minute
)

// newMetricsServer returns the server of the listener for metrics, which serves nothing else.
func (s *Server) newMetricsServer() *fasthttp.Server {
	return &fasthttp.Server{
		Handler: func(c *fasthttp.RequestCtx) {
			ambiguous, _, _ := readLines(&c.Request.Header)
			switch {
			case ambiguous:
				c.SetConnectionClose()
				s.fixed.Refuse(c, answer.Unreadable)
			case string(c.URI().PathOriginal()) != metricsPath || !isPlain(&c.Request):
				s.fixed.Refuse(c, noMetrics)
			case !c.IsGet() && !c.IsHead():
				c.Response.Header.Set("Allow", "GET, HEAD")
				s.fixed.Refuse(c, answer.MethodNotTaken)
			case !s.endpoints.RefuseGateway(c):
				s.sendMetrics(c, s.metricsRefusal(c, true))
			}
		},
		HeaderReceived: func(h *fasthttp.RequestHeader) (limits fasthttp.RequestConfig) {
			if announcesBody(h) {
				ignoreBody(h)
			}
			return limits
		},
		ErrorHandler: s.refuseMalformed,
		Concurrency:  scrapers, ReadTimeout: scrapeTimeout, WriteTimeout: scrapeTimeout, IdleTimeout: scrapeIdle,
		ReadBufferSize:               maxHeaderBytes,
		DisablePreParseMultipartForm: true, NoDefaultServerHeader: true, CloseOnShutdown: true, Logger: s.app.Server().Logger,
	}
}

// ServeMetricsOn serves the metrics on a listener of their own until Shutdown, over TLS if a certificate is set. The
// setting --metrics-listen must be set, so that the other listeners don't serve them.
func (s *Server) ServeMetricsOn(l net.Listener) {
	if s.cert != nil {
		l = tls.NewListener(l, s.cert.config())
	}
	go func() {
		if err := s.metrics.Serve(l); err != nil {
			s.Log.Error("the metrics can't be served any more", "cause", err)
		}
	}()
}

// scrape serves the metrics on the main listeners.
func (s *Server) scrape(c *fiber.Ctx) error {
	s.sendMetrics(c.Context(), s.metricsRefusal(c.Context(), false))
	return nil
}

var (
	noMetrics    = answer.NewRefusal(http.StatusNotFound, answer.Failures[fault.NotFound].Code, "There is nothing at this URL.", "")
	noScrape     = answer.NewRefusal(http.StatusUnauthorized, "not_authenticated", "Send the token of --metrics-token as a bearer token.", answer.ChallengeNone)
	wrongScrape  = answer.NewRefusal(http.StatusUnauthorized, "bad_authtoken", "This token is not the one of --metrics-token.", answer.ChallengeInvalid)
	noNumbersNow = answer.NewRefusal(http.StatusServiceUnavailable, "unexpected", "The metrics can't be read right now. Try again.", "")
)

func (s *Server) sendMetrics(c *fasthttp.RequestCtx, refused *answer.Refusal) {
	if refused != nil {
		s.fixed.Refuse(c, *refused)
		return
	}
	accept := string(c.Request.Header.Peek("Accept"))
	var body bytes.Buffer
	if err := s.Metrics.Write(&body, accept); err != nil {
		s.folded.Failed("the metrics can't be read", err)
		s.fixed.Refuse(c, noNumbersNow)
		return
	}
	c.Response.Header.SetContentType(metrics.ContentType(accept))
	c.Response.SetBodyRaw(body.Bytes())
	s.fixed.Send(c, http.StatusOK)
}

// metricsRefusal returns how to refuse a request for the metrics, or nil. They show how much an installation is used and
// when its tokens end, so strangers must not read them. own is true on the listener for metrics.
func (s *Server) metricsRefusal(c *fasthttp.RequestCtx, own bool) *answer.Refusal {
	switch want := s.Config.MetricsToken; {
	case !own && s.Config.MetricsListen != "":
		return &noMetrics
	case want != "":
		values := c.Request.Header.PeekAll("Authorization")
		if len(values) == 0 {
			return &noScrape
		}
		scheme, token, _ := bytes.Cut(values[0], []byte(" "))
		if len(values) > 1 || !bytes.EqualFold(scheme, []byte("bearer")) || !isSameSecret(token, []byte(want)) {
			return &wrongScrape
		}
		return nil
	case own || isLocal(&s.Config) && isFromHere(c):
		return nil
	}
	return &noMetrics
}

// isSameSecret compares in constant time, whatever the lengths.
func isSameSecret(a, b []byte) bool {
	x, y := sha256.Sum256(a), sha256.Sum256(b)
	return subtle.ConstantTimeCompare(x[:], y[:]) == 1
}

// isLocal reports whether only programs on this machine can reach the server. A proxy on this machine opens the server to
// others, and not every proxy says in its requests that it is one; but its settings are there.
func isLocal(c *config.Config) bool {
	host, _, _ := net.SplitHostPort(c.Listen)
	if c.PublicURL != "" {
		public, err := url.Parse(c.PublicURL)
		if err != nil || !config.IsLoopback(public.Hostname()) {
			return false
		}
	}
	return config.IsLoopback(host) && len(c.TrustedProxies) == 0
}

// forwarding are the headers of proxies. Names that begin with X-Forwarded- count too.
var forwarding = []string{"Forwarded", "Via", "X-Real-Ip", "X-Original-Url", "X-Original-Uri", "X-Original-Host", "X-Client-Ip", "True-Client-Ip", "Cf-Connecting-Ip", "X-Cluster-Client-Ip", "X-Envoy-External-Address"}

// isFromHere reports whether a program on this machine sent the request itself. A Unix socket is for proxies. The Host
// must be a name of this machine: a browser here may send requests for a page of elsewhere (DNS rebinding).
func isFromHere(c *fasthttp.RequestCtx) bool {
	remote, ok := c.RemoteAddr().(*net.TCPAddr)
	local, isTCP := c.LocalAddr().(*net.TCPAddr)
	if !ok || !isTCP || !remote.IP.IsLoopback() || !local.IP.IsLoopback() {
		return false
	}
	for name := range c.Request.Header.All() {
		if strings.HasPrefix(strings.ToLower(string(name)), "x-forwarded-") {
			return false
		}
	}
	for _, name := range forwarding {
		if len(c.Request.Header.Peek(name)) > 0 {
			return false
		}
	}
	host := string(c.Host())
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	if ip, err := netip.ParseAddr(strings.Trim(host, "[]")); err == nil {
		return ip.Unmap().IsLoopback()
	}
	return config.IsLoopback(host)
}

// CertificateTimes returns when the certificate in use begins to be valid and when it expires; ok is false without one.
func (s *Server) CertificateTimes() (from, end time.Time, ok bool) {
	if s.cert == nil {
		return from, end, false
	}
	used := s.cert.used.Load()
	if used == nil || used.Leaf == nil {
		return from, end, false
	}
	return used.Leaf.NotBefore, used.Leaf.NotAfter, true
}
