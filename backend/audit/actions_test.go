package audit_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"slices"
	"strconv"
	"testing"

	"tokentab/backend/audit"
)

func TestEventsOfEveryActionCanBeFound(t *testing.T) {
	file, err := parser.ParseFile(token.NewFileSet(), "audit.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	declared := 0
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok {
			return true
		}
		if kind, ok := spec.Type.(*ast.Ident); !ok || kind.Name != "Action" {
			return true
		}
		declared++
		name, err := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Contains(audit.Actions, audit.Action(name)) {
			t.Errorf("Actions lacks %s, %s", spec.Names[0], name)
		}
		return true
	})
	if declared == 0 || declared != len(audit.Actions) {
		t.Errorf("%d actions are declared, and Actions has %d", declared, len(audit.Actions))
	}
}
