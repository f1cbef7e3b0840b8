package api

import (
	"time"

	"github.com/danielgtaylor/huma/v2"

	"tokentab/backend/answer"
)

// Timestamp is an instant in JSON: RFC 3339 in UTC, always with milliseconds and a Z, so that clients can compare two
// as text.
type Timestamp time.Time

// MarshalJSON implements json.Marshaler.
func (t Timestamp) MarshalJSON() ([]byte, error) {
	return time.Time(t).UTC().AppendFormat(nil, answer.TimeFormat), nil
}

// Schema implements huma.SchemaProvider.
func (Timestamp) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{Type: huma.TypeString, Format: "date-time"}
}

// OptionalTimestamp is a Timestamp whose zero value is null.
type OptionalTimestamp time.Time

// MarshalJSON implements json.Marshaler.
func (t OptionalTimestamp) MarshalJSON() ([]byte, error) {
	if time.Time(t).IsZero() {
		return []byte("null"), nil
	}
	return Timestamp(t).MarshalJSON()
}

// Schema implements huma.SchemaProvider.
func (OptionalTimestamp) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{Type: huma.TypeString, Format: "date-time", Nullable: true}
}
