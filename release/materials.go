package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// bill is a CycloneDX bill of materials. Components and dependencies stay as the tools wrote them.
type bill struct {
	Schema       string           `json:"$schema"`
	BOMFormat    string           `json:"bomFormat"`
	SpecVersion  string           `json:"specVersion"`
	Version      int              `json:"version"`
	Metadata     map[string]any   `json:"metadata"`
	Components   []map[string]any `json:"components"`
	Dependencies []dependency     `json:"dependencies"`
}

type dependency struct {
	Ref       string   `json:"ref"`
	DependsOn []string `json:"dependsOn,omitempty"`
}

// billOfMaterials writes what is inside the programs: the Go modules of all platforms, and the packages of the page.
func (r *release) billOfMaterials(programs []string) error {
	root := "pkg:generic/tokentab@" + r.version
	all := bill{
		Schema: "http://cyclonedx.org/schema/bom-1.6.schema.json", BOMFormat: "CycloneDX", SpecVersion: "1.6", Version: 1,
		Metadata: map[string]any{
			"timestamp": r.made.Format(time.RFC3339),
			"component": map[string]any{"type": "application", "bom-ref": root, "name": "tokentab", "version": r.version, "purl": root},
		},
	}
	for _, program := range programs {
		part, err := read("go", "-C", "release/sbom", "tool", "cyclonedx-gomod", "bin", "-json", "-noserial", "-notimestamp",
			"-output-version", "1.6", "-version", r.version, program)
		if err != nil {
			return err
		}
		all.add(part, root)
	}
	page, err := r.pageMaterials()
	if err != nil {
		return err
	}
	all.add(page, root)
	text, err := json.MarshalIndent(all.ordered(), "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(r.dist, "tokentab_"+r.version+"_sbom.cdx.json"), append(text, '\n'), 0o644)
}

// pageMaterials asks npm for the packages that the page is made of. npm wants a version, which package.json lacks.
func (r *release) pageMaterials() (bill, error) {
	folder := filepath.Join(r.scratch, "page")
	if err := os.Mkdir(folder, 0o755); err != nil {
		return bill{}, err
	}
	for _, name := range []string{"package.json", "package-lock.json"} {
		text, err := os.ReadFile(name)
		if err != nil {
			return bill{}, err
		}
		versioned := strings.Replace(string(text), `"name": "tokentab",`, `"name": "tokentab", "version": "0.0.0",`, -1)
		if err := os.WriteFile(filepath.Join(folder, name), []byte(versioned), 0o644); err != nil {
			return bill{}, err
		}
	}
	// With --omit dev, npm also leaves out what both the page and its tools need, such as React.
	all, err := read("npm", "--prefix", folder, "sbom", "--sbom-format", "cyclonedx", "--package-lock-only")
	if err != nil {
		return bill{}, err
	}
	return all.without("cdx:npm:package:development"), nil
}

// without returns the bill without the components that have a property, and without what they depend on.
func (b bill) without(property string) bill {
	left := map[any]bool{}
	b.Components = slices.DeleteFunc(b.Components, func(c map[string]any) bool {
		properties, _ := c["properties"].([]any)
		for _, p := range properties {
			if p, ok := p.(map[string]any); ok && p["name"] == property {
				left[c["bom-ref"]] = true
				return true
			}
		}
		return false
	})
	b.Dependencies = slices.DeleteFunc(b.Dependencies, func(d dependency) bool { return left[d.Ref] })
	for i, d := range b.Dependencies {
		b.Dependencies[i].DependsOn = slices.DeleteFunc(d.DependsOn, func(ref string) bool { return left[ref] })
	}
	return b
}

func read(name string, args ...string) (bill, error) {
	ask := exec.Command(name, args...)
	ask.Stderr = os.Stderr
	text, err := ask.Output()
	if err != nil {
		return bill{}, fmt.Errorf("%s %s: %w", name, strings.Join(args, " "), err)
	}
	var b bill
	if err := json.Unmarshal(text, &b); err != nil {
		return bill{}, fmt.Errorf("%s: %w", name, err)
	}
	if len(b.Components) == 0 {
		return bill{}, errors.New(name + " names no components")
	}
	return b, nil
}

// add adds what b has and the receiver has not. The root takes the place of b's own.
func (all *bill) add(b bill, root string) {
	own := ""
	if component, ok := b.Metadata["component"].(map[string]any); ok {
		own, _ = component["bom-ref"].(string)
	}
	for _, component := range b.Components {
		if !slices.ContainsFunc(all.Components, func(c map[string]any) bool { return c["bom-ref"] == component["bom-ref"] }) {
			all.Components = append(all.Components, component)
		}
	}
	for _, d := range b.Dependencies {
		if d.Ref == own {
			d.Ref = root
		}
		i := slices.IndexFunc(all.Dependencies, func(known dependency) bool { return known.Ref == d.Ref })
		if i < 0 {
			all.Dependencies = append(all.Dependencies, d)
			continue
		}
		both := append(all.Dependencies[i].DependsOn, d.DependsOn...)
		slices.Sort(both)
		all.Dependencies[i].DependsOn = slices.Compact(both)
	}
}

// ordered returns the bill with components and dependencies by name.
func (all *bill) ordered() *bill {
	slices.SortFunc(all.Components, func(a, b map[string]any) int {
		return strings.Compare(fmt.Sprint(a["bom-ref"]), fmt.Sprint(b["bom-ref"]))
	})
	slices.SortFunc(all.Dependencies, func(a, b dependency) int { return strings.Compare(a.Ref, b.Ref) })
	return all
}
