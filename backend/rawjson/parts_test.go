package rawjson_test

import (
	"bytes"
	"encoding/json"
	"reflect"
	"testing"
	"unicode/utf8"

	"tokentab/backend/rawjson"
)

// FuzzParts guarantees that taking valid JSON apart without checking it gives what encoding/json does.
func FuzzParts(f *testing.F) {
	for _, text := range []string{
		`{}`, ` { } `, `[]`, `[ ]`, `null`, `7`, `"a\"b"`, `{"a":1,"a":2}`, `{"a" : [ 1 , {"b":"]}\\"} ] , "c":"\\\"" }`, `{"\u0061":null,"é\\":-1.5e+3}`, `[[],{},[[{}]],"",0]`,
		"[\t1,\n2 ,\r3]", `{"<&>\u2028":"<&>\u2028","nested":{"x":[true,false , null]}}`, `["\\","\\\\","\\\"","a\\\\\"b"]`,
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		value := bytes.TrimSpace(text)
		if !json.Valid(value) || !utf8.Valid(value) { // see checkReadable
			return
		}
		var short bytes.Buffer
		if err := json.Compact(&short, value); err != nil {
			t.Fatal(err)
		}
		if got := rawjson.WithoutSpace(value); !bytes.Equal(got, short.Bytes()) {
			t.Errorf("%q without space is %q", value, got)
		}
		switch value[0] {
		case '{':
			var want map[string]json.RawMessage
			if err := json.Unmarshal(value, &want); err != nil {
				t.Fatal(err)
			}
			if got := rawjson.Members(value); !reflect.DeepEqual(got, want) {
				t.Errorf("%q has the members %q instead of %q", value, got, want)
			}
		case '[':
			want := []json.RawMessage{}
			if err := json.Unmarshal(value, &want); err != nil {
				t.Fatal(err)
			}
			if got := rawjson.Elements(value, len(value)); !reflect.DeepEqual(append([]json.RawMessage{}, got...), want) {
				t.Errorf("%q has the elements %q instead of %q", value, got, want)
			}
			if got := rawjson.Elements(value, 1); len(got) != min(1, len(want)) {
				t.Errorf("%q has the elements %q up to one", value, got)
			}
		}
	})
}
