package web

import "github.com/valyala/fasthttp"

// Handler is what answers every request, once it is read.
func (s *Server) Handler() fasthttp.RequestHandler { return s.http.Handler }
