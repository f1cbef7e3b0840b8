package api

import (
	"encoding/json"
	"net/http"
	"reflect"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"tokentab/backend/fault"
	"tokentab/backend/paging"
	"tokentab/backend/pfid"
)

// ordered is a request whose fields are in details.
type ordered[T any] struct {
	Body orderedBody[T]
}

type orderedBody[T any] struct {
	_       struct{} `additionalProperties:"true"`
	Details T        `json:"details"`
}

// PathID is pathID, exported so that Huma sees it where it is embedded.
type PathID = pathID

// changed is a request to change the resource in its path.
type changed[T any] struct {
	PathID
	Body orderedBody[T]
}

// optionallyChanged is a changed with an optional body.
type optionallyChanged[T any] struct {
	PathID
	Body *optionalBody[T]
}

type optionalBody[T any] struct {
	_       struct{} `additionalProperties:"true"`
	Details T        `json:"details,omitempty"`
}

// details returns the requested values, or the zero T without a body.
func (in *optionallyChanged[T]) details() (asked T) {
	if in.Body != nil {
		asked = in.Body.Details
	}
	return asked
}

// whole is a response with a body of its own.
type whole[T any] struct {
	Body T
}

// one is the success envelope of one item.
type one[T any] struct {
	Body oneBody[T]
}

type oneBody[T any] struct {
	Status  string `json:"status" enum:"success"`
	Details T      `json:"details"`
}

func details[T any](item T) *one[T] {
	return &one[T]{Body: oneBody[T]{Status: "success", Details: item}}
}

// shown returns a function that responds with one item, or with the error of getting it.
func shown[From, To any](convert func(From) To) func(From, error) (*one[To], error) {
	return func(item From, err error) (*one[To], error) {
		if err != nil {
			return nil, err
		}
		return details(convert(item)), nil
	}
}

// many is the success envelope of a list. It has no details key, because clients would read that instead.
type many[T any] struct {
	Body manyBody[T]
}

type manyBody[T any] struct {
	Status     string     `json:"status" enum:"success"`
	Summaries  []T        `json:"summaries" nullable:"false"`
	Pagination Pagination `json:"pagination"`
	Sorting    Sorting    `json:"sorting"`
}

// Pagination describes the page of a list that a response holds.
type Pagination struct {
	ItemCount          int  `json:"item_count" doc:"Items in the whole list; exact unless item_count_is_minimum"`
	ItemStart          int  `json:"item_start" doc:"Position of the first item on this page, from 1; 0 if there is none"`
	ItemEnd            int  `json:"item_end" doc:"Position of the last item on this page, from 1; 0 if there is none"`
	PageCount          int  `json:"page_count"`
	PageIndex          int  `json:"page_index" doc:"From 1"`
	PageOffset         int  `json:"page_offset" doc:"Number of items before this page"`
	PageSize           int  `json:"page_size"`
	NextPageOffset     *int `json:"next_page_offset"`
	PreviousPageOffset *int `json:"previous_page_offset"`

	ItemCountIsMinimum bool `json:"item_count_is_minimum,omitempty" doc:"True if the list may have more items than item_count: lists of instances, of audit events, and of spans of an agent or in a window, are counted up to 10,001 or the end of the page"`

	SearchedTo OptionalTimestamp `json:"searched_to,omitzero" doc:"Time of the oldest item that a search of audit events has looked at, if next_cursor goes on with older ones. Missing if the page is full, and at the end"`
	NextCursor *string           `json:"next_cursor,omitempty" doc:"For pagination[after], on lists that take it: where the list goes on, even if items are created or change meanwhile. Missing at the end"`
}

// Sorting is the order of a list.
type Sorting struct {
	Field     string `json:"field"`
	Direction string `json:"direction" enum:"asc,desc"`
}

// Listing is the query of every list.
type Listing struct {
	Offset    int    `query:"pagination[offset]" minimum:"0" maximum:"1000000000" default:"0" doc:"Number of items to skip"`
	PageSize  int    `query:"pagination[page_size]" minimum:"1" maximum:"100" default:"100" doc:"Largest number of items to return"`
	Sorting   string `query:"sorting" doc:"A field, or -field for descending; newest first if empty, for environments oldest first" example:"-inserted_at"`
	Field     string `query:"sorting[field]" doc:"Older alternative to sorting"`
	Direction string `query:"sorting[direction]" enum:"asc,desc," doc:"Older alternative to sorting"`
}

func (l *Listing) page() paging.Page {
	p := paging.Page{Offset: l.Offset, Size: l.PageSize, Sort: l.Field, Descending: l.Direction == "desc"}
	if l.Sorting != "" {
		p.Sort, p.Descending = strings.CutPrefix(l.Sorting, "-")
	}
	return p
}

// listed returns a function that responds with a page of a list and the list's total length, or with the error of getting
// them.
func listed[From, To any](l *Listing, convert func(From) To) func([]From, int, error) (*many[To], error) {
	return func(items []From, total int, err error) (*many[To], error) {
		if err != nil {
			return nil, err
		}
		return summaries(items, total, l, convert), nil
	}
}

func summaries[From, To any](items []From, total int, l *Listing, convert func(From) To) *many[To] {
	list := make([]To, len(items))
	for i, item := range items {
		list[i] = convert(item)
	}
	p := Pagination{
		ItemCount: total, PageCount: (total + l.PageSize - 1) / l.PageSize, PageIndex: l.Offset/l.PageSize + 1,
		PageOffset: l.Offset, PageSize: l.PageSize,
	}
	if len(items) > 0 {
		p.ItemStart, p.ItemEnd = l.Offset+1, l.Offset+len(items)
	}
	if next := l.Offset + len(items); len(items) > 0 && next < total { // large items end a page early
		p.NextPageOffset = &next
	}
	if previous := max(0, l.Offset-l.PageSize); l.Offset > 0 {
		p.PreviousPageOffset = &previous
	}
	sorted := Sorting{Field: "inserted_at", Direction: "desc"}
	if page := l.page(); page.Sort != "" {
		sorted = Sorting{Field: page.Sort, Direction: "asc"}
		if page.Descending {
			sorted.Direction = "desc"
		}
	}
	return &many[To]{Body: manyBody[To]{Status: "success", Summaries: list, Pagination: p, Sorting: sorted}}
}

// orNull returns nil for the empty text, which becomes null in JSON.
func orNull(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}

func idOrNull(id pfid.ID) *string { return orNull(id.String()) }

// pathID is the id in a path. An invalid id becomes the zero ID, which matches nothing, so it is answered like an
// unknown one.
type pathID struct {
	ID string `path:"id" doc:"The resource's id"`
}

func (p *pathID) id() pfid.ID {
	id, _ := pfid.Parse(p.ID)
	return id
}

// optionalID reads an optional id from a field. It adds an error to wrong if the text is no PFID.
func optionalID(wrong fault.Fields, field string, text *string) pfid.ID {
	if text == nil || *text == "" {
		return pfid.ID{}
	}
	id, err := pfid.Parse(*text)
	if err != nil || id.IsZero() {
		wrong.Add(field, "must be an id: 32 lower-case characters")
	}
	return id
}

func optionalText(text *string) string {
	if text == nil {
		return ""
	}
	return *text
}

// textOrNull is an optional field of a change. If it is omitted, the value stays; null clears it.
type textOrNull struct {
	isSent bool
	text   string
}

// UnmarshalJSON implements json.Unmarshaler.
func (t *textOrNull) UnmarshalJSON(b []byte) error {
	t.isSent = true
	return json.Unmarshal(b, &t.text) // null leaves the text empty
}

// Schema implements huma.SchemaProvider.
func (*textOrNull) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{Type: huma.TypeString, Nullable: true}
}

// sent returns nil if the field was omitted, and the empty text for null.
func (t textOrNull) sent() *string {
	if !t.isSent {
		return nil
	}
	return &t.text
}

func operationID(method, path string) string {
	name := strings.NewReplacer("/{id}", "", "/", "-", "_", "-").Replace(path)
	verb := map[string]string{http.MethodGet: "list", http.MethodPost: "create", http.MethodDelete: "delete", http.MethodPut: "update"}[method]
	if method == http.MethodGet && strings.Contains(path, "{id}") {
		verb = "get"
	}
	if method == http.MethodDelete && !strings.Contains(path, "{id}") {
		verb = "end" // for the caller's session
	}
	return verb + name
}

// apiConfig is Huma's configuration: JSON only, and no schema links in responses. Huma accepts unknown names;
// refuseUnknown decides about them.
func apiConfig() huma.Config {
	registry := huma.NewMapRegistry("#/components/schemas/", schemaName)
	c := huma.DefaultConfig("Tokentab", "1")
	c.OpenAPI.Components.Schemas = registry
	c.Info.Description = "Issues, shows and validates API tokens. A change with an unknown query parameter gets 422. So does an unknown field in an optional body. Lists and other bodies ignore unknown names unless they look misspelt."
	c.Servers = []*huma.Server{{URL: "/api/v1"}}
	c.Components.SecuritySchemes = map[string]*huma.SecurityScheme{
		"token":   {Type: "http", Scheme: "bearer", BearerFormat: "JWT"},
		"session": {Type: "apiKey", In: "cookie", Name: sessionCookie, Description: "The full name is tokentab_session_ followed by the installation's code, and starts with __Host- over HTTPS."},
	}
	c.OpenAPIPath, c.DocsPath, c.SchemasPath = "", "", ""
	c.CreateHooks, c.Transformers = nil, nil
	format := huma.Format{Marshal: encode, Unmarshal: decode}
	c.Formats = map[string]huma.Format{"application/json": format, "json": format}
	return c
}

// schemaName returns a type's name in the OpenAPI document, spelled as in the contract.
func schemaName(t reflect.Type, hint string) string {
	return strings.ReplaceAll(huma.DefaultSchemaNamer(t, hint), "APIToken", "ApiToken")
}

// OpenAPI returns the OpenAPI 3.1 document as indented JSON.
func (s *Service) OpenAPI() ([]byte, error) {
	return json.MarshalIndent(s.huma.OpenAPI(), "", "  ")
}
