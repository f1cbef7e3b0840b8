package main

import (
	"embed"
	"io/fs"
)

//go:embed all:frontend/dist
var dist embed.FS

// page is the built frontend; it lacks an index.html where the program was compiled without building it.
func page() fs.FS {
	built, err := fs.Sub(dist, "frontend/dist")
	if err != nil {
		panic(err) // the path is constant and embedded
	}
	return built
}
