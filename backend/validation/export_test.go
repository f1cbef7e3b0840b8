package validation

import (
	"github.com/valyala/fasthttp"

	"tokentab/backend/token"
)

// Bearer is bearer, for the fuzz tests.
var Bearer = bearer

// ReadNeeds returns the requirements of a request.
func ReadNeeds(c *fasthttp.RequestCtx) []token.Need {
	all, _ := new(needs).read(c)
	return all
}
