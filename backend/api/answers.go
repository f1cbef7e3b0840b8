package api

import (
	"time"

	"github.com/gofiber/fiber/v2"

	"tokentab/backend/answer"
	"tokentab/backend/fault"
	"tokentab/backend/paging"
	"tokentab/backend/request"
)

// Limits of responses in bytes, stated in docs/settings.md. They bound what clients that read slowly cost.
const (
	maxAnswers    = 16 << 20 // of all that are built or sent, except
	maxFreeAnswer = 64 << 10 // of those up to this size
	maxSpanBodies = 16 << 20 // of the large request bodies
)

// answerCopies is about how often the values of a response are in memory while it is built: as they were read, encoded, and
// in the response, which doubles as it grows.
const answerCopies = 4

// tooManyAnswers is the error of a response for which there is no room.
var tooManyAnswers = &fault.Error{Kind: fault.Unavailable, Message: "Too many large responses are being sent at once. Try again.", RetryAfter: time.Second}

type answerShare struct{}

// condense tags and compresses responses, and counts large ones until they are sent. It keeps responses out of caches: a
// client that polls keeps response and tag in memory.
func (s *Service) condense(c *fiber.Ctx) error {
	share, isSending := s.answers.Share(), false
	defer func() {
		if !isSending {
			share.Release()
		}
	}()
	c.Locals(answerShare{}, share)
	if err := c.Next(); err != nil {
		return err
	}
	response := c.Response()
	if answer.IsStreamed(c.Context()) {
		return nil
	}
	answer.Condense(c.Context(), holdsSecret)
	size := len(response.Body())
	if !share.Hold(size) {
		response.ResetBody()
		response.Header.Del(fiber.HeaderContentEncoding)
		response.Header.Del(fiber.HeaderETag)
		return tooManyAnswers
	}
	if isSending = size > maxFreeAnswer; isSending {
		answer.WhenSent(c.Context(), share.Release)
	}
	return nil
}

// reserve counts a response before it is built. bytes are those of its large values. It returns fault.Unavailable if there
// is no room.
func (c *caller) reserve(bytes int) error {
	share, _ := c.request.Locals(answerShare{}).(*request.Share)
	if !share.Hold(answerCopies * bytes) {
		return tooManyAnswers
	}
	return nil
}

// page returns a page of a list whose items may be large.
func (c *caller) page(l *Listing) paging.Page {
	p := l.page()
	p.Reserve = c.reserve
	return p
}

// listedUpTo is listed for a list that is counted up to a limit.
func listedUpTo[From, To any](l *Listing, convert func(From) To) func([]From, int, error) (*many[To], error) {
	return func(items []From, total int, err error) (*many[To], error) {
		out, err := listed(l, convert)(items, total, err)
		if err == nil {
			out.Body.Pagination.ItemCountIsMinimum = total == l.page().CountLimit()
		}
		return out, err
	}
}
