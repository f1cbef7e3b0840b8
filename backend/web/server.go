// Package web speaks HTTP: the validation endpoints, the API of the wire contract, and the page. It is the only package
// that knows Fiber and Huma.
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
	"net/url"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humafiber"
	"github.com/gofiber/fiber/v2"
	"github.com/gofiber/fiber/v2/middleware/recover"
	"github.com/valyala/fasthttp"

	"tokentab/backend/account"
	"tokentab/backend/agent"
	"tokentab/backend/config"
	"tokentab/backend/fault"
	"tokentab/backend/idempotency"
	"tokentab/backend/people"
	"tokentab/backend/signer"
	"tokentab/backend/token"
)

// maxHeaderBytes bounds the request line and headers, as docs/settings.md says; larger ones get 431.
const maxHeaderBytes = 16 << 10

// Keys publishes the keys that verify tokens.
type Keys interface {
	PublicKeys(ctx context.Context) ([]signer.JWK, error)
}

// Prober checks that the store answers and can write. Its error is a fault whose message says what is wrong.
type Prober interface {
	Ready(ctx context.Context) error
}

// Parts is what a Server is built from.
type Parts struct {
	Accounts *account.Accounts
	People   *people.People
	Agents   *agent.Agents
	Tokens   *token.Tokens
	Keys     Keys
	Once     *idempotency.Keys
	Store    Prober
	Mail     Mailer // nil without a mail server
	// Installation distinguishes this installation from others on the same host, in cookie names.
	Installation string
	Config       config.Config
	UI           fs.FS // the built page; may be empty
	Now          func() time.Time
	Random       io.Reader
	Log          *slog.Logger
}

// Server answers HTTP.
type Server struct {
	Parts
	app   *fiber.App
	http  *fasthttp.Server
	api   huma.API
	setup *setupCode
	page  *page
	cert  *certificate // nil to serve plain HTTP
	// documents returns the API's documents, rendered on first use.
	documents func() (documents, error)

	headers  []fixedHeader // on every response of the validation endpoints
	issuedBy issuedBy      // issuer and audience of new tokens

	publicHost  string // host of the public URL; empty without one
	warnGateway sync.Once
	warnNeeds   misspellings
	warnProxy   sync.Once
	folded      *foldedLog
	conns       connections
	running     context.Context // context of all requests; cut ends it
	cut         context.CancelFunc
	strangers   atomic.Int64 // bytes held by large bodies of unauthenticated callers
}

// New builds the server. It does not listen yet.
func New(parts Parts) (*Server, error) {
	s := &Server{Parts: parts, folded: newFoldedLog(parts.Log, parts.Now), headers: fixedHeaders(parts.Config)}
	var err error
	if s.issuedBy, err = newIssuedBy(parts.Config.Origin(), parts.Config.TokenAudience()); err != nil {
		return nil, err
	}
	if public, err := url.Parse(parts.Config.PublicURL); err == nil {
		s.publicHost = hostname(public.Host)
	}
	if s.setup, err = newSetupCode(parts.Random); err != nil {
		return nil, err
	}
	if s.page, err = loadPage(parts.UI); err != nil {
		return nil, err
	}
	if s.cert, err = loadCertificate(parts.Config, parts.Log); err != nil {
		return nil, err
	}
	s.conns.trusted, s.conns.log = parts.Config.TrustedProxies, parts.Log
	s.running, s.cut = context.WithCancel(context.Background())
	s.app = fiber.New(fiber.Config{
		DisableStartupMessage: true,
		CaseSensitive:         true,
		Immutable:             true, // handlers keep strings after the request
		ErrorHandler:          s.answerError,
	})
	s.routes()
	// The validation endpoints bypass the router: they take any method, and match the path as it was sent. A gateway
	// appends its client's path, and a router that resolved "/api/v1/validate/../../../healthz" would answer 200.
	//
	// fasthttp serves directly, without Fiber's own server, so that bodies are streams: large ones are read once the
	// caller is known. Huma would read Fiber's stream, which the route may have read already.
	s.http = &fasthttp.Server{
		Handler:                      s.gate(s.app.Handler()),
		ErrorHandler:                 s.app.Server().ErrorHandler,
		Logger:                       s.app.Server().Logger,
		HeaderReceived:               beforeBody,
		ExpectHandler:                s.expected,
		ReadBufferSize:               maxHeaderBytes,
		StreamRequestBody:            true,
		DisablePreParseMultipartForm: true,
		NoDefaultServerHeader:        true,
		CloseOnShutdown:              true,
	}
	return s, nil
}

// routes registers every route, in order. The second argument is who may call it, see access.
func (s *Server) routes() {
	s.app.Use(s.identifyRequest, s.secureHeaders, refusePacked, recover.New(recover.Config{EnableStackTrace: true, StackTraceHandler: s.logPanic}))
	s.app.Get("/healthz", s.alive)
	s.app.Get("/readyz", s.ready)
	s.app.Get("/.well-known/jwks.json", s.jwks)
	s.app.Get("/.well-known/oauth-authorization-server", s.oauthMetadata)
	s.app.Get("/status-lists", s.statusLists)
	s.app.Get("/status-lists/:number", s.statusList)

	root := s.app.Group("/api/v1", noStore, condense)
	s.api = humafiber.NewWithGroup(s.app, root, apiConfig())
	s.describeEndpoints()

	add(s, open, http.MethodGet, "/session", "Show who is signed in, and the server's settings for the page", s.getSession)
	add(s, open, http.MethodPost, "/session", "Sign in", s.signIn)
	add(s, open, http.MethodDelete, "/session", "Sign out", s.signOut)
	add(s, open, http.MethodPost, "/setup", "Create the first account", s.setUp)
	add(s, open, http.MethodPost, "/invite/show", "Show an invite by its code", s.showInvite)
	add(s, open, http.MethodPost, "/invite/accept", "Accept an invite, once, and sign in", s.acceptInvite)

	add(s, signedIn, http.MethodPost, "/session/password", "Change one's own password and end all other sessions", s.changePassword)
	add(s, signedIn, http.MethodGet, "/session/all", "List one's own sessions", s.listSessions)
	add(s, signedIn, http.MethodDelete, "/session/{id}", "End one of one's own sessions", s.endSession)
	add(s, signedIn, http.MethodPost, "/session/end_others", "End all of one's own sessions but this one", s.endOtherSessions)

	add(s, manager, http.MethodGet, "/api_token", "List the API tokens of the account", s.listTokens)
	add(s, manager, http.MethodPost, "/api_token", "Create an API token; only this response contains the secret", s.createToken)
	add(s, manager, http.MethodGet, "/api_token/moves", "List changes of many API tokens whose records are still being updated", s.listTokenMoves)
	add(s, holder, http.MethodGet, "/api_token/{id}", "Retrieve an API token", s.getToken)
	add(s, manager, http.MethodPost, "/api_token/{id}/suspend", "Suspend an active API token", s.suspendToken)
	add(s, manager, http.MethodPost, "/api_token/{id}/activate", "Activate a suspended API token", s.activateToken)
	add(s, manager, http.MethodPost, "/api_token/{id}/revoke", "Revoke an API token permanently; with_descendants also revokes the tokens that it created", s.revokeToken)
	add(s, manager, http.MethodDelete, "/api_token/{id}", "Delete a revoked API token", s.deleteToken)

	add(s, manager, http.MethodGet, "/account", "List the accounts that the caller belongs to", s.listAccounts)
	add(s, manager, http.MethodGet, "/account/{id}", "Retrieve an account", s.getAccount)
	add(s, manager, http.MethodPut, "/account/{id}", "Update the account", s.updateAccount)
	add(s, signedIn, http.MethodGet, "/account/{id}/contents", "Count what the account holds", s.getAccountContents)
	add(s, signedIn, http.MethodDelete, "/account/{id}", "Delete the account with everything in it", s.deleteAccount)

	add(s, manager, http.MethodGet, "/admin_user", "List the admin users of the account", s.listAdminUsers)
	add(s, manager, http.MethodGet, "/admin_user/{id}", "Retrieve an admin user", s.getAdminUser)
	add(s, signedIn, http.MethodPut, "/admin_user/{id}", "Update one's own profile", s.updateAdminUser)
	add(s, signedIn, http.MethodPost, "/admin_user/{id}/remove", "Remove a member and end all of their sessions", s.removeAdminUser)
	add(s, signedIn, http.MethodPost, "/admin_user/{id}/revoke_api_tokens", "Revoke the live API tokens that a member created", s.revokeTokensOfAdminUser)

	add(s, manager, http.MethodGet, "/admin_user_invite", "List the invites to the account", s.listInvites)
	add(s, manager, http.MethodPost, "/admin_user_invite", "Invite a person to the account; an invite ends with the API token or the member that made it", s.createInvite)
	add(s, manager, http.MethodGet, "/admin_user_invite/{id}", "Retrieve an invite, with its code for signed-in admin users", s.getInvite)
	add(s, manager, http.MethodPost, "/admin_user_invite/{id}/revoke", "Revoke a pending invite", s.revokeInvite)

	add(s, manager, http.MethodGet, "/environment", "List the environments of the account", s.listEnvironments)
	add(s, manager, http.MethodPost, "/environment", "Create an environment", s.createEnvironment)
	add(s, manager, http.MethodGet, "/environment/{id}", "Retrieve an environment", s.getEnvironment)
	add(s, manager, http.MethodPut, "/environment/{id}", "Update an environment", s.updateEnvironment)
	add(s, manager, http.MethodDelete, "/environment/{id}", "Delete an environment", s.deleteEnvironment)

	add(s, manager, http.MethodGet, "/agent", "List the agents of the account", s.listAgents)
	add(s, manager, http.MethodPost, "/agent", "Register an agent", s.createAgent)
	add(s, manager, http.MethodGet, "/agent/show", "Retrieve an agent by its id or its external identifier", s.showAgent)
	add(s, manager, http.MethodGet, "/agent/{id}", "Retrieve an agent", s.getAgent)
	add(s, manager, http.MethodPut, "/agent/{id}", "Change an agent", s.updateAgent)
	add(s, manager, http.MethodPost, "/agent/{id}/retire", "Retire an agent and suspend its active tokens", s.retireAgent)
	add(s, manager, http.MethodPost, "/agent/{id}/reinstate", "Reinstate a retired agent and the tokens suspended with it", s.reinstateAgent)
	add(s, manager, http.MethodDelete, "/agent/{id}", "Delete an agent with its deployments and versions", s.deleteAgent)
	add(s, manager, http.MethodGet, "/agent_deployment", "List the agent deployments of the account", s.listDeployments)
	add(s, manager, http.MethodPost, "/agent_deployment", "Deploy an agent in an environment", s.createDeployment)
	add(s, manager, http.MethodGet, "/agent_deployment/{id}", "Retrieve an agent deployment", s.getDeployment)
	add(s, manager, http.MethodPut, "/agent_deployment/{id}", "Set the current version of an agent deployment", s.updateDeployment)
	add(s, manager, http.MethodDelete, "/agent_deployment/{id}", "Delete an agent deployment", s.deleteDeployment)
	add(s, manager, http.MethodGet, "/agent_version", "List the versions of an agent", s.listVersions)
	add(s, manager, http.MethodPost, "/agent_version", "Add a version to an agent", s.createVersion)
	add(s, manager, http.MethodGet, "/agent_version/{id}", "Retrieve an agent version", s.getVersion)
	add(s, manager, http.MethodGet, "/agent_schema_version", "List the schema versions of an agent", s.listSchemaVersions)
	add(s, manager, http.MethodPost, "/agent_schema_version", "Add a schema version to an agent", s.createSchemaVersion)
	add(s, manager, http.MethodGet, "/agent_schema_version/{id}", "Retrieve an agent schema version", s.getSchemaVersion)

	add(s, manager, http.MethodPost, "/pfid/generate", "Generate ids in the account's partition", s.generatePFIDs)
	add(s, manager, http.MethodPost, bulkRoute, "Run several requests in order until one fails; each commits on its own", s.bulk)

	s.documents = sync.OnceValues(s.renderDocuments)
	root.Get("/openapi.json", s.document(func(d *documents) *file { return &d.openAPI }))
	s.app.Get("/docs", s.document(func(d *documents) *file { return &d.page }))
	s.app.Get("/docs.css", s.document(func(d *documents) *file { return &d.style }))
	s.app.Use(s.page.serve)
}

// Serve answers on the listeners until Shutdown, or until one of them fails. It serves TLS if a certificate is set,
// except on Unix sockets, which are local.
func (s *Server) Serve(from ...net.Listener) error {
	stop := make(chan struct{})
	defer close(stop)
	s.conns.oneCore = runtime.GOMAXPROCS(0) == 1
	var reduced bool
	if s.conns.limits, reduced = limitsOf(s.Config.Serving, openFiles()); reduced {
		s.Log.Warn("--max-connections exceeds what the limit on open files (ulimit -n) allows", "max_connections", s.conns.limits.total)
	}
	go s.conns.watch(stop)
	if s.cert != nil {
		go s.cert.watch(stop)
	}
	go s.folded.watch(stop)
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
	defer s.folded.end()
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
	err := s.http.ShutdownWithContext(ctx)
	if errors.Is(err, context.DeadlineExceeded) {
		return nil
	}
	return err
}

// SetupCode returns the one-time code of the setup link, which creates the first account.
func (s *Server) SetupCode() string { return s.setup.code }

func (s *Server) alive(c *fiber.Ctx) error {
	c.Set(fiber.HeaderCacheControl, "no-store")
	return c.SendString("ok\n")
}

func (s *Server) ready(c *fiber.Ctx) error {
	c.Set(fiber.HeaderCacheControl, "no-store")
	err := s.Store.Ready(c.UserContext())
	if f, ok := errors.AsType[*fault.Error](err); ok && f.Kind == fault.Unavailable {
		// The store has logged the cause; logging here would repeat it for each probe.
		return c.Status(http.StatusServiceUnavailable).JSON(&errorBody{Status: "error", Code: answers[f.Kind].code, Message: f.Message})
	}
	if err != nil {
		return err
	}
	return c.SendString("ok\n")
}
