package api

import (
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"tokentab/backend/answer"
)

func init() {
	// Huma's own errors use our envelope too. They don't repeat the input, which may be a password.
	huma.NewError = func(status int, message string, causes ...error) huma.StatusError {
		body := answer.NewErrorBody(status, "bad_request", sentence(message))
		switch {
		case status == http.StatusUnprocessableEntity:
			body.Code, body.Message, body.Errors = "validation_errors", "Some fields are not valid.", map[string][]string{}
			for _, cause := range causes {
				if d, ok := cause.(huma.ErrorDetailer); ok {
					detail := d.ErrorDetail()
					field := fieldOf(detail.Location, detail.Message)
					body.Errors[field] = append(body.Errors[field], wording(detail.Message))
				}
			}
		case status >= http.StatusInternalServerError:
			body.Code = "unexpected"
		case status == http.StatusUnsupportedMediaType:
			body.Message = "Send the body as JSON, with Content-Type: application/json."
		case len(causes) > 0:
			body.Message = "The body is not the expected JSON."
		}
		return body
	}
}

// fieldOf returns the name that callers use for a location in a request. For a missing field only the message has the
// name.
func fieldOf(location, message string) string {
	if rest, ok := strings.CutPrefix(message, unfitPrefix); ok {
		location, _, _ = strings.Cut(rest, ": ")
	}
	whole := location
	for _, prefix := range []string{"body", "query", "path", "header", ".", "details", "."} {
		location = strings.TrimPrefix(location, prefix)
	}
	if _, rest, ok := strings.Cut(message, "expected required property "); ok {
		name, _, _ := strings.Cut(rest, " ")
		return strings.TrimPrefix(location+"."+name, ".")
	}
	switch {
	case location != "":
		return location
	case strings.HasSuffix(whole, "details"):
		return "details"
	}
	return "body"
}

// wordings maps the library's messages to ours. The first group is the number or the values in it. Special cases come
// first.
var wordings = []struct {
	library *regexp.Regexp
	words   string
}{
	{regexp.MustCompile(`^expected required property|^required \w+ parameter is missing|^expected length >= 1$`), "is required"},
	{regexp.MustCompile(`^unexpected property`), "is not a field of this request"},
	{regexp.MustCompile(`^expected string to be RFC 3339`), "must be a time such as 2027-01-31T12:00:00Z (RFC 3339)"},
	{regexp.MustCompile(`^expected value to be one of "(.*)"$`), "must be one of %s"},
	{regexp.MustCompile(`^(?:expected|invalid) boolean`), "must be true or false"},
	{regexp.MustCompile(`^(?:expected|invalid) integer`), "must be a whole number"},
	{regexp.MustCompile(`^expected number >= (.*)$`), "must be at least %s"},
	{regexp.MustCompile(`^expected number <= (.*)$`), "must be at most %s"},
	{regexp.MustCompile(`^(?:expected number|invalid float)`), "must be a number"},
	{regexp.MustCompile(`^expected length >= (.*)$`), "must have at least %s characters"},
	{regexp.MustCompile(`^expected length <= (.*)$`), "must have at most %s characters"},
	{regexp.MustCompile(`^expected array length >= 1$`), "must not be empty"},
	{regexp.MustCompile(`^expected array length <= (.*)$`), "must have at most %s items"},
	{regexp.MustCompile(`^expected string`), "must be text"},
	{regexp.MustCompile(`^expected object`), "must be an object"},
	{regexp.MustCompile(`^expected array`), "must be a list"},
}

// wording returns our message for one of the library's.
func wording(message string) string {
	if rest, ok := strings.CutPrefix(message, unfitPrefix); ok {
		_, words, _ := strings.Cut(rest, ": ")
		return words
	}
	for _, w := range wordings {
		match := w.library.FindStringSubmatch(message)
		switch {
		case match == nil:
		case strings.Contains(w.words, "%s"):
			return fmt.Sprintf(w.words, plain(match[1]))
		default:
			return w.words
		}
	}
	return strings.Replace(message, "expected ", "must be ", 1)
}

// plain formats a number without an exponent, and drops empty values from a list.
func plain(values string) string {
	if number, err := strconv.ParseFloat(values, 64); err == nil {
		return strconv.FormatFloat(number, 'f', -1, 64)
	}
	return strings.TrimSuffix(values, ", ")
}

func sentence(text string) string {
	if text == "" {
		return text
	}
	return strings.ToUpper(text[:1]) + strings.TrimSuffix(text[1:], ".") + "."
}
