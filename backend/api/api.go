// Package api serves and documents the management API of the wire contract.
package api

import (
	"bytes"
	"context"
	"io"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/gofiber/fiber/v2"
	"github.com/valyala/fasthttp"

	"tokentab/backend/account"
	"tokentab/backend/activity"
	"tokentab/backend/agent"
	"tokentab/backend/answer"
	"tokentab/backend/audit"
	"tokentab/backend/backup"
	"tokentab/backend/idempotency"
	"tokentab/backend/live"
	"tokentab/backend/notice"
	"tokentab/backend/people"
	"tokentab/backend/request"
	"tokentab/backend/token"
)

// Credentials reads the bearer token of a request.
type Credentials interface {
	// Holder returns the state of the token, or nil if the request carries none. It returns fault.BadAuthToken if the
	// token is not accepted, and logs that with the route.
	Holder(ctx context.Context, c *fasthttp.RequestCtx, route string) (*token.State, token.Hash, error)
	// IsRefused reports whether the token of a request is not accepted now. It does not count as a use.
	IsRefused(ctx context.Context, h *fasthttp.RequestHeader) bool
	// StillHeld refuses a request whose token has ended since Holder accepted it.
	StillHeld(ctx context.Context, h *fasthttp.RequestHeader) error
}

// Parts are the dependencies of a Service.
type Parts struct {
	Accounts    *account.Accounts
	People      *people.People
	Agents      *agent.Agents
	Tokens      *token.Tokens
	Activity    *activity.Activity
	Notices     *notice.Notices
	Audit       *audit.Trail
	Refusals    *audit.Refusals
	Live        *live.Hub
	Backups     *backup.Backups
	Once        *idempotency.Keys
	Mail        Mailer // nil without a mail server
	Credentials Credentials
	Source      *request.Source
	// TokensMayCreateTokens lets API tokens create tokens and rotate others.
	TokensMayCreateTokens bool
	// Serve answers any request to this server. Bulk requests run their items through it.
	Serve fasthttp.RequestHandler
	// Installation distinguishes this installation from others on the same host, in cookie names.
	Installation string
	// SetupCode is the code of the setup link; empty for a new one.
	SetupCode string
	Now       func() time.Time
	Random    io.Reader
	Log       *answer.FoldedLog
}

// Service serves the management API.
type Service struct {
	Parts
	huma  huma.API
	setup *setupCode
	open  []string // paths below apiRoot of open routes with a body
	signIns
	// spanBodies bounds the large bodies that are read at the same time, answers the large responses that are built and sent.
	spanBodies, answers *request.Memory
	exports             sync.Map // the exportPlaces that are taken
	// documents returns the API's documents, rendered on first use.
	documents func() (documents, error)
}

// New returns the service, after adding its routes to the app.
func New(app *fiber.App, parts Parts) (*Service, error) {
	s := &Service{Parts: parts, spanBodies: request.NewMemory(request.MaxBody, maxSpanBodies), answers: request.NewMemory(maxFreeAnswer, maxAnswers)}
	var err error
	if s.setup, err = newSetupCode(parts.SetupCode, parts.Random); err != nil {
		return nil, err
	}
	s.routes(app)
	return s, nil
}

// SetupCode returns the one-time code of the setup link, which creates the first account.
func (s *Service) SetupCode() string { return s.setup.code }

func noStore(c *fiber.Ctx) error {
	c.Set(fiber.HeaderCacheControl, "no-store")
	return c.Next()
}

// secretFields are the response fields that hold a secret.
var secretFields = []string{"token", "invite_url", "secret"}

// holdsSecret reports whether a JSON body may have a field with a secret. Text values can't imitate one, since their quotes
// are escaped. Values that clients chose, such as payloads, can: then a response is only not compressed.
func holdsSecret(body []byte) bool {
	for _, field := range secretFields {
		if bytes.Contains(body, []byte(`"`+field+`":"`)) {
			return true
		}
	}
	return false
}
