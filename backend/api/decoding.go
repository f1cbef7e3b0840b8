package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"reflect"
	"strconv"
	"strings"

	"tokentab/backend/rawjson"
)

// decode is json.Unmarshal for Huma, which decodes a body twice: into any, to check it against the schema, and into the input
// of the route. Its errors have our words.
func decode(body []byte, into any) error {
	err := json.Unmarshal(body, into)
	if err == nil {
		return checkOnce(bytes.TrimSpace(body), reflect.TypeOf(into).Elem(), "")
	}
	unfit, ok := errors.AsType[*json.UnmarshalTypeError](err)
	if !ok {
		return err
	}
	if all, isAny := into.(*any); isAny { // a number that no float64 holds, which the schema has to refuse
		decoder := json.NewDecoder(bytes.NewReader(body))
		decoder.UseNumber()
		err = decoder.Decode(all)
		*all = withFloats(*all)
		return err
	}
	return &unfitField{unfit.Field, wordsFor(unfit.Type)}
}

// checkOnce refuses a body that names a field of the input more than once: the check against the schema reads the last value, but
// json.Unmarshal joins objects, lets null change nothing, and takes names in any case. No input is a list of objects.
func checkOnce(value []byte, t reflect.Type, place string) error {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t.Kind() != reflect.Struct || !rawjson.IsObject(value) {
		return nil
	}
	fields, seen := reflect.VisibleFields(t), map[string]bool{}
	for name, member := range rawjson.Each(value) {
		for _, field := range fields {
			known, _, _ := strings.Cut(field.Tag.Get("json"), ",")
			if known == "" || !strings.EqualFold(name, known) {
				continue
			}
			if seen[known] {
				return &unfitField{place + known, "must be given once"}
			}
			seen[known] = true
			if err := checkOnce(member, field.Type, place+known+"."); err != nil {
				return err
			}
		}
	}
	return nil
}

// unfitField is the error of a value that fits the schema but not the field, such as 1e3 for an integer.
type unfitField struct{ name, words string }

// unfitPrefix is the beginning of the message of an unfitField, which Huma passes on without the error.
const unfitPrefix = "unfit field "

func (u *unfitField) Error() string { return unfitPrefix + u.name + ": " + u.words }

func wordsFor(t reflect.Type) string {
	switch t.Kind() {
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64, reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return "must be a whole number, written in digits alone"
	case reflect.Float32, reflect.Float64:
		return "must be a number"
	case reflect.Bool:
		return "must be true or false"
	case reflect.Slice, reflect.Array:
		return "must be a list"
	case reflect.String:
		return "must be text"
	}
	return "must be an object"
}

// withFloats replaces numbers by those of the schema: one that is too large is infinite.
func withFloats(value any) any {
	switch v := value.(type) {
	case json.Number:
		number, _ := strconv.ParseFloat(v.String(), 64) // valid JSON, so at most out of range
		return number
	case map[string]any:
		for name, inner := range v {
			v[name] = withFloats(inner)
		}
	case []any:
		for i, inner := range v {
			v[i] = withFloats(inner)
		}
	}
	return value
}
