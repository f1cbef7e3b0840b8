// Package fault holds the one error type that crosses package borders: a kind, a public sentence for the caller, and
// a private cause for the log.
package fault

import (
	"errors"
	"fmt"
	"time"
)

// Kind decides how the API answers a failure. The zero Kind is Unexpected, so an unclassified error never looks
// harmless.
type Kind uint8

// The kinds. Each is named after its error code in the API.
const (
	Unexpected                Kind = iota // a defect of the program: 500
	BadRequest                            // the request can't be read: 400
	NotAuthenticated                      // no credential, or a wrong password: 401
	BadAuthToken                          // an invalid credential: 401
	NotPermitted                          // the caller is known, but not allowed to do this: 403
	NotFound                              // does not exist in this account: 404
	NotImplemented                        // this server does not serve the request's path: 404
	InvalidAction                         // the resource's state does not allow it: 409
	IdempotencyKeyAlreadyUsed             // the key was used for another request: 409
	Validation                            // fields are wrong, see Fields: 422
	TooLarge                              // the body is larger than the route reads: 413
	Late                                  // the body did not arrive whole: 408
	TooManyRequests                       // wait RetryAfter: 429
	Unavailable                           // the data could not be read or written: 503
)

// Error is a failure with a public and a private part.
type Error struct {
	Kind    Kind
	Message string // one public sentence; never holds a secret or an internal name
	// Fields maps each invalid request field to its complaints. Only Validation sets it.
	Fields map[string][]string
	// RetryAfter is how long to wait before the next try. Only TooManyRequests and Unavailable set it.
	RetryAfter time.Duration
	// Cause is for the log only.
	Cause error
}

func (e *Error) Error() string {
	if e.Cause != nil {
		return e.Message + ": " + e.Cause.Error()
	}
	return e.Message
}

func (e *Error) Unwrap() error { return e.Cause }

// New returns a failure of the given kind with a public message.
func New(kind Kind, format string, args ...any) *Error {
	return &Error{Kind: kind, Message: fmt.Sprintf(format, args...)}
}

// Because returns a failure of the given kind with a public message and a private cause.
func Because(kind Kind, message string, cause error) *Error {
	return &Error{Kind: kind, Message: message, Cause: cause}
}

// Field returns a Validation failure of one request field. Its message is the name followed by the text.
func Field(name, format string, args ...any) *Error {
	message := fmt.Sprintf(format, args...)
	return &Error{Kind: Validation, Message: name + " " + message, Fields: map[string][]string{name: {message}}}
}

// Fields collects complaints about the fields of a request. Create it with fault.Fields{}; Add panics on nil.
type Fields map[string][]string

// Add adds a complaint about the named field.
func (f Fields) Add(name, format string, args ...any) {
	f[name] = append(f[name], fmt.Sprintf(format, args...))
}

// Err returns nil if there are no complaints, otherwise one Validation failure with all of them.
func (f Fields) Err() error {
	if len(f) == 0 {
		return nil
	}
	return &Error{Kind: Validation, Message: "Some fields are not valid.", Fields: f}
}

// Refused reports whether err means that the change was refused and nothing was written. After Unexpected and
// Unavailable, and for nil, the change may have been committed.
func Refused(err error) bool {
	kind := KindOf(err)
	return kind != Unexpected && kind != Unavailable
}

// KindOf returns the kind of the first *Error in err's chain, and Unexpected if there is none.
func KindOf(err error) Kind {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Kind
	}
	return Unexpected
}
