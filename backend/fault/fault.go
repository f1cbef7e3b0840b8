// Package fault has the one error type that crosses package borders: what kind of failure it is, a sentence that
// the caller may read, and a private cause for the log.
package fault

import (
	"errors"
	"fmt"
	"time"
)

// Kind says which answer a failure becomes. The zero Kind is Unexpected, so an error that nobody classified never
// looks harmless.
type Kind uint8

// The kinds, each named after the error code of the wire contract that it becomes.
const (
	Unexpected                Kind = iota // a defect: 500
	BadRequest                            // the request cannot be read: 400
	NotAuthenticated                      // no credential, or a wrong password: 401
	BadAuthToken                          // a credential that is not good: 401
	NotPermitted                          // known, but not allowed: 403
	NotFound                              // no such thing, or not in this account: 404
	InvalidAction                         // the state does not allow it: 409
	IdempotencyKeyAlreadyUsed             // the same key with another body: 409
	Validation                            // fields are wrong, see Fields: 422
	TooLarge                              // the body is larger than the route reads: 413
	Late                                  // the body did not arrive whole: 408
	TooManyRequests                       // wait RetryAfter: 429
	Unavailable                           // it could not be found out or written: 503
)

// Error is a failure with a public and a private side.
type Error struct {
	Kind    Kind
	Message string // one public sentence; never holds a secret or an internal name
	// Fields maps a request field to what is wrong with it. Only for Validation.
	Fields map[string][]string
	// RetryAfter is how long to wait before another try. Only for TooManyRequests and Unavailable.
	RetryAfter time.Duration
	// Cause goes to the log and nowhere else.
	Cause error
}

func (e *Error) Error() string {
	if e.Cause != nil {
		return e.Message + ": " + e.Cause.Error()
	}
	return e.Message
}

func (e *Error) Unwrap() error { return e.Cause }

// New returns a failure of the given kind with a public sentence.
func New(kind Kind, format string, args ...any) *Error {
	return &Error{Kind: kind, Message: fmt.Sprintf(format, args...)}
}

// Because returns a failure of the given kind with a public sentence and the private cause behind it.
func Because(kind Kind, message string, cause error) *Error {
	return &Error{Kind: kind, Message: message, Cause: cause}
}

// Field returns a Validation failure of one request field.
func Field(name, format string, args ...any) *Error {
	message := fmt.Sprintf(format, args...)
	return &Error{Kind: Validation, Message: name + " " + message, Fields: map[string][]string{name: {message}}}
}

// Fields gathers what is wrong with each field of a request.
type Fields map[string][]string

// Add notes one more thing that is wrong with the named field.
func (f Fields) Add(name, format string, args ...any) {
	f[name] = append(f[name], fmt.Sprintf(format, args...))
}

// Err returns nil where nothing was noted, else one Validation failure with all fields.
func (f Fields) Err() error {
	if len(f) == 0 {
		return nil
	}
	return &Error{Kind: Validation, Message: "Some fields are not valid.", Fields: f}
}

// Refused reports whether a change that failed so was refused, which undoes it. Any other failure may hide a commit.
func Refused(err error) bool {
	kind := KindOf(err)
	return kind != Unexpected && kind != Unavailable
}

// KindOf returns the kind of the first *Error in err's chain, and Unexpected where there is none.
func KindOf(err error) Kind {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Kind
	}
	return Unexpected
}
