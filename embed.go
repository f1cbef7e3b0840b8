package main

import (
	"embed"
	"io/fs"
)

//go:embed all:frontend/dist
var dist embed.FS

// page returns the built frontend. It has no index.html if the program was compiled before the frontend was built.
func page() fs.FS {
	built, err := fs.Sub(dist, "frontend/dist")
	if err != nil {
		panic(err) // unreachable: the path is a constant that is embedded
	}
	return built
}
