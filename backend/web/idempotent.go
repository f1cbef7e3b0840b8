package web

import (
	"encoding/json"

	"github.com/danielgtaylor/huma/v2"
	"github.com/gofiber/fiber/v2"

	"tokentab/backend/fault"
	"tokentab/backend/idempotency"
)

// idempotent runs a change at most once where its body names an idempotency_key, at the top or inside details.
func (s *Server) idempotent(ctx huma.Context, next func(huma.Context)) {
	who, _ := ctx.Context().Value(callerKey{}).(*caller)
	key, named, err := idempotencyKey(who.request.Body())
	if err != nil {
		s.answerHuma(ctx, err)
		return
	}
	if !named {
		next(ctx)
		return
	}
	c := who.request
	hash := idempotency.HashOf(c.Method(), string(c.Request().URI().RequestURI()), c.Body())
	replayed, err := s.Once.Once(ctx.Context(), who.AccountID, key, hash, func() (idempotency.Answer, error) {
		next(ctx)
		response := c.Response()
		return idempotency.Answer{Status: response.StatusCode(), Body: withoutSecrets(response.Body())}, nil
	})
	if err != nil {
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
func withoutSecrets(body []byte) string {
	var answer map[string]any
	if json.Unmarshal(body, &answer) != nil {
		return string(body)
	}
	delete(answer, "token")
	if details, ok := answer["details"].(map[string]any); ok {
		for _, secret := range []string{"token", "invite_url"} {
			if _, has := details[secret]; has {
				details[secret] = nil
			}
		}
	}
	kept, err := json.Marshal(answer)
	if err != nil {
		return ""
	}
	return string(kept)
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
