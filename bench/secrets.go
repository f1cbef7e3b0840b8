package main

import (
	"encoding/base64"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"

	"tokentab/backend/pfid"
)

// Bearer values are numbered, so that a fill and a load script know a million of them without a list: a text that all
// share and the number in 16 hexadecimal digits. Online validation never looks into a secret, so this is as good as any;
// introspection reads issuer and audience, which are there.
// The tokens 0 … n-1 of a database are stored.
const (
	// firstBad is a number that no stored token has, and none after it.
	firstBad = 1 << 40
	// hotTokens is how many tokens a row with hot tokens sends.
	hotTokens = 1000
	digits    = 16
)

// jwtParts are the bytes in the three parts of a deployment token's JWT: 909 characters of text in all.
var jwtParts = [...]int{82, 533, 64}

// publicURL is that of tokentab here, and so issuer and audience.
const publicURL = "http://tokens.example.com"

// secretPrefix is what all secrets start with. With the digits it has a JWT's length and shape.
var secretPrefix = func() string {
	random := rand.NewChaCha8([32]byte{})
	parts := make([]string, len(jwtParts))
	for i, size := range jwtParts {
		b := make([]byte, size)
		// ChaCha8 never fails.
		_, _ = io.ReadFull(random, b)
		if i == 1 {
			subject := strings.Repeat("0", pfid.TextSize)
			claims := fmt.Sprintf(`{"iss":%[1]q,"sub":%[2]q,"aud":[%[1]q],"jti":"`, publicURL, subject)
			copy(b, claims+strings.Repeat("x", size-len(claims)-2)+`"}`)
		}
		parts[i] = base64.RawURLEncoding.EncodeToString(b)
	}
	text := strings.Join(parts, ".")
	return text[:len(text)-digits]
}()

// secret is the bearer value with a number.
func secret(number int) string { return fmt.Sprintf("%s%016x", secretPrefix, number) }

// hot are the numbers of hotTokens tokens, spread over all that are stored.
func hot(stored int) []int {
	numbers := make([]int, hotTokens)
	for i := range numbers {
		numbers[i] = i * (stored / hotTokens)
	}
	return numbers
}

// halfBad alternates stored and unknown numbers, as many of them as hot gives.
func halfBad(stored int) []int {
	numbers := hot(stored)
	for i := 1; i < hotTokens; i += 2 {
		numbers[i] = firstBad + i
	}
	return numbers
}

// caller is the number of the account token that asks for introspections, stored after the others.
func caller(stored int) int { return stored }
