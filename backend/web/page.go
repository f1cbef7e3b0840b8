package web

import (
	"errors"
	"fmt"
	"io/fs"
	"mime"
	"path"
	"regexp"
	"strings"

	"github.com/gofiber/fiber/v2"

	"tokentab/backend/answer"
)

// page is the built frontend, in memory. Its caching has three rules: hashed assets are immutable, index.html is never
// stored, and a missing file is a 404, unless its path can be a route of the page.
type page struct {
	files  map[string]answer.File
	routes *regexp.Regexp // the page's own paths; other paths get 404
}

var encodings = map[string]string{".br": "br", ".gz": "gzip"}

// withoutPage is the page of a binary that was built without Node.
const withoutPage = `<!doctype html><html lang="en"><meta charset="utf-8"><title>Tokentab</title><h1>The page is not built</h1>
<p>The API works. To get the page, run <code>make build</code> with Node installed, and start the new program.</p></html>
`

func loadPage(built fs.FS) (*page, error) {
	p := &page{files: map[string]answer.File{}, routes: routesIn(nil)}
	if built == nil {
		return p, nil
	}
	err := fs.WalkDir(built, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || path.Base(name) == ".gitkeep" || encodings[path.Ext(name)] != "" {
			return err
		}
		plain, err := fs.ReadFile(built, name)
		if err != nil {
			return err
		}
		f := answer.File{ContentType: mime.TypeByExtension(path.Ext(name)), Digest: answer.DigestOf(plain), Plain: plain, Encoded: map[string][]byte{}}
		for ext, encoding := range encodings {
			encoded, err := fs.ReadFile(built, name+ext)
			if errors.Is(err, fs.ErrNotExist) {
				continue
			}
			if err != nil {
				return err
			}
			f.Encoded[encoding] = encoded
		}
		p.files[name] = f
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("web: read the page: %w", err)
	}
	p.routes = routesIn(p.files[routes].Plain)
	delete(p.files, routes)
	return p, nil
}

const (
	index  = "index.html"
	routes = "routes.txt" // written by the build
)

var parameter = regexp.MustCompile(`:\w+`)

// routesIn returns a pattern of the listed paths, one per line. A parameter such as :id matches one segment. The pattern
// of an empty list matches no path.
func routesIn(list []byte) *regexp.Regexp {
	paths := strings.Fields(string(list))
	for i, path := range paths {
		paths[i] = parameter.ReplaceAllString(regexp.QuoteMeta(path), `[\w-]+`)
	}
	return regexp.MustCompile("^(" + strings.Join(paths, "|") + ")$")
}

func (p *page) serve(c *fiber.Ctx) error {
	if c.Method() != fiber.MethodGet && c.Method() != fiber.MethodHead || strings.HasPrefix(c.Path()+"/", "/api/") {
		return c.Next()
	}
	name := strings.TrimPrefix(c.Path(), "/")
	if target := strings.TrimRight(c.Path(), "/"); target != c.Path() && target != "" && p.routes.MatchString(target) {
		if query := c.Request().URI().QueryString(); len(query) > 0 {
			target += "?" + string(query)
		}
		return c.Redirect(target, fiber.StatusPermanentRedirect)
	}
	c.Set("Content-Security-Policy", answer.PagePolicy)
	f, ok := p.files[name]
	isRoute := p.routes.MatchString(c.Path())
	switch {
	case ok && name != index && strings.HasPrefix(name, "assets/"):
		c.Set(fiber.HeaderCacheControl, "public, max-age=31536000, immutable")
	case ok && name != index:
		c.Set(fiber.HeaderCacheControl, "no-cache")
	case name == index || path.Ext(name) == "" && !strings.HasPrefix(name, "assets/") && (isRoute || c.Accepts(fiber.MIMETextHTML, fiber.MIMEApplicationJSON) == fiber.MIMETextHTML):
		c.Set(fiber.HeaderCacheControl, "no-store")
		if name != index && !isRoute {
			c.Status(fiber.StatusNotFound) // the page displays that itself
		}
		if f, ok = p.files[index]; !ok {
			c.Set(fiber.HeaderContentType, fiber.MIMETextHTMLCharsetUTF8)
			return c.SendString(withoutPage)
		}
	default:
		return fiber.ErrNotFound
	}
	f.Send(c.Context(), name != index)
	return nil
}
