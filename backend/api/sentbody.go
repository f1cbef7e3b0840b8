package api

import (
	"bytes"
	"encoding/json"
	"regexp"
	"strings"
	"time"
	"unicode/utf8"

	"tokentab/backend/fault"
	"tokentab/backend/pfid"
	"tokentab/backend/rawjson"
)

// maxStrangerValues is how many values the body of an unknown caller may have. Taking apart 16 KiB of small ones takes far longer
// than anything else of such a request, apart from hashing, for which requests queue.
const maxStrangerValues = 100

// maxDepth is how deep a body may be nested. Browsers and other clients parse by recursion: a payload nested deeper would keep
// them from showing the list that it is in.
const maxDepth = 1000

// checkReadable refuses a body that stored as it was sent would keep clients from reading a list that it is in. JSON is UTF-8
// (RFC 8259, section 8.1): other bytes end the decoder of some clients, and Postgres refuses them in texts.
func checkReadable(body []byte, a access) error {
	if !utf8.Valid(body) {
		return fault.Field("body", "must be UTF-8")
	}
	depth, commas := shapeOf(body)
	if depth > maxDepth {
		return fault.Field("body", "may be nested at most %d levels deep", maxDepth)
	}
	if a == open && commas >= maxStrangerValues {
		return fault.Field("body", "may have at most %d values", maxStrangerValues)
	}
	return nil
}

// shapeOf returns how deep a JSON value is nested, 0 for a number or a text, 1 for {} and [], and how many commas separate its
// values. Of other texts it returns any numbers.
func shapeOf(value []byte) (deepest, commas int) {
	depth, inText := 0, false
	for i := 0; i < len(value); i++ {
		switch c := value[i]; {
		case inText && c == '\\':
			i++
		case c == '"':
			inText = !inText
		case inText:
		case c == '{' || c == '[':
			depth++
			deepest = max(deepest, depth)
		case c == '}' || c == ']':
			depth--
		case c == ',':
			commas++
		}
	}
	return deepest, commas
}

// sentBody is the body of a request, taken apart once for all that look into it.
type sentBody struct {
	text       []byte
	isEmpty    bool
	top        map[string]json.RawMessage // its members; nil if it is no JSON object
	details    map[string]json.RawMessage // those of its details; nil if there are none
	err        error                      // why top is nil
	detailsErr error                      // why details is nil, unless there are none
}

// sent returns the body, which must have been read.
func (c *caller) sent() *sentBody {
	if c.body != nil {
		return c.body
	}
	c.body = takenApart(c.request.Request().Body())
	return c.body
}

func takenApart(text []byte) *sentBody {
	b := &sentBody{text: text, isEmpty: len(bytes.TrimSpace(text)) == 0}
	switch value := bytes.TrimFunc(text, func(r rune) bool { return r < utf8.RuneSelf && rawjson.IsSpace(byte(r)) }); {
	case b.isEmpty || string(value) == "null":
	case !json.Valid(text):
		b.err = fault.New(fault.BadRequest, "The body is not the expected JSON.")
	case !rawjson.IsObject(value):
		b.err = fault.Field("body", "must be an object")
	default:
		b.top = rawjson.Members(value)
	}
	switch details := b.top["details"]; {
	case rawjson.IsObject(details):
		b.details = rawjson.Members(details)
	case details != nil && string(details) != "null":
		b.detailsErr = fault.Field("details", "must be an object")
	}
	return b
}

// namesAccount reports whether the body or its details have an account_id, as routes decode it.
func (b *sentBody) namesAccount() bool {
	for _, members := range []map[string]json.RawMessage{b.top, b.details} {
		for name := range members {
			if strings.EqualFold(name, "account_id") {
				return true
			}
		}
	}
	return false
}

// members returns what a route that decodes its body itself reads: the top of the body or, if inDetails, the details. The
// errors are those of other routes.
func (b *sentBody) members(inDetails bool) (map[string]json.RawMessage, error) {
	switch {
	case b.err != nil:
		return nil, b.err
	case inDetails:
		return b.details, b.detailsErr
	}
	return b.top, nil
}

// reader reads members and collects what is wrong with them. A member that is missing or null reads as the zero value.
type reader struct {
	members map[string]json.RawMessage
	wrong   fault.Fields
}

func (r *reader) text(name string) (text string) {
	value := r.members[name]
	if len(value) == 0 {
		return ""
	}
	text, ok := rawjson.Text(value)
	if !ok {
		r.wrong.Add(name, "must be text")
	}
	return text
}

func (r *reader) id(name string) pfid.ID {
	text := r.text(name)
	if r.wrong[name] != nil {
		return pfid.ID{}
	}
	return optionalID(r.wrong, name, &text)
}

// parent reads the id of a span's parent. Python's SDK sends a UUID for a span that it has not sent: that parent stays unknown, so
// the result is zero.
func (r *reader) parent(name string) pfid.ID {
	text := r.text(name)
	if r.wrong[name] != nil || uuid.MatchString(text) {
		return pfid.ID{}
	}
	return optionalID(r.wrong, name, &text)
}

var uuid = regexp.MustCompile(`^[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$`)

// time reads a time in RFC 3339.
func (r *reader) time(name string) time.Time {
	text := r.text(name)
	if r.wrong[name] != nil {
		return time.Time{}
	}
	return optionalTime(r.wrong, name, text)
}

// json reads any value, without insignificant white space.
func (r *reader) json(name string) json.RawMessage {
	value := r.members[name]
	if len(value) == 0 || string(value) == "null" {
		return nil
	}
	return rawjson.WithoutSpace(value)
}

// object is json for an object.
func (r *reader) object(name string) json.RawMessage {
	value := r.json(name)
	if value != nil && value[0] != '{' {
		r.wrong.Add(name, "must be an object")
	}
	return value
}
