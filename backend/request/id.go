package request

import (
	"encoding/binary"
	"encoding/hex"
	"math/rand/v2"

	"github.com/valyala/fasthttp"
)

// headerID names a request in its response, in the log and in audit events.
const headerID = "X-Request-Id"

// longestID is the longest id of a request that is taken from a proxy.
const longestID = 64

// Identify returns the id of a request, and sets it in the header X-Request-Id of its response if it has none yet. Behind a
// trusted proxy it is the proxy's id, unless that is longer than 64 bytes or has other characters than letters, digits, dots,
// underscores and hyphens. Ids of other clients don't count: they could repeat. An id is no secret.
func (s *Source) Identify(c *fasthttp.RequestCtx) string {
	if id := ID(c); id != "" {
		return id
	}
	id := string(c.Request.Header.Peek(headerID))
	if !isID(id) || !s.trusted.Contain(remoteAddr(c)) {
		var random [16]byte
		binary.LittleEndian.PutUint64(random[:], rand.Uint64())
		binary.LittleEndian.PutUint64(random[8:], rand.Uint64())
		id = hex.EncodeToString(random[:10])
	}
	SetID(c, id)
	return id
}

// ID returns the id that a request has in its response; empty if there is none.
func ID(c *fasthttp.RequestCtx) string { return string(c.Response.Header.Peek(headerID)) }

// SetID gives a request the id of another one that it is a part of.
func SetID(c *fasthttp.RequestCtx, id string) { c.Response.Header.Set(headerID, id) }

func isID(id string) bool {
	for _, b := range []byte(id) {
		if (b < 'a' || b > 'z') && (b < 'A' || b > 'Z') && (b < '0' || b > '9') && b != '.' && b != '_' && b != '-' {
			return false
		}
	}
	return id != "" && len(id) <= longestID
}
