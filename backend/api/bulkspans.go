package api

import (
	"context"
	"net/http"
	"strings"

	"tokentab/backend/activity"
	"tokentab/backend/answer"
	"tokentab/backend/bulk"
	"tokentab/backend/pfid"
	"tokentab/backend/rawjson"
)

// spanChanges returns what the first items change on spans, up to one that does something else, or that its own route must
// refuse. They can share a transaction.
func (c *caller) spanChanges(requests []bulk.Request) (changes []activity.SpanChange) {
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

func (c *caller) spanChange(r *bulk.Request) (change activity.SpanChange, ok bool) {
	rest, isSpan := strings.CutPrefix(r.Path, apiRoot+spanRoute)
	if !isSpan || r.Method != http.MethodPost || r.NotServed {
		return change, false
	}
	body := bodyOf(r)
	if body.namesAccount() {
		return change, false
	}
	var err error
	if rest == "" {
		change.Create = &activity.SpanOrder{}
		*change.Create, err = c.spanOrder(body, r.Path)
		return change, err == nil
	}
	text, isFinish := strings.CutSuffix(rest, "/finish")
	if change.ID, err = pfid.Parse(strings.TrimPrefix(text, "/")); err != nil || !isFinish {
		return change, false
	}
	change.Finish, err = spanFinish(body)
	return change, err == nil
}

// bodyOf returns the body of an item's request, taken apart.
func bodyOf(r *bulk.Request) *sentBody {
	if r.Members == nil || r.Details == nil && r.Members["details"] != nil {
		return takenApart(r.Body)
	}
	return &sentBody{text: r.Body, top: r.Members, details: r.Details}
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
		responses = append(responses, bulkResponse{http.StatusOK, spanAnswer(r).AppendJSON(nil)})
	}
	if len(made) > 0 {
		s.Live.Report(who.AccountID)
	}
	if err != nil {
		s.requestRefused(who.request, who, err)
		failure := answer.Error(ctx, s.Log, err)
		responses = append(responses, bulkResponse{failure.GetStatus(), rawjson.Of(failure)})
	}
	return responses
}
