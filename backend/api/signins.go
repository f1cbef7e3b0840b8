package api

import (
	"sync/atomic"

	"tokentab/backend/fault"
)

// signInResult is how an attempt to sign in ended.
type signInResult uint8

const (
	signInAccepted signInResult = iota
	signInWrong                 // unknown email or wrong password
	signInLimited               // too many wrong attempts before, so the password was not checked
	signInFailed                // the server could not check
	signInResults
)

var signInNames = [signInResults]string{signInAccepted: "accepted", signInWrong: "wrong", signInLimited: "limited", signInFailed: "error"}

// signIns counts attempts to sign in, by result.
type signIns [signInResults]atomic.Uint64

func (n *signIns) add(err error) {
	result := signInFailed
	switch {
	case err == nil:
		result = signInAccepted
	case fault.KindOf(err) == fault.NotAuthenticated:
		result = signInWrong
	case fault.KindOf(err) == fault.TooManyRequests:
		result = signInLimited
	}
	n[result].Add(1)
}

// EachSignIn calls add with the number of attempts to sign in with each result.
func (s *Service) EachSignIn(add func(n uint64, result string)) {
	for result, name := range signInNames {
		add(s.signIns[result].Load(), name)
	}
}
