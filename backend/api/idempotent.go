package api

import (
	"bytes"
	"context"
	"encoding/json"

	"github.com/danielgtaylor/huma/v2"
	"github.com/gofiber/fiber/v2"

	"tokentab/backend/answer"
	"tokentab/backend/fault"
	"tokentab/backend/idempotency"
	"tokentab/backend/rawjson"
)

// idempotent runs a change at most once per idempotency_key, at the top of the body or in details. One transaction
// commits the change, the key and the response.
func (s *Service) idempotent(ctx huma.Context, next func(huma.Context)) {
	if replayed := s.once(ctx, next, withoutSecrets); replayed != nil {
		ctx.SetHeader(fiber.HeaderContentType, fiber.MIMEApplicationJSON)
		ctx.SetHeader("Idempotent-Replayed", "true")
		ctx.SetStatus(replayed.Status)
		_, _ = ctx.BodyWriter().Write([]byte(replayed.Body))
	}
}

// onceThenNow is idempotent for a change of an instance that must hear of its termination: a repeated request changes nothing
// and is answered with the present state. The handler sees that in caller.isRepeated.
func (s *Service) onceThenNow(ctx huma.Context, next func(huma.Context)) {
	nothing := func([]byte) (string, bool) { return "", true }
	if s.once(ctx, next, nothing) != nil {
		who, _ := ctx.Context().Value(callerKey{}).(*caller)
		who.isRepeated = true
		next(ctx)
	}
}

// once runs a change unless its key was used. Then it returns the answer that was kept, and has answered nothing.
func (s *Service) once(ctx huma.Context, next func(huma.Context), kept func(response []byte) (body string, ok bool)) *idempotency.Answer {
	who, _ := ctx.Context().Value(callerKey{}).(*caller)
	key, named, err := who.sent().idempotencyKey()
	if err != nil {
		s.answerHuma(ctx, err)
		return nil
	}
	if !named {
		next(ctx)
		return nil
	}
	response := who.request.Response()
	replayed, err := s.Once.Once(ctx.Context(), idempotency.Request{
		Caller: idempotency.Caller{AccountID: who.AccountID, ID: who.id()}, Key: key,
		Hash: idempotency.HashOf(ctx.Method(), string(who.request.Request().URI().RequestURI()), who.request.Request().Body()),
		Run:  func(together context.Context) { next(huma.WithContext(ctx, together)) },
		Answer: func() (answer idempotency.Answer, ok bool) {
			answer.Status = response.StatusCode()
			if answer.Status < 200 || answer.Status > 299 {
				return answer, false
			}
			answer.Body, ok = kept(response.Body())
			return answer, ok
		},
	})
	if err != nil {
		response.ResetBody() // the response of a change that was not committed
		s.answerHuma(ctx, err)
		return nil
	}
	return replayed
}

// repeatable lists the changes that have no further effect if they are repeated. They store no keys and answer with the
// present state: a stored answer would hide a termination from an agent.
var repeatable = []string{"/agent_instance/{id}/start", "/agent_instance/{id}/finish"}

// qualityRoute is repeatable by its key only: a late repetition of an older value would undo a newer one.
const qualityRoute = "/agent_instance/{id}/record_quality"

// checkKey passes on requests whose idempotency key is valid or missing.
func (s *Service) checkKey(ctx huma.Context, next func(huma.Context)) {
	who, _ := ctx.Context().Value(callerKey{}).(*caller)
	if err := who.sent().checkKey(); err != nil {
		s.answerHuma(ctx, err)
		return
	}
	next(ctx)
}

// takeNoKey refuses idempotency keys: who sends one expects that a repeated request changes nothing.
func (s *Service) takeNoKey(ctx huma.Context, next func(huma.Context)) {
	who, _ := ctx.Context().Value(callerKey{}).(*caller)
	_, named, err := who.sent().idempotencyKey()
	if named {
		err = fault.Field("idempotency_key", idempotency.NoEffect)
	}
	if err != nil {
		s.answerHuma(ctx, err)
		return
	}
	next(ctx)
}

// idempotencyKey returns the key in the body. It ignores bodies that are no JSON object; decoding reports them.
func (b *sentBody) idempotencyKey() (key string, named bool, err error) {
	value := b.top["idempotency_key"]
	if value == nil || string(value) == "null" {
		value = b.details["idempotency_key"]
	}
	if value == nil || string(value) == "null" {
		return "", false, nil
	}
	if json.Unmarshal(value, &key) != nil {
		return "", false, fault.Field("idempotency_key", "must be text")
	}
	return key, true, nil
}

// withoutSecrets returns a response for storing, without secrets: those are shown once, even if the request is
// repeated. ok is false if the body is no JSON object.
func withoutSecrets(body []byte) (kept string, ok bool) {
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.UseNumber() // keeps large numbers exact
	var answer map[string]any
	if decoder.Decode(&answer) != nil {
		return "", false
	}
	delete(answer, "token")
	if details, is := answer["details"].(map[string]any); is {
		for _, secret := range secretFields {
			if _, has := details[secret]; has {
				details[secret] = nil
			}
		}
	}
	return string(rawjson.Of(answer)) + "\n", true
}

// answerHuma writes a failure from Huma middleware.
func (s *Service) answerHuma(ctx huma.Context, err error) {
	body := answer.Error(ctx.Context(), s.Log, err)
	for name := range body.GetHeaders() {
		ctx.SetHeader(name, body.GetHeaders().Get(name))
	}
	ctx.SetHeader(fiber.HeaderContentType, body.ContentType(""))
	ctx.SetStatus(body.GetStatus())
	_ = s.huma.Marshal(ctx.BodyWriter(), "application/json", body)
}
