package api

import (
	"cmp"
	"context"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"io"
	"sync"
	"time"

	"tokentab/backend/audit"
	"tokentab/backend/fault"
	"tokentab/backend/people"
	"tokentab/backend/text"
)

// Session holds the data that the page loads before it renders.
type Session struct {
	Type          string          `json:"type" enum:"session"`
	SetupRequired bool            `json:"setup_required" doc:"true until the first account exists"`
	AdminUser     *sessionUser    `json:"admin_user" doc:"null unless signed in"`
	Account       *sessionAccount `json:"account" doc:"null unless signed in"`
	Notices       []MemberNotice  `json:"notices" nullable:"false" doc:"What the admin user has not dismissed yet, newest first"`
	PublicURL     *string         `json:"public_url" doc:"null if none is set; then it is the address of the page"`
	SendsMail     bool            `json:"sends_mail" doc:"Whether the server has a mail server"`

	MaxTokenLifetime     int `json:"max_token_lifetime" doc:"Seconds"`
	DefaultTokenLifetime int `json:"default_token_lifetime" doc:"Seconds"`
}

type sessionUser struct {
	_        struct{} `nullable:"true"`
	ID       string   `json:"id"`
	Email    string   `json:"email"`
	Name     *string  `json:"name"`
	JobTitle *string  `json:"job_title"`
	Role     string   `json:"role" enum:"admin,viewer" doc:"A viewer sees everything except secrets and changes only their own profile, password and sessions"`
}

type sessionAccount struct {
	_    struct{} `nullable:"true"`
	ID   string   `json:"id"`
	Name string   `json:"name"`
}

// MemberNotice tells an admin user that their password, role or sessions were changed.
type MemberNotice struct {
	Type       string    `json:"type" enum:"member_notice"`
	ID         string    `json:"id"`
	Kind       string    `json:"kind" enum:"password_changed,role_changed,sessions_ended"`
	Role       *string   `json:"role" doc:"The new one, for role_changed"`
	ByName     *string   `json:"by_name" doc:"Who changed it; null for the command line"`
	ByOneself  bool      `json:"by_oneself" doc:"Whether the admin user did it, in another session"`
	Address    *string   `json:"address" doc:"Network address of the client; null for the command line"`
	InsertedAt Timestamp `json:"inserted_at"`
}

func memberNotice(n people.Notice) MemberNotice {
	return MemberNotice{
		Type: "member_notice", ID: n.ID.String(), Kind: string(n.Kind), Role: orNull(string(n.Role)), ByName: orNull(n.ActorName), ByOneself: n.ActorID == n.AdminUserID,
		Address: orNull(n.Address), InsertedAt: Timestamp(n.InsertedAt),
	}
}

func (s *Service) dismissNotice(ctx context.Context, who *caller, in *pathID) (*one[MemberNotice], error) {
	n, err := s.People.DismissNotice(ctx, *who.Session, in.id())
	if err != nil {
		return nil, err
	}
	return details(memberNotice(n)), nil
}

func (s *Service) session(ctx context.Context, signedIn *people.Session) *one[Session] {
	lifetimes := s.Tokens.Lifetimes()
	out := Session{
		Type: "session", Notices: []MemberNotice{}, PublicURL: orNull(s.Source.PublicURL), SendsMail: s.Mail != nil,
		MaxTokenLifetime:     int(lifetimes.Max / time.Second),
		DefaultTokenLifetime: int(lifetimes.Default / time.Second),
	}
	if signedIn != nil {
		user := signedIn.AdminUser
		out.AdminUser = &sessionUser{ID: user.ID.String(), Email: text.ShownEmail(user.Email), Name: orNull(user.Name), JobTitle: orNull(user.JobTitle), Role: string(user.Role)}
		out.Account = &sessionAccount{ID: user.AccountID.String(), Name: signedIn.AccountName}
		notices, err := s.People.Notices(ctx, *signedIn)
		if err != nil { // the next load of the page tries again
			s.Log.Error("the notices of an admin user could not be read", "admin_user", user.ID, "cause", err)
		}
		for _, n := range notices {
			out.Notices = append(out.Notices, memberNotice(n))
		}
	}
	return details(out)
}

func (s *Service) getSession(ctx context.Context, who *caller, _ *struct{}) (*one[Session], error) {
	out := s.session(ctx, who.Session)
	if who.Session == nil {
		has, err := s.Accounts.IsSetUp(ctx)
		if err != nil {
			return nil, err
		}
		out.Body.Details.SetupRequired = !has
	}
	return out, nil
}

// SignIn is a request to sign in.
type SignIn struct {
	_        struct{} `additionalProperties:"true"`
	Email    string   `json:"email" maxLength:"1000"`
	Password string   `json:"password" maxLength:"4000"`
}

func (s *Service) signIn(ctx context.Context, who *caller, in *ordered[SignIn]) (*one[Session], error) {
	asked := in.Body.Details
	signedIn, err := s.People.SignIn(ctx, asked.Email, asked.Password, s.browser(who))
	s.signIns.add(err)
	if err != nil {
		s.passwordRefused(who, "sign-in refused", audit.SessionRefused, signedIn.AdminUser, err)
		return nil, err
	}
	s.Log.Info("signed in", "admin_user", signedIn.AdminUser.ID, "address", who.Address)
	return s.signedIn(ctx, who, signedIn), nil
}

func (s *Service) signOut(ctx context.Context, who *caller, _ *struct{}) (*one[Session], error) {
	if who.Session != nil {
		if err := s.People.SignOut(ctx, who.Actor, who.SessionID); err != nil {
			return nil, err
		}
	}
	s.setSessionCookie(who.request, "")
	return s.session(ctx, nil), nil
}

// SetUp is a request to create the first account and its admin user.
type SetUp struct {
	_           struct{} `additionalProperties:"true"`
	Code        string   `json:"code"`
	AccountName string   `json:"account_name"`
	Email       string   `json:"email"`
	Name        *string  `json:"name,omitempty" nullable:"true"`
	Password    string   `json:"password"`
}

func (s *Service) setUp(ctx context.Context, who *caller, in *ordered[SetUp]) (*one[Session], error) {
	asked := in.Body.Details
	var user people.AdminUser
	err := s.setup.use(asked.Code, func() (err error) {
		founder := people.Founder{AccountName: asked.AccountName, Email: asked.Email, Name: optionalText(asked.Name), Password: asked.Password}
		user, err = s.People.Found(ctx, founder, who.Address)
		return err
	})
	if err != nil {
		if isWrong(err, "code") {
			s.codeRefused(who, "setup code refused")
		}
		return nil, err
	}
	s.Log.Info("the first account was created", "admin_user", user.ID, "address", who.Address)
	return s.begin(ctx, who, user), nil
}

// browser returns the caller's browser, for signing in.
func (s *Service) browser(who *caller) people.Browser {
	return people.Browser{
		Address: who.Address, UserAgent: who.UserAgent,
		ID: people.BrowserID(cookieOf(&who.request.Request().Header, s.cookieName(who.request, browserCookie))), Session: cmp.Or(who.SessionID, s.sessionCookie(who.request)),
	}
}

// signedIn sets the session's cookies in the caller's browser.
func (s *Service) signedIn(ctx context.Context, who *caller, in people.SignedIn) *one[Session] {
	s.setSessionCookie(who.request, in.SessionID)
	s.setCookie(who.request, browserCookie, string(in.BrowserID), people.BrowserLife)
	return s.session(ctx, &in.Session)
}

// begin signs in a new admin user. It only logs a failure, since the user exists and can sign in.
func (s *Service) begin(ctx context.Context, who *caller, user people.AdminUser) *one[Session] {
	in, err := s.People.StartSession(ctx, user, s.browser(who))
	if err != nil {
		s.Log.Error("a new admin user could not be signed in", "admin_user", user.ID, "cause", err)
		return s.session(ctx, nil)
	}
	return s.signedIn(ctx, who, in)
}

// setupCode is the one-time code for creating the first account. Only the terminal shows it. On SQLite it changes with each
// start; copies of the program on one database have the same one.
type setupCode struct {
	code string
	mu   sync.Mutex
	used bool
}

// newSetupCode returns a given code, or a new one.
func newSetupCode(given string, random io.Reader) (*setupCode, error) {
	if given != "" {
		return &setupCode{code: given}, nil
	}
	var b [16]byte
	if _, err := io.ReadFull(random, b[:]); err != nil {
		return nil, fmt.Errorf("api: read random bytes: %w", err)
	}
	return &setupCode{code: base64.RawURLEncoding.EncodeToString(b[:])}, nil
}

// use runs f if the code is right and unused. Success of f uses it up.
func (s *setupCode) use(code string, f func() error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.used || subtle.ConstantTimeCompare([]byte(code), []byte(s.code)) != 1 {
		return fault.Field("code", "is not the one-time code that the server printed when it started")
	}
	err := f()
	s.used = err == nil || fault.KindOf(err) == fault.InvalidAction
	return err
}
