package api

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"reflect"

	"github.com/danielgtaylor/huma/v2"

	"tokentab/backend/answer"
	"tokentab/backend/live"
	"tokentab/backend/people"
	"tokentab/backend/request"
)

// changesRoute never counts as a use of the session: an open page must not keep it alive.
const changesRoute = "/changes"

// Streamer is a connection that can be told that a response may take longer than others.
type Streamer interface {
	// Stream says that the response goes on until one side ends it.
	Stream()
	// Part says that another part of the response begins, which has the time of a whole one.
	Part()
}

// Changed is what one server-sent event says.
type Changed struct {
	Kinds []string `json:"kinds" nullable:"false" doc:"What kinds of resources have changed, such as api_token. The kind use means that API tokens were used, activity that agents reported instances or spans. No kinds are a sign of life"`
}

func (s *Service) describeChanges() {
	content := map[string]*huma.MediaType{"text/event-stream": {Schema: s.huma.OpenAPI().Components.Schemas.Schema(reflect.TypeFor[Changed](), true, "Changed")}}
	s.huma.OpenAPI().Paths[changesRoute].Get.Responses["200"] = &huma.Response{Description: "Events whose data is JSON of this form: one at once, one for each change, and one at least every 10 seconds", Content: content}
}

// followChanges answers with events until the session or the connection ends.
func (s *Service) followChanges(ctx context.Context, who *caller, _ *struct{}) (*huma.StreamResponse, error) {
	if err := s.refuseForeignOrigin(who.request, false); err != nil {
		return nil, err
	}
	stream, err := s.Live.Open(ctx, who.AccountID, who.Session.ID)
	if err != nil {
		return nil, err
	}
	c := who.request.Context()
	connected, done := request.WhileConnected(who.request.UserContext(), c)
	return &huma.StreamResponse{Body: func(huma.Context) {
		if conn, ok := c.Conn().(Streamer); ok {
			conn.Stream()
		}
		c.SetConnectionClose() // a stop must not wait for the connection
		c.SetContentType("text/event-stream")
		c.Response.Header.Set("Cache-Control", "no-store, no-transform")
		c.Response.Header.Set("X-Accel-Buffering", "no") // nginx passes on each event at once
		tell := func(w *bufio.Writer) error {
			s.tell(connected, who.SessionID, stream, w)
			return nil
		}
		answer.Stream(c, tell, func() { stream.Close(); done() })
	}}, nil
}

// tell writes events until the stream ends. It looks at the session before each of them, and the stream wakes it
// regularly and after each sign-out in the account.
func (s *Service) tell(ctx context.Context, session people.SessionID, stream *live.Stream, w *bufio.Writer) {
	for {
		kinds, ok := stream.Take()
		if !ok {
			return
		}
		if _, ok, err := s.People.Glance(ctx, session); !ok || err != nil {
			return
		}
		data, err := json.Marshal(Changed{append([]string{}, kinds...)})
		if err != nil {
			return
		}
		if _, err := fmt.Fprintf(w, "data: %s\n\n", data); err != nil || w.Flush() != nil {
			return // the client has left, or does not read
		}
		select {
		case <-stream.Woken:
		case <-ctx.Done():
			return
		}
	}
}
