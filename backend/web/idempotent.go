package web

import (
	"bytes"
	"context"
	"encoding/json"

	"github.com/danielgtaylor/huma/v2"
	"github.com/gofiber/fiber/v2"

	"tokentab/backend/fault"
	"tokentab/backend/idempotency"
)

// idempotent runs a change at most once if its body names an idempotency_key, at the top or inside details. The change
// is committed together with the key and the answer.
func (s *Server) idempotent(ctx huma.Context, next func(huma.Context)) {
	who, _ := ctx.Context().Value(callerKey{}).(*caller)
	key, named, err := idempotencyKey(who.request.Request().Body())
	if err != nil {
		s.answerHuma(ctx, err)
		return
	}
	if !named {
		next(ctx)
		return
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
			answer.Body, ok = withoutSecrets(response.Body())
			return answer, ok
		},
	})
	if err != nil {
		response.ResetBody() // a success that could not be kept
		s.answerHuma(ctx, err)
		return
	}
	if replayed != nil {
		ctx.SetHeader(fiber.HeaderContentType, fiber.MIMEApplicationJSON)
		ctx.SetHeader("Idempotent-Replayed", "true")
		ctx.SetStatus(replayed.Status)
		_, _ = ctx.BodyWriter().Write([]byte(replayed.Body))
	}
}

// idempotencyKey finds the key in a JSON body. What is no JSON object is left for others to complain about.
func idempotencyKey(body []byte) (key string, named bool, err error) {
	type keyed struct {
		Key *json.RawMessage `json:"idempotency_key"`
	}
	var request struct {
		keyed
		Details keyed `json:"details"`
	}
	if json.Unmarshal(body, &request) != nil {
		return "", false, nil
	}
	value := request.Key
	if value == nil {
		value = request.Details.Key
	}
	if value == nil || string(*value) == "null" {
		return "", false, nil
	}
	if json.Unmarshal(*value, &key) != nil {
		return "", false, fault.Field("idempotency_key", "must be a text")
	}
	return key, true, nil
}

// withoutSecrets is an answer as it may be kept: a secret is shown once, also to whoever repeats the request.
// ok is false for what is no JSON object.
func withoutSecrets(body []byte) (kept string, ok bool) {
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.UseNumber() // large numbers stay as they are
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
	var encoded bytes.Buffer
	encoder := json.NewEncoder(&encoded)
	encoder.SetEscapeHTML(false)
	if encoder.Encode(answer) != nil {
		return "", false
	}
	return encoded.String(), true
}

// answerHuma answers a failure in a middleware of Huma.
func (s *Server) answerHuma(ctx huma.Context, err error) {
	body := s.envelope(ctx.Context(), err)
	for name := range body.headers {
		ctx.SetHeader(name, body.headers.Get(name))
	}
	ctx.SetHeader(fiber.HeaderContentType, body.ContentType(""))
	ctx.SetStatus(body.status)
	_ = s.api.Marshal(ctx.BodyWriter(), "application/json", body)
}
