package api

import (
	"bytes"
	"cmp"
	_ "embed"
	"html/template"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/gofiber/fiber/v2"

	"tokentab/backend/answer"
)

//go:embed docs.html
var docsTemplate string

//go:embed docs.css
var docsCSS string

// docsPage renders the OpenAPI document as a page that loads only its stylesheet.
var docsPage = template.Must(template.New("docs").Parse(docsTemplate))

// docsGroup is the operations on one resource.
type docsGroup struct {
	Name       string
	Operations []docsOperation
}

type docsOperation struct {
	ID, Method, Path, Summary, Description, Access string
	Parameters                                     []docsField
	Body                                           []docsField
	Response                                       []docsField
	ResponseText                                   string
}

func failures() (all []answer.Failure) {
	for _, f := range answer.Failures {
		all = append(all, f)
	}
	slices.SortFunc(all, func(a, b answer.Failure) int {
		return cmp.Or(cmp.Compare(a.Status, b.Status), cmp.Compare(a.Code, b.Code))
	})
	return all
}

type docsField struct {
	Name, Type, Text string
	Required         bool
	Depth            int
}

// documents describe the API. They are the same for every caller and expensive to render, so they are rendered once.
type documents struct{ page, style, openAPI answer.File }

func (s *Service) renderDocuments() (documents, error) {
	var page bytes.Buffer
	if err := docsPage.Execute(&page, struct {
		Groups   []docsGroup
		Failures []answer.Failure
	}{docsGroups(s.huma.OpenAPI()), failures()}); err != nil {
		return documents{}, err
	}
	openAPI, err := s.OpenAPI()
	if err != nil {
		return documents{}, err
	}
	return documents{
		page:    answer.NewFile(fiber.MIMETextHTMLCharsetUTF8, page.Bytes()),
		style:   answer.NewFile("text/css; charset=utf-8", []byte(docsCSS)),
		openAPI: answer.NewFile(fiber.MIMEApplicationJSONCharsetUTF8, openAPI),
	}, nil
}

// document returns a handler that serves one of the documents.
func (s *Service) document(which func(*documents) *answer.File) fiber.Handler {
	return func(c *fiber.Ctx) error {
		all, err := s.documents()
		if err != nil {
			return err
		}
		c.Set("Content-Security-Policy", answer.PagePolicy)
		c.Set(fiber.HeaderCacheControl, "no-cache")
		which(&all).Send(c.Context(), true)
		return nil
	}
}

func docsGroups(document *huma.OpenAPI) []docsGroup {
	byName := map[string]*docsGroup{}
	for path, item := range document.Paths {
		for _, operation := range []*huma.Operation{item.Get, item.Post, item.Put, item.Delete} {
			if operation == nil {
				continue
			}
			name := strings.Split(path, "/")[1]
			if byName[name] == nil {
				byName[name] = &docsGroup{Name: name}
			}
			byName[name].Operations = append(byName[name].Operations, docsOperationOf(document, path, operation))
		}
	}
	groups := make([]docsGroup, 0, len(byName))
	for _, g := range byName {
		slices.SortFunc(g.Operations, func(a, b docsOperation) int {
			return cmp.Or(cmp.Compare(a.Path, b.Path), cmp.Compare(methodOrder(a.Method), methodOrder(b.Method)))
		})
		groups = append(groups, *g)
	}
	slices.SortFunc(groups, func(a, b docsGroup) int { return cmp.Compare(a.Name, b.Name) })
	return groups
}

func methodOrder(method string) int {
	return slices.Index([]string{"GET", "POST", "PUT", "DELETE"}, method)
}

func docsOperationOf(document *huma.OpenAPI, path string, o *huma.Operation) docsOperation {
	d := docsOperation{ID: o.OperationID, Method: o.Method, Path: "/api/v1" + path, Summary: o.Summary, Description: o.Description, Access: "API token or signed-in admin user"}
	switch {
	case len(o.Security) == 0:
		d.Access = "public"
	case len(o.Security) == 1 && o.Security[0]["session"] != nil:
		d.Access = "signed-in admin users"
	case len(o.Security) == 1:
		d.Access = "API token"
	}
	for _, p := range o.Parameters {
		d.Parameters = append(d.Parameters, docsField{Name: p.Name, Type: typeOf(p.Schema), Text: p.Description, Required: p.Required})
	}
	if o.RequestBody != nil {
		if media := o.RequestBody.Content["application/json"]; media != nil {
			d.Body = fieldsOf(document, media.Schema, 0)
		}
	}
	if response := o.Responses[strconv.Itoa(o.DefaultStatus)]; response != nil {
		d.ResponseText = response.Description
		if media := response.Content["application/json"]; media != nil {
			d.Response = fieldsOf(document, media.Schema, 0)
		}
	}
	return d
}

// docsDepth is how many levels of fields the page shows. The contract's responses have no more.
const docsDepth = 3

func fieldsOf(document *huma.OpenAPI, schema *huma.Schema, depth int) []docsField {
	schema = resolved(document, schema)
	if schema == nil || depth > docsDepth {
		return nil
	}
	var fields []docsField
	optional := slices.DeleteFunc(slices.Sorted(maps.Keys(schema.Properties)), func(name string) bool {
		return slices.Contains(schema.Required, name)
	})
	for _, name := range slices.Concat(schema.Required, optional) {
		property := schema.Properties[name]
		target := resolved(document, property)
		text := cmp.Or(property.Description, target.Description)
		fields = append(fields, docsField{Name: name, Type: typeOf(target), Text: text, Required: slices.Contains(schema.Required, name), Depth: depth})
		if target.Type == huma.TypeArray {
			target = target.Items
		}
		fields = append(fields, fieldsOf(document, target, depth+1)...)
	}
	return fields
}

func resolved(document *huma.OpenAPI, schema *huma.Schema) *huma.Schema {
	if schema != nil && schema.Ref != "" {
		return document.Components.Schemas.SchemaFromRef(schema.Ref)
	}
	return schema
}

func typeOf(schema *huma.Schema) string {
	if schema == nil {
		return ""
	}
	text := schema.Type
	if schema.Format != "" {
		text += " (" + schema.Format + ")"
	}
	if len(schema.Enum) > 0 {
		var words []string
		for _, v := range schema.Enum {
			if word, ok := v.(string); ok && word != "" {
				words = append(words, word)
			}
		}
		text = strings.Join(words, " | ")
	}
	if schema.Nullable {
		text += " or null"
	}
	return text
}
