package api

import (
	"context"
	"net/http"
	"strings"

	"tokentab/backend/activity"
	"tokentab/backend/answer"
	"tokentab/backend/pfid"
)

// spanChanges returns what the first items change on spans, up to one that does something else, or that its own route must
// refuse. They can share a transaction.
func (c *caller) spanChanges(requests []bulkRequest) (changes []activity.SpanChange) {
	if c.check(runtime, http.MethodPost, "") != nil {
		return nil
	}
	for _, r := range requests {
		change, ok := c.spanChange(&r)
		if !ok {
			break
		}
		changes = append(changes, change)
	}
	return changes
}

func (c *caller) spanChange(r *bulkRequest) (change activity.SpanChange, ok bool) {
	rest, isSpan := strings.CutPrefix(r.path, apiRoot+spanRoute)
	if !isSpan || r.method != http.MethodPost || r.refused != nil {
		return change, false
	}
	body := r.sent()
	if body.namesAccount() {
		return change, false
	}
	var err error
	if rest == "" {
		change.Create = &activity.SpanOrder{}
		*change.Create, err = c.spanOrder(body, r.path)
		return change, err == nil
	}
	text, isFinish := strings.CutSuffix(rest, "/finish")
	if change.ID, err = pfid.Parse(strings.TrimPrefix(text, "/")); err != nil || !isFinish {
		return change, false
	}
	change.Finish, err = spanFinish(body)
	return change, err == nil
}

// reportInBulk makes changes of spans in one transaction and returns their responses, up to and including the first that
// failed.
func (s *Service) reportInBulk(ctx context.Context, who *caller, changes []activity.SpanChange, size int) (responses []bulkResponse) {
	reserve := func(bytes int) error {
		if size += bytes; size > maxBulkAnswer {
			return errTooMuch
		}
		return who.reserve(size)
	}
	for i := range changes {
		changes[i].Reserve = reserve
	}
	who.work.Rest()
	made, err := s.Activity.ReportSpans(ctx, who.scope(), changes)
	who.work.Begin()
	for _, r := range made {
		responses = append(responses, bulkResponse{http.StatusOK, spanAnswer(r).appendTo(nil)})
	}
	if len(made) > 0 {
		s.Live.Report(who.AccountID)
	}
	if err != nil {
		s.requestRefused(who.request, who, err)
		failure := answer.Error(ctx, s.Log, err)
		responses = append(responses, bulkResponse{failure.GetStatus(), encoded(failure)})
	}
	return responses
}
