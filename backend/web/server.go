// Package web is the HTTP server: it composes the validation endpoints, the management API and the page, and bounds
// connections, headers and bodies.
package web

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"runtime"
	"slices"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/gofiber/fiber/v2/middleware/recover"
	"github.com/valyala/fasthttp"

	"tokentab/backend/account"
	"tokentab/backend/activity"
	"tokentab/backend/agent"
	"tokentab/backend/answer"
	"tokentab/backend/api"
	"tokentab/backend/audit"
	"tokentab/backend/backup"
	"tokentab/backend/config"
	"tokentab/backend/fault"
	"tokentab/backend/idempotency"
	"tokentab/backend/live"
	"tokentab/backend/metrics"
	"tokentab/backend/notice"
	"tokentab/backend/people"
	"tokentab/backend/request"
	"tokentab/backend/token"
	"tokentab/backend/validation"
)

// maxHeaderBytes bounds the request line and headers, as docs/settings.md says; larger ones get 431.
const maxHeaderBytes = 16 << 10

// Prober checks that the store answers and can write. Its error is a fault whose message says what is wrong.
type Prober interface {
	Ready(ctx context.Context) error
}

// Mailer sends plain text by mail.
type Mailer = api.Mailer

// Parts are the dependencies of a Server.
type Parts struct {
	Accounts *account.Accounts
	People   *people.People
	Agents   *agent.Agents
	Tokens   *token.Tokens
	Activity *activity.Activity
	Audit    *audit.Trail
	Refusals *audit.Refusals
	Keys     validation.Keys
	Notices  *notice.Notices
	Backups  *backup.Backups
	Live     *live.Hub
	Once     *idempotency.Keys
	Store    Prober
	Metrics  Metrics
	Mail     Mailer // nil without a mail server
	// Installation distinguishes this installation from others on the same host, in cookie names.
	Installation string
	// SetupCode is the code of the setup link; empty for a new one.
	SetupCode string
	Config    config.Config
	UI        fs.FS // the built page; may be empty
	Now       func() time.Time
	Random    io.Reader
	Log       *slog.Logger
}

// Server serves HTTP.
type Server struct {
	Parts
	API       *api.Service
	app       *fiber.App
	http      *fasthttp.Server
	endpoints *validation.Endpoints
	page      *page
	cert      *certificate // nil to serve plain HTTP
	fixed     answer.Fixed
	source    *request.Source
	folded    *answer.FoldedLog
	conns     connections
	requests  requestCounts
	metrics   *fasthttp.Server // of the listener for metrics; nil without one
	running   context.Context  // context of all requests; cut ends it
	cut       context.CancelFunc
}

// New builds the server. It does not listen yet.
func New(parts Parts) (*Server, error) {
	s := &Server{Parts: parts, folded: answer.NewFoldedLog(parts.Log, parts.Now), source: request.NewSource(parts.Config, parts.Log)}
	s.fixed = answer.NewFixed(s.source.AlwaysHTTPS)
	s.conns.trusted, s.conns.log = parts.Config.TrustedProxies, s.folded
	s.running, s.cut = context.WithCancel(context.Background())
	var err error
	if s.page, err = loadPage(parts.UI); err != nil {
		return nil, err
	}
	if s.cert, err = loadCertificate(parts.Config, parts.Log, parts.Now); err != nil {
		return nil, err
	}
	s.endpoints = validation.New(validation.Parts{
		Tokens: parts.Tokens, Keys: parts.Keys, Issuer: parts.Config.Origin(), Source: s.source, Log: s.folded, Running: s.running, RefusedAtAPI: s.tokenRefusedAtAPI,
	})
	s.app = fiber.New(fiber.Config{
		DisableStartupMessage: true,
		CaseSensitive:         true,
		Immutable:             true, // handlers keep strings after the request
		ErrorHandler:          s.answerError,
	})
	if err := s.routes(); err != nil {
		return nil, err
	}
	// fasthttp serves directly, without Fiber's own server, so that bodies are streams: large ones are read once the
	// caller is known. Huma would read Fiber's stream, which the route may have read already.
	s.http = &fasthttp.Server{
		Handler:                      s.gate(s.app.Handler()),
		ErrorHandler:                 s.refuseMalformed,
		Logger:                       s.app.Server().Logger,
		HeaderReceived:               s.beforeBody,
		ExpectHandler:                s.expected,
		ReadBufferSize:               maxHeaderBytes,
		StreamRequestBody:            true,
		LazyRequestTime:              true, // few requests need it
		DisablePreParseMultipartForm: true,
		NoDefaultServerHeader:        true,
		CloseOnShutdown:              true,
	}
	if parts.Config.MetricsListen != "" {
		s.metrics = s.newMetricsServer()
	}
	return s, nil
}

// routes registers every route, in order. The validation endpoints are not routes; see gate.
func (s *Server) routes() (err error) {
	s.app.Use(s.countRequest, s.identify, s.secureHeaders, recover.New(recover.Config{EnableStackTrace: true, StackTraceHandler: s.logPanic}))
	s.app.Get("/healthz", s.alive)
	s.app.Get("/readyz", s.ready)
	s.app.Get(metricsPath, s.scrape)
	s.app.Get("/.well-known/jwks.json", published(s.endpoints.JWKS))
	s.app.Get("/.well-known/oauth-authorization-server", published(s.endpoints.Metadata))
	s.app.Get("/status-lists", published(s.endpoints.StatusLists))
	s.app.Get("/status-lists/:number", published(s.endpoints.StatusList))
	s.API, err = api.New(s.app, api.Parts{
		Accounts: s.Accounts, People: s.People, Agents: s.Agents, Tokens: s.Tokens, Activity: s.Activity, Notices: s.Notices, Backups: s.Backups, Audit: s.Audit, Refusals: s.Refusals, Live: s.Live, Once: s.Once, Mail: s.Mail, Credentials: s.endpoints, Source: s.source,
		TokensMayCreateTokens: s.Config.TokensMayCreateTokens,
		Serve:                 s.serveItem, Installation: s.Installation, SetupCode: s.SetupCode, Now: s.Now, Random: s.Random, Log: s.folded,
	})
	s.app.Use(s.page.serve)
	s.requests.add(s.app)
	return err
}

// tokenRefusedAtAPI records that an issued token was refused at the management API.
func (s *Server) tokenRefusedAtAPI(c *fasthttp.RequestCtx, refused *token.State, reason, address string) {
	s.Refusals.Add(audit.Refusal{
		Actor:  audit.Actor{Kind: audit.Stranger, AccountID: refused.AccountID, Address: address, RequestID: request.ID(c)},
		Action: audit.APITokenRefused, Subject: refused.TokenID.String(), Detail: reason,
	})
}

// EachValidation is validation.Endpoints.EachCount.
func (s *Server) EachValidation(add func(n uint64, endpoint, verdict string)) {
	s.endpoints.EachCount(add)
}

// EachRevocation is validation.Endpoints.EachRevocation.
func (s *Server) EachRevocation(add func(n uint64, result string)) { s.endpoints.EachRevocation(add) }

// ValidationTimes is validation.Endpoints.Took.
func (s *Server) ValidationTimes() *metrics.Histogram { return s.endpoints.Took() }

// Routes returns the method and path of each route of the router, so that tests can ask about all of them. The validation
// endpoints are not routes.
func (s *Server) Routes() []string {
	var list []string
	for _, r := range s.app.GetRoutes(true) {
		if r.Method != fiber.MethodHead {
			list = append(list, r.Method+" "+r.Path)
		}
	}
	return list
}

func published(send func(*fasthttp.RequestCtx) error) fiber.Handler {
	return func(c *fiber.Ctx) error { return send(c.Context()) }
}

// gate passes requests to the validation endpoints, and all others to the router. The endpoints bypass it: they take
// any method, and match the path as it was sent. A gateway appends its client's path, and a router that resolved
// "/api/v1/validate/../../../healthz" would answer 200.
//
// It refuses requests that other servers could read differently, see readLines and isPlain.
func (s *Server) gate(router fasthttp.RequestHandler) fasthttp.RequestHandler {
	return func(c *fasthttp.RequestCtx) {
		ambiguous, extended, misspelt := readLines(&c.Request.Header)
		if misspelt {
			s.endpoints.RefuseNeed(c)
		}
		switch {
		case ambiguous || !isPlain(&c.Request):
			c.SetConnectionClose()
			s.source.Identify(c)
			s.fixed.Refuse(c, answer.Unreadable)
		case validation.RefusesQuery(c.URI()):
			s.source.Identify(c)
			s.fixed.Refuse(c, answer.LongQuery)
		case s.endpoints.Serve(c, extended):
		case !slices.Contains(fiber.DefaultMethods, string(c.Method())):
			s.source.Identify(c)
			s.fixed.Refuse(c, answer.UnknownMethod)
		case c.IsHead(): // like GET, without the body (RFC 9110, section 9.3.2)
			c.Request.Header.SetMethod(http.MethodGet)
			c.Response.SkipBody = true
			router(c)
			if !answer.IsStreamed(c) && !c.Response.IsBodyStream() {
				c.Response.Header.SetContentLength(len(c.Response.Body()))
			}
		default:
			router(c)
		}
		forgetLarge(c)
	}
}

// forgetLarge drops what fasthttp has parsed of a large line and headers, such as the query and cookies. It would keep that while
// the connection is open.
func forgetLarge(c *fasthttp.RequestCtx) {
	h := &c.Request.Header
	if len(h.RawHeaders())+len(h.RequestURI()) <= request.MaxKept || c.UserValue(isItem) != nil {
		return
	}
	c.Response.SkipBody = c.Response.SkipBody || h.IsHead() // fasthttp looks at the method once more
	*h, *c.Request.URI() = fasthttp.RequestHeader{}, fasthttp.URI{}
}

// serveItem answers an item of a bulk request, whose id it has. A proxy's headers describe the bulk request.
func (s *Server) serveItem(c *fasthttp.RequestCtx) {
	c.SetUserValue(isItem, true)
	validation.ForgetAsked(&c.Request.Header)
	s.http.Handler(c)
}

// Serve answers on the listeners until Shutdown, or until one of them fails. It serves TLS if a certificate is set,
// except on Unix sockets, which are local.
func (s *Server) Serve(from ...net.Listener) error {
	stop := make(chan struct{})
	defer close(stop)
	s.conns.oneCore = runtime.GOMAXPROCS(0) == 1
	limits, reduced := limitsOf(s.Config.Serving, openFiles(), heapLimit())
	if reduced {
		s.Log.Warn("--max-connections exceeds what the limit on open files (ulimit -n) allows", "max_connections", limits.total)
	}
	s.conns.mu.Lock() // the listener for metrics may serve already
	s.conns.limits = limits
	s.conns.mu.Unlock()
	go s.conns.watch(stop)
	if s.cert != nil {
		go s.cert.watch(stop)
	}
	go s.folded.Watch(stop)
	ended := make(chan error, len(from))
	for _, l := range from {
		if _, local := l.Addr().(*net.UnixAddr); s.cert != nil && !local {
			l = tls.NewListener(l, s.cert.config())
		}
		go func() { ended <- s.http.Serve(&listener{Listener: l, all: &s.conns}) }()
	}
	return <-ended
}

// halfSentTime is how long Shutdown waits for requests that have arrived in part.
const halfSentTime = time.Second

// cutTime is how long Shutdown waits for requests to end after cutting them off.
const cutTime = time.Second

// Shutdown stops accepting, closes connections without a request, and waits for running requests up to the timeout;
// then it cuts them off. Requests that are still arriving get halfSentTime.
func (s *Server) Shutdown(timeout time.Duration) error {
	defer s.folded.End()
	s.conns.end(fresh)
	halfSent := time.AfterFunc(halfSentTime, func() { s.conns.end(fresh, idle, halted) })
	defer halfSent.Stop()
	last := time.AfterFunc(timeout, func() {
		s.Log.Warn("some requests did not finish in time and were cut off")
		s.cut()
		s.conns.end(fresh, idle, reading, halted, writing)
	})
	defer last.Stop()
	ctx, cancel := context.WithTimeout(context.Background(), timeout+cutTime)
	defer cancel()
	if s.metrics != nil {
		_ = s.metrics.ShutdownWithContext(ctx) // its requests only read
	}
	err := s.http.ShutdownWithContext(ctx)
	s.conns.awaitHeld(ctx)
	if errors.Is(err, context.DeadlineExceeded) {
		return nil
	}
	return err
}

func (s *Server) alive(c *fiber.Ctx) error {
	c.Set(fiber.HeaderCacheControl, "no-store")
	return c.SendString("ok\n")
}

func (s *Server) ready(c *fiber.Ctx) error {
	c.Set(fiber.HeaderCacheControl, "no-store")
	err := s.Store.Ready(c.UserContext())
	if err == nil { // a copy is ready only if it can read the changes of the others
		_, err = s.Tokens.Arrive(c.UserContext())
	}
	if f, ok := errors.AsType[*fault.Error](err); ok && f.Kind == fault.Unavailable {
		// The cause is in the log, of the store or of looks; logging here would repeat it for each probe.
		return answer.NewErrorBody(http.StatusServiceUnavailable, answer.Failures[f.Kind].Code, f.Message).Send(c.Context())
	}
	if err != nil {
		return err
	}
	return c.SendString("ok\n")
}
