// Package ext is where builds of Traefik can add fields to its configuration. This build adds none.
package ext

// HTTP has no further fields.
type HTTP struct{}

// Router has no further fields.
type Router struct{}
